#include "message/downgrade.h"
#include "base/thread.h"
#include "message/transfer_encoding.h"

#define W50 "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
#define W250 W50 W50 W50 W50 W50
#define W1000 W250 W250 W250 W250
#define AE "\xc3\xa4"
#define V "MIME-Version: 1.0\r\n"
#define TYPE(t) "Content-Type: " t "\r\n"
#define CTE(e) "Content-Transfer-Encoding: " e "\r\n"
#define MIXED TYPE("multipart/mixed; boundary=b")

struct row {
  const char *name;
  enum downgrade how;
  const char *header, *body;           /* the header without its empty line */
  const char *want_header, *want_body; /* NULL: as it came */
  enum reply reply;                    /* 0: none */
};

#define SEVEN .how = DOWNGRADE_SEVEN_BIT
#define HEADER .how = DOWNGRADE_HEADER
#define NO_CONVERSION .reply = REPLY_NO_CONVERSION

static const struct row rows[] = {
  /* the header alone */
  { .name = "header", HEADER, .header = "From: " AE " <a@b>\r\n" CTE("8bit"), .body = AE "\r\n",
    .want_header = "From: =?UTF-8?Q?=C3=A4?= <a@b>\r\n" CTE("8bit") },
  { .name = "header, nothing to do", HEADER, .header = "A: b\r\n", .body = AE },
  { .name = "header, message/global stays", HEADER, .header = TYPE("message/global") "A: " AE "\r\n", .body = "Subject: " AE "\r\n\r\n",
    .want_header = TYPE("message/global") "A: =?UTF-8?Q?=C3=A4?=\r\n" },
  { .name = "header, local part", HEADER, .header = "From: <" AE "@b>\r\n", .body = "", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "header, boundary", HEADER, .header = TYPE("multipart/mixed; boundary=" AE), .body = "", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "header, signed body is untouched", HEADER, .header = "Subject: " AE "\r\n" TYPE("multipart/signed; boundary=b"),
    .body = "--b\r\n\r\n" AE "\r\n--b--\r\n", .want_header = "Subject: =?UTF-8?Q?=C3=A4?=\r\n" TYPE("multipart/signed; boundary=b") },

  /* one leaf */
  { .name = "7 bit", SEVEN, .header = "A: b\r\n", .body = "a\r\n" },
  { .name = "no body", SEVEN, .header = "A: b\r\n", .body = "" },
  { .name = "says 8bit, is 7 bit", SEVEN, .header = V CTE("8BIT"), .body = "a\r\n", .want_header = V CTE("7bit") },
  { .name = "says binary, is 7 bit", SEVEN, .header = CTE("binary (x)"), .body = "a\r\n",
    .want_header = CTE("7bit") "MIME-Version: 1.0\r\n" },
  { .name = "text", SEVEN, .header = V TYPE("text/plain; charset=utf-8") CTE("8bit") "A: b\r\n", .body = "1=" AE "\r\n",
    .want_header = V TYPE("text/plain; charset=utf-8") CTE("quoted-printable") "A: b\r\n", .want_body = "1=3D=C3=A4\r\n" },
  { .name = "text of no encoding", SEVEN, .header = V TYPE("Text/html"), .body = "abcdef" AE,
    .want_header = V TYPE("Text/html") CTE("quoted-printable"), .want_body = "abcdef=C3=A4" },
  { .name = "no MIME, UTF-8", SEVEN, .header = "A: b\r\n", .body = "abcde" AE "\r\n",
    .want_header = "A: b\r\n" V TYPE("text/plain; charset=UTF-8") CTE("quoted-printable"), .want_body = "abcde=C3=A4\r\n" },
  { .name = "no MIME, ASCII, line over 998 octets", SEVEN, .header = "A: b\r\n", .body = W1000 "\r\n",
    .want_header = "A: b\r\n" V CTE("quoted-printable"), .want_body = W50 "wwwwwwwwwwwwwwwwwwwwwwwww=\r\n" },
  { .name = "no MIME", SEVEN, .header = "A: b\r\n", .body = "Gr\xfc\xdf" "e\r\n",
    .want_header = "A: b\r\n" V TYPE("text/plain; charset=unknown-8bit") CTE("quoted-printable"), .want_body = "Gr=FC=DFe\r\n" },
  { .name = "type that is none", SEVEN, .header = V TYPE("text"), .body = "abcdef" AE "\r\n",
    .want_header = V TYPE("text") CTE("quoted-printable"),
    .want_body = "abcdef=C3=A4\r\n" },
  { .name = "mostly 8-bit text", SEVEN, .header = V TYPE("text/plain"), .body = AE AE AE AE "\r\n",
    .want_header = V TYPE("text/plain") CTE("base64"), .want_body = "w6TDpMOkw6QNCg==\r\n" },
  { .name = "octets", SEVEN, .header = V TYPE("image/png"), .body = "abcdefghijk\xff\r\n", .want_header = V TYPE("image/png") CTE("base64"),
    .want_body = "YWJjZGVmZ2hpamv/DQo=\r\n" },
  { .name = "report", SEVEN, .header = V TYPE("message/delivery-status"), .body = "A: abcdef" AE "\r\n",
    .want_header = V TYPE("message/delivery-status") CTE("quoted-printable"), .want_body = "A: abcdef=C3=A4\r\n" },
  { .name = "the first encoding counts", SEVEN, .header = V CTE("8bit") "A: b\r\n" CTE("base64") TYPE("text/plain"), .body = "abcde" AE,
    .want_header = V CTE("quoted-printable") "A: b\r\n" TYPE("text/plain"), .want_body = "abcde=C3=A4" },
  { .name = "encoding that is a slip", SEVEN, .header = V TYPE("text/plain") CTE("utf-8"), .body = "abcde" AE,
    .want_header = V TYPE("text/plain") CTE("quoted-printable"), .want_body = "abcde=C3=A4" },
  { .name = "private encoding, 7 bit", SEVEN, .header = V TYPE("text/plain") CTE("x-foo"), .body = "a" },
  { .name = "private encoding", SEVEN, .header = V TYPE("text/plain") CTE("x-foo"), .body = AE, NO_CONVERSION },
  { .name = "uuencode", SEVEN, .header = V TYPE("text/plain") CTE("uuencode"), .body = AE, NO_CONVERSION },
  { .name = "quoted-printable with 8-bit octets", SEVEN, .header = V TYPE("text/plain") CTE("Quoted-Printable"),
    .body = "a=C3=\r\n=A4" AE "bcdef=3D",
    .want_header = V TYPE("text/plain") CTE("quoted-printable"), .want_body = "a=C3=A4=C3=A4bcdef=3D" },
  { .name = "base64 with 8-bit octets", SEVEN, .header = V TYPE("text/plain") CTE("base64"), .body = "AA\xff" "AA\r\nAAAA\r\n",
    .want_header = V TYPE("text/plain") CTE("base64"), .want_body = "AAAA\r\nAAAA\r\n" },
  { .name = "encoded already", SEVEN, .header = "Subject: " AE "\r\n" TYPE("text/plain") CTE("base64"), .body = "w6Q=\r\n",
    .want_header = "Subject: =?UTF-8?Q?=C3=A4?=\r\n" TYPE("text/plain") CTE("base64") },
  { .name = "line over 998 octets", SEVEN, .header = V TYPE("text/plain"), .body = W50 "123456789012345678901234567890\r\n" W50 W1000 AE,
    .want_header = V TYPE("text/plain") CTE("quoted-printable"),
    .want_body = W50 "1234567890123456789012345=\r\n67890\r\n" /* and so on: see below */ },
  { .name = "NUL", SEVEN, .header = V TYPE("text/plain"), .body = NULL, .want_header = V TYPE("text/plain") CTE("quoted-printable"),
    .want_body = "a=00b\r\n" },

  /* multiparts */
  { .name = "leaves", SEVEN, .header = V MIXED CTE("8bit"),
    .body = "pre\r\n--b\r\n" TYPE("text/plain") CTE("8bit") "\r\nabcde" AE "\r\n--b  \r\n" TYPE("a/b") "\r\n\xff\r\n\r\n--b\r\nX-A: " AE
            "\r\n\r\nclean \r\n\r\n--b--\r\npost\r\n",
    .want_header = V MIXED CTE("7bit"),
    .want_body = "pre\r\n--b\r\n" TYPE("text/plain") CTE("quoted-printable") "\r\nabcde=C3=A4\r\n--b  \r\n" TYPE("a/b") CTE("base64")
                 "\r\n/w0K\r\n--b\r\nX-A: =?UTF-8?Q?=C3=A4?=\r\n\r\nclean \r\n\r\n--b--\r\npost\r\n" },
  { .name = "7-bit parts keep their octets", SEVEN, .header = V MIXED CTE("8bit"),
    .body = "--b\r\n\r\n--b\r\n--b\r\nA:b\r\n--b\r\n" CTE("base64") "\r\n@@ \r\n--c\r\n--b--", .want_header = V MIXED CTE("7bit") },
  { .name = "no type in a multipart", SEVEN, .header = V MIXED, .body = "--b\r\n\r\nabcde" AE "\r\n--b--\r\n",
    .want_body = "--b\r\n" TYPE("text/plain; charset=UTF-8") CTE("quoted-printable") "\r\nabcde=C3=A4\r\n--b--\r\n" },
  { .name = "a part without a header is text", SEVEN, .header = V MIXED, .body = "--b\r\nHallo " AE "\r\n\r\nabcdef\r\n--b\r\nhallo\r\n--b--\r\n",
    .want_body = "--b\r\n" TYPE("text/plain; charset=UTF-8") CTE("quoted-printable") "\r\nHallo =C3=A4\r\n\r\nabcdef\r\n--b\r\nhallo\r\n--b--\r\n" },
  { .name = "a part with a line that is no field", SEVEN, .header = V MIXED,
    .body = "--b\r\n" AE "\r\n" TYPE("a/b") "\r\n\xff\r\n--b--\r\n",
    .want_body = "--b\r\n?" "?\r\n" TYPE("a/b") CTE("base64") "\r\n/w==\r\n--b--\r\n" },
  { .name = "boundary in quotes, with blanks", SEVEN, .header = TYPE("multipart/mixed;\r\n\tBoundary = \"b\\c (;\" ; x=y"),
    .body = "--bc (;\r\n\r\nabcde" AE "\r\n--bc (;--\r\n",
    .want_body = "--bc (;\r\n" TYPE("text/plain; charset=UTF-8") CTE("quoted-printable") "\r\nabcde=C3=A4\r\n--bc (;--\r\n" },
  { .name = "preamble and epilogue", SEVEN, .header = MIXED,
    .body = "x" AE "\r\n" W1000 "\r\n--b\r\n\r\n\r\n--b--\r\n" AE "\r\n--b\r\n\r\n" AE,
    .want_body = "x??\r\n--b\r\n\r\n\r\n--b--\r\n??\r\n--b\r\n\r\n??" },
  { .name = "a preamble does not become a boundary", SEVEN, .header = TYPE("multipart/mixed; boundary=?"),
    .body = "--\xff\r\n\xff\r\n--?\r\n\r\na\r\n--?--\r\n", .want_body = "?\r\n--?\r\n\r\na\r\n--?--\r\n" },
  { .name = "a leaf does not become a boundary", SEVEN, .header = TYPE("multipart/mixed; boundary=\"=FF\""),
    .body = "--=FF\r\n" TYPE("text/plain") "\r\nabcdef\r\n--\xff\r\n--=FF--\r\n",
    .want_body = "--=FF\r\n" TYPE("text/plain") CTE("quoted-printable") "\r\nabcdef\r\n=2D-=FF\r\n--=FF--\r\n" },
  { .name = "nested", SEVEN, .header = MIXED,
    .body = "--b\r\n" TYPE("multipart/alternative; boundary=bb") CTE("8bit") "\r\n--bb\r\n" TYPE("a/b") "\r\n\xff\r\n--bb--\r\n\r\n--b\r\n"
            TYPE("a/c") "\r\n\xfe\r\n--b--\r\n",
    .want_body = "--b\r\n" TYPE("multipart/alternative; boundary=bb") CTE("7bit") "\r\n--bb\r\n" TYPE("a/b") CTE("base64")
                 "\r\n/w==\r\n--bb--\r\n\r\n--b\r\n" TYPE("a/c") CTE("base64") "\r\n/g==\r\n--b--\r\n" },
  { .name = "inner multipart without its end", SEVEN, .header = MIXED,
    .body = "--b\r\n" TYPE("multipart/x; boundary=c") "\r\n--c\r\n" TYPE("a/b") "\r\n\xff\r\n--b\r\n" TYPE("a/c") "\r\n\xfe\r\n--b--\r\n",
    .want_body = "--b\r\n" TYPE("multipart/x; boundary=c") "\r\n--c\r\n" TYPE("a/b") CTE("base64") "\r\n/w==\r\n--b\r\n" TYPE("a/c")
                 CTE("base64") "\r\n/g==\r\n--b--\r\n" },
  { .name = "cut off", SEVEN, .header = MIXED, .body = "--b\r\n" TYPE("a/b") "\r\n\xff",
    .want_body = "--b\r\n" TYPE("a/b") CTE("base64") "\r\n/w==" },
  { .name = "no boundary, 7 bit", SEVEN, .header = TYPE("multipart/mixed") CTE("8bit"), .body = "a",
    .want_header = TYPE("multipart/mixed") CTE("7bit") V },
  { .name = "no boundary", SEVEN, .header = TYPE("multipart/mixed"), .body = AE, NO_CONVERSION },
  { .name = "boundary of RFC 2231", SEVEN, .header = TYPE("multipart/mixed; boundary*=x''b"), .body = "--b\r\n\r\n" AE, NO_CONVERSION },
  { .name = "no parts", SEVEN, .header = MIXED, .body = AE "\r\n", NO_CONVERSION },
  { .name = "inner multipart without parts", SEVEN, .header = MIXED,
    .body = "--b\r\n" TYPE("multipart/x; boundary=c") "\r\n" AE "\r\n--b--\r\n", NO_CONVERSION },

  /* messages */
  { .name = "message", SEVEN, .header = TYPE("message/rfc822") CTE("8bit"),
    .body = "Subject: " AE "\r\n" TYPE("text/plain") "\r\nabcde" AE "\r\n", .want_header = TYPE("message/rfc822") CTE("7bit") V,
    .want_body = "Subject: =?UTF-8?Q?=C3=A4?=\r\n" TYPE("text/plain") V CTE("quoted-printable") "\r\nabcde=C3=A4\r\n" },
  { .name = "message/global", SEVEN, .header = "content-type :\r\n Message/Global; x=y\r\n", .body = "Subject: " AE "\r\n\r\na\r\n",
    .want_header = "content-type :\r\n message/rfc822; x=y\r\n", .want_body = "Subject: =?UTF-8?Q?=C3=A4?=\r\n\r\na\r\n" },
  { .name = "message/global, encoded", SEVEN, .header = TYPE("message/global") CTE("base64"), .body = "w6Q=\r\n" },
  { .name = "message in a multipart", SEVEN, .header = MIXED, .body = "--b\r\n" TYPE("message/rfc822") "\r\nA: " AE "\r\n--b--\r\n",
    .want_body = "--b\r\n" TYPE("message/rfc822") "\r\nA: =?UTF-8?Q?=C3=A4?=\r\n--b--\r\n" },
  { .name = "cut off in front of a message", SEVEN, .header = MIXED, .body = "--b\r\n" TYPE("message/global"),
    .want_body = "--b\r\n" TYPE("message/rfc822") },
  { .name = "digest", SEVEN, .header = TYPE("multipart/digest; boundary=b"), .body = "--b\r\n\r\nSubject: " AE "\r\n\r\nx\r\n--b--\r\n",
    .want_body = "--b\r\n\r\nSubject: =?UTF-8?Q?=C3=A4?=\r\n\r\nx\r\n--b--\r\n" },
  { .name = "local part in a message", SEVEN, .header = TYPE("message/rfc822"), .body = "From: <" AE "@b>\r\n\r\n",
    .reply = REPLY_NO_SMTPUTF8 },
  { .name = "message/partial", SEVEN, .header = TYPE("message/partial"), .body = AE, NO_CONVERSION },
  { .name = "message/external-body, 7 bit", SEVEN, .header = "A: " AE "\r\n" TYPE("message/external-body"), .body = "a",
    .want_header = "A: =?UTF-8?Q?=C3=A4?=\r\n" TYPE("message/external-body") },

  /* signed and encrypted */
  { .name = "signed, 7 bit", SEVEN, .header = "Subject: " AE "\r\n" TYPE("multipart/signed; boundary=b") CTE("8bit") V,
    .body = "--b\r\n" CTE("8bit") "\r\na\r\n--b--\r\n",
    .want_header = "Subject: =?UTF-8?Q?=C3=A4?=\r\n" TYPE("multipart/signed; boundary=b") CTE("7bit") V },
  { .name = "signed", SEVEN, .header = TYPE("multipart/signed; boundary=b"), .body = "--b\r\n\r\n" AE "\r\n--b--\r\n", NO_CONVERSION },
  { .name = "signed, long line", SEVEN, .header = TYPE("multipart/signed; boundary=b"), .body = "--b\r\n\r\n" W1000 "\r\n--b--\r\n",
    NO_CONVERSION },
  { .name = "encrypted", SEVEN, .header = TYPE("multipart/encrypted"), .body = AE, NO_CONVERSION },
  { .name = "S/MIME", SEVEN, .header = TYPE("application/pkcs7-mime") CTE("binary"), .body = "\xff", NO_CONVERSION },
  { .name = "signed part beside another", SEVEN, .header = MIXED,
    .body = "--b\r\n" TYPE("multipart/signed; boundary=s") "\r\n--s\r\n" CTE("8bit") "\r\na\r\n--s--\r\n--b\r\n" TYPE("a/b")
            "\r\n\xff\r\n--b--\r\n",
    .want_body = "--b\r\n" TYPE("multipart/signed; boundary=s") "\r\n--s\r\n" CTE("8bit") "\r\na\r\n--s--\r\n--b\r\n" TYPE("a/b")
                 CTE("base64") "\r\n/w==\r\n--b--\r\n" },
};

