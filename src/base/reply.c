#include "base/reply.h"

static const struct row {
  int code;
  const char *enhanced;
  const char *text;
} rows[REPLY_COUNT] = {
#define REPLY_ROW(name, code, enhanced, text) [name] = { code, enhanced, text },
  REPLY_TABLE(REPLY_ROW)
#undef REPLY_ROW
};

/* Printable ASCII stays; everything else becomes '?', so that no stranger's octet can end or split a reply. */
static void
append_escaped(GString *line, const char *word)
{
  for (const char *c = word ? word : ""; *c; c++)
    if (g_ascii_isprint(*c))
      g_string_append_c(line, *c);
    else if (((unsigned char)*c & 0xc0) != 0x80) /* one mark for a whole UTF-8 character */
      g_string_append_c(line, '?');
}

static const char *
word_named(const struct reply_words *words, struct slice name)
{
  const struct { struct slice name; const char *word; } table[] = {
    { SLICE("id"), words->id },
    { SLICE("list"), words->list },
    { SLICE("reason"), words->reason },
    { SLICE("detail"), words->detail },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
    if (slice_equal(table[i].name, name))
      return table[i].word;
  g_assert_not_reached();
}

void
reply_render(enum reply reply, const struct reply_words *words, GString *out)
{
  g_assert(reply < REPLY_COUNT);
  static const struct reply_words none;
  const struct row *row = &rows[reply];
  g_autoptr(GString) line = g_string_sized_new(128);

  g_string_printf(line, "%d ", row->code);
  if (row->enhanced[0])
    g_string_append_printf(line, "%s ", row->enhanced);
  for (struct slice rest = slice_of(row->text); rest.n;) {
    struct slice plain = slice_until(rest, '{');
    g_string_append_len(line, plain.p, (gssize)plain.n);
    rest = slice_skip(rest, plain.n);
    if (rest.n == 0)
      break;
    struct slice name = slice_until(slice_skip(rest, 1), '}');
    append_escaped(line, word_named(words ? words : &none, name));
    rest = slice_skip(rest, name.n + 2);
  }
  if (line->len > REPLY_LINE_MAX - 2)
    g_string_truncate(line, REPLY_LINE_MAX - 2);
  g_string_append_len(out, line->str, (gssize)line->len);
  g_string_append(out, "\r\n");
}

int
reply_code(enum reply reply)
{
  g_assert(reply < REPLY_COUNT);
  return rows[reply].code;
}

const char *
reply_enhanced(enum reply reply)
{
  g_assert(reply < REPLY_COUNT);
  return rows[reply].enhanced;
}

bool
reply_is_temporary(enum reply reply)
{
  return reply_code(reply) / 100 == 4;
}
