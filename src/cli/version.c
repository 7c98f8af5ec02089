/* `version`. */
#include "cli/commands.h"

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)cli, (void)argc, (void)argv;
  cli_print("listward %s\n", LISTWARD_VERSION);
  return CLI_DONE;
}

const struct cli_command version_command = { .name = "version", .arguments = "", .summary = "this program's version", .bare = true, .max = 0, .run = run };
