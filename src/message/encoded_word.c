#include "message/encoded_word.h"
#include "message/charset.h"

/* RFC 2047 says 75 octets; mail programs have written words of a whole subject. The limit bounds the search for a word's end. */
#define WORD_MAX 2000
#define CHARSET_MAX 40
/* Conversions begun in one text at most; the octets of further words are guessed. Opening a converter is what costs: some 100 µs. */
#define CONVERSIONS_MAX 64

/* Neighbouring words of one charset are put together before they are converted: characters do get cut between words. */
struct decoder {
  GString *out;
  GString *octets; /* of the words not yet converted */
  struct slice charset;
  unsigned *conversions; /* that may still be begun */
};

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_charset(struct slice text)
{
  for (size_t i = 0; i < text.n; i++)
    if (!g_ascii_isgraph(text.p[i]))
      return false;
  return text.n > 0;
}

/* "=?charset*language?encoding?text?=" at the start of `text`. Blanks in the encoded text are against the rules, but real. */
static bool
word_read(struct slice text, struct encoded_word *word)
{
  if (!slice_starts_nocase(text, SLICE("=?")))
    return false;
  struct slice rest = slice_skip(text, 2);
  size_t charset = slice_find(slice_head(rest, CHARSET_MAX), '?');
  if (charset >= MIN(rest.n, CHARSET_MAX) || !is_charset(slice_head(rest, charset)))
    return false;
  word->charset = slice_until(slice_head(rest, charset), '*');

  rest = slice_skip(rest, charset + 1);
  if (rest.n < 2 || rest.p[1] != '?')
    return false;
  word->encoding = g_ascii_tolower(rest.p[0]);
  if (word->encoding != 'b' && word->encoding != 'q')
    return false;

  rest = slice_head(slice_skip(rest, 2), WORD_MAX);
  const char *end = rest.n ? memmem(rest.p, rest.n, "?=", 2) : NULL;
  if (!end)
    return false;
  word->text = slice_head(rest, (size_t)(end - rest.p));
  word->length = (size_t)(end + 2 - text.p);
  return true;
}

/* RFC 2047 4.2; an '=' without two hexadecimal digits stands for itself. */
static void
decode_q(struct slice text, GString *out)
{
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];
    if (c == '=' && i + 2 < text.n && g_ascii_isxdigit(text.p[i + 1]) && g_ascii_isxdigit(text.p[i + 2])) {
      c = (char)(g_ascii_xdigit_value(text.p[i + 1]) << 4 | g_ascii_xdigit_value(text.p[i + 2]));
      i += 2;
    } else if (c == '_') {
      c = ' ';
    }
    g_string_append_c(out, c);
  }
}

static void
decode_b(struct slice text, GString *out)
{
  unsigned char buffer[WORD_MAX];
  int state = 0;
  guint save = 0;
  size_t n = g_base64_decode_step(text.p, text.n, buffer, &state, &save);
  g_string_append_len(out, (const char *)buffer, (gssize)n);
  /* Padding that was left out. */
  n = 0;
  for (int i = 0; i < 2 && n == 0; i++)
    n = g_base64_decode_step("=", 1, buffer, &state, &save);
  g_string_append_len(out, (const char *)buffer, (gssize)n);
}

static void
flush(struct decoder *decoder)
{
  struct slice octets = { decoder->octets->str, decoder->octets->len };
  if (!octets.n)
    return;
  if (*decoder->conversions) {
    --*decoder->conversions;
    charset_decode(octets, decoder->charset, decoder->out);
  } else {
    charset_guess(octets, decoder->out);
  }
  g_string_truncate(decoder->octets, 0);
}

void
encoded_word_octets(const struct encoded_word *word, GString *out)
{
  if (word->encoding == 'b')
    decode_b(word->text, out);
  else
    decode_q(word->text, out);
}

static void
take_word(struct decoder *decoder, const struct encoded_word *word)
{
  if (!slice_equal_nocase(word->charset, decoder->charset))
    flush(decoder);
  decoder->charset = word->charset;
  encoded_word_octets(word, decoder->octets);
}

size_t
encoded_word_find(struct slice text, struct encoded_word *word)
{
  for (size_t at = 0; at < text.n; at++) {
    at += slice_find(slice_skip(text, at), '=');
    if (word_read(slice_skip(text, at), word))
      return at;
  }
  return text.n;
}

static bool
is_all_blank(struct slice text)
{
  for (size_t i = 0; i < text.n; i++)
    if (!is_blank(text.p[i]))
      return false;
  return true;
}

static void
decode(struct decoder *decoder, struct slice text, size_t max)
{
  bool after_word = false;
  while (text.n && decoder->out->len + decoder->octets->len <= 4 * max) {
    struct encoded_word word;
    size_t plain = encoded_word_find(text, &word);
    bool last = plain == text.n;
    /* RFC 2047 6.2: blanks between two words are not shown. */
    if (last || !after_word || !is_all_blank(slice_head(text, plain))) {
      flush(decoder);
      charset_guess(slice_head(text, plain), decoder->out);
    }
    if (last)
      break;
    take_word(decoder, &word);
    after_word = true;
    text = slice_skip(text, plain + word.length);
  }
  flush(decoder);
}

char *
encoded_words_decode_within(struct slice text, size_t max, unsigned *conversions)
{
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(GString) octets = g_string_new(NULL);
  struct decoder decoder = { .out = out, .octets = octets, .conversions = conversions };
  decode(&decoder, text, max);
  return charset_clean(out, max);
}

char *
encoded_words_decode(struct slice text, size_t max)
{
  unsigned conversions = CONVERSIONS_MAX;
  return encoded_words_decode_within(text, max, &conversions);
}

/* --- encoding --- */

/* Octets that stand for themselves also in phrases (RFC 2047 5 (3)); a space becomes '_'. */
static bool
q_is_plain(char c)
{
  return g_ascii_isalnum(c) || (c != '\0' && strchr("!*+-/ ", c) != NULL);
}

static size_t
encoded_length(struct slice text, bool base64)
{
  if (base64)
    return (text.n + 2) / 3 * 4;
  size_t n = 0;
  for (size_t i = 0; i < text.n; i++)
    n += q_is_plain(text.p[i]) ? 1 : 3;
  return n;
}

bool
encoded_word_prefers_base64(struct slice text)
{
  return 2 * encoded_length(text, true) < encoded_length(text, false);
}

size_t
encoded_word_fitting(struct slice text, bool utf8, bool base64, size_t room)
{
  size_t n = 0;
  while (n < text.n) {
    size_t next = n + (utf8 ? (size_t)(g_utf8_next_char(text.p + n) - (text.p + n)) : 1);
    next = MIN(next, text.n);
    if (n && encoded_length(slice_head(text, next), base64) > room)
      break;
    n = next;
  }
  return n;
}

static void
append_q(GString *out, struct slice text)
{
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] == ' ')
      g_string_append_c(out, '_');
    else if (q_is_plain(text.p[i]))
      g_string_append_c(out, text.p[i]);
    else
      g_string_append_printf(out, "=%02X", (unsigned)(unsigned char)text.p[i]);
}

void
encoded_word_append(GString *out, struct slice text, const char *charset, bool base64)
{
  g_string_append_printf(out, "=?%s?%c?", charset, base64 ? 'B' : 'Q');
  if (base64) {
    g_autofree char *encoded = g_base64_encode((const guchar *)text.p, text.n);
    g_string_append(out, encoded);
  } else
    append_q(out, text);
  g_string_append(out, "?=");
}
