#include "base/budget.h"
#include <glib.h>

bool
budget_take(struct budget *budget, int64_t octets)
{
  int64_t used = atomic_fetch_add(&budget->used, octets) + octets;
  if (used <= budget->limit)
    return true;
  atomic_fetch_sub(&budget->used, octets);
  return false;
}

void
budget_give(struct budget *budget, int64_t octets)
{
  int64_t left = atomic_fetch_sub(&budget->used, octets) - octets;
  g_assert(left >= 0);
}
