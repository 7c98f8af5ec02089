#include "message/header_line.h"
#include "message/encoded_word.h"
#include "message/transfer_encoding.h"

/* RFC 2047 2: octets of a line that holds encoded words. */
#define LINE_SOFT 76
/* Octets of an encoded word: less than RFC 2047's 75, so that ")," has room behind it. */
#define WORD_SOFT 72
/* Its octets besides charset and text: "=?", "?Q?" and "?=". */
#define ENCODED_AROUND 7
/* What an encoded word holds at least before it goes to a line of its own. */
#define ENCODED_TEXT_MIN 12
/* Words that are longer are broken or encoded, so that no line is over LINE_OCTETS_MAX. */
#define WORD_HARD (LINE_OCTETS_MAX - 100)

struct header_line {
  GString *out;
  size_t start;       /* of the line in `out` */
  GString *blanks;    /* not yet written */
  bool first;         /* nothing but the field's name stands on the line: a fold would leave it alone there */
  bool after_encoded; /* an encoded word was written last */
  bool touching;      /* the next encoded word touches the word before it, as it did when it came */
};

bool
header_line_is_ascii(struct slice text)
{
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] > 126 || text.p[i] == '\0')
      return false;
  return true;
}

struct header_line *
header_line_new(GString *out)
{
  struct header_line *line = g_new0(struct header_line, 1);
  *line = (struct header_line){ .out = out, .start = out->len, .blanks = g_string_new(NULL), .first = true };
  return line;
}

void
header_line_free(struct header_line *line)
{
  if (!line)
    return;
  g_string_free(line->blanks, TRUE);
  g_free(line);
}

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t';
}

static size_t
blank_length(struct slice text)
{
  size_t n = 0;
  while (n < text.n && is_blank(text.p[n]))
    n++;
  return n;
}

static size_t
word_length(struct slice text)
{
  size_t n = 0;
  while (n < text.n && !is_blank(text.p[n]))
    n++;
  return n;
}

static size_t
column(const struct header_line *line)
{
  return line->out->len - line->start;
}

void
header_line_blanks(struct header_line *line, struct slice blanks)
{
  g_string_truncate(line->blanks, 0);
  g_string_append_len(line->blanks, blanks.p, (gssize)blanks.n);
}

void
header_line_separate(struct header_line *line)
{
  if (line->after_encoded && !line->blanks->len)
    g_string_append_c(line->blanks, ' ');
}

/* But never twice in one place: an empty line ends the header. */
static void
fold(struct header_line *line)
{
  if (column(line) == 0)
    return;
  g_string_append(line->out, "\r\n");
  line->start = line->out->len;
}

static void
flush_blanks(struct header_line *line, size_t next)
{
  size_t end = column(line) + line->blanks->len + next;
  if (line->blanks->len && end > (line->first ? LINE_OCTETS_MAX : LINE_SOFT))
    fold(line);
  g_string_append_len(line->out, line->blanks->str, (gssize)line->blanks->len);
  g_string_truncate(line->blanks, 0);
}

static void
append_word(struct header_line *line, struct slice word, bool encoded)
{
  flush_blanks(line, word.n);
  g_string_append_len(line->out, word.p, (gssize)word.n);
  line->first = line->first && word.n == 0;
  line->after_encoded = encoded;
  line->touching = false;
}

/* Blanks at the end of `text` wait for what follows. */
void
header_line_words(struct header_line *line, struct slice text)
{
  while (text.n) {
    size_t blanks = blank_length(text);
    if (blanks)
      header_line_blanks(line, slice_head(text, blanks));
    text = slice_skip(text, blanks);
    size_t n = word_length(text);
    if (n)
      append_word(line, slice_head(text, n), false);
    text = slice_skip(text, n);
  }
}

void
header_line_word(struct header_line *line, struct slice word)
{
  if (word.n > WORD_HARD)
    header_line_words(line, word);
  else if (word.n)
    append_word(line, word, false);
}

/* --- encoded words --- */

/* Room for an encoded word on the line, once blanks stand before it: only the parenthesis that opens a comment may touch it. */
static size_t
make_room(struct header_line *line, size_t least)
{
  bool opens = line->out->len && line->out->str[line->out->len - 1] == '(' && !line->after_encoded;
  bool full = column(line) + line->blanks->len + least > LINE_SOFT;
  if (!line->blanks->len && !line->touching && (!opens || full))
    g_string_append_c(line->blanks, ' ');
  if (full && line->blanks->len) {
    fold(line);
    line->first = false;
  }
  size_t used = column(line) + line->blanks->len;
  return used + least < LINE_SOFT ? MIN(LINE_SOFT - used, WORD_SOFT) : least;
}

