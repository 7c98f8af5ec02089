#include "store/space.h"
#include "base/clock.h"
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

/* A slice ends by the clock (µs), since a page may cost a look through all of the unused ones: 4 to 400 µs. */
#define SLICE_TIME 10000

/* Each page that goes is a row of the answer; whoever asks for no more ends it. */
enum res
space_give_back(struct tx *tx, GError **error)
{
  OWN(rows) rows = NULL;
  int64_t until = clock_monotonic() + SLICE_TIME;
  enum res res = sql_query(tx, "PRAGMA incremental_vacuum(128)", SQL_NO_ARGS, &rows, error);
  while (res == RES_OK && clock_monotonic() < until)
    res = rows_next(rows, error);
  return res == RES_MORE ? RES_OK : res;
}
