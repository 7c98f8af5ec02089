#pragma once
/* Reading snapshots from rows of the tables list, domain and list_setting: shared by list.c and list_index.c. */
#include "list/list.h"

/* Columns and joins of a query whose rows list_row_each reads; it must end with an ORDER BY under which a list's rows follow each other: l.id, or
 * l.generation (no two lists have the same). */
#define LIST_ROWS                                                                                                    \
  "SELECT l.id, l.domain_id, l.local, d.name, l.style, l.generation, l.created_at, l.removed_at, s.name, s.value "   \
  "FROM list l JOIN domain d ON d.id = l.domain_id LEFT JOIN list_setting s ON s.list_id = l.id "

/* Called once for each list; takes over the reference. `removed`: it is a tombstone. */
typedef void (*list_row_fn)(struct list *list, bool removed, void *arg);

/* Reads all rows of the query `sql`, which begins with LIST_ROWS. RES_OK; RES_TEMP. */
enum res list_row_each(struct tx *tx, const char *sql, struct sql_args args, list_row_fn take, void *arg, GError **error) MUST_CHECK;
