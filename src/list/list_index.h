#pragma once
/* All lists in memory: immutable snapshots by name. Refreshed when the database has changed. Any thread. */
#include "envelope/role.h"
#include "list/list.h"

struct list_index;

/* Reads all lists. RES_TEMP: the database. `store` must outlive the index. */
enum res list_index_new(struct store *store, struct list_index **index, GError **error) MUST_CHECK;
void list_index_free(struct list_index *index);
OWN_DEFINE(list_index, list_index_free)

/* Takes in what has changed since (costs a data_version comparison if nothing has been committed, one row if no list has changed). Called
 * before each RCPT and by the control socket: when it has returned, what was committed before the call is seen. RES_TEMP: the database;
 * the index stays as it was. Not inside a store_fn. */
enum res list_index_refresh(struct list_index *index, GError **error) MUST_CHECK;

/* From now on `changed` is called when a refresh has taken something in: it must neither wait nor refresh. Before there are other threads. */
void list_index_watch(struct list_index *index, void (*changed)(void *ctx), void *ctx);

/* What an address means here. `list` is NULL for ROLE_POSTMASTER and ROLE_NOREPLY, whose domain is then known to be ours. */
struct list_target {
  enum role role;
  struct list *list; /* a reference */
  int64_t domain_id; /* 0: "postmaster" without a domain */
  char *address;     /* as written by the peer */
  char *argument;    /* behind '+' of -bounces and -confirm, folded; "" if none */
};
void list_target_free(struct list_target *target);
OWN_DEFINE(list_target, list_target_free)

/* RES_OK: `target` is owned by the caller. RES_BAD (REPLY_UNKNOWN_LIST): no list or role by that name. Domains' aliases are followed.
 * "postmaster" without a domain (RFC 5321 4.5.1) is taken. */
enum res list_index_resolve(struct list_index *index, const char *address, struct list_target **target, GError **error) MUST_CHECK;
/* Is that a domain of ours, or the alias of one? As written; need not be well-formed. */
bool list_index_has_domain(struct list_index *index, const char *domain);
/* The list with that posting address (folded, no alias), referenced, or NULL. */
struct list *list_index_find(struct list_index *index, const char *posting);
size_t list_index_count(struct list_index *index);
