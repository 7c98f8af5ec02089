#include "cli/open_list.h"

enum res
cli_load_list(struct tx *tx, const char *name, struct list **list, GError **error)
{
  enum res res = list_load(tx, name, list, error);
  return res == RES_MORE ? refuse(error, REPLY_UNKNOWN_LIST, "there is no list %s; `listward lists` prints all there are", name) : res;
}

struct search {
  const char *name;
  struct list *found;
};

static enum res
load(struct tx *tx, void *arg, GError **error)
{
  struct search *search = arg;
  return cli_load_list(tx, search->name, &search->found, error);
}

enum res
cli_open_list(struct cli *cli, const char *name, struct store **store, struct list **list, GError **error)
{
  OWN(store) opened = NULL;
  struct search search = { .name = name };
  enum res res = cli_store(cli, &opened, error);
  if (res == RES_OK)
    res = store_read(opened, load, &search, error);
  if (res != RES_OK)
    return res;
  *store = OWN_GIVE(opened);
  *list = search.found;
  return RES_OK;
}
