#include "message/header_ascii.h"
#include "message/encoded_word.h"
#include "message/test_view.h"

#define W50 "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
#define W250 W50 W50 W50 W50 W50
#define W1000 W250 W250 W250 W250
#define B30 "                              "
#define AE "\xc3\xa4"
#define OE "\xc3\xb6"
#define UE "\xc3\xbc"

struct row {
  const char *name, *input; /* one field, without its CRLF */
  const char *want;         /* the same; NULL: refused */
  enum reply reply;
};

static const struct row rows[] = {
  /* what needs no change */
  { .name = "ASCII", .input = "Subject :  plain  \r\n\ttext ", .want = "Subject :  plain  \r\n\ttext " },
  { .name = "encoded already", .input = "Subject: =?iso-8859-1?Q?=E4?= x", .want = "Subject: =?iso-8859-1?Q?=E4?= x" },
  { .name = "no field", .input = "junk", .want = "junk" },
  { .name = "998 octets", .input = "S: " W250 W250 W250 W50 W50 W50 W50 "123456789012345678901234567890123456789012345",
    .want = "S: " W250 W250 W250 W50 W50 W50 W50 "123456789012345678901234567890123456789012345" },

  /* unstructured */
  { .name = "text", .input = "Subject: Gr" UE "n", .want = "Subject: =?UTF-8?Q?Gr=C3=BCn?=" },
  { .name = "from first to last word", .input = "Subject: a " AE " b  " OE " c", .want = "Subject: a =?UTF-8?Q?=C3=A4_b__=C3=B6?= c" },
  { .name = "Comments", .input = "Comments: (" AE ")", .want = "Comments: =?UTF-8?Q?=28=C3=A4=29?=" },
  { .name = "unknown field", .input = "x-foo:" AE "@b, <c>", .want = "x-foo: =?UTF-8?Q?=C3=A4=40b=2C?= <c>" },
  { .name = "not UTF-8", .input = "Subject: Gr\xfcn", .want = "Subject: =?unknown-8bit?Q?Gr=FCn?=" },
  { .name = "not UTF-8 as a whole", .input = "Subject: \xfc " AE, .want = "Subject: =?unknown-8bit?Q?=FC_=C3=A4?=" },
  { .name = "tab", .input = "Subject: " AE "\t" OE, .want = "Subject: =?UTF-8?Q?=C3=A4=09=C3=B6?=" },
  { .name = "folded, blanks kept", .input = "Subject: a\r\n  b " AE "\r\n\tc", .want = "Subject: a  b =?UTF-8?Q?=C3=A4?=\tc" },
  { .name = "base64 when it is shorter by half", .input = "Subject: \xd0\xad\xd1\x82\xd0\xbe", .want = "Subject: =?UTF-8?B?0K3RgtC+?=" },
  { .name = "long, whole characters",
    .input = "Subject: " UE "bergro" "\xc3\x9f" "e L" AE "nge wird in ganzen Zeichen geteilt, damit jedes Wort f" UE "r sich lesbar ist",
    .want = "Subject: =?UTF-8?Q?=C3=BCbergro=C3=9Fe_L=C3=A4nge_wird_in_ganzen_Zeichen_g?=\r\n"
            " =?UTF-8?Q?eteilt=2C_damit_jedes_Wort_f=C3=BCr?= sich lesbar ist" },
  { .name = "a name that leaves no room",
    .input = "X-" W50 "wwwwwwwwww: " AE, .want = "X-" W50 "wwwwwwwwww:\r\n =?UTF-8?Q?=C3=A4?=" },
  { .name = "more blanks than fit a line", .input = "X: a" B30 B30 B30 AE, .want = "X: a\r\n" B30 B30 B30 "=?UTF-8?Q?=C3=A4?=" },
  { .name = "before an encoded word", .input = "Subject: " AE " =?utf-8?Q?b?=", .want = "Subject: =?UTF-8?Q?=C3=A4_?= =?utf-8?Q?b?=" },
  { .name = "behind an encoded word", .input = "Subject: =?utf-8?Q?b?=  " AE, .want = "Subject: =?utf-8?Q?b?= =?UTF-8?Q?__=C3=A4?=" },
  { .name = "between encoded words", .input = "Subject: =?x?Q?b?= " AE "=?x?Q?c?=",
    .want = "Subject: =?x?Q?b?= =?UTF-8?Q?_=C3=A4?= =?x?Q?c?=" },
  { .name = "plain words part encoded ones", .input = "Subject: =?x?Q?b?= c " AE " d =?x?Q?e?=",
    .want = "Subject: =?x?Q?b?= c =?UTF-8?Q?=C3=A4?= d =?x?Q?e?=" },
  { .name = "an encoded word that touches others stays so", .input = "Subject: a=?x?Q?b?=c " AE,
    .want = "Subject: a=?x?Q?b?=c =?UTF-8?Q?=C3=A4?=" },
  { .name = "an encoded word with 8-bit octets", .input = "Subject: =?iso-8859-1?Q?\xe4_b?=", .want = "Subject: =?iso-8859-1?Q?=E4_b?=" },
  { .name = "one that touches others", .input = "Subject: a=?iso-8859-1?Q?\xe4?=", .want = "Subject: a=?iso-8859-1?Q?=E4?=" },
  { .name = "what is no encoded word becomes none", .input = "Subject: =?x?q? " AE, .want = "Subject: =?UTF-8?Q?=3D=3Fx=3Fq=3F_=C3=A4?=" },
  { .name = "stray line ends", .input = "Subject: " AE "\rX: y\n", .want = "Subject: =?UTF-8?Q?=C3=A4?= X: y" },
  { .name = "over 998 octets, blanks", .input = "S: " W250 " " W250 " " W250 " " W250,
    .want = "S: " W250 "\r\n " W250 "\r\n " W250 "\r\n " W250 },

  /* addresses */
  { .name = "display name", .input = "From: J" OE "rg M <a@b>", .want = "From: =?UTF-8?Q?J=C3=B6rg_M?= <a@b>" },
  { .name = "no blank before the bracket", .input = "From: J" OE "rg<a@b>", .want = "From: =?UTF-8?Q?J=C3=B6rg?= <a@b>" },
  { .name = "quoted", .input = "From: \"M, J" OE "\\\"rg\" <a@b>", .want = "From: =?UTF-8?Q?M=2C_J=C3=B6=22rg?= <a@b>" },
  { .name = "quoted and bare", .input = "From: \"A.\" " OE "  B <a@b>", .want = "From: =?UTF-8?Q?A=2E_=C3=B6_B?= <a@b>" },
  { .name = "only the names that need it", .input = "To: \"A, B\" <a@b>,C\xf6<c@d> ,  e@f;g@h",
    .want = "To: \"A, B\" <a@b>, =?unknown-8bit?Q?C=F6?= <c@d> ,  e@f; g@h" },
  { .name = "a name with an encoded word", .input = "From: =?x?Q?A?= " OE " <a@b>", .want = "From: =?x?Q?A?= =?UTF-8?Q?_=C3=B6?= <a@b>" },
  { .name = "a quoted encoded word with a comma", .input = "From: \"=?x?Q?A,?= " OE "\" <a@b>",
    .want = "From: =?x?Q?A=2C?= =?UTF-8?Q?_=C3=B6?= <a@b>" },
  { .name = "comment", .input = "From: a@b (J" OE "rg (\xc3\x89) \\) c)",
    .want = "From: a@b (=?UTF-8?Q?J=C3=B6rg?= (=?UTF-8?Q?=C3=89?=)\r\n =?UTF-8?Q?=29?= c)" },
  { .name = "clean comment stays", .input = "From: a@b (\\(x\\)) , " AE " <c@d>",
    .want = "From: a@b (\\(x\\)) , =?UTF-8?Q?=C3=A4?= <c@d>" },
  { .name = "group", .input = "To: Gr" UE "n: a@b, " OE " <c@d>;", .want = "To: =?UTF-8?Q?Gr=C3=BCn?= : a@b, =?UTF-8?Q?=C3=B6?= <c@d>;" },
  { .name = "domain in brackets", .input = "Cc: A <a@b" UE "cher.example>", .want = "Cc: A <a@xn--bcher-kva.example>" },
  { .name = "bare domain", .input = "Cc: a@b" UE "cher.example (x)", .want = "Cc: a@xn--bcher-kva.example (x)" },
  { .name = "domain behind a blank", .input = "Cc: a@ b" UE "cher.example", .want = "Cc: a@ xn--bcher-kva.example" },
  { .name = "name and domain", .input = "Cc: " AE " <a@b" UE ".example>", .want = "Cc: =?UTF-8?Q?=C3=A4?= <a@xn--b-eha.example>" },
  { .name = "bracket not closed", .input = "From: J" OE " <a@b", .want = "From: =?UTF-8?Q?J=C3=B6?= <a@b" },
  { .name = "quotation mark not closed", .input = "From: \"J" OE " <a@b>", .want = "From: =?UTF-8?Q?=22J=C3=B6?= <a@b>" },
  { .name = "comment not closed", .input = "From: (J" OE " <a@b>", .want = "From: =?UTF-8?Q?=28J=C3=B6?= <a@b>" },
  { .name = "a sign in the name", .input = "From: " OE "@x <a@b>", .want = "From: =?UTF-8?Q?=C3=B6=40x?= <a@b>" },
  { .name = "Resent", .input = "Resent-To: J" OE " <a@b>", .want = "Resent-To: =?UTF-8?Q?J=C3=B6?= <a@b>" },
  { .name = "long list", .input = "To: " AE " <a@" W50 ">,<b@" W50 ">,<c@" W50 ">",
    .want = "To: =?UTF-8?Q?=C3=A4?=\r\n <a@" W50 ">,\r\n <b@" W50 ">,\r\n <c@" W50 ">" },
  { .name = "local part", .input = "From: J <j" OE "rg@b>", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "bare local part", .input = "To: a@b, j" OE "rg@b", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "quoted local part", .input = "To: \"j" OE "rg\"@b", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "local part before a blank", .input = "To: j" OE "rg @b", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "brackets without an address", .input = "To: <j" OE "rg>", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "domain that is none", .input = "To: <a@\xfc>", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "domain that maps to specials", .input = "To: <a@b\xef\xbc\x9e\xef\xbc\x8c" "c>", .reply = REPLY_NO_SMTPUTF8 },

  /* identifiers */
  { .name = "phrase", .input = "In-Reply-To: \xc3\x84pfel <a@b>", .want = "In-Reply-To: =?UTF-8?Q?=C3=84pfel?= <a@b>" },
  { .name = "Message-ID", .input = "Message-ID: <" AE "@b>", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "References", .input = "References: <a@b> <" AE "@b>", .reply = REPLY_NO_SMTPUTF8 },
  { .name = "List-Id", .input = "List-Id: " AE " <a.b>", .want = "List-Id: =?UTF-8?Q?=C3=A4?= <a.b>" },
  { .name = "Keywords", .input = "Keywords: " AE "@x, b", .want = "Keywords: =?UTF-8?Q?=C3=A4=40x?= , b" },

  /* URIs */
  { .name = "URI", .input = "List-Post: <mailto:" AE "@b> (" OE ")", .want = "List-Post: <mailto:%C3%A4@b> (=?UTF-8?Q?=C3=B6?=)" },
  { .name = "bare URI", .input = "Content-Location: http://b/" AE "?x", .want = "Content-Location: http://b/%C3%A4?x" },

  /* tokens and traces */
  { .name = "Date", .input = "Date: Mon, 2 J" AE "n 2026 00:00:00 +0100 (Kyjevsk\xc3\xbd)",
    .want = "Date: Mon, 2 J??n 2026 00:00:00 +0100 (=?UTF-8?Q?Kyjevsk=C3=BD?=)" },
  { .name = "Received", .input = "Received: from " AE " (" OE ")\r\n\tby b; x", .want = "Received: from ?? (?" "?)\tby b; x" },
  { .name = "DKIM-Signature", .input = "DKIM-Signature: d=" AE, .want = "DKIM-Signature: d=??" },
  { .name = "ARC", .input = "arc-Foo: " AE, .want = "arc-Foo: ??" },
  { .name = "8-bit octets in no field", .input = "j\xfcnk: x", .want = "j?nk: x" },
  { .name = "a continuation of nothing", .input = " To: \xfc", .want = "?To: ?" },
  { .name = "a stray line end before no field", .input = "\nTo: x", .want = "?To: x" },
  { .name = "no field does not become one", .input = "Sender\r: x\ny", .want = "Sender?: x?y" },
  { .name = "nor does one over two lines", .input = "Sender\r\n : \xe4", .want = "Sender?? : ?" },
  { .name = "too long a word of a trace", .input = "Received: " W1000, .reply = REPLY_NO_CONVERSION },
  { .name = "too long a word of a text", .input = "X: " W1000 AE " x", .want = NULL, .reply = REPLY_COUNT }, /* only its decoding counts */

  /* parameters */
  { .name = "file name", .input = "Content-Disposition: attachment; filename=\"M" UE "\\\"l.pdf\"; size=3",
    .want = "Content-Disposition: attachment; filename*=UTF-8''M%C3%BC%22l.pdf; size=3" },
  { .name = "not UTF-8 parameter", .input = "Content-Type: a/b; name=\xfc", .want = "Content-Type: a/b; name*=unknown-8bit''%FC" },
  { .name = "long parameter", .input = "Content-Type: a/b; name=\"" W50 UE "x\"",
    .want = "Content-Type: a/b;\r\n name*0*=UTF-8''" W50 ";\r\n name*1*=%C3%BCx" },
  { .name = "there in both forms", .input = "Content-Type: a/b; name=" UE "; Name*=utf-8''%C3%BC",
    .want = "Content-Type: a/b; name=??; Name*=utf-8''%C3%BC" },
  { .name = "8-bit octets in the extended form", .input = "Content-Type: a/b; name*=utf-8''" UE,
    .want = "Content-Type: a/b; name*=utf-8''%C3%BC" },
  { .name = "pieces", .input = "Content-Type: a/b; name*0=" UE "; name*1=x", .want = "Content-Type: a/b; name*0=??; name*1=x" },
  { .name = "semicolon in quotes", .input = "Content-Type: a/b; x=\";" UE "\"", .want = "Content-Type: a/b; x*=UTF-8''%3B%C3%BC" },
  { .name = "parenthesis not closed", .input = "Content-Type: a/b; x=(" UE "; y=(; z=\";\"",
    .want = "Content-Type: a/b; x*=UTF-8''%28%C3%BC; y=(; z=\";\"" },
  { .name = "quotation mark not closed in a parameter", .input = "Content-Type: a/b; x=\"" UE "; y=(;)",
    .want = "Content-Type: a/b; x*=UTF-8''%C3%BC; y=(;)" },
  { .name = "comment before the parameters", .input = "Content-Type: a/b (" AE ") ;x=y",
    .want = "Content-Type: a/b (=?UTF-8?Q?=C3=A4?=); x=y" },
  { .name = "type", .input = "Content-Type: text/pl" AE "in", .want = "Content-Type: text/pl??in" },
  { .name = "boundary", .input = "Content-Type: multipart/mixed; boundary=\"" AE "\"", .reply = REPLY_NO_SMTPUTF8 },
};