static enum res
downgrade(const struct row *row, struct slice body, char **header, GBytes **new_body, GError **error)
{
  g_autofree char *text = g_strconcat(row->header, "\r\n", NULL);
  g_autoptr(GBytes) made = NULL;
  enum res res = message_downgrade(slice_of(text), body, row->how, &made, new_body, error);
  *header = made ? slice_dup(slice_bytes(made)) : NULL;
  return res;
}

static void
test_row(gconstpointer data)
{
  const struct row *row = data;
  struct slice body = row->body ? slice_of(row->body) : SLICE("a\0b\r\n");
  g_autofree char *header = NULL;
  g_autoptr(GBytes) made = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = downgrade(row, body, &header, &made, &error);
  if (row->reply) {
    g_assert_cmpint(res, ==, RES_BAD);
    g_assert_cmpint(error_reply(error, REPLY_COUNT), ==, row->reply);
    g_assert_true(header == NULL && made == NULL);
    return;
  }
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  g_autofree char *want = g_strconcat(row->want_header ? row->want_header : row->header, "\r\n", NULL);
  g_assert_cmpstr(header, ==, want);
  if (!row->want_body) {
    g_assert_null(made);
    return;
  }
  g_assert_nonnull(made);
  g_autofree char *got = slice_dup(slice_head(slice_bytes(made), strstr(row->name, "998") ? strlen(row->want_body) : SIZE_MAX));
  g_assert_cmpstr(got, ==, row->want_body);
  g_assert_true(transfer_encoding_is_seven_bit(slice_bytes(made)));

  /* What was made needs nothing more. */
  struct row again = { .header = header, SEVEN };
  header[strlen(header) - 2] = '\0';
  g_autofree char *same_header = NULL;
  g_autoptr(GBytes) same = NULL;
  g_assert_cmpint(downgrade(&again, slice_bytes(made), &same_header, &same, NULL), ==, RES_OK);
  g_assert_null(same);
  g_assert_cmpstr(same_header, ==, want);
}

