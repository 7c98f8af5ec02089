#include "base/counter.h"
#include <stdatomic.h>

static _Atomic int64_t counts[COUNTER_COUNT];

static const struct {
  const char *label, *doc;
} rows[COUNTER_COUNT] = {
#define COUNTER_ROW(name, label, doc) [name] = { label, doc },
  COUNTER_TABLE(COUNTER_ROW)
#undef COUNTER_ROW
};

void
counter_add(enum counter counter, int64_t n)
{
  atomic_fetch_add_explicit(&counts[counter], n, memory_order_relaxed);
}

int64_t
counter_read(enum counter counter)
{
  return atomic_load_explicit(&counts[counter], memory_order_relaxed);
}

const char *
counter_label(enum counter counter)
{
  return rows[counter].label;
}

const char *
counter_doc(enum counter counter)
{
  return rows[counter].doc;
}
