#pragma once
/* The command line: a table of commands, one file each. `serve` is server/'s and is handed in by main(). */
#include "base/config.h"
#include "store/store.h"
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* Exit statuses. */
enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* What a command is given. */
struct cli {
  const struct config *config; /* NULL for a `bare` command */
  const struct cli_command *serve;
  bool json;      /* --json */
  bool no_backup; /* --no-backup: migrate without the copy */
};

struct cli_command {
  const char *name;
  const char *arguments; /* "[-o OWNER] LIST"; options of the table below need not be named */
  const char *summary;   /* one line */
  const char *help;      /* more, or NULL */
  const GOptionEntry *options; /* NULL: none; they are parsed into the command's own static variables */
  bool lists;            /* takes --json */
  bool output;           /* takes -o FILE; stdout is that file when it runs */
  bool bare;             /* needs no configuration */
  int min, max;          /* number of arguments; max -1: any */
  /* argv holds the arguments alone. Returns an exit status. */
  int (*run)(struct cli *cli, int argc, char **argv);
};

/* All commands but `serve`; ends with a row whose name is NULL. */
extern const struct cli_command *const cli_commands[];

/* Parses global options, finds the command in the table (or `serve`), loads the configuration, runs it. Returns the exit status. */
int cli_main(int argc, char **argv, const struct cli_command *serve);

/* --- for the commands --- */

/* Prints what `listward NAME --help` does; `name` NULL: what `listward --help` does. Returns an exit status. */
int cli_help(const struct cli *cli, const char *name);

/* Becomes [server] user if started as root, and opens the database. */
enum res cli_store(struct cli *cli, struct store **store, GError **error) MUST_CHECK;
/* Tells a running server ("changed", "retry"; server/control.h) and waits until it has done it; no server is no error. RES_TEMP: the server is there but did not answer, or
 * could not. */
enum res cli_tell(struct cli *cli, const char *request, GError **error) MUST_CHECK;
/* Tells it that something has changed. */
enum res cli_changed(struct cli *cli, GError **error) MUST_CHECK;
/* Asks a running server; its answer (lines without CRLF) is an array of char *. RES_MORE: no server is running. */
enum res cli_ask(struct cli *cli, const char *request, GPtrArray **lines, GError **error) MUST_CHECK;
/* Prints "listward: MESSAGE" on stderr, cleaned; returns CLI_FAILED. */
int cli_fail(const GError *error);
/* CLI_DONE if `res` is RES_OK, else cli_fail(). */
int cli_result(enum res res, const GError *error);
/* The same for a mistake in arguments; returns CLI_USAGE. */
int cli_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* The same for what does not end the command. */
void cli_warn(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Prints to stdout; what strangers wrote is passed through cli_clean() first. */
void cli_print(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* `text` without control characters, so that no stranger's Subject drives a terminal; owned by the caller. */
char *cli_clean(const char *text);
/* Prints `value`, of any kind, as JSON and releases it. */
void cli_print_json(json_t *value);
/* Epoch microseconds in UTC, "2026-11-22 10:00:00" for people and "2026-11-22T10:00:00Z" for `json`; owned by the caller. */
char *cli_time(int64_t at, bool json);
