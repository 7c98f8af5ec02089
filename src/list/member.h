#pragma once
/* Members, owners, moderators and non-members of a list. All inside a store_fn. */
#include "list/list.h"

enum member_role { MEMBER_MEMBER, MEMBER_OWNER, MEMBER_MODERATOR, MEMBER_NONMEMBER };
#define MEMBER_ROLES (MEMBER_NONMEMBER + 1)
enum delivery_mode { MODE_REGULAR, MODE_MIME_DIGESTS, MODE_PLAINTEXT_DIGESTS, MODE_SUMMARY_DIGESTS };
enum delivery_status { STATUS_ENABLED, STATUS_BY_USER, STATUS_BY_BOUNCES, STATUS_BY_MODERATOR, STATUS_UNKNOWN };

struct member {
  int64_t id, list_id, join_number;
  int64_t joined_at;
  enum member_role role;
  char *address; /* as subscribed */
  char *key;     /* folded */
  char *name;    /* display name, "" if none */
  enum delivery_mode mode;
  enum delivery_status status;
  int moderation; /* enum moderation, or -1: the list's default */
  bool receive_own_postings, receive_list_copy;
};
void member_free(struct member *member);
OWN_DEFINE(member, member_free)

/* Mailman's names of roles, modes and statuses; NULL after the last; -1 for a role that is none. */
const char *member_role_name(enum member_role role);
int member_role_parse(const char *text);
const char *delivery_mode_name(enum delivery_mode mode);
const char *delivery_status_name(enum delivery_status status);

#define MEMBER_NAME_MAX 200
/* A display name as it may come to stand in a header: one line of UTF-8, up to MEMBER_NAME_MAX octets, no control characters. Any thread. */
bool member_is_name(const char *text);

struct member_new {
  int64_t list_id;
  enum member_role role;
  const char *address; /* any valid address; compared folded */
  const char *name;    /* NULL, or "" if none; kept if the address has no name yet */
  enum delivery_mode mode;
  enum delivery_status status;
  int64_t now;
};
/* RES_OK: `added`, or false if it already is one (nothing changes). RES_BAD: no such list, not an address, a list's own address, banned
 * (members only); then nothing was written, so that the transaction may go on with others. A member's non-member record goes. Owners and
 * moderators begin with moderation accept, the others with the list's default. The join number is taken under the list's row. For many at
 * once: list/member_batch.h. */
enum res member_add(struct tx *tx, const struct member_new *add, bool *added, GError **error) MUST_CHECK;
/* What member_add would refuse, without writing anything: RES_OK also if it already is one. */
enum res member_check(struct tx *tx, const struct member_new *add, GError **error) MUST_CHECK;
/* The member stays as a tombstone. RES_MORE: no such member. */
enum res member_remove(struct tx *tx, int64_t list_id, enum member_role role, const char *address, int64_t now, GError **error) MUST_CHECK;
/* By the folded address. RES_MORE: no such member. */
enum res member_find(struct tx *tx, int64_t list_id, enum member_role role, const char *key, struct member **member, GError **error) MUST_CHECK;
/* All roles that the folded address has on the list, with one query. RES_OK: `roles` is set, also if it has none. */
enum res member_roles(struct tx *tx, int64_t list_id, const char *key, bool roles[MEMBER_ROLES], GError **error) MUST_CHECK;
/* Sets a preference by Mailman's name: delivery_mode, delivery_status, moderation_action (or "default"), receive_own_postings,
 * receive_list_copy (true, false), display_name (of the address, on all lists). RES_BAD: no such preference or value; RES_MORE: no such
 * member. */
enum res member_set(struct tx *tx, int64_t id, const char *name, const char *value, GError **error) MUST_CHECK;
/* Up to `limit` members of a role with a join number above `after`, in that order: an array of struct member. The way to read a roster in slices. */
enum res member_slice(struct tx *tx, int64_t list_id, enum member_role role, int64_t after, int limit, GPtrArray **members, GError **error) MUST_CHECK;
