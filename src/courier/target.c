#include "courier/target.h"

static void
target_clear(void *target)
{
  g_free(((struct target *)target)->address);
}

GArray *
targets_new(void)
{
  GArray *targets = g_array_new(FALSE, FALSE, sizeof(struct target));
  g_array_set_clear_func(targets, target_clear);
  return targets;
}

void
targets_add(GArray *targets, struct target target)
{
  g_array_append_val(targets, target);
}

const struct target *
targets_at(const GArray *targets, size_t i)
{
  return &g_array_index(targets, struct target, i);
}
