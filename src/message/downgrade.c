/* One pass over the octets of the message, which cuts it at the lines that are boundaries of the containers open at that point, and writes
 * what it reads: boundary lines and all that is 7-bit data as it came, other leaves encoded. GMime's parser is not used for that: it keeps
 * offsets of headers but not of contents, and what it writes is its own form of the message. Its decoder serves where a leaf says it is
 * quoted-printable and is not (transfer_encoding.h).
 *
 * A leaf has to be read to its end before its header can be written; a container has not, for it is 7 bit in the end or all is refused. So
 * nothing is kept but the open boundaries, and the recursion is as deep as they are many: DOWNGRADE_DEPTH_MAX. */
#include "message/downgrade.h"
#include "message/header_ascii.h"
#include "message/header_parameter.h"
#include "message/transfer_encoding.h"

/* RFC 2046 5.1.1 allows 70. A line of it has to fit. */
#define BOUNDARY_MAX 900

struct walk {
  struct slice text; /* the body */
  size_t at;         /* read up to here, always the start of a line */
  struct slice open[DOWNGRADE_DEPTH_MAX]; /* boundaries, the outermost first; of containers without one: empty */
  size_t n_open;
  size_t parts;
  GString *out;
  size_t out_max;
};

/* How content that is not 7-bit data is treated. */
enum content {
  CONTENT_TEXT,      /* quoted-printable or base64 */
  CONTENT_OCTETS,    /* base64 */
  CONTENT_UNTOUCHED, /* not at all: refused */
  CONTENT_MULTIPART,
  CONTENT_MESSAGE,
};

enum encoding { ENCODING_NONE, ENCODING_EIGHT_BIT, ENCODING_QUOTED_PRINTABLE, ENCODING_BASE64, ENCODING_UNKNOWN };

struct entity {
  const struct header_view *view; /* of the header */
  bool is_message;                /* not a body part: MIME-Version belongs into its header */
  bool is_whole;                  /* the message itself */
  enum content content;
  enum encoding encoding;
  char *boundary; /* of a multipart, or NULL */
};

/* What becomes of an entity's header besides being written in ASCII. */
struct relabel {
  const char *encoding; /* the new Content-Transfer-Encoding, or NULL */
  const char *charset;  /* of text that has no type and gets one, or NULL */
};

/* The first row that fits; a type that ends in "/" stands for all of its subtypes. */
static const struct {
  const char *type;
  enum content content;
} contents[] = {
  { "multipart/signed", CONTENT_UNTOUCHED },
  { "multipart/encrypted", CONTENT_UNTOUCHED },
  { "multipart/", CONTENT_MULTIPART },
  { "message/rfc822", CONTENT_MESSAGE },
  { "message/global", CONTENT_MESSAGE },
  { "message/partial", CONTENT_UNTOUCHED },
  { "message/external-body", CONTENT_UNTOUCHED },
  { "message/", CONTENT_TEXT }, /* reports: fields in lines */
  { "text/", CONTENT_TEXT },
  { "application/pkcs7-mime", CONTENT_UNTOUCHED },
  { "application/x-pkcs7-mime", CONTENT_UNTOUCHED },
};

static const struct {
  const char *name;
  enum encoding encoding;
} encodings[] = {
  { "7bit", ENCODING_NONE },
  { "8bit", ENCODING_EIGHT_BIT },
  { "binary", ENCODING_EIGHT_BIT },
  { "quoted-printable", ENCODING_QUOTED_PRINTABLE },
  { "base64", ENCODING_BASE64 },
  { "uuencode", ENCODING_UNKNOWN },
};

static enum res entity_write(struct walk *walk, enum content missing, bool is_message, GError **error);

/* --- lines and boundaries --- */

/* The line at `at`, with its CRLF. */
static struct slice
line_at(const struct walk *walk, size_t at)
{
  return slice_line(slice_skip(walk->text, at));
}

/* RFC 2046 5.1.1: the number of the open boundary that `line` is, counted from 1 at the outermost; 0 if it is none. The innermost counts
 * if two are the same. `last`: it ends its multipart. */
static size_t
boundary_of(const struct walk *walk, struct slice line, bool *last)
{
  if (!slice_starts_nocase(line, SLICE("--")))
    return 0;
  struct slice text = slice_skip(line, 2);
  while (text.n && strchr(" \t\r\n", text.p[text.n - 1]) && text.p[text.n - 1])
    text.n--;
  struct slice shorter = slice_head(text, text.n - (slice_ends_nocase(text, SLICE("--")) ? 2 : 0));
  for (size_t i = walk->n_open; i > 0; i--) {
    struct slice open = walk->open[i - 1];
    if (!open.n || (open.n != text.n && open.n != shorter.n) || (!slice_equal(open, text) && !slice_equal(open, shorter)))
      continue;
    *last = !slice_equal(open, text);
    return i;
  }
  return 0;
}

