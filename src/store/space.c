#include "store/space.h"
#include "store/connection.h"

/* Pages of 4 KiB: 16 MiB. */
#define KEPT_MIN 4096

enum res
space_read(struct tx *tx, struct space *space, GError **error)
{
  enum res res = connection_int(tx->connection, "PRAGMA page_count", &space->pages, error);
  return res == RES_OK ? connection_int(tx->connection, "PRAGMA freelist_count", &space->free, error) : res;
}

bool
space_is_much(const struct space *space)
{
  return space->free > MAX(space->pages / 8, KEPT_MIN);
}

/* Each page that goes is a row of the answer. */
enum res
space_give_back(struct tx *tx, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "PRAGMA incremental_vacuum(128)", SQL_NO_ARGS, &rows, error);
  while (res == RES_OK)
    res = rows_next(rows, error);
  return res == RES_MORE ? RES_OK : res;
}
