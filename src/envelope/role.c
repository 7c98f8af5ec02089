#include "envelope/role.h"

/* In the order of the alphabet; the first suffix of a role that is named like it is the canonical one. */
static const struct {
  const char *suffix;
  enum role role;
  bool canonical;
  bool takes_argument;
} suffixes[] = {
  { "admin", ROLE_OWNER, .canonical = false },
  { "bounces", ROLE_BOUNCES, .canonical = true, .takes_argument = true },
  { "confirm", ROLE_CONFIRM, .canonical = true, .takes_argument = true },
  { "join", ROLE_JOIN, .canonical = true },
  { "leave", ROLE_LEAVE, .canonical = true },
  { "owner", ROLE_OWNER, .canonical = true },
  { "request", ROLE_REQUEST, .canonical = true },
  { "subscribe", ROLE_JOIN, .canonical = false },
  { "unsubscribe", ROLE_LEAVE, .canonical = false },
};

/* Names of a domain, not of a list (RFC 2142, and what mail programs write as a sender that wants no answer). */
static const struct {
  const char *name;
  enum role role;
} reserved[] = {
  { "postmaster", ROLE_POSTMASTER }, { "abuse", ROLE_POSTMASTER }, { "mailer-daemon", ROLE_NOREPLY },
  { "noreply", ROLE_NOREPLY },       { "no-reply", ROLE_NOREPLY },
  { ROLE_DOCTOR_LOCAL, ROLE_NOREPLY },
};

static bool
reserved_role(struct slice local, enum role *role)
{
  struct slice base = slice_until(local, '+');
  for (size_t i = 0; i < G_N_ELEMENTS(reserved); i++)
    if (slice_equal_nocase(base, slice_of(reserved[i].name))) {
      *role = reserved[i].role;
      return true;
    }
  return false;
}

/* `base` (nothing from '+' on) as a list with a suffix behind a dash. */
static bool
read_suffix(struct slice base, struct slice argument, struct role_reading *reading)
{
  for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    struct slice suffix = slice_of(suffixes[i].suffix);
    /* A list's name has one octet at least, and the dash. */
    if (base.n < suffix.n + 2 || !slice_ends_nocase(base, suffix) || base.p[base.n - suffix.n - 1] != '-')
      continue;
    *reading = (struct role_reading){
      .role = suffixes[i].role,
      .list = slice_head(base, base.n - suffix.n - 1),
      .suffix = slice_skip(base, base.n - suffix.n),
      .argument = suffixes[i].takes_argument ? argument : (struct slice){ 0 },
    };
    return true;
  }
  return false;
}

size_t
role_read(struct slice local, struct role_reading readings[ROLE_READINGS_MAX])
{
  if (!local.n)
    return 0;
  enum role role;
  if (reserved_role(local, &role)) {
    readings[0] = (struct role_reading){ .role = role };
    return 1;
  }

  size_t n = 0;
  struct slice base = slice_until(local, '+');
  readings[n++] = (struct role_reading){ .role = ROLE_POST, .list = local };
  if (base.n && base.n < local.n)
    readings[n++] = (struct role_reading){ .role = ROLE_POST, .list = base };
  if (read_suffix(base, slice_skip(local, base.n + 1), &readings[n]))
    n++;
  return n;
}

const char *
role_suffix(enum role role)
{
  for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++)
    if (suffixes[i].role == role && suffixes[i].canonical)
      return suffixes[i].suffix;
  return "";
}

bool
role_is_reserved(struct slice local)
{
  enum role role;
  return reserved_role(local, &role);
}

const char *
role_reserved_nth(size_t n)
{
  return n < G_N_ELEMENTS(reserved) ? reserved[n].name : NULL;
}

const char *
role_suffix_nth(size_t n)
{
  return n < G_N_ELEMENTS(suffixes) ? suffixes[n].suffix : NULL;
}