static bool
is_boundary(const struct walk *walk, struct slice line)
{
  bool last;
  return boundary_of(walk, line, &last) > 0;
}

/* The next boundary line from `at` on, or the end. */
static size_t
boundary_find(const struct walk *walk, size_t at)
{
  while (at < walk->text.n) {
    struct slice line = line_at(walk, at);
    if (walk->n_open && is_boundary(walk, line))
      break;
    at += line.n;
  }
  return at;
}

static struct slice
between(const struct walk *walk, size_t start, size_t end)
{
  return slice_head(slice_skip(walk->text, start), end - start);
}

static void
copy(struct walk *walk, struct slice text)
{
  g_string_append_len(walk->out, text.p, (gssize)text.n);
}

/* --- what a header says --- */

/* As the field reads once it is written in ASCII: stray line ends are blanks. */
static char *
unfolded(const struct header_field *field)
{
  return g_strdelimit(header_unfold(field), "\r\n", ' ');
}

/* The value of `field` (may be NULL) up to a ';', a blank or a comment; owned by the caller. */
static char *
first_token(const struct header_field *field)
{
  if (!field)
    return g_strdup("");
  g_autofree char *value = unfolded(field);
  struct slice text = header_skip_cfws(slice_of(value));
  return g_strndup(text.p, strcspn(text.p, " \t;()"));
}

static enum content
content_of(const struct header_view *view, enum content missing)
{
  const struct header_field *field = header_first(view, "Content-Type");
  g_autofree char *type = first_token(field);
  if (!strchr(type, '/'))
    return field ? CONTENT_TEXT : missing;
  for (size_t i = 0; i < G_N_ELEMENTS(contents); i++) {
    struct slice row = slice_of(contents[i].type);
    bool all = slice_ends_nocase(row, SLICE("/"));
    if (all ? slice_starts_nocase(slice_of(type), row) : slice_equal_nocase(slice_of(type), row))
      return contents[i].content;
  }
  return CONTENT_OCTETS;
}

/* What is no encoding that is known is a slip of the pen for everybody who reads it ("8-bit", "utf-8"); but private ones may be true. */
static enum encoding
encoding_of(const struct header_view *view)
{
  g_autofree char *token = first_token(header_first(view, "Content-Transfer-Encoding"));
  for (size_t i = 0; i < G_N_ELEMENTS(encodings); i++)
    if (g_ascii_strcasecmp(token, encodings[i].name) == 0)
      return encodings[i].encoding;
  return slice_starts_nocase(slice_of(token), SLICE("x-")) ? ENCODING_UNKNOWN : ENCODING_NONE;
}

/* The boundary of a multipart, or NULL if none can be found by it. */
static char *
boundary_read(const struct header_view *view)
{
  g_autofree char *type = unfolded(header_first(view, "Content-Type"));
  g_autofree char *boundary = header_parameter_value(slice_of(type), "boundary");
  if (!boundary)
    return NULL;
  size_t n = strlen(g_strchomp(boundary));
  for (size_t i = 0; i < n; i++)
    if (!g_ascii_isprint(boundary[i]))
      return NULL;
  return n > 0 && n <= BOUNDARY_MAX ? g_steal_pointer(&boundary) : NULL;
}

static void
entity_look(struct entity *entity, enum content missing)
{
  entity->content = content_of(entity->view, missing);
  entity->encoding = encoding_of(entity->view);
  if (entity->content == CONTENT_MULTIPART) {
    entity->boundary = boundary_read(entity->view);
    if (!entity->boundary)
      entity->content = CONTENT_UNTOUCHED;
  }
  if (entity->content == CONTENT_MESSAGE && entity->encoding > ENCODING_EIGHT_BIT)
    entity->content = CONTENT_UNTOUCHED;
}

/* --- headers --- */

/* message/global, once all within it is ASCII (RFC 6532 3.7). */
static enum res
type_write(const struct header_field *field, GString *out, GError **error)
{
  struct slice global = SLICE("message/global");
  struct slice type = header_skip_cfws(field->value);
  g_autofree char *token = first_token(field);
  if (g_ascii_strcasecmp(token, global.p) != 0 || !slice_starts_nocase(type, global))
    return header_ascii_append(field, out, error);

  g_autoptr(GString) text = g_string_new_len(field->whole.p, (gssize)field->whole.n);
  size_t name = (size_t)(field->value.p - field->whole.p), at = (size_t)(type.p - field->whole.p);
  g_string_overwrite_len(text, at, "message/rfc822", (gssize)global.n);
  struct header_field changed = { .name = { text->str, field->name.n }, .whole = { text->str, text->len } };
  changed.value = (struct slice){ text->str + name, field->value.n };
  return header_ascii_append(&changed, out, error);
}

