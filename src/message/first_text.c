#include "message/first_text.h"
#include "message/charset.h"
#include "message/header_parameter.h"
#include "message/transfer_encoding.h"
#include <string.h>

#define PARTS_MAX 100
#define DEPTH_MAX 8

/* The value of the field up to a ';', a blank or a comment; "" if there is none. Owned by the caller. */
static char *
first_token(const struct header_view *view, const char *name)
{
  const struct header_field *field = header_first(view, name);
  g_autofree char *value = field ? header_unfold(field) : g_strdup("");
  struct slice text = header_skip_cfws(slice_of(value));
  return g_strndup(text.p, text.n ? strcspn(text.p, " \t\r\n;()") : 0);
}

static char *
type_parameter(const struct header_view *view, const char *name)
{
  const struct header_field *field = header_first(view, "Content-Type");
  g_autofree char *value = field ? header_unfold(field) : g_strdup("");
  char *parameter = header_parameter_value(slice_of(value), name);
  return parameter ? g_strchomp(parameter) : NULL;
}

/* --- a part that is text --- */

static void
decode_base64(struct slice content, GString *out)
{
  int state = 0;
  unsigned save = 0;
  g_string_set_size(out, content.n / 4 * 3 + 3);
  g_string_truncate(out, g_base64_decode_step(content.p, content.n, (unsigned char *)out->str, &state, &save));
}

/* What is not known to be encoded stands for itself. */
static char *
text_read(const struct header_view *view)
{
  struct slice content = slice_head(view->body, FIRST_TEXT_MAX);
  g_autofree char *encoding = first_token(view, "Content-Transfer-Encoding");
  g_autofree char *charset = type_parameter(view, "charset");
  g_autoptr(GString) octets = g_string_new(NULL);
  if (content.n && g_ascii_strcasecmp(encoding, "base64") == 0)
    decode_base64(content, octets);
  else if (g_ascii_strcasecmp(encoding, "quoted-printable") == 0)
    transfer_encoding_decode_quoted_printable(content, octets);
  else if (content.n)
    g_string_append_len(octets, content.p, (gssize)content.n);
  GString *text = g_string_new(NULL);
  struct slice decoded = { octets->str, octets->len };
  if (charset)
    charset_decode(decoded, slice_of(charset), text);
  else
    charset_guess(decoded, text);
  return g_string_free(text, FALSE);
}

/* --- the parts (RFC 2046 5.1.1) --- */

static char *text_find(const struct header_view *view, unsigned depth, unsigned *parts);

/* Is `line` the delimiter? `last`: the closing one. Blanks may follow it. */
static bool
is_delimiter(struct slice line, struct slice boundary, bool *last)
{
  if (line.n < boundary.n + 2 || memcmp(line.p, "--", 2) != 0 || memcmp(line.p + 2, boundary.p, boundary.n) != 0)
    return false;
  struct slice rest = slice_trim(slice_skip(line, boundary.n + 2));
  *last = slice_equal(rest, SLICE("--"));
  return rest.n == 0 || *last;
}

static char *
part_find(struct slice part, unsigned depth, unsigned *parts)
{
  OWN(header_view) view = NULL;
  ++*parts;
  return header_view_new(part, &view, NULL) == RES_OK ? text_find(view, depth + 1, parts) : NULL;
}

static char *
multipart_find(const struct header_view *view, unsigned depth, unsigned *parts)
{
  g_autofree char *boundary = type_parameter(view, "boundary");
  if (!boundary || !*boundary || depth == DEPTH_MAX)
    return NULL;
  struct slice rest = view->body, part = { NULL, 0 };
  bool last = false;
  while (rest.n && !last && *parts < PARTS_MAX) {
    struct slice line = slice_line(rest);
    rest = slice_skip(rest, line.n);
    bool begins = is_delimiter(line, slice_of(boundary), &last);
    if (part.p && begins) {
      char *found = part_find(part, depth, parts);
      if (found)
        return found;
    }
    if (begins)
      part = (struct slice){ rest.p, 0 };
    else if (part.p)
      part.n += line.n;
  }
  return part.p && !last && *parts < PARTS_MAX ? part_find(part, depth, parts) : NULL;
}

/* What has no type, or none that can be read, is text (RFC 2045 5.2). */
static char *
text_find(const struct header_view *view, unsigned depth, unsigned *parts)
{
  g_autofree char *type = first_token(view, "Content-Type");
  if (!strchr(type, '/') || g_ascii_strcasecmp(type, "text/plain") == 0)
    return text_read(view);
  return g_ascii_strncasecmp(type, "multipart/", 10) == 0 ? multipart_find(view, depth, parts) : NULL;
}

char *
first_text(const struct header_view *view)
{
  struct header_view start = *view;
  unsigned parts = 0;
  start.body = slice_head(view->body, FIRST_TEXT_WITHIN);
  return text_find(&start, 0, &parts);
}