/* At least one word, even for nothing: what stands there parts what is around it. */
static void
append_encoded(struct header_line *line, struct slice text, const char *charset, bool utf8)
{
  bool base64 = encoded_word_prefers_base64(text);
  size_t around = strlen(charset) + ENCODED_AROUND;
  do {
    size_t room = make_room(line, around + ENCODED_TEXT_MIN) - around;
    struct slice part = slice_head(text, encoded_word_fitting(text, utf8, base64, room));
    g_autoptr(GString) word = g_string_new(NULL);
    encoded_word_append(word, part, charset, base64);
    append_word(line, (struct slice){ word->str, word->len }, true);
    text = slice_skip(text, part.n);
  } while (text.n);
}

/* --- text --- */

static bool
has_octet_of(struct slice word, const char *set)
{
  for (size_t i = 0; i < word.n; i++)
    if (strchr(set, word.p[i]))
      return true;
  return false;
}

static bool
is_visible_ascii(struct slice word)
{
  for (size_t i = 0; i < word.n; i++)
    if (!g_ascii_isgraph(word.p[i]))
      return false;
  return true;
}

/* A word that cannot stay as it is. "=?" is none of an encoded word here, and must not become one by what is written behind it. */
static bool
needs_encoding(struct slice word, enum header_place place)
{
  if (place == HEADER_PLACE_PHRASE || word.n > WORD_HARD || !is_visible_ascii(word))
    return true;
  if (memmem(word.p, word.n, "=?", 2))
    return true;
  return place == HEADER_PLACE_COMMENT && has_octet_of(word, "()\\");
}

/* From the first word that needs encoding to the last one; empty if there is none. */
static struct slice
encoded_part(struct slice text, enum header_place place)
{
  struct slice part = { text.p, 0 };
  size_t start = text.n;
  for (size_t i = 0; i < text.n;) {
    i += blank_length(slice_skip(text, i));
    struct slice rest = slice_skip(text, i);
    struct slice word = slice_head(rest, word_length(rest));
    if (word.n && needs_encoding(word, place)) {
      start = MIN(start, i);
      part = (struct slice){ text.p + start, i + word.n - start };
    }
    i += word.n;
  }
  return part;
}

/* Text between encoded words. Blanks between two encoded words are not shown (RFC 2047 6.2), so those between ours and its neighbour are
 * encoded with it. */
static void
append_plain(struct header_line *line, struct slice text, enum header_place place, bool before_encoded)
{
  struct slice part = encoded_part(text, place);
  if (!part.n) {
    header_line_words(line, text);
    return;
  }
  size_t start = (size_t)(part.p - text.p), end = start + part.n;
  if (line->after_encoded && blank_length(text) == start)
    start = 0;
  if (before_encoded && blank_length(slice_skip(text, end)) == text.n - end)
    end = text.n;

  bool utf8 = g_utf8_validate_len(text.p, text.n, NULL);
  header_line_words(line, slice_head(text, start));
  append_encoded(line, slice_skip(slice_head(text, end), start), utf8 ? "UTF-8" : "unknown-8bit", utf8);
  header_line_words(line, slice_skip(text, end));
}

/* An encoded word that was there: as it is, if it may be. */
static void
append_found(struct header_line *line, struct slice whole, const struct encoded_word *word, enum header_place place)
{
  bool special = place == HEADER_PLACE_TEXT ? false : has_octet_of(whole, place == HEADER_PLACE_PHRASE ? "()<>@,;:\\\"[]" : "()\\");
  if (whole.n <= WORD_HARD && is_visible_ascii(whole) && !special) {
    header_line_separate(line);
    append_word(line, whole, true);
    return;
  }
  g_autofree char *charset = slice_dup(word->charset);
  g_autoptr(GString) octets = g_string_new(NULL);
  encoded_word_octets(word, octets);
  append_encoded(line, (struct slice){ octets->str, octets->len }, charset[0] ? charset : "unknown-8bit", false);
}

void
header_line_text(struct header_line *line, struct slice text, enum header_place place)
{
  line->after_encoded = false;
  while (text.n) {
    struct encoded_word word;
    size_t plain = encoded_word_find(text, &word);
    bool found = plain < text.n;
    if (plain)
      append_plain(line, slice_head(text, plain), place, found);
    text = slice_skip(text, plain);
    if (!found)
      break;
    line->touching = plain && !line->blanks->len && !line->after_encoded;
    append_found(line, slice_head(text, word.length), &word, place);
    text = slice_skip(text, word.length);
  }
}
