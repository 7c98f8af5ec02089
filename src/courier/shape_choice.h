#pragma once
/* In which shape the members of a list get their copies: the list's settings personal and personalize, [courier] personal_domains, and who bounced of late. */
#include "list/list.h"
#include "smtp/transmission.h"
#include "store/store.h"

struct shape_choice {
  int64_t list_id;
  struct list *list;            /* as it is set now; NULL: gone */
  bool by_member;               /* false: all get `all` */
  enum shape all;
  char *const *domains;         /* keys, NULL-terminated: members there get copies of their own; NULL: none; borrowed */
  int64_t bounced_since;        /* and so do those with a bounce since then */
  GHashTable *bounced;          /* of the members looked at last: their ids */
};

/* Domains as typed (NULL: none) as the keys for `domains`; those that are no domain names are logged and left out. Owned by the caller
 * (g_strfreev). Any thread. */
char **shape_choice_domains(char *const *typed);

/* --- inside a store_fn --- */

/* For a list as it is set now. */
enum res shape_choice_load(struct tx *tx, int64_t list_id, char *const *domains, int64_t now, struct shape_choice *choice, GError **error) MUST_CHECK;
void shape_choice_clear(struct shape_choice *choice);
/* Before members with join numbers above `after` up to `last` are asked for, all in one query. */
enum res shape_choice_look(struct tx *tx, struct shape_choice *choice, int64_t after, int64_t last, GError **error) MUST_CHECK;
/* For a member that was looked at; `key` is its folded address. */
enum shape shape_choice_of(const struct shape_choice *choice, int64_t member_id, const char *key);
