#include "door/dialogue_check.h"
#include "base/log.h"

/* Longer inputs are not cut at every octet. */
#define CUT_MAX 800

void
dialogue_run(enum door_protocol protocol, struct stub *stub, struct memory_peer *peer)
{
  static const struct door_peer who = { .session = "s1", .listener = "test", .address = "unix", .unix_socket = true };
  struct door_session *session = door_session_new(protocol, memory_peer_stream(peer), &stub->hooks, &stub->options, &who);
  door_session_run(session);
  door_session_free(session);
}

GString *
dialogue_output(enum door_protocol protocol, const char *input, int *writes)
{
  OWN(stub) stub = stub_new();
  struct memory_peer peer = { .input = slice_of(input) };
  dialogue_run(protocol, stub, &peer);
  if (writes)
    *writes = peer.writes;
  return peer.output;
}

char *
dialogue_condense(const GString *output)
{
  GString *codes = g_string_new(NULL);
  g_auto(GStrv) lines = g_strsplit(output->str, "\r\n", -1);
  for (guint i = 0; lines[i] && lines[i][0]; i++) {
    g_assert_cmpuint(strlen(lines[i]), <=, REPLY_LINE_MAX - 2);
    if (lines[i][3] == '-')
      continue;
    g_string_append_len(codes, lines[i], 3);
    const char *rest = lines[i] + 4;
    if (g_ascii_isdigit(rest[0]) && rest[1] == '.')
      g_string_append_printf(codes, " %.*s", (int)strcspn(rest, " "), rest);
    g_string_append_c(codes, '|');
  }
  return g_string_free(codes, FALSE);
}

static void
check_cut(enum door_protocol protocol, const struct dialogue *row, size_t split, size_t piece)
{
  OWN(stub) stub = stub_new();
  atomic_store(&stub->options.stopping, row->stopping);
  struct memory_peer peer = { .input = slice_of(row->input), .split = split, .piece = piece };
  dialogue_run(protocol, stub, &peer);
  g_autofree char *codes = dialogue_condense(peer.output);
  if (strcmp(codes, row->want) != 0)
    g_error("%s, split at %zu:\n%s\nnot\n%s\n%s", row->name, split, codes, row->want, peer.output->str);
  if (strcmp(stub->log->str, row->log ? row->log : "") != 0)
    g_error("%s, split at %zu: hooks were told\n%s\nnot\n%s", row->name, split, stub->log->str, row->log);
  g_string_free(peer.output, TRUE);
}

void
dialogue_check(enum door_protocol protocol, const struct dialogue *rows, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    size_t length = strlen(rows[i].input);
    for (size_t split = 0; split <= length && length < CUT_MAX; split++)
      check_cut(protocol, &rows[i], split, 0);
    check_cut(protocol, &rows[i], 0, 0);
    check_cut(protocol, &rows[i], 0, 1);
  }
}

/* ---- fuzzing ---- */

static GString *
converse(enum door_protocol protocol, struct slice input, size_t split, size_t piece)
{
  OWN(stub) stub = stub_new();
  struct memory_peer peer = { .input = input, .split = split, .piece = piece };
  dialogue_run(protocol, stub, &peer);
  g_assert(peer.closed);
  g_string_append(peer.output, "\n--\n");
  g_string_append_len(peer.output, stub->log->str, (gssize)stub->log->len);
  return peer.output;
}

/* No strstr(): under AddressSanitizer it reads all that follows, for every line. */
static void
check_replies(const char *text)
{
  for (const char *line = text; *line != '\n';) {
    const char *end = strchr(line, '\r');
    g_assert(end && end[1] == '\n' && end - line >= 4 && end - line <= REPLY_LINE_MAX - 2);
    g_assert(line[0] >= '2' && line[0] <= '5' && g_ascii_isdigit(line[1]) && g_ascii_isdigit(line[2]) && (line[3] == ' ' || line[3] == '-'));
    for (const char *p = line; p < end; p++)
      g_assert(g_ascii_isprint(*p));
    line = end + 2;
  }
}

void
dialogue_fuzz(enum door_protocol protocol, struct slice data)
{
  if (data.n == 0)
    return;
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  size_t cut_at = (unsigned char)data.p[0];
  struct slice input = slice_skip(data, 1);
  g_autoptr(GString) whole = converse(protocol, input, 0, 0);
  g_autoptr(GString) cut = converse(protocol, input, cut_at, 0);
  g_autoptr(GString) pieces = converse(protocol, input, 0, cut_at % 7 + 1);
  g_assert(g_string_equal(whole, cut) && g_string_equal(whole, pieces));
  check_replies(whole->str);
}