static struct header_view *
view_of_field(const char *field)
{
  g_autofree char *text = g_strconcat(field, "\r\n", NULL);
  return view_of(g_intern_string(text));
}

static void
assert_lines(const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
  for (char **line = lines; *line; line++) {
    g_assert_cmpuint(strlen(*line), <=, 998);
    if (strstr(*line, "=?UTF-8?") && !g_str_has_prefix(*line, B30))
      g_assert_cmpuint(strlen(*line), <=, 76);
  }
}

static void
test_row(gconstpointer data)
{
  const struct row *row = data;
  OWN(header_view) view = view_of_field(row->input);
  g_assert_cmpuint(view->n, ==, 1);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  enum res res = header_ascii_append(&view->fields[0], out, &error);
  if (!row->want && row->reply != REPLY_COUNT) {
    g_assert_cmpint(res, ==, RES_BAD);
    g_assert_cmpint(error_reply(error, REPLY_COUNT), ==, row->reply);
    return;
  }
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  assert_lines(out->str);
  if (row->want) {
    g_autofree char *want = g_strconcat(row->want, "\r\n", NULL);
    g_assert_cmpstr(out->str, ==, want);
  }
}

/* Fields without '?' in place of something read as before, whatever kind they are. */
static void
test_decoded(gconstpointer data)
{
  const struct row *row = data;
  OWN(header_view) before = view_of_field(row->input);
  g_autoptr(GString) out = g_string_new(NULL);
  g_assert_cmpint(header_ascii_append(&before->fields[0], out, NULL), ==, RES_OK);
  OWN(header_view) after = view_of(out->str);
  g_assert_cmpuint(after->n, ==, 1);
  g_autofree char *was = header_text(&before->fields[0]);
  g_autofree char *is = header_text(&after->fields[0]);
  g_assert_cmpstr(is, ==, was);
}

