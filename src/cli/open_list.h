#pragma once
/* What most commands begin with: the database and a list in it. */
#include "cli/cli.h"
#include "list/list.h"

/* RES_BAD: no such list; the error says how to see which there are. */
enum res cli_open_list(struct cli *cli, const char *name, struct store **store, struct list **list, GError **error) MUST_CHECK;
/* The same in a transaction. */
enum res cli_load_list(struct tx *tx, const char *name, struct list **list, GError **error) MUST_CHECK;
