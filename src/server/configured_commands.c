#include "server/configured_commands.h"
#include "base/clock.h"
#include "base/command.h"

static const struct {
  const char *name;
  size_t text; /* offset in struct config */
  int64_t time_limit;
} rows[CONFIGURED_COMMANDS] = {
  [COMMAND_ALARM] = { "[alarm] command", offsetof(struct config, alarm_command), 30 * CLOCK_SECOND },
  [COMMAND_MAPS] = { "[mta] command", offsetof(struct config, mta_command), 120 * CLOCK_SECOND },
};

void
configured_commands_clear(struct configured_commands *commands)
{
  for (size_t i = 0; i < CONFIGURED_COMMANDS; i++)
    g_strfreev((char **)commands->table[i].argv);
  *commands = (struct configured_commands){ .any = false };
}

enum res
configured_commands_read(const struct config *config, struct configured_commands *commands, GError **error)
{
  *commands = (struct configured_commands){ .any = false };
  for (size_t i = 0; i < CONFIGURED_COMMANDS; i++) {
    g_autoptr(GError) problem = NULL;
    char **argv;
    if (command_parse(*(char *const *)((const char *)config + rows[i].text), &argv, &problem) != RES_OK) {
      configured_commands_clear(commands);
      return refuse(error, REPLY_SYNTAX, "%s: %s: %s", config->file ? config->file : "default", rows[i].name, problem->message);
    }
    commands->table[i] = (struct helper_command){
      .name = rows[i].name, .argv = (const char *const *)argv, .time_limit = rows[i].time_limit, .output_max = 4096,
    };
    commands->any = commands->any || argv;
  }
  return RES_OK;
}

enum res
configured_commands_check(const struct config *config, GError **error)
{
  struct configured_commands commands;
  enum res res = configured_commands_read(config, &commands, error);
  if (res == RES_OK)
    configured_commands_clear(&commands);
  return res;
}
