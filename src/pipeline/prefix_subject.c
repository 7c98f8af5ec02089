/* "Re: [Ant 11] Aw: food" becomes "[Ant 12] Re: food": what stands at the subject's head in any order, prefixes of earlier copies and marks
 * of a reply, is taken off; then the prefix and at most one "Re:" are put in front of the rest, whose octets stay as they came, encoded
 * words and folding included. Only where an earlier prefix lies within an encoded word is the rest decoded and encoded anew. */
#include "pipeline/copy.h"

/* Marks of a reply in mail programs' languages; "[2]" may follow, then the colon. */
static const char *const reply_marks[] = { "re", "aw", "sv", "vs", "antw" };

/* Digits of a number in a prefix at most. */
#define NUMBER_MAX 18

static bool
is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice
skip_space(struct slice s)
{
  while (s.n && is_space(s.p[0]))
    s = slice_skip(s, 1);
  return s;
}

static size_t
digits(struct slice s)
{
  size_t n = 0;
  while (n < s.n && n < NUMBER_MAX && g_ascii_isdigit(s.p[n]))
    n++;
  return n;
}

/* Length of "%d" or "%05d" at the start of `template`, 0 if it does not start so. `width`: how many digits at least. */
static size_t
number_mark(const char *template, int *width)
{
  size_t n = 1;
  *width = 0;
  if (template[0] != '%')
    return 0;
  if (template[1] == '0')
    for (n = 2; g_ascii_isdigit(template[n]) && n < 4; n++)
      *width = *width * 10 + (template[n] - '0');
  *width = MIN(*width, NUMBER_MAX);
  return template[n] == 'd' ? n + 1 : 0;
}

/* The prefix for this posting; owned by the caller. */
static char *
prefix_fill(const char *template, int64_t number)
{
  GString *out = g_string_new(NULL);
  while (*template) {
    int width;
    size_t mark = number_mark(template, &width);
    if (mark)
      g_string_append_printf(out, "%0*" G_GINT64_FORMAT, width, number);
    else
      g_string_append_c(out, *template);
    template += mark ? mark : 1;
  }
  return g_string_free(out, FALSE);
}

/* What follows if `s` starts with the prefix of any posting; `s` itself if it does not. */
static struct slice
skip_prefix(struct slice s, const char *template)
{
  struct slice at = s;
  while (*template) {
    int width;
    size_t mark = number_mark(template, &width), n = mark ? digits(at) : 0;
    if (is_space(*template) && at.n && is_space(at.p[0])) {
      at = skip_space(at);
      template += strspn(template, " \t");
    } else if (mark && n) {
      at = slice_skip(at, n);
      template += mark;
    } else if (!mark && at.n && g_ascii_tolower(at.p[0]) == g_ascii_tolower(*template)) {
      at = slice_skip(at, 1);
      template++;
    } else {
      return s;
    }
  }
  return at;
}

/* What follows if `s` starts with a mark of a reply; `s` itself if it does not. */
static struct slice
skip_reply_mark(struct slice s)
{
  for (size_t i = 0; i < G_N_ELEMENTS(reply_marks); i++) {
    if (!slice_starts_nocase(s, slice_of(reply_marks[i])))
      continue;
    struct slice at = slice_skip(s, strlen(reply_marks[i]));
    if (at.n && at.p[0] == '[') {
      size_t n = digits(slice_skip(at, 1));
      if (n && n + 1 < at.n && at.p[n + 1] == ']')
        at = slice_skip(at, n + 2);
    }
    at = skip_space(at);
    if (at.n && at.p[0] == ':')
      return slice_skip(at, 1);
  }
  return s;
}

struct head {
  const char *template; /* of an earlier prefix, blanks around it off */
  bool reply, prefix;   /* found */
};

/* Takes one mark or prefix off the head of `s`; `s` itself if there is none. */
static struct slice
skip_one(struct slice s, struct head *head)
{
  struct slice rest = skip_reply_mark(s);
  if (rest.n < s.n) {
    head->reply = true;
    return rest;
  }
  rest = skip_prefix(s, head->template);
  head->prefix = head->prefix || rest.n < s.n;
  return rest;
}

/* Takes all of them off, of unencoded text. */
static struct slice
skip_plain(struct slice s, struct head *head)
{
  for (;;) {
    s = skip_space(s);
    struct slice rest = skip_one(s, head);
    if (rest.n == s.n)
      return s;
    s = rest;
  }
}

/* Decoded text of encoded words; owned by the caller. */
static char *
decode(struct slice raw)
{
  return header_text(&(struct header_field){ .name = SLICE("Subject"), .value = raw });
}

