#include "courier/list_load.h"

struct item {
  int64_t list_id, octets;
};

struct list_load {
  int64_t max;
  GArray *items; /* struct item; lists that have something in flight */
};

struct list_load *
list_load_new(int64_t max)
{
  struct list_load *load = g_new(struct list_load, 1);
  *load = (struct list_load){ .max = max, .items = g_array_new(FALSE, FALSE, sizeof(struct item)) };
  return load;
}

void
list_load_free(struct list_load *load)
{
  if (load == NULL)
    return;
  g_array_unref(load->items);
  g_free(load);
}

static struct item *
find(const struct list_load *load, int64_t list_id, guint *at)
{
  for (*at = 0; *at < load->items->len; (*at)++)
    if (g_array_index(load->items, struct item, *at).list_id == list_id)
      return &g_array_index(load->items, struct item, *at);
  return NULL;
}

void
list_load_add(struct list_load *load, int64_t list_id, int64_t octets)
{
  guint at;
  struct item *item = find(load, list_id, &at);
  if (list_id == 0 || octets == 0)
    return;
  if (item)
    item->octets += octets;
  else
    g_array_append_val(load->items, ((struct item){ list_id, octets }));
}

bool
list_load_remove(struct list_load *load, int64_t list_id, int64_t octets)
{
  guint at;
  struct item *item = find(load, list_id, &at);
  if (item == NULL)
    return false;
  bool was_full = item->octets >= load->max;
  item->octets -= octets;
  bool is_full = item->octets >= load->max;
  if (item->octets <= 0)
    g_array_remove_index_fast(load->items, at);
  return was_full && !is_full;
}

static gint
fullest_first(gconstpointer a, gconstpointer b)
{
  const struct item *one = a, *other = b;
  return (one->octets < other->octets) - (one->octets > other->octets);
}

size_t
list_load_full(const struct list_load *load, int64_t *lists, size_t most)
{
  size_t n = 0;
  g_array_sort(load->items, fullest_first);
  for (guint i = 0; i < load->items->len && n < most; i++) {
    const struct item *item = &g_array_index(load->items, struct item, i);
    if (item->octets >= load->max)
      lists[n++] = item->list_id;
  }
  return n;
}
