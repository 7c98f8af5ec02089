/* `help`: another way to say --help. */
#include "cli/commands.h"

static int
run(struct cli *cli, int argc, char **argv)
{
  return cli_help(cli, argc > 0 ? argv[0] : NULL);
}

const struct cli_command help_command = {
  .name = "help", .arguments = "[COMMAND]", .summary = "what there is, or what a command takes", .bare = true, .max = 1, .run = run,
};