/* The encoded word at the start of `s` (RFC 2047 2), empty if there is none. */
static struct slice
encoded_word(struct slice s)
{
  if (!slice_starts_nocase(s, SLICE("=?")))
    return SLICE("");
  size_t n = 2;
  for (int marks = 0; marks < 2; marks++)
    n += slice_find(slice_skip(s, n), '?') + 1;
  struct slice text = slice_skip(s, n);
  const char *end = text.n ? memmem(text.p, text.n, "?=", 2) : NULL;
  return end ? slice_head(s, (size_t)(end - s.p) + 2) : SLICE("");
}

/* Takes an encoded word off that holds nothing but marks and prefixes; `s` itself if there is none. */
static struct slice
skip_encoded(struct slice s, struct head *head)
{
  struct slice word = encoded_word(s);
  if (word.n == 0)
    return s;
  struct head inner = { .template = head->template };
  g_autofree char *text = decode(word);
  if (skip_plain(slice_of(text), &inner).n || (!inner.reply && !inner.prefix))
    return s;
  head->reply = head->reply || inner.reply;
  head->prefix = head->prefix || inner.prefix;
  return slice_skip(s, word.n);
}

/* Takes all marks and prefixes off the head of `s`, a field's value. */
static struct slice
skip_head(struct slice s, struct head *head)
{
  for (;;) {
    s = skip_plain(s, head);
    struct slice rest = skip_encoded(s, head);
    if (rest.n == s.n)
      return s;
    s = rest;
  }
}

/* A copy in which CR and LF stand only where they fold. */
static char *
clean_folding(struct slice raw)
{
  char *copy = slice_dup(raw);
  for (char *c = copy; *c; c++)
    if (c[0] == '\r' && c[1] == '\n' && (c[2] == ' ' || c[2] == '\t'))
      c++;
    else if (*c == '\r' || *c == '\n')
      *c = ' ';
  return copy;
}

static bool
starts_encoded(const char *text)
{
  return g_str_has_prefix(text, "=?");
}

/* If an earlier prefix lies within the encoded words of `rest`: the rest behind it, encoded anew, owned by the caller; else NULL. */
static char *
rest_anew(const char *rest, struct head *head)
{
  if (!starts_encoded(rest))
    return NULL;
  struct head inner = { .template = head->template };
  g_autofree char *text = decode(slice_of(rest));
  struct slice behind = skip_plain(slice_of(text), &inner);
  if (!inner.prefix)
    return NULL;
  head->reply = head->reply || inner.reply;
  g_autofree char *plain = slice_dup(behind);
  return header_encode(plain);
}

/* Prefix, "Re:" and rest as a field's value, on two lines if they do not fit on one. Blanks between encoded words are not shown (RFC
 * 2047 6.2): such a prefix takes its own along. */
static char *
subject_join(const char *prefix, bool reply, const char *rest)
{
  g_autofree char *plain = header_encode(prefix);
  g_autofree char *spaced = g_strconcat(prefix, " ", NULL);
  g_autofree char *encoded = starts_encoded(plain) && !reply && starts_encoded(rest) ? header_encode(spaced) : g_strdup(plain);
  g_autofree char *head = g_strdup_printf(" %s%s", encoded, reply ? " Re:" : "");
  bool fits = strlen("Subject:") + strlen(head) + 1 + strcspn(rest, "\r\n") <= 78;
  return g_strconcat(head, fits ? " " : "\r\n ", rest, NULL);
}

/* The whole new value; owned by the caller. */
static char *
subject_value(struct slice old, const char *template, int64_t number)
{
  struct head head = { .template = template };
  g_autofree char *raw = clean_folding(skip_head(old, &head));
  g_autofree char *anew = rest_anew(raw, &head);
  const char *rest = anew ? anew : raw;
  g_autofree char *prefix = prefix_fill(template, number);
  return subject_join(prefix, head.reply, slice_trim(slice_of(rest)).n ? rest : "(no subject)");
}

/* Puts the list's prefix in front of the subject. The owner's choice, so done whatever a signature says; nothing is touched where it is
 * so already. */
void
prefix_subject(struct copy *copy)
{
  const struct pipeline_input *input = copy->input;
  const char *setting = input->list->settings.subject_prefix;
  g_autofree char *template = header_clean(setting ? setting : "");
  g_strstrip(template);
  if (template[0] == '\0')
    return;
  const struct header_field *field = header_first(input->message, "Subject");
  struct slice old = field ? field->value : SLICE("");
  g_autofree char *value = subject_value(old, template, input->number);
  if (!field) {
    g_autofree char *line = header_clean(value);
    header_edit_add(copy->edit, "Subject", line);
  } else if (!slice_equal(slice_trim(old), slice_trim(slice_of(value)))) {
    header_edit_replace(copy->edit, field, value);
  }
}
