#include "message/encoded_word.h"
#include "message/header.h"

#define FFFD "\xef\xbf\xbd"

static const struct {
  const char *name, *input, *want;
} rows[] = {
  { .name = "plain", .input = "a plain subject", .want = "a plain subject" },
  { .name = "empty", .input = "", .want = "" },
  { .name = "Q", .input = "=?utf-8?Q?J=C3=B6rg?=", .want = "J\xc3\xb6rg" },
  { .name = "B", .input = "=?UTF-8?B?SsO2cmc=?=", .want = "J\xc3\xb6rg" },
  { .name = "small letters", .input = "=?utf-8?b?SsO2cmc?=", .want = "J\xc3\xb6rg" },
  { .name = "underscore is a space", .input = "=?us-ascii?q?a_b=5Fc?=", .want = "a b_c" },
  { .name = "language", .input = "=?us-ascii*en?Q?a?=", .want = "a" },
  { .name = "text around", .input = "Re: =?utf-8?q?a?= b", .want = "Re: a b" },
  { .name = "blank between words goes", .input = "=?utf-8?q?a?= =?utf-8?q?b?=", .want = "ab" },
  { .name = "folding between words goes", .input = "=?utf-8?q?a?=\t =?utf-8?q?b?=", .want = "ab" },
  { .name = "text between words stays", .input = "=?utf-8?q?a?= x =?utf-8?q?b?=", .want = "a x b" },
  { .name = "words without a blank", .input = "=?utf-8?q?a?==?utf-8?q?b?=", .want = "ab" },
  { .name = "word inside a word of text", .input = "x=?utf-8?q?a?=y", .want = "xay" },
  { .name = "character cut between words", .input = "=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?=", .want = "J\xc3\xb6rg" },
  { .name = "character cut between encodings", .input = "=?utf-8?q?J=C3?= =?UTF-8?B?tnJn?=", .want = "J\xc3\xb6rg" },
  { .name = "charsets in turn", .input = "=?iso-8859-1?q?=E4?= =?iso-8859-5?q?=C0?= =?koi8-r?q?=C1?=", .want = "\xc3\xa4\xd0\xa0\xd0\xb0" },
  { .name = "ISO 8859-1 is Windows-1252", .input = "=?iso-8859-1?q?=80?=", .want = "\xe2\x82\xac" },
  { .name = "Windows-1252", .input = "=?windows-1252?q?=96?=", .want = "\xe2\x80\x93" },
  { .name = "GB 2312", .input = "=?gb2312?B?1tDOxA==?=", .want = "\xe4\xb8\xad\xe6\x96\x87" },
  { .name = "ISO 2022-JP", .input = "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", .want = "\xe6\x97\xa5\xe6\x9c\xac" },
  { .name = "Shift JIS", .input = "=?Shift_JIS?Q?=93=FA?=", .want = "\xe6\x97\xa5" },
  { .name = "x- and KS C", .input = "=?x-sjis?Q?=93=FA?= =?ks_c_5601-1987?Q?=B0=A1?=", .want = "\xe6\x97\xa5\xea\xb0\x80" },
  { .name = "code page", .input = "=?cp850?q?=84?= =?IBM437?q?=84?=", .want = "\xc3\xa4\xc3\xa4" },
  { .name = "blanks in Q text", .input = "=?utf-8?q?a b?= c", .want = "a b c" },
  { .name = "question mark in Q text", .input = "=?utf-8?q?a?b?=", .want = "a?b" },
  { .name = "broken hexadecimal", .input = "=?utf-8?q?=4=zz=?=", .want = "=4=zz=" },
  { .name = "rubbish in B", .input = "=?utf-8?b?!SsO2*cmc=?=", .want = "J\xc3\xb6rg" },
  { .name = "Hebrew, the last letter kept back by the converter", .input = "=?windows-1255?Q?=F9=EC=E5?=", .want = "\xd7\xa9\xd7\x9c\xd7\x95" },
  { .name = "Vietnamese, likewise", .input = "=?windows-1258?Q?Ti=EAn?= =?windows-1258?Q?ga?=", .want = "Ti\xc3\xaanga" },
  { .name = "Big5, likewise", .input = "=?big5?Q?=88=66?=", .want = "\xc3\x8a" },
  { .name = "Big5, likewise, before a character that is cut off", .input = "=?big5?Q?=88=66=A4?=", .want = "\xc3\x8a" FFFD },
  { .name = "unknown charset that is UTF-8", .input = "=?nonesuch?q?=C3=B6?=", .want = "\xc3\xb6" },
  { .name = "unknown charset that is not", .input = "=?nonesuch?q?=F6?=", .want = "\xc3\xb6" },
  { .name = "ASCII with 8-bit octets", .input = "=?us-ascii?q?=F6?=", .want = "\xc3\xb6" },
  { .name = "charset that tries options of iconv", .input = "=?utf-7//TRANSLIT?q?a?=", .want = "a" },
  { .name = "not UTF-8 though it says so", .input = "=?utf-8?q?a=F6b?=", .want = "a" FFFD "b" },
  { .name = "not in the charset", .input = "=?euc-jp?q?a=FFb?=", .want = "a" FFFD "b" },
  { .name = "character cut off at the end", .input = "=?shift_jis?q?a=93?=", .want = "a" FFFD },
  { .name = "raw UTF-8", .input = "J\xc3\xb6rg", .want = "J\xc3\xb6rg" },
  { .name = "raw Latin-1", .input = "J\xf6rg", .want = "J\xc3\xb6rg" },
  { .name = "raw UTF-8 beside a word", .input = "J\xc3\xb6rg =?utf-8?q?=C3=B6?=", .want = "J\xc3\xb6rg \xc3\xb6" },
  { .name = "empty word", .input = "a =?utf-8?q?\?= b", .want = "a  b" },
  { .name = "no charset", .input = "=??q?a?=", .want = "=??q?a?=" },
  { .name = "no encoding", .input = "=?utf-8?a?=", .want = "=?utf-8?a?=" },
  { .name = "unknown encoding", .input = "=?utf-8?x?a?=", .want = "=?utf-8?x?a?=" },
  { .name = "no end", .input = "=?utf-8?q?abc", .want = "=?utf-8?q?abc" },
  { .name = "cut after the charset", .input = "=?utf-8?", .want = "=?utf-8?" },
  { .name = "cut after the encoding", .input = "=?utf-8?q", .want = "=?utf-8?q" },
  { .name = "beginnings alone", .input = "=?=?=?", .want = "=?=?=?" },
  { .name = "a word after a beginning", .input = "=?=?utf-8?q?a?=", .want = "=?a" },
  { .name = "decoded once only", .input = "=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?=", .want = "=?utf-8?q?a?=" },
  { .name = "line ends inside a word", .input = "=?utf-8?q?a=0D=0AX:_b?=", .want = "a  X: b" },
  { .name = "NUL inside a word", .input = "=?utf-8?q?a=00b?=", .want = "a" FFFD "b" },
  { .name = "escape and DEL", .input = "a\x1b[31m\x7f", .want = "a" FFFD "[31m" FFFD },
  { .name = "C1 control", .input = "=?utf-8?q?a=C2=85b=C2=9Bc?=", .want = "a" FFFD "b" FFFD "c" },
  { .name = "tab is a space", .input = "a\tb", .want = "a b" },
  { .name = "right-to-left override", .input = "a\xe2\x80\xae" "b\xe2\x80\xaa", .want = "a" FFFD "b" FFFD },
  { .name = "isolates", .input = "\xe2\x81\xa6" "a\xe2\x81\xa9", .want = FFFD "a" FFFD },
  { .name = "line separator", .input = "a\xe2\x80\xa8" "b", .want = "a b" },
  { .name = "blanks at the ends", .input = "=?utf-8?q?_a_?=", .want = "a" },
};

