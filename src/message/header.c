#include "message/header.h"
#include "message/encoded_word.h"

#define TEXT_MAX 10000

/* The section is cut in one pass: a line that starts with a blank belongs to the field above it, an empty line ends the section, every
 * other line starts a field. Only CRLF ends a line: stray CRs and LFs were replaced before the message came here, and one that is left is
 * an octet like others. */

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t';
}

static struct slice
without_line_end(struct slice line)
{
  return slice_ends_nocase(line, SLICE("\r\n")) ? slice_head(line, line.n - 2) : line;
}

/* Length of the field name at the start of `line` (RFC 5322 2.2: printable ASCII but the colon), 0 if no colon follows it. Blanks before
 * the colon are the obsolete syntax of 4.5. */
static size_t
name_length(struct slice line)
{
  size_t n = 0;
  while (n < line.n && line.p[n] > 32 && line.p[n] < 127 && line.p[n] != ':')
    n++;

  size_t colon = n;
  while (colon < line.n && is_blank(line.p[colon]))
    colon++;
  return colon < line.n && line.p[colon] == ':' ? n : 0;
}

static struct header_field
field_of(struct slice line)
{
  struct header_field field = { .name = slice_head(line, name_length(line)), .whole = line };
  field.value = without_line_end(line);
  if (field.name.n)
    field.value = slice_skip(field.value, slice_find(line, ':') + 1);
  return field;
}

static void
field_extend(struct header_field *field, struct slice line)
{
  field->whole.n += line.n;
  field->value.n = (size_t)(line.p + without_line_end(line).n - field->value.p);
}

static enum res
header_cut(struct header_view *view, GArray *fields, GError **error)
{
  /* So much and no more is looked at: a section that has not ended by then is too long. */
  struct slice rest = slice_head(view->message, HEADER_MAX + 2);
  while (rest.n) {
    struct slice line = slice_line(rest);
    if (slice_equal(line, SLICE("\r\n"))) {
      view->header.n = (size_t)(line.p - view->message.p);
      view->body = slice_skip(view->message, view->header.n + 2);
      return RES_OK;
    }
    if (is_blank(line.p[0]) && fields->len) {
      field_extend(&g_array_index(fields, struct header_field, fields->len - 1), line);
    } else {
      if (fields->len == HEADER_FIELDS_MAX)
        return refuse(error, REPLY_MALFORMED, "more than %d header fields", HEADER_FIELDS_MAX);
      struct header_field field = field_of(line);
      g_array_append_val(fields, field);
    }
    rest = slice_skip(rest, line.n);
  }
  if (view->message.n > HEADER_MAX)
    return refuse(error, REPLY_MALFORMED, "the header is longer than %d octets", HEADER_MAX);
  view->header.n = view->message.n;
  view->body = slice_skip(view->message, view->message.n);
  return RES_OK;
}

enum res
header_view_new(struct slice message, struct header_view **view, GError **error)
{
  OWN(header_view) made = g_new0(struct header_view, 1);
  made->message = message;
  made->header = (struct slice){ message.p, 0 };

  g_autoptr(GArray) fields = g_array_new(FALSE, FALSE, sizeof(struct header_field));
  enum res res = header_cut(made, fields, error);
  if (res != RES_OK)
    return res;
  if (made->header.n && memchr(made->header.p, 0, made->header.n))
    return refuse(error, REPLY_MALFORMED, "the header holds a NUL");

  made->n = fields->len;
  made->fields = (struct header_field *)(void *)g_array_free(g_steal_pointer(&fields), FALSE);
  *view = OWN_GIVE(made);
  return RES_OK;
}

void
header_view_free(struct header_view *view)
{
  if (!view)
    return;
  g_free((void *)view->fields);
  g_free(view);
}

const struct header_field *
header_next(const struct header_view *view, const char *name, const struct header_field *after)
{
  struct slice wanted = slice_of(name);
  if (!wanted.n)
    return NULL;
  for (size_t i = after ? (size_t)(after - view->fields) + 1 : 0; i < view->n; i++)
    if (slice_equal_nocase(view->fields[i].name, wanted))
      return &view->fields[i];
  return NULL;
}

const struct header_field *
header_first(const struct header_view *view, const char *name)
{
  return header_next(view, name, NULL);
}

size_t
header_count(const struct header_view *view, const char *name)
{
  size_t n = 0;
  for (const struct header_field *f = header_first(view, name); f; f = header_next(view, name, f))
    n++;
  return n;
}

/* RFC 5322 2.2.3: unfolding takes out the CRLF alone; the blank behind it stays. */
char *
header_unfold(const struct header_field *field)
{
  GString *text = g_string_sized_new(field->value.n);
  struct slice rest = field->value;
  while (rest.n) {
    struct slice line = slice_line(rest);
    struct slice plain = without_line_end(line);
    g_string_append_len(text, plain.p, (gssize)plain.n);
    rest = slice_skip(rest, line.n);
  }
  struct slice trimmed = slice_trim((struct slice){ text->str, text->len });
  g_string_truncate(text, (gsize)(trimmed.p - text->str) + trimmed.n);
  g_string_erase(text, 0, trimmed.p - text->str);
  return g_string_free(text, FALSE);
}

struct slice
header_skip_cfws(struct slice text)
{
  size_t depth = 0, i = 0;
  for (; i < text.n; i++) {
    char c = text.p[i];
    if (c == '(')
      depth++;
    else if (depth && c == ')')
      depth--;
    else if (depth && c == '\\')
      i++;
    else if (!depth && !is_blank(c) && c != '\r' && c != '\n')
      break;
  }
  return slice_skip(text, i);
}

char *
header_text(const struct header_field *field)
{
  g_autofree char *unfolded = header_unfold(field);
  return encoded_words_decode(slice_of(unfolded), TEXT_MAX);
}
