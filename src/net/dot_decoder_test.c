#include "net/dot_decoder.h"

struct result {
  GByteArray *out;
  size_t used;
  bool end;
  int64_t stray;
};

static void
feed(struct dot_decoder *decoder, struct slice in, struct result *result)
{
  if (result->end)
    return;
  size_t n = dot_decoder_feed(decoder, in, result->out, &result->end);
  g_assert_true(n == in.n || result->end);
  result->used += n;
}

static void
check_one(const char *name, struct slice input, size_t split, size_t piece, bool bdat, const char *want, size_t used, int64_t stray)
{
  g_autoptr(GByteArray) out = g_byte_array_new();
  struct result result = { .out = out };
  struct dot_decoder decoder;
  dot_decoder_init(&decoder, bdat);
  if (piece > 0)
    for (size_t i = 0; i < input.n; i += piece)
      feed(&decoder, slice_head(slice_skip(input, i), piece), &result);
  else {
    feed(&decoder, slice_head(input, split), &result);
    feed(&decoder, slice_skip(input, split), &result);
  }
  if (bdat)
    dot_decoder_finish(&decoder, out);
  struct slice got = { (const char *)out->data, out->len };
  bool ends = used != SIZE_MAX;
  if (!slice_equal(got, slice_of(want)) || result.end != ends || (ends && result.used != used) || decoder.stray != stray) {
    g_autofree char *dup = slice_dup(got);
    g_autofree char *text = g_strescape(dup, NULL);
    g_error("%s, split %zu, piece %zu: \"%s\", end %d after %zu, %d stray", name, split, piece, text, result.end, result.used, (int)decoder.stray);
  }
}

/* `used`: octets up to the end of the message; SIZE_MAX: it does not end. */
static void
check(const char *name, const char *input, bool bdat, const char *want, size_t used, int64_t stray)
{
  struct slice in = slice_of(input);
  for (size_t split = 0; split <= in.n; split++)
    check_one(name, in, split, 0, bdat, want, used, stray);
  check_one(name, in, 0, 1, bdat, want, used, stray);
}

/* ---- the matrix ---- */

/* {CRLF, LF, CR, none} × "." × {CRLF, LF, CR, CRCRLF} between "a" and "b": only the first of the sixteen ends a message. */
static const struct {
  const char *before, *after, *want; /* want: of "a" before "." after "b" */
  size_t used;
  int64_t stray;
} matrix[] = {
  { "\r\n", "\r\n", "a\r\n", 6, 0 },
  { "\r\n", "\n", "a\r\n b\r\n", SIZE_MAX, 1 },
  { "\r\n", "\r", "a\r\n b\r\n", SIZE_MAX, 1 },
  { "\r\n", "\r\r\n", "a\r\n \r\nb\r\n", SIZE_MAX, 1 },
  { "\n", "\r\n", "a .\r\nb\r\n", SIZE_MAX, 1 },
  { "\n", "\n", "a . b\r\n", SIZE_MAX, 2 },
  { "\n", "\r", "a . b\r\n", SIZE_MAX, 2 },
  { "\n", "\r\r\n", "a . \r\nb\r\n", SIZE_MAX, 2 },
  { "\r", "\r\n", "a .\r\nb\r\n", SIZE_MAX, 1 },
  { "\r", "\n", "a . b\r\n", SIZE_MAX, 2 },
  { "\r", "\r", "a . b\r\n", SIZE_MAX, 2 },
  { "\r", "\r\r\n", "a . \r\nb\r\n", SIZE_MAX, 2 },
  { "", "\r\n", "a.\r\nb\r\n", SIZE_MAX, 0 },
  { "", "\n", "a. b\r\n", SIZE_MAX, 1 },
  { "", "\r", "a. b\r\n", SIZE_MAX, 1 },
  { "", "\r\r\n", "a. \r\nb\r\n", SIZE_MAX, 1 },
};

static void
test_matrix(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(matrix); i++) {
    g_autofree char *input = g_strconcat("a", matrix[i].before, ".", matrix[i].after, "b\r\n", NULL);
    g_autofree char *name = g_strescape(input, NULL);
    check(name, input, false, matrix[i].want, matrix[i].used, matrix[i].stray);

    /* the real end is found after each of them that is none */
    if (matrix[i].used != SIZE_MAX)
      continue;
    g_autofree char *ended = g_strconcat(input, ".\r\nQUIT\r\n", NULL);
    check(name, ended, false, matrix[i].want, strlen(ended) - 6, matrix[i].stray);
  }
}

