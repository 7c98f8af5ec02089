#pragma once
/* A mailing list as an immutable snapshot, and its rows in the database. */
#include "base/error.h"
#include "base/own.h"
#include "list/setting.h"
#include "store/store.h"
#include <stdatomic.h>
#include <stdint.h>

struct list {
  _Atomic int references;
  int64_t id, domain_id;
  int64_t generation;
  const char *local;   /* folded local part of the posting address */
  const char *domain;  /* folded (A-labels) */
  const char *posting; /* "ant@example.com": what replies and log lines show */
  const char *list_id; /* "ant.example.com" (RFC 2919) */
  const char *style;   /* static */
  int64_t created_at;
  struct settings settings;
  char names[]; /* what local, domain, posting and list_id point into */
};

/* A snapshot of its parts, with the settings of `style` (of the first style if there is no such); `local` and `domain` are folded. For
 * those who read rows, and for tests. One reference. */
struct list *list_new(const char *local, const char *domain, const char *style);
/* Any thread. */
struct list *list_ref(struct list *list);
void list_unref(struct list *list); /* NULL is allowed */
OWN_DEFINE(list, list_unref)

/* A role address: "ant-owner@example.com"; suffix "" gives the posting address. Owned by the caller. */
char *list_role_address(const struct list *list, const char *suffix);
/* True if the folded address `key` is one of the list's own in that domain: posting or role address, with any +argument. */
bool list_owns_address(const char *local, const char *domain, const char *key);

/* --- rows; all inside a store_fn --- */

struct list_new {
  const char *name; /* posting address as typed */
  const char *style; /* NULL: the default */
  bool make_domain;  /* else the domain must exist */
  bool force;        /* allow names that collide with role addresses */
  int64_t now;
};
/* RES_BAD: name not allowed (the error says why: reserved, role address of a list, exists, unknown domain, characters), no such style.
 * `id` is set. */
enum res list_create(struct tx *tx, const struct list_new *create, int64_t *id, GError **error) MUST_CHECK;
/* Takes a list away; its id and ledger stay. RES_BAD: no such list. Bounded work: what hung on it is cut loose by the tombstone, and taken
 * away by list_sweep afterwards. Held postings are the queue's to end. */
enum res list_remove(struct tx *tx, int64_t id, int64_t now, GError **error) MUST_CHECK;
/* Takes away members (they become tombstones), bans and settings of the removed list `id`, `limit` of each at most. RES_OK: call again in
 * a new transaction; RES_MORE: nothing is left. */
enum res list_sweep(struct tx *tx, int64_t id, int limit, int64_t now, GError **error) MUST_CHECK;
/* The snapshot as of this transaction; a reference. RES_MORE: no such list. `name` is a posting address or a list-id. */
enum res list_load(struct tx *tx, const char *name, struct list **list, GError **error) MUST_CHECK;
enum res list_load_id(struct tx *tx, int64_t id, struct list **list, GError **error) MUST_CHECK;
/* Names (posting addresses) of all lists, of `domain` if it is not NULL, sorted: an array of char *. */
enum res list_names(struct tx *tx, const char *domain, GPtrArray **names, GError **error) MUST_CHECK;

/* How `set` changes a value. */
enum list_set_how { LIST_SET, LIST_SET_ADD, LIST_SET_REMOVE };
/* RES_BAD: no such list, unknown setting, bad value, read-only, or its work does not exist yet. */
enum res list_set(struct tx *tx, int64_t id, const char *name, enum list_set_how how, const char *value, GError **error) MUST_CHECK;
/* The stored form of a setting (lists: a JSON array) with style and default applied, read-only ones too; owned by the caller;
 * setting_display() makes it readable. RES_BAD: no such list. */
enum res list_get(struct tx *tx, int64_t id, const struct setting *setting, char **stored, GError **error) MUST_CHECK;
/* Marks the list as changed: running servers load it anew. Called by everything that changes a snapshot. */
enum res list_touch(struct tx *tx, int64_t id, GError **error) MUST_CHECK;
/* The next post number (and last_post_at = now): one statement, under the list's row lock. `last_join`: the highest join number given out
 * so far. RES_BAD (REPLY_UNKNOWN_LIST): no such list any more. */
enum res list_next_number(struct tx *tx, int64_t id, int64_t now, int64_t *number, int64_t *last_join, GError **error) MUST_CHECK;
