#include "net/line_reader.h"
#include "net/memory_peer.h"
#include <errno.h>

/* What is expected of a whole input: each line as "[text]", then how it ended. */
enum end { CLOSED, BARE, FAILED };
static const char *const end_names[] = { "closed", "bare", "failed" };

/* Reads to the end, writing down what came. */
static char *
read_all(struct memory_peer *peer)
{
  OWN(stream) stream = memory_peer_stream(peer);
  GString *seen = g_string_new(NULL);
  for (;;) {
    struct slice line;
    g_autoptr(GError) error = NULL;
    enum res res = line_reader_next(stream, &line, &error);
    if (res == RES_OK)
      g_string_append_printf(seen, "[%.*s]", SLICE_FMT(line));
    else if (res == RES_BAD && error_reply(error, REPLY_OK) == REPLY_LINE_TOO_LONG)
      g_string_append(seen, "<long>");
    else {
      g_assert_true(res != RES_BAD || error_reply(error, REPLY_OK) == REPLY_BARE_LINE_END);
      g_string_append(seen, end_names[res == RES_MORE ? CLOSED : res == RES_BAD ? BARE : FAILED]);
      break;
    }
  }
  g_string_free(peer->output, TRUE);
  return g_string_free(seen, FALSE);
}

static void
check(const char *name, struct slice input, const char *want)
{
  for (size_t split = 0; split <= input.n; split++) {
    struct memory_peer peer = { .input = input, .split = split };
    g_autofree char *seen = read_all(&peer);
    if (strcmp(seen, want) != 0)
      g_error("%s, split at %zu: %s, not %s", name, split, seen, want);
  }
  struct memory_peer peer = { .input = input, .piece = 1 };
  g_autofree char *seen = read_all(&peer);
  if (strcmp(seen, want) != 0)
    g_error("%s, octet by octet: %s, not %s", name, seen, want);
}

static const struct {
  const char *name;
  struct slice input;
  const char *want;
} rows[] = {
  { .name = "nothing", .input = { "", 0 }, .want = "closed" },
  { .name = "one line", .input = { "LHLO a\r\n", 8 }, .want = "[LHLO a]closed" },
  { .name = "empty line", .input = { "\r\n", 2 }, .want = "[]closed" },
  { .name = "pipelined", .input = { "RSET\r\nNOOP\r\nQUIT\r\n", 18 }, .want = "[RSET][NOOP][QUIT]closed" },
  { .name = "closed in a line", .input = { "RSET\r\nNO", 8 }, .want = "[RSET]closed" },
  { .name = "closed after CR", .input = { "RSET\r\nNOOP\r", 11 }, .want = "[RSET]closed" },
  { .name = "NUL", .input = { "NO\0OP\r\n", 7 }, .want = "bare" },
  { .name = "8-bit octets", .input = { "\xc3\xa4\xff\r\n", 5 }, .want = "[\xc3\xa4\xff]closed" },
  { .name = "bare LF in the second line", .input = { "RSET\r\nNO\nOP\r\n", 13 }, .want = "[RSET]bare" },
  { .name = "LF CR", .input = { "NOOP\n\r", 6 }, .want = "bare" },
};

static void
test_rows(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    check(rows[i].name, rows[i].input, rows[i].want);
}

/* {CRLF, LF, CR, none} × "." × {CRLF, LF, CR, CRCRLF} after a command and before another. */
static void
test_matrix(void)
{
  static const char *const before[] = { "\r\n", "\n", "\r", "" };
  static const char *const after[] = { "\r\n", "\n", "\r", "\r\r\n" };
  for (size_t b = 0; b < G_N_ELEMENTS(before); b++)
    for (size_t a = 0; a < G_N_ELEMENTS(after); a++) {
      g_autofree char *input = g_strconcat("NOOP", before[b], ".", after[a], "QUIT\r\n", NULL);
      g_autofree char *escaped = g_strescape(input, NULL);
      bool clean_before = b == 0 || b == 3, clean_after = a == 0;
      const char *first = b == 0 ? "[NOOP]" : "";
      const char *rest = !clean_before || !clean_after ? "bare" : b == 0 ? "[.][QUIT]closed" : "[NOOP.][QUIT]closed";
      g_autofree char *want = g_strconcat(first, rest, NULL);
      check(escaped, slice_of(input), want);
    }
}

static void
test_length(void)
{
  static const struct {
    const char *name;
    size_t n;
    const char *bad, *want;
  } lengths[] = {
    { .name = "998 octets", .n = 998, .bad = "", .want = NULL },
    { .name = "999 octets", .n = 999, .bad = "", .want = "<long>[QUIT]closed" },
    { .name = "999 octets and a bare LF", .n = 999, .bad = "\n", .want = "bare" },
    { .name = "2,500 octets and a bare CR", .n = 2500, .bad = "\rx", .want = "bare" },
    { .name = "2,500 octets", .n = 2500, .bad = "", .want = "<long>[QUIT]closed" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    g_autofree char *octets = g_strnfill(lengths[i].n, 'x');
    g_autofree char *input = g_strconcat(octets, lengths[i].bad, "\r\nQUIT\r\n", NULL);
    g_autofree char *line = g_strconcat("[", octets, "][QUIT]closed", NULL);
    check(lengths[i].name, slice_of(input), lengths[i].want ? lengths[i].want : line);
  }
}

/* A line far longer than the buffer is skipped without being kept. */
static void
test_huge_line(void)
{
  g_autofree char *octets = g_strnfill(1024 * 1024, 'x');
  g_autofree char *input = g_strconcat(octets, "\r\nQUIT\r\n", NULL);
  struct memory_peer peer = { .input = slice_of(input) };
  g_autofree char *seen = read_all(&peer);
  g_assert_cmpstr(seen, ==, "<long>[QUIT]closed");
}

static void
test_failure(void)
{
  struct memory_peer peer = { .input = SLICE("RSET\r\nNO"), .read_errno = ETIMEDOUT };
  g_autofree char *seen = read_all(&peer);
  g_assert_cmpstr(seen, ==, "[RSET]failed");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/line-reader/rows", test_rows);
  g_test_add_func("/line-reader/matrix", test_matrix);
  g_test_add_func("/line-reader/length", test_length);
  g_test_add_func("/line-reader/huge-line", test_huge_line);
  g_test_add_func("/line-reader/failure", test_failure);
  return g_test_run();
}
