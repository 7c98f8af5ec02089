#include "cli/cli.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/privilege.h"
#include "net/endpoint.h"
#include "net/line_reader.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* A server that takes longer to see a change is in trouble. */
#define ANSWER_TIME (60 * CLOCK_SECOND)
/* Lines of an answer at most. */
#define ANSWER_LINES_MAX 10000

enum res
cli_store(struct cli *cli, struct store **store, GError **error)
{
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_WARNING); /* a command's own words are enough */
  enum res res = privilege_drop(cli->config->user, cli->config->state_dir, error);
  if (res != RES_OK)
    return res;
  const struct store_options options = {
    .url = cli->config->database_url, .state_dir = cli->config->state_dir, .mode = STORE_COMMAND, .no_backup = cli->no_backup,
  };
  return store_open(&options, store, error);
}

static enum res
read_answer(struct stream *stream, GPtrArray *lines, GError **error)
{
  struct slice line;
  enum res res;
  while ((res = line_reader_next(stream, &line, error)) == RES_OK) {
    if (slice_equal(line, SLICE(".")))
      return RES_OK;
    if (lines->len == ANSWER_LINES_MAX)
      return trouble(error, REPLY_TROUBLE, "the server's answer does not end");
    g_ptr_array_add(lines, slice_dup(line));
  }
  return res == RES_MORE ? trouble(error, REPLY_TROUBLE, "the server closed the control socket") : RES_TEMP;
}

enum res
cli_ask(struct cli *cli, const char *request, GPtrArray **lines, GError **error)
{
  g_autofree char *path = config_path(cli->config, "control.sock");
  struct endpoint endpoint = { .path = path };
  int fd;
  g_autoptr(GError) problem = NULL;
  if (endpoint_connect(&endpoint, clock_monotonic() + ANSWER_TIME, &fd, &problem) != RES_OK) {
    if (access(path, F_OK) == 0 && access(path, W_OK) != 0)
      return trouble(error, REPLY_TROUBLE, "%s; run this as root or as the server's user", problem->message);
    return RES_MORE;
  }
  OWN(stream) stream = stream_new(fd);
  stream_deadline(stream, clock_monotonic() + ANSWER_TIME);
  g_autofree char *line = g_strdup_printf("%s\r\n", request);
  g_autoptr(GPtrArray) answer = g_ptr_array_new_with_free_func(g_free);
  enum res res = stream_write(stream, slice_of(line), error);
  if (res == RES_OK)
    res = stream_flush(stream, error);
  if (res == RES_OK)
    res = read_answer(stream, answer, error);
  if (res == RES_OK)
    *lines = g_steal_pointer(&answer);
  return res;
}

enum res
cli_tell(struct cli *cli, const char *request, GError **error)
{
  g_autoptr(GPtrArray) lines = NULL;
  enum res res = cli_ask(cli, request, &lines, error);
  if (res == RES_MORE)
    return RES_OK;
  if (res != RES_OK)
    return res;
  const char *first = lines->len ? g_ptr_array_index(lines, 0) : "";
  return strcmp(first, "ok") == 0 ? RES_OK : trouble(error, REPLY_TROUBLE, "done, but the running server has not seen it: %s", first);
}

enum res
cli_changed(struct cli *cli, GError **error)
{
  return cli_tell(cli, "changed", error);
}

static void
complain(const char *text)
{
  g_autofree char *clean = cli_clean(text);
  fprintf(stderr, "listward: %s\n", clean);
}

int
cli_fail(const GError *error)
{
  complain(error ? error->message : "failed");
  return CLI_FAILED;
}

void
cli_warn(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  complain(text);
}

int
cli_result(enum res res, const GError *error)
{
  return res == RES_OK ? CLI_DONE : cli_fail(error);
}

int
cli_usage(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  complain(text);
  return CLI_USAGE;
}

void
cli_print(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
}

char *
cli_clean(const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_autoptr(GString) clean = g_string_new(NULL);
  for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
    gunichar letter = g_utf8_get_char(c);
    g_string_append_unichar(clean, g_unichar_iscntrl(letter) ? ' ' : letter);
  }
  return g_string_free(g_steal_pointer(&clean), FALSE);
}

void
cli_print_json(json_t *value)
{
  json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
  putchar('\n');
  json_decref(value);
}

char *
cli_time(int64_t at, bool json)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(at / CLOCK_SECOND);
  return time ? g_date_time_format(time, json ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M:%S") : g_strdup("-");
}