/* ---- rows ---- */

static const struct {
  const char *name, *input, *want;
  size_t used;
  int64_t stray;
  bool bdat;
} rows[] = {
  { .name = "empty message", .input = ".\r\n", .want = "", .used = 3 },
  { .name = "octets after the end are left", .input = "a\r\n.\r\nQUIT\r\n", .want = "a\r\n", .used = 6 },
  { .name = "stuffed dot", .input = "..a\r\n.\r\n", .want = ".a\r\n", .used = 8 },
  { .name = "two stuffed dots", .input = "...\r\n.\r\n", .want = "..\r\n", .used = 8 },
  { .name = "a dot that nobody stuffed", .input = ".a\r\n.\r\n", .want = "a\r\n", .used = 7 },
  { .name = "a stuffed lonely dot", .input = "..\r\n.\r\n", .want = ".\r\n", .used = 7 },
  { .name = "dots in a line", .input = "a.b.\r\n.\r\n", .want = "a.b.\r\n", .used = 9 },
  { .name = "empty lines", .input = "\r\n\r\n.\r\n", .want = "\r\n\r\n", .used = 7 },
  { .name = "no end", .input = "a\r\n", .want = "a\r\n", .used = SIZE_MAX },
  { .name = "CR CR LF", .input = "a\r\r\n.\r\n", .want = "a \r\n", .used = 7, .stray = 1 },
  { .name = "CR before the dot of an end", .input = "a\r\n\r.\r\n", .want = "a\r\n .\r\n", .used = SIZE_MAX, .stray = 1 },
  { .name = "LF before the dot of an end", .input = "a\r\n\n.\r\n", .want = "a\r\n .\r\n", .used = SIZE_MAX, .stray = 1 },
  { .name = "dot CR dot", .input = ".\r.\r\n", .want = " .\r\n", .used = SIZE_MAX, .stray = 1 },
  { .name = "dot CR CR CR LF", .input = ".\r\r\r\n", .want = "  \r\n", .used = SIZE_MAX, .stray = 2 },
  { .name = "first line dot LF", .input = ".\nQUIT\r\n.\r\n", .want = " QUIT\r\n", .used = 11, .stray = 1 },
  { .name = "chunk: dots are text", .input = ".\r\n..\r\na", .want = ".\r\n..\r\na", .used = SIZE_MAX, .bdat = true },
  { .name = "chunk: last octet CR", .input = "a\r\nb\r", .want = "a\r\nb ", .used = SIZE_MAX, .stray = 1, .bdat = true },
  { .name = "chunk: stray LF first", .input = "\na\r\n", .want = " a\r\n", .used = SIZE_MAX, .stray = 1, .bdat = true },
  { .name = "chunk: end of data is text", .input = "a\r\n.\r\nb\r\n", .want = "a\r\n.\r\nb\r\n", .used = SIZE_MAX, .bdat = true },
};

static void
test_rows(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    check(rows[i].name, rows[i].input, rows[i].bdat, rows[i].want, rows[i].used, rows[i].stray);
}

static bool
long_line(size_t n, const char *first)
{
  g_autoptr(GByteArray) out = g_byte_array_new();
  g_autofree char *octets = g_strnfill(n, 'x');
  struct dot_decoder decoder;
  bool end;
  dot_decoder_init(&decoder, false);
  (void)dot_decoder_feed(&decoder, slice_of(first), out, &end);
  (void)dot_decoder_feed(&decoder, slice_of(octets), out, &end);
  (void)dot_decoder_feed(&decoder, SLICE("\r\n.\r\n"), out, &end);
  g_assert_true(end);
  return decoder.long_line;
}

static void
test_long_line(void)
{
  g_assert_false(long_line(MESSAGE_LINE_MAX, ""));
  g_assert_true(long_line(MESSAGE_LINE_MAX + 1, ""));
  g_assert_false(long_line(MESSAGE_LINE_MAX, "a\r\n"));
  g_assert_false(long_line(MESSAGE_LINE_MAX, "a\r\n.")); /* the dot does not count */
  g_assert_true(long_line(MESSAGE_LINE_MAX, "a\r\n\n"));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/dot-decoder/matrix", test_matrix);
  g_test_add_func("/dot-decoder/rows", test_rows);
  g_test_add_func("/dot-decoder/long-line", test_long_line);
  return g_test_run();
}
