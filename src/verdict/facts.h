#pragma once
/* All that rules may know: what a message says by itself, and what the database knows of its senders. */
#include "base/error.h"
#include "base/own.h"
#include "list/list.h"
#include "list/member.h"
#include "message/header.h"
#include <glib.h>

/* Addresses looked at, of all sources together: what a stranger writes into From costs a bounded number of look-ups. */
#define SENDERS_MAX 20

/* An address the message claims to be from. */
struct sender {
  char *address, *key;
  const char *source;     /* "From", "envelope", "Reply-To", "Sender". Static. */
  bool proves_membership; /* false for Reply-To: anybody may ask that answers go to a member */
  bool is_member, is_nonmember; /* members: owners and moderators too */
  const char *roster;     /* on which one: "owner", "moderator", "member", "nonmember"; "" if on none. Static. */
  int moderation;         /* enum moderation of its record there, or -1 */
};
void sender_free(struct sender *sender);

/* What a message says by itself, the same for every list. Read once, used by all threads and lists it is judged for. */
struct content {
  struct slice message;
  struct header_view *header; /* NULL: the header cannot be viewed; `defect` says why */
  char *defect;               /* NULL: none */
  char *reverse_path;         /* "" for the null one */
  const char *automatic;      /* why it is an automatic message; "" if it is not. Static. */
  size_t hops;                /* Received fields */
  GPtrArray *senders;         /* struct sender *: From, envelope sender, Reply-To, Sender; an address once, where it stood first. Nothing looked up. */
};
/* Reads `message`, which must outlive it. Never fails: what cannot be read has a defect. */
struct content *content_read(struct slice message, const char *reverse_path);
void content_free(struct content *content);
OWN_DEFINE(content, content_free)
/* The first sender as written, else the reverse-path; "" if there is none. Borrowed. */
const char *content_sender(const struct content *content);

/* The record of a folded address that counts on a list: as owner, else as moderator, member, non-member. Inside a store_fn. RES_MORE: it has none. */
enum res sender_record(struct tx *tx, int64_t list_id, const char *key, struct member **member, GError **error) MUST_CHECK;

struct facts {
  const struct list *list;
  const struct content *content;
  GPtrArray *senders; /* struct sender *, those of the content, looked up */
  char *banned;       /* the ban that hit a sender, or NULL */
  bool own_list_id, own_hop;
  char *domain_alias; /* another domain that means the list's, or NULL; read only if the list asks for an explicit destination */
};
/* Reads what the database knows of the senders, by key. Inside a store_fn. RES_OK; RES_TEMP: the database. The list and content must
 * outlive the facts. */
enum res facts_gather(struct tx *tx, const struct list *list, const struct content *content, struct facts **facts, GError **error) MUST_CHECK;
void facts_free(struct facts *facts);
OWN_DEFINE(facts, facts_free)