/* The same names; the same addresses, where they were ASCII. */
static void
test_addresses(gconstpointer data)
{
  const struct row *row = data;
  OWN(header_view) before = view_of_field(row->input);
  OWN(header_view) after = view_of_field(row->want);
  g_autofree char *name = slice_dup(before->fields[0].name);
  g_autoptr(GPtrArray) was = header_addresses(before, name);
  g_autoptr(GPtrArray) is = header_addresses(after, name);
  g_assert_cmpuint(is->len, ==, was->len);
  for (size_t i = 0; i < is->len; i++) {
    const struct mailbox *old = was->pdata[i], *new = is->pdata[i];
    g_assert_cmpstr(new->name, ==, old->name);
    if (g_str_is_ascii(old->address))
      g_assert_cmpstr(new->address, ==, old->address);
  }
}

/* Text that is made of all pieces in every order of three is decoded to what it was, in every place. */
static void
test_pieces(void)
{
  static const char *const pieces[] = {
    "a", " ", AE, "\xe4", "=?x?Q?b?=", "=?iso-8859-1?Q?\xe4?=", "=?", "?=", "(", "\t\t", "=?utf-8?B?w6Q=?=",
  };
  size_t n = G_N_ELEMENTS(pieces);
  for (size_t i = 0; i < n * n * n * n; i++) {
    g_autofree char *text = g_strconcat("X: <", pieces[i % n], pieces[i / n % n], pieces[i / n / n % n], pieces[i / n / n / n], ">", NULL);
    OWN(header_view) before = view_of(text);
    g_autoptr(GString) out = g_string_new(NULL);
    g_assert_cmpint(header_ascii_append(&before->fields[0], out, NULL), ==, RES_OK);
    OWN(header_view) after = view_of(out->str);
    g_autofree char *was = header_text(&before->fields[0]);
    g_autofree char *is = header_text(&after->fields[0]);
    if (strcmp(is, was) != 0)
      g_error("%s reads %s, but %s reads %s", text, was, out->str, is);
    g_assert_true(g_str_is_ascii(out->str));
  }
}

