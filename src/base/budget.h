#pragma once
/* A bound on memory shared by threads: `[limits] max_memory` for messages in flight. Any thread. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
  int64_t limit; /* octets */
  _Atomic int64_t used;
};

/* True: `octets` are taken and must be given back. False: they would exceed the limit; nothing was taken. */
bool budget_take(struct budget *budget, int64_t octets);
void budget_give(struct budget *budget, int64_t octets);
