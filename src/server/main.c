/* The program: the command line of cli/ plus `serve`. */
#include "cli/cli.h"
#include "server/serve.h"
#include <malloc.h>

/* What a large message needed is to go back to the system with it, and dozens of session threads are not to have a heap each. glibc alone
 * raises its threshold for separate mappings up to 32 MiB once a large block was freed, and keeps such blocks from then on. */
static void
keep_heap_small(void)
{
  (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  (void)mallopt(M_TRIM_THRESHOLD, 128 * 1024);
  (void)mallopt(M_ARENA_MAX, 4);
}

int
main(int argc, char **argv)
{
  keep_heap_small();
  return cli_main(argc, argv, &serve_command);
}
