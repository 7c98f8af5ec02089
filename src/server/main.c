/* The program: the command line of cli/ plus `serve`. */
#include "cli/cli.h"
#include "server/serve.h"

int
main(int argc, char **argv)
{
  return cli_main(argc, argv, &serve_command);
}
