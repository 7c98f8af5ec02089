#include "message/header_parameter.h"

/* Encoded octets of one piece of a value (RFC 2231 3). */
#define PIECE_MAX 50

struct parameter {
  struct slice whole; /* trimmed */
  struct slice name;  /* empty: it is none */
  struct slice value; /* with quotes, trimmed */
};

/* The offset behind the quoted string or comment at the start of `text`; 0 if it is not closed. */
static size_t
closed_length(struct slice text)
{
  size_t depth = 0;
  bool quoted = text.p[0] == '"';
  for (size_t i = quoted ? 1 : 0; i < text.n; i++) {
    char c = text.p[i];
    if (c == '\\')
      i++;
    else if (quoted && c == '"')
      return i + 1;
    else if (!quoted && c == '(')
      depth++;
    else if (!quoted && c == ')' && --depth == 0)
      return i + 1;
  }
  return 0;
}

/* The length of what is one at offset `at`: a quoted string, a comment, or an octet. What is not closed is not looked after again, so that
 * work stays linear. */
static size_t
unit_length(struct header_parameters *parameters, size_t at)
{
  struct slice text = slice_skip(parameters->rest, at);
  bool *stray = text.p[0] == '"' ? &parameters->stray_quote : text.p[0] == '(' ? &parameters->stray_parenthesis : NULL;
  if (!stray || *stray)
    return 1;
  size_t n = closed_length(text);
  *stray = n == 0;
  return MAX(n, 1);
}

struct slice
header_parameter_next(struct header_parameters *parameters)
{
  struct slice text = parameters->rest;
  size_t i = 0;
  while (i < text.n && text.p[i] != ';')
    i += unit_length(parameters, i);
  parameters->rest = slice_skip(text, i + 1);
  return slice_head(text, i);
}

static struct parameter
parameter_of(struct slice piece)
{
  struct parameter parameter = { .whole = slice_trim(piece) };
  size_t equals = slice_find(piece, '=');
  if (equals < piece.n) {
    parameter.name = slice_trim(slice_head(piece, equals));
    parameter.value = slice_trim(slice_skip(piece, equals + 1));
  }
  return parameter;
}

/* A quoted string without its quotes and backslashes; anything else as it is. */
static GString *
dequoted(struct slice value)
{
  bool quoted = value.n && value.p[0] == '"';
  GString *plain = g_string_new(NULL);
  for (size_t i = quoted ? 1 : 0; i < value.n; i++) {
    if (quoted && value.p[i] == '"')
      break;
    if (quoted && value.p[i] == '\\' && i + 1 < value.n)
      i++;
    g_string_append_c(plain, value.p[i]);
  }
  return plain;
}

char *
header_parameter_value(struct slice value, const char *name)
{
  struct header_parameters parameters = { .rest = value };
  (void)header_parameter_next(&parameters);
  while (parameters.rest.n) {
    struct parameter parameter = parameter_of(header_parameter_next(&parameters));
    if (!slice_equal_nocase(parameter.name, slice_of(name)))
      continue;
    bool quoted = parameter.value.n && parameter.value.p[0] == '"';
    if (!quoted) {
      struct slice word = slice_until(parameter.value, '(');
      return slice_dup(slice_trim(slice_until(slice_until(word, ' '), '\t')));
    }
    return g_string_free(dequoted(parameter.value), FALSE);
  }
  return NULL;
}

/* RFC 2231 7 attribute-char, less those that some readers stumble over. */
static void
append_percent(GString *out, char c)
{
  if (g_ascii_isalnum(c) || c == '.' || c == '_' || c == '-')
    g_string_append_c(out, c);
  else
    g_string_append_printf(out, "%%%02X", (unsigned)(unsigned char)c);
}