static void
test_decode(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  g_autofree char *got = encoded_words_decode(slice_of(rows[row].input), 10000);
  g_assert_cmpstr(got, ==, rows[row].want);
}

/* Cut anywhere, the text decodes to something that can be shown, and never to more than was asked for. */
static void
test_cut(void)
{
  for (size_t row = 0; row < G_N_ELEMENTS(rows); row++)
    for (size_t n = 0; n <= strlen(rows[row].input); n++) {
      g_autofree char *copy = g_memdup2(rows[row].input, n + 1);
      g_autofree char *got = encoded_words_decode((struct slice){ copy, n }, 5);
      g_assert_true(g_utf8_validate(got, -1, NULL));
      g_assert_cmpuint(strlen(got), <=, 5);
    }
}

static char *
repeat(const char *piece, size_t octets)
{
  GString *text = g_string_new(NULL);
  while (text->len < octets)
    g_string_append(text, piece);
  return g_string_free(text, FALSE);
}

/* Input of the longest header that costs most: each must end within the test's time, in bounds. */
static void
test_bounds(gconstpointer data)
{
  g_autofree char *text = repeat(data, HEADER_MAX);
  g_autofree char *got = encoded_words_decode(slice_of(text), 10000);
  g_assert_cmpuint(strlen(got), <=, 10000);
}

static void
test_cut_between_characters(void)
{
  g_autofree char *text = repeat("\xe4\xb8\xad", 12000);
  g_autofree char *got = encoded_words_decode(slice_of(text), 10000);
  g_assert_cmpuint(strlen(got), ==, 9999);
}

static void
test_header_text(void)
{
  OWN(header_view) view = NULL;
  g_assert_cmpint(header_view_new(SLICE("Subject: =?utf-8?q?a?=\r\n =?utf-8?q?=C3=B6?=\r\n\tc\r\n\r\n"), &view, NULL), ==, RES_OK);
  g_autofree char *got = header_text(header_first(view, "subject"));
  g_assert_cmpstr(got, ==, "a\xc3\xb6 c");
}

int
main(int argc, char **argv)
{
  static const char *const costly[] = { "=?a?q?", "=?", "=?utf-8?q?\?=", "=?koi8-r?q?=C1?= =?koi8-u?q?=C1?=",
    "=?iso-2022-jp?b?GyhC?= =?gbk?q?a?=", " ", "=", "\xff", "\x1b" };
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/encoded_word/decode/", rows[i].name, NULL);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_decode);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(costly); i++) {
    g_autofree char *path = g_strdup_printf("/encoded_word/bounds/%zu", i);
    g_test_add_data_func(path, costly[i], test_bounds);
  }
  g_test_add_func("/encoded_word/cut", test_cut);
  g_test_add_func("/encoded_word/cut-between-characters", test_cut_between_characters);
  g_test_add_func("/encoded_word/header-text", test_header_text);
  return g_test_run();
}
