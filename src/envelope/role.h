#pragma once
/* What a local part can mean: a list's posting address, or one of its role addresses. */
#include "base/slice.h"
#include <stdbool.h>

enum role {
  ROLE_POST,
  ROLE_OWNER, /* -owner and -admin */
  ROLE_BOUNCES,
  ROLE_CONFIRM,
  ROLE_JOIN,  /* -join and -subscribe */
  ROLE_LEAVE, /* -leave and -unsubscribe */
  ROLE_REQUEST,
  ROLE_POSTMASTER, /* postmaster@ and abuse@ of a list domain: no list */
  ROLE_NOREPLY,    /* mailer-daemon@ and noreply@, no-reply@: taken and dropped: no list */
};

/* One reading of a local part. Slices borrow from the local part given. */
struct role_reading {
  enum role role;
  struct slice list;     /* the list's local part; empty for ROLE_POSTMASTER and ROLE_NOREPLY */
  struct slice suffix;   /* "owner" as written; empty for ROLE_POST */
  struct slice argument; /* behind '+'; empty if none, or if the role takes none */
};

/* Behind its '+' is a token: where `listward doctor` sends its probe. Read as ROLE_NOREPLY. */
#define ROLE_DOCTOR_LOCAL "listward-doctor"

#define ROLE_READINGS_MAX 4

/* All readings of `local` (already folded), best first, the longest list name first: the whole as a list, the part before '+' as a list
 * (both ROLE_POST), a list with a suffix. The caller takes the first whose list exists. Names without a list (postmaster …) give one
 * reading, "" gives none. Returns their number. */
size_t role_read(struct slice local, struct role_reading readings[ROLE_READINGS_MAX]);
/* "owner", "bounces", … the canonical suffix; "" for ROLE_POST and roles without a list. */
const char *role_suffix(enum role role);
/* True for postmaster, abuse, mailer-daemon, noreply, no-reply, listward-doctor, also with +anything: not for lists. ASCII case is ignored. */
bool role_is_reserved(struct slice local);
/* Those names by number; NULL after the last. */
const char *role_reserved_nth(size_t n);
/* The suffixes by number, for those who must list them all (admin, bounces, …, without the dash); NULL after the last. */
const char *role_suffix_nth(size_t n);
