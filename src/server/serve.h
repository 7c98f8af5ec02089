#pragma once
/* The daemon as a command. */
#include "cli/cli.h"

extern const struct cli_command serve_command;