static void
encoding_write(const struct header_field *field, const char *encoding, GString *out)
{
  g_string_append_printf(out, "%.*s: %s\r\n", SLICE_FMT(field->name), encoding);
}

static void
missing_fields_write(const struct entity *entity, const struct relabel *relabel, GString *out)
{
  if (!relabel->encoding)
    return;
  if (entity->is_message && !header_first(entity->view, "MIME-Version"))
    g_string_append(out, "MIME-Version: 1.0\r\n");
  if (relabel->charset)
    g_string_append_printf(out, "Content-Type: text/plain; charset=%s\r\n", relabel->charset);
  if (!header_first(entity->view, "Content-Transfer-Encoding"))
    g_string_append_printf(out, "Content-Transfer-Encoding: %s\r\n", relabel->encoding);
}

/* The header with its empty line, which parts without content may lack; of several fields Content-Transfer-Encoding the first counts, and
 * the others go if it changes. */
static enum res
header_write(const struct entity *entity, const struct relabel *relabel, GString *out, GError **error)
{
  const struct header_field *first = header_first(entity->view, "Content-Transfer-Encoding");
  for (size_t i = 0; i < entity->view->n; i++) {
    const struct header_field *field = &entity->view->fields[i];
    enum res res = RES_OK;
    if (relabel->encoding && slice_equal_nocase(field->name, SLICE("Content-Transfer-Encoding"))) {
      if (field == first)
        encoding_write(field, relabel->encoding, out);
    } else if (entity->content == CONTENT_MESSAGE && slice_equal_nocase(field->name, SLICE("Content-Type"))) {
      res = type_write(field, out, error);
    } else {
      res = header_ascii_append(field, out, error);
    }
    if (res != RES_OK)
      return res;
  }
  missing_fields_write(entity, relabel, out);
  bool headless = entity->view->message.n == 0 && relabel->encoding;
  if (entity->is_whole || entity->view->message.n > entity->view->header.n || headless)
    g_string_append(out, "\r\n");
  return RES_OK;
}

/* --- entities --- */

static enum res
check_size(const struct walk *walk, GError **error)
{
  if (walk->out->len > walk->out_max)
    return refuse(error, REPLY_NO_CONVERSION, "the message would grow to more than %d times its size", DOWNGRADE_GROWTH);
  return RES_OK;
}

/* Writes content that is no 7-bit data to `out`. NULL: it has to stay as it is; else its encoding from now on. */
static const char *
content_write(const struct entity *entity, struct slice content, GString *out)
{
  if (entity->content == CONTENT_UNTOUCHED || entity->encoding == ENCODING_UNKNOWN)
    return NULL;
  if (entity->encoding == ENCODING_BASE64) {
    transfer_encoding_repair_base64(content, out);
    return "base64";
  }
  g_autoptr(GString) decoded = g_string_new(NULL);
  if (entity->encoding == ENCODING_QUOTED_PRINTABLE) {
    transfer_encoding_decode_quoted_printable(content, decoded);
    content = (struct slice){ decoded->str, decoded->len };
  }
  if (entity->content == CONTENT_TEXT && !transfer_encoding_prefers_base64(content)) {
    transfer_encoding_quoted_printable(content, out);
    return "quoted-printable";
  }
  transfer_encoding_base64(content, out);
  return "base64";
}

/* Of text that has no type: without one it is ASCII (RFC 2045 5.2). NULL: and so it is. */
static const char *
charset_of(struct slice text)
{
  bool ascii = true;
  for (size_t i = 0; i < text.n && ascii; i++)
    ascii = (unsigned char)text.p[i] < 128;
  if (ascii)
    return NULL;
  return g_utf8_validate_len(text.p, text.n, NULL) ? "UTF-8" : "unknown-8bit"; /* RFC 1428 3 */
}