/* --- limits --- */

static GString *
nested(size_t depth, bool messages)
{
  GString *body = g_string_new(NULL);
  for (size_t i = 1; i < depth; i++)
    if (messages)
      g_string_append(body, TYPE("message/rfc822") "\r\n");
    else
      g_string_append_printf(body, "--%zu\r\nContent-Type: multipart/x; boundary=%zu\r\n\r\n", i, i + 1);
  if (!messages)
    g_string_append_printf(body, "--%zu\r\n", depth);
  g_string_append(body, TYPE("text/plain") "\r\nabcdef" AE "\r\n");
  return body;
}

struct depth_case {
  size_t depth;
  bool messages;
  enum res want;
};

static void *
run_depth(void *data)
{
  const struct depth_case *test = data;
  g_autoptr(GString) body = nested(test->depth, test->messages);
  struct row row = { .header = test->messages ? TYPE("message/rfc822") : TYPE("multipart/x; boundary=1"), SEVEN };
  g_autofree char *header = NULL;
  g_autoptr(GBytes) made = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(downgrade(&row, (struct slice){ body->str, body->len }, &header, &made, &error), ==, test->want);
  if (test->want == RES_OK)
    g_assert_true(slice_ends_nocase(slice_bytes(made), SLICE("abcdef=C3=A4\r\n")));
  else
    g_assert_cmpint(error_reply(error, REPLY_COUNT), ==, REPLY_NO_CONVERSION);
  return NULL;
}