/* Whole characters of `text` whose encoded form has at most PIECE_MAX octets, to `out`; returns how many octets of `text` that took. */
static size_t
append_piece(GString *out, struct slice text, bool utf8)
{
  size_t n = 0, start = out->len;
  while (n < text.n) {
    size_t next = MIN(n + (utf8 ? (size_t)(g_utf8_next_char(text.p + n) - (text.p + n)) : 1), text.n);
    size_t before = out->len;
    for (size_t i = n; i < next; i++)
      append_percent(out, text.p[i]);
    if (n && out->len - start > PIECE_MAX) {
      g_string_truncate(out, before);
      break;
    }
    n = next;
  }
  return n;
}

static void
write_word(struct header_line *line, const GString *word, bool more)
{
  header_line_blanks(line, SLICE(" "));
  g_autofree char *text = g_strconcat(word->str, more ? ";" : "", NULL);
  header_line_word(line, slice_of(text));
}

/* "name*=UTF-8''value", in pieces "name*0*=UTF-8''…; name*1*=…" if it is long. */
static void
write_extended(struct header_line *line, struct slice name, struct slice value, bool more)
{
  bool utf8 = g_utf8_validate_len(value.p, value.n, NULL);
  const char *charset = utf8 ? "UTF-8''" : "unknown-8bit''";
  unsigned number = 0;
  do {
    g_autoptr(GString) piece = g_string_new(NULL);
    size_t n = append_piece(piece, value, utf8);
    bool last = n == value.n;
    g_autoptr(GString) word = g_string_new(NULL);
    g_string_append_len(word, name.p, (gssize)name.n);
    if (!last || number)
      g_string_append_printf(word, "*%u", number);
    g_string_append_printf(word, "*=%s%s", number ? "" : charset, piece->str);
    write_word(line, word, more || !last);
    value = slice_skip(value, n);
    number++;
  } while (value.n);
}

/* Every octet that is not ASCII as '%' and two digits, or as '?'. */
static void
write_replaced(struct header_line *line, struct slice text, bool percent, bool more)
{
  g_autoptr(GString) word = g_string_new(NULL);
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if (c != '\0' && c < 127)
      g_string_append_c(word, (char)c);
    else if (percent)
      g_string_append_printf(word, "%%%02X", c);
    else
      g_string_append_c(word, '?');
  }
  write_word(line, word, more);
}

/* Names that are there in the extended notation, in lower case, without "*". */
static GHashTable *
extended_names(struct header_parameters parameters)
{
  GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  while (parameters.rest.n) {
    struct slice name = parameter_of(header_parameter_next(&parameters)).name;
    size_t star = slice_find(name, '*');
    if (star < name.n)
      g_hash_table_add(names, g_ascii_strdown(name.p, (gssize)star));
  }
  return names;
}

static void
write_value(struct header_line *line, const struct parameter *parameter, GHashTable *extended, bool more)
{
  struct slice name = parameter->name;
  g_autofree char *key = g_ascii_strdown(name.p ? name.p : "", (gssize)name.n);
  bool piece = slice_find(name, '*') < name.n;
  if (header_line_is_ascii(name) && slice_ends_nocase(name, SLICE("*"))) {
    write_replaced(line, parameter->whole, true, more);
  } else if (!name.n || !header_line_is_ascii(name) || piece || g_hash_table_contains(extended, key)) {
    write_replaced(line, parameter->whole, false, more);
  } else {
    g_autoptr(GString) plain = dequoted(parameter->value);
    write_extended(line, name, (struct slice){ plain->str, plain->len }, more);
  }
}

bool
header_parameter_write(struct header_parameters parameters, struct header_line *line)
{
  g_autoptr(GHashTable) extended = extended_names(parameters);
  while (parameters.rest.n) {
    struct parameter parameter = parameter_of(header_parameter_next(&parameters));
    bool more = parameters.rest.n > 0;
    if (header_line_is_ascii(parameter.whole)) {
      g_autoptr(GString) word = g_string_new_len(parameter.whole.p, (gssize)parameter.whole.n);
      write_word(line, word, more);
      continue;
    }
    if (slice_equal_nocase(slice_until(parameter.name, '*'), SLICE("boundary")))
      return false;
    write_value(line, &parameter, extended, more);
  }
  return true;
}