/* A leaf, or a container that is not to be looked into; its header goes to `header`, and content that stays is left to the caller. */
static enum res
leaf_write(const struct entity *entity, struct slice content, GString *header, GString *out, GError **error)
{
  struct relabel relabel = { 0 };
  g_autoptr(GString) encoded = g_string_new(NULL);
  bool clean = transfer_encoding_is_seven_bit(content);
  if (clean) {
    relabel.encoding = entity->encoding == ENCODING_EIGHT_BIT ? "7bit" : NULL;
  } else {
    relabel.encoding = content_write(entity, content, encoded);
    if (!relabel.encoding)
      return refuse(error, REPLY_NO_CONVERSION, "octets or lines that are not 7 bit in a part that is signed, encrypted or cannot be taken apart");
    if (entity->content == CONTENT_TEXT && !header_first(entity->view, "Content-Type"))
      relabel.charset = charset_of(content);
  }
  enum res res = header_write(entity, &relabel, header, error);
  if (res == RES_OK)
    g_string_append_len(out, clean ? content.p : encoded->str, (gssize)(clean ? content.n : encoded->len));
  return res;
}

/* A line of a preamble or an epilogue: '?' for what is not 7 bit, since nobody is shown it; nothing if that made a boundary of it, or if
 * it is too long. */
static void
aside_write(struct walk *walk, struct slice line)
{
  if (transfer_encoding_is_seven_bit(line)) {
    copy(walk, line);
    return;
  }
  size_t start = walk->out->len;
  bool ended = slice_ends_nocase(line, SLICE("\r\n"));
  copy(walk, slice_head(line, line.n - (ended ? 2 : 0)));
  for (size_t i = start; i < walk->out->len; i++) {
    unsigned char c = (unsigned char)walk->out->str[i];
    if (c > 127 || c == '\0' || c == '\r' || c == '\n')
      walk->out->str[i] = '?';
  }
  struct slice made = { walk->out->str + start, walk->out->len - start };
  if (made.n > LINE_OCTETS_MAX || is_boundary(walk, made))
    g_string_truncate(walk->out, start);
  else if (ended)
    g_string_append(walk->out, "\r\n");
}

/* Up to the next boundary. True: all was 7-bit data. */
static bool
asides_write(struct walk *walk)
{
  size_t end = boundary_find(walk, walk->at);
  bool clean = transfer_encoding_is_seven_bit(between(walk, walk->at, end));
  while (walk->at < end) {
    struct slice line = line_at(walk, walk->at);
    aside_write(walk, line);
    walk->at += line.n;
  }
  return clean;
}

/* A boundary line may have blanks behind it, which go if they are too many. */
static void
boundary_write(struct walk *walk, struct slice line)
{
  walk->at += line.n;
  if (transfer_encoding_is_seven_bit(line)) {
    copy(walk, line);
    return;
  }
  copy(walk, slice_trim(line));
  g_string_append(walk->out, "\r\n");
}

static enum res
multipart_write(struct walk *walk, enum content missing, GError **error)
{
  size_t level = walk->n_open;
  bool last = false, clean = asides_write(walk);
  struct slice line = line_at(walk, walk->at);
  if (boundary_of(walk, line, &last) != level && !clean)
    return refuse(error, REPLY_NO_CONVERSION, "8-bit octets in a multipart without parts");

  for (; boundary_of(walk, line, &last) == level; line = line_at(walk, walk->at)) {
    boundary_write(walk, line);
    if (last) {
      walk->n_open = level - 1;
      (void)asides_write(walk);
      return RES_OK;
    }
    enum res res = entity_write(walk, missing, false, error);
    if (res != RES_OK)
      return res;
  }
  walk->n_open = level - 1;
  return RES_OK;
}

static enum res
container_write(struct walk *walk, const struct entity *entity, GString *header, GError **error)
{
  struct relabel relabel = { .encoding = entity->encoding == ENCODING_EIGHT_BIT ? "7bit" : NULL };
  enum res res = header_write(entity, &relabel, header, error);
  if (res != RES_OK)
    return res;
  if (walk->n_open == DOWNGRADE_DEPTH_MAX)
    return refuse(error, REPLY_NO_CONVERSION, "the message is deeper than %d parts within each other", DOWNGRADE_DEPTH_MAX);

  walk->open[walk->n_open++] = slice_of(entity->boundary);
  if (entity->content == CONTENT_MULTIPART) {
    g_autofree char *type = first_token(header_first(entity->view, "Content-Type"));
    bool digest = g_ascii_strcasecmp(type, "multipart/digest") == 0;
    return multipart_write(walk, digest ? CONTENT_MESSAGE : CONTENT_TEXT, error);
  }
  res = entity_write(walk, CONTENT_TEXT, true, error);
  walk->n_open--;
  return res;
}