/* The stack of a server's thread is enough for the deepest message. */
static void
test_depth(void)
{
  static struct depth_case cases[] = {
    { 64, false, RES_OK }, { 65, false, RES_BAD }, { 64, true, RES_OK }, { 65, true, RES_BAD }, { 100000, false, RES_BAD },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    pthread_t thread;
    g_assert_true(thread_start(&thread, run_depth, &cases[i]));
    pthread_join(thread, NULL);
  }
}

static void
test_parts(void)
{
  for (size_t parts = 999; parts <= 1001; parts++) {
    g_autoptr(GString) body = g_string_new(NULL);
    for (size_t i = 0; i < parts; i++)
      g_string_append(body, "--b\r\n" TYPE("a/b") "\r\n\xff\r\n");
    struct row row = { .header = MIXED, SEVEN };
    g_autofree char *header = NULL;
    g_autoptr(GBytes) made = NULL;
    g_autoptr(GError) error = NULL;
    enum res res = downgrade(&row, (struct slice){ body->str, body->len }, &header, &made, &error);
    g_assert_cmpint(res, ==, parts <= DOWNGRADE_PARTS_MAX ? RES_OK : RES_BAD);
  }
}

static GString *
repeated(const char *text, size_t n)
{
  GString *out = g_string_new(NULL);
  for (size_t i = 0; i < n; i++)
    g_string_append(out, text);
  return out;
}

