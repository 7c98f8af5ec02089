#include "message/charset.h"
#include <errno.h>
#include <iconv.h>
#include <stdint.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Only converters that mail needs are opened to strangers: iconv(3) has hundreds, of mixed quality. Names are compared without case and
 * punctuation; some stand for a superset that mail programs mean by them. */
static const struct {
  const char *name, *converter;
} converters[] = {
  { "big5", "BIG5-HKSCS" },       { "big5hkscs", "BIG5-HKSCS" }, { "eucjp", "EUC-JP" },          { "euckr", "UHC" },
  { "euctw", "EUC-TW" },          { "gb18030", "GB18030" },      { "gb2312", "GB18030" },        { "gbk", "GB18030" },
  { "iso2022jp", "ISO-2022-JP" }, { "iso2022jp2", "ISO-2022-JP-2" }, { "iso2022kr", "ISO-2022-KR" }, { "koi8r", "KOI8-R" },
  { "koi8u", "KOI8-U" },          { "ksc56011987", "UHC" },      { "latin1", "CP1252" },         { "macintosh", "MACINTOSH" },
  { "shiftjis", "CP932" },        { "sjis", "CP932" },           { "tis620", "CP874" },          { "utf7", "UTF-7" },
  { "viscii", "VISCII" },
};

/* Code pages, as "cp", "ibm" or "windows" with the number. */
static const int code_pages[] = { 437,  737,  775,  850,  852,  855,  857,  860,  861,  862,  863,  864,  865,  866,  869,
                                  874,  932,  936,  949,  950,  1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258 };

#define CONVERTER_MAX 24

/* The number behind `prefix`, -1 if `name` is not the prefix and a number. */
static int
number_behind(const char *name, const char *prefix)
{
  int64_t number;
  struct slice digits = slice_skip(slice_of(name), strlen(prefix));
  return g_str_has_prefix(name, prefix) && slice_to_uint(digits, &number) && number < 10000 ? (int)number : -1;
}

static bool
code_page(const char *name, char converter[CONVERTER_MAX])
{
  static const char *const prefixes[] = { "cp", "ibm", "windows" };
  for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
    for (size_t j = 0; j < G_N_ELEMENTS(code_pages); j++)
      if (number_behind(name, prefixes[i]) == code_pages[j]) {
        g_snprintf(converter, CONVERTER_MAX, "CP%d", code_pages[j]);
        return true;
      }
  return false;
}

/* ISO 8859-1 is Windows-1252 in mail: the octets by which they differ are controls in the former. */
static bool
iso_8859(const char *name, char converter[CONVERTER_MAX])
{
  int part = number_behind(name, "iso8859");
  if (part < 1 || part > 16)
    return false;
  if (part == 1)
    g_strlcpy(converter, "CP1252", CONVERTER_MAX);
  else
    g_snprintf(converter, CONVERTER_MAX, "ISO-8859-%d", part);
  return true;
}

/* `charset` in lower case, without "x-", punctuation and the direction mark of RFC 1556 ("iso-8859-8-i"). */
static void
normalize(struct slice charset, char name[CONVERTER_MAX])
{
  if (slice_starts_nocase(charset, SLICE("x-")))
    charset = slice_skip(charset, 2);
  if (slice_ends_nocase(charset, SLICE("-i")))
    charset.n -= 2;
  size_t n = 0;
  for (size_t i = 0; i < charset.n && n < CONVERTER_MAX - 1; i++)
    if (g_ascii_isalnum(charset.p[i]))
      name[n++] = g_ascii_tolower(charset.p[i]);
  name[n] = '\0';
}

static bool
find_converter(struct slice charset, char converter[CONVERTER_MAX])
{
  char name[CONVERTER_MAX];
  normalize(charset, name);
  for (size_t i = 0; i < G_N_ELEMENTS(converters); i++)
    if (strcmp(name, converters[i].name) == 0) {
      g_strlcpy(converter, converters[i].converter, CONVERTER_MAX);
      return true;
    }
  return iso_8859(name, converter) || code_page(name, converter);
}

/* Every turn takes an octet at least or ends. Some converters keep a letter back until they have seen what follows it (Hebrew, Vietnamese,
 * Big5): the last turn, without input, gets it from them. */
static void
convert(iconv_t with, struct slice octets, GString *out)
{
  char *from = (char *)octets.p;
  size_t left = octets.n;
  char buffer[1024];
  while (left) {
    char *to = buffer;
    size_t room = sizeof buffer;
    size_t before = left;
    size_t got = iconv(with, &from, &left, &to, &room);
    int why = errno;
    g_string_append_len(out, buffer, to - buffer);
    if (got != (size_t)-1)
      continue;
    if (why == E2BIG && left < before)
      continue;
    if (why == EINVAL) /* the last character is cut off */
      break;
    g_string_append(out, REPLACEMENT);
    from++;
    left--;
  }
  char *to = buffer;
  size_t room = sizeof buffer;
  if (iconv(with, NULL, NULL, &to, &room) != (size_t)-1)
    g_string_append_len(out, buffer, to - buffer);
  if (left)
    g_string_append(out, REPLACEMENT);
}

static void
append_utf8(struct slice octets, GString *out)
{
  g_autofree char *valid = g_utf8_make_valid(octets.p, (gssize)octets.n);
  g_string_append(out, valid);
}

void
charset_decode(struct slice octets, struct slice charset, GString *out)
{
  char converter[CONVERTER_MAX];
  if (slice_equal_nocase(charset, SLICE("utf-8")) || slice_equal_nocase(charset, SLICE("utf8"))) {
    append_utf8(octets, out);
    return;
  }
  iconv_t with = find_converter(charset, converter) ? iconv_open("UTF-8", converter) : (iconv_t)-1;
  if (with == (iconv_t)-1) {
    charset_guess(octets, out);
    return;
  }
  convert(with, octets, out);
  iconv_close(with);
}

void
charset_guess(struct slice octets, GString *out)
{
  if (!octets.n)
    return;
  if (g_utf8_validate(octets.p, (gssize)octets.n, NULL)) {
    g_string_append_len(out, octets.p, (gssize)octets.n);
    return;
  }
  for (size_t i = 0; i < octets.n; i++)
    g_string_append_unichar(out, (unsigned char)octets.p[i]);
}

static gunichar
clean(gunichar c)
{
  if (g_unichar_isspace(c) || c == '\v')
    return ' ';
  bool turns = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  return turns || g_unichar_iscntrl(c) ? 0xfffd : c;
}

char *
charset_clean(const GString *text, size_t max)
{
  g_autofree char *valid = g_utf8_make_valid(text->str, (gssize)text->len);
  GString *out = g_string_new(NULL);
  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = clean(g_utf8_get_char(p));
    if (c == ' ' && !out->len)
      continue;
    if (out->len + (size_t)g_unichar_to_utf8(c, NULL) > max)
      break;
    g_string_append_unichar(out, c);
  }
  while (out->len && out->str[out->len - 1] == ' ')
    g_string_truncate(out, out->len - 1);
  return g_string_free(out, FALSE);
}
