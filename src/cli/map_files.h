#pragma once
/* Map files, written by a command. */
#include "cli/cli.h"

/* Writes the maps of `mta` (NULL: of all) into `folder`, which is made if it is missing, as the server's user; prints what became of each. Returns an exit status. */
int map_files_write(struct cli *cli, const char *mta, const char *folder);
/* The same in [mta] maps, without a server: then [mta] command is run, even if nothing has changed. */
int map_files_write_all(struct cli *cli);
/* After lists or domains have changed: waits until a running server has brought [mta] maps up to date; says on stderr if it could not, which is no failure of the command. */
void map_files_await(struct cli *cli);