/* The text that grows most, and a header that grows too much. */
static void
test_growth(void)
{
  static const char *const lines[] = { "\xff\xff\xff\xff--\r\n", "\xff" "a", "\xff\xff" " \r\n", "=\r\n", "\x80" };
  for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
    g_autoptr(GString) body = repeated(lines[i], 100000);
    g_string_append(body, "\xff");
    struct row row = { .header = TYPE("text/plain") CTE("quoted-printable"), SEVEN };
    row.header += i % 2 ? strlen(TYPE("text/plain")) : 0;
    g_autofree char *header = NULL;
    g_autoptr(GBytes) made = NULL;
    g_assert_cmpint(downgrade(&row, (struct slice){ body->str, body->len }, &header, &made, NULL), ==, RES_OK);
    g_assert_cmpuint(slice_bytes(made).n, <, body->len * DOWNGRADE_GROWTH);
  }
  g_autoptr(GString) names = repeated("\xff<a@b>,", 10000);
  g_string_prepend(names, "To: ");
  g_string_append(names, "\r\n");
  struct row row = { .header = names->str, HEADER };
  g_autofree char *header = NULL;
  g_autoptr(GBytes) made = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(downgrade(&row, SLICE(""), &header, &made, &error), ==, RES_BAD);
  g_assert_cmpint(error_reply(error, REPLY_COUNT), ==, REPLY_NO_CONVERSION);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/downgrade/%s", rows[i].name);
    for (char *c = path + strlen("/downgrade/"); *c; c++)
      if (*c == '/')
        *c = ' ';
    g_test_add_data_func(path, &rows[i], test_row);
  }
  g_test_add_func("/downgrade_limits/depth", test_depth);
  g_test_add_func("/downgrade_limits/parts", test_parts);
  g_test_add_func("/downgrade_limits/growth", test_growth);
  return g_test_run();
}
