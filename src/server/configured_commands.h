#pragma once
/* The commands that the configuration names, by their numbers in the helper. */
#include "base/config.h"
#include "server/helper.h"

enum configured_command { COMMAND_ALARM, COMMAND_MAPS, CONFIGURED_COMMANDS };

struct configured_commands {
  struct helper_command table[CONFIGURED_COMMANDS]; /* argv NULL: not configured */
  bool any;
};

/* RES_OK: `commands`, for configured_commands_clear(). RES_BAD: one is not understood or not there; the error names file, section and key. */
enum res configured_commands_read(const struct config *config, struct configured_commands *commands, GError **error) MUST_CHECK;
void configured_commands_clear(struct configured_commands *commands);
/* The same result, and nothing else. */
enum res configured_commands_check(const struct config *config, GError **error) MUST_CHECK;