/* What stands behind the header at walk->at. Its header goes to `header`. */
static enum res
content_walk(struct walk *walk, const struct entity *entity, GString *header, GError **error)
{
  if (entity->content == CONTENT_MULTIPART || entity->content == CONTENT_MESSAGE)
    return container_write(walk, entity, header, error);

  size_t end = boundary_find(walk, walk->at);
  struct slice content = between(walk, walk->at, end);
  bool bounded = end < walk->text.n && content.n > 0;
  if (bounded)
    content.n -= 2; /* that CRLF belongs to the boundary (RFC 2046 5.1.1) */
  enum res res = leaf_write(entity, content, header, walk->out, error);
  if (res != RES_OK)
    return res;
  walk->at = end;
  struct slice made = { walk->out->str, walk->out->len };
  if (bounded || (slice_ends_nocase(content, SLICE("\r\n")) && !slice_ends_nocase(made, SLICE("\r\n"))))
    g_string_append(walk->out, "\r\n");
  return check_size(walk, error);
}

/* The header at walk->at with its empty line, if it has one before the next boundary. */
static struct slice
header_take(struct walk *walk)
{
  size_t start = walk->at;
  while (walk->at < walk->text.n) {
    struct slice line = line_at(walk, walk->at);
    if (is_boundary(walk, line))
      break;
    walk->at += line.n;
    if (slice_equal(line, SLICE("\r\n")))
      break;
  }
  return between(walk, start, walk->at);
}

/* Lines between boundaries none of which is a field: somebody forgot the empty line before the text, and many readers show it all the same. */
static bool
is_headless(const struct header_view *view)
{
  for (size_t i = 0; i < view->n; i++)
    if (view->fields[i].name.n)
      return false;
  return view->n > 0;
}

/* The header at walk->at. `optional`: it may be missing, and then the view is empty. */
static enum res
header_read(struct walk *walk, bool optional, struct header_view **view)
{
  size_t start = walk->at;
  enum res res = header_view_new(header_take(walk), view, NULL);
  if (res != RES_OK || !optional || !is_headless(*view))
    return res;
  walk->at = start;
  g_clear_pointer(view, header_view_free);
  return header_view_new(between(walk, start, start), view, NULL);
}

/* One body part, or one message within a message, up to the boundary behind it. `missing`: what it is if it has no type. */
static enum res
entity_write(struct walk *walk, enum content missing, bool is_message, GError **error)
{
  if (++walk->parts > DOWNGRADE_PARTS_MAX)
    return refuse(error, REPLY_NO_CONVERSION, "the message has more than %d parts", DOWNGRADE_PARTS_MAX);
  OWN(header_view) view = NULL;
  if (header_read(walk, missing == CONTENT_TEXT && !is_message, &view) != RES_OK)
    return refuse(error, REPLY_NO_CONVERSION, "the header of a part cannot be read");
  struct entity entity = { .view = view, .is_message = is_message };
  entity_look(&entity, missing);
  enum res res = content_walk(walk, &entity, walk->out, error);
  g_free(entity.boundary);
  return res;
}

enum res
message_downgrade(struct slice header, struct slice body, enum downgrade how, GBytes **new_header, GBytes **new_body, GError **error)
{
  *new_header = *new_body = NULL;
  OWN(header_view) view = NULL;
  if (header_view_new(header, &view, NULL) != RES_OK)
    return refuse(error, REPLY_NO_CONVERSION, "the header cannot be read");

  g_autoptr(GString) head = g_string_sized_new(header.n + header.n / 8);
  g_autoptr(GString) out = g_string_new(NULL);
  struct walk walk = { .text = body, .out = out, .out_max = DOWNGRADE_GROWTH * body.n + DOWNGRADE_SLACK };
  struct entity entity = { .view = view, .is_message = true, .is_whole = true };
  if (how == DOWNGRADE_SEVEN_BIT)
    entity_look(&entity, CONTENT_TEXT);
  struct relabel as_it_came = { 0 };
  enum res res = how == DOWNGRADE_HEADER ? header_write(&entity, &as_it_came, head, error) : content_walk(&walk, &entity, head, error);
  g_free(entity.boundary);
  if (res != RES_OK)
    return res;
  if (head->len > DOWNGRADE_GROWTH * header.n + DOWNGRADE_SLACK)
    return refuse(error, REPLY_NO_CONVERSION, "the header would grow to more than %d times its size", DOWNGRADE_GROWTH);

  *new_header = g_string_free_to_bytes(g_steal_pointer(&head));
  if (how == DOWNGRADE_SEVEN_BIT && !slice_equal((struct slice){ out->str, out->len }, body))
    *new_body = g_string_free_to_bytes(g_steal_pointer(&out));
  return RES_OK;
}