/* What is opened and never closed is looked for once. If each of these were looked after for itself, this would take longer than a test may. */
static void
test_unclosed(void)
{
  static const char *const hostile[][2] = { { "To: " AE, "<\\\"" }, { "Content-Type: a/b; x=" AE ";", "(" }, { "Content-Type: a/b; x=" AE ";", "(;" } };
  for (size_t i = 0; i < 8 * G_N_ELEMENTS(hostile); i++) {
    const char *const *row = hostile[i % G_N_ELEMENTS(hostile)];
    g_autoptr(GString) text = g_string_new(row[0]);
    while (text->len < HEADER_MAX - 10)
      g_string_append(text, row[1]);
    OWN(header_view) view = view_of(text->str);
    g_autoptr(GString) out = g_string_new(NULL);
    (void)!header_ascii_append(&view->fields[0], out, NULL);
    g_assert_cmpuint(out->len, >, 0);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/header_ascii/%s", rows[i].name);
    g_test_add_data_func(path, &rows[i], test_row);
    bool addresses = rows[i].want && slice_ends_nocase(slice_until(slice_of(rows[i].input), ' '), SLICE(":"))
                     && strchr("FTC", rows[i].input[0]) && strchr(rows[i].input, '@');
    g_autofree char *read = g_strdup_printf("/header_ascii_addresses/%s", rows[i].name);
    if (addresses)
      g_test_add_data_func(read, &rows[i], test_addresses);
    bool text = g_str_has_prefix(rows[i].input, "Subject") || g_str_has_prefix(rows[i].input, "X");
    g_autofree char *decoded = g_strdup_printf("/header_ascii_decoded/%s", rows[i].name);
    if (text)
      g_test_add_data_func(decoded, &rows[i], test_decoded);
  }
  g_test_add_func("/header_ascii_decoded/all pieces", test_pieces);
  g_test_add_func("/header_ascii/unclosed", test_unclosed);
  return g_test_run();
}
