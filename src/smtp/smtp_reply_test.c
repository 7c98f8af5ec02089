#include "smtp/ehlo.h"
#include "net/memory_peer.h"

static const struct {
  const char *name, *input, *enhanced, *text;
  enum res res;
  int code;
} rows[] = {
  { .name = "plain", .input = "250 ok\r\n", .code = 250, .enhanced = "", .text = "250 ok" },
  { .name = "enhanced", .input = "550 5.1.1 no such user\r\n", .code = 550, .enhanced = "5.1.1", .text = "550 5.1.1 no such user" },
  { .name = "long enhanced", .input = "450 4.123.456 x\r\n", .code = 450, .enhanced = "4.123.456", .text = "450 4.123.456 x" },
  { .name = "enhanced alone", .input = "250 2.0.0\r\n", .code = 250, .enhanced = "2.0.0", .text = "250 2.0.0" },
  { .name = "enhanced of another class", .input = "450 5.1.1 x\r\n", .code = 450, .enhanced = "", .text = "450 5.1.1 x" },
  { .name = "no enhanced code", .input = "550 5.1 x\r\n", .code = 550, .enhanced = "", .text = "550 5.1 x" },
  { .name = "too many digits", .input = "550 5.1234.1 x\r\n", .code = 550, .enhanced = "", .text = "550 5.1234.1 x" },
  { .name = "glued", .input = "550 5.1.1x\r\n", .code = 550, .enhanced = "", .text = "550 5.1.1x" },
  { .name = "code alone", .input = "354\r\n", .code = 354, .enhanced = "", .text = "354" },
  { .name = "code and blank", .input = "354 \r\n", .code = 354, .enhanced = "", .text = "354" },
  { .name = "several lines", .input = "550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n", .code = 550, .enhanced = "5.1.1", .text = "550 5.1.1 no such user" },
  { .name = "an empty line among them", .input = "250-a\r\n250-\r\n250 b\r\n", .code = 250, .enhanced = "", .text = "250 a b" },
  { .name = "the last without a blank", .input = "250-a\r\n250\r\n", .code = 250, .enhanced = "", .text = "250 a" },
  { .name = "controls", .input = "250 a\tb\033c\r\n", .code = 250, .enhanced = "", .text = "250 a b c" },
  { .name = "UTF-8", .input = "250 \303\244\r\n", .code = 250, .enhanced = "", .text = "250 \303\244" },
  { .name = "Latin-1", .input = "250 \344\r\n", .code = 250, .enhanced = "", .text = "250 \357\277\275" },
  { .name = "code changes", .input = "250-a\r\n251 b\r\n", .res = RES_BAD },
  { .name = "two digits", .input = "25 a\r\n", .res = RES_BAD },
  { .name = "class 1", .input = "150 a\r\n", .res = RES_BAD },
  { .name = "class 6", .input = "650 a\r\n", .res = RES_BAD },
  { .name = "letters", .input = "2x0 a\r\n", .res = RES_BAD },
  { .name = "no blank", .input = "250a\r\n", .res = RES_BAD },
  { .name = "empty line", .input = "\r\n", .res = RES_BAD },
  { .name = "bare LF", .input = "250 a\n", .res = RES_BAD },
  { .name = "bare CR", .input = "250 a\rb\r\n", .res = RES_BAD },
  { .name = "closed", .input = "", .res = RES_TEMP },
  { .name = "closed in a line", .input = "250 a", .res = RES_TEMP },
  { .name = "closed in a reply", .input = "250-a\r\n", .res = RES_TEMP },
};

static void
check_reply(size_t row, size_t split)
{
  struct memory_peer peer = { .input = slice_of(rows[row].input), .split = split };
  OWN(stream) stream = memory_peer_stream(&peer);
  struct smtp_reply reply;
  g_autoptr(GError) error = NULL;
  enum res res = smtp_reply_read(stream, &reply, &error);
  g_assert_cmpint(res, ==, rows[row].res);
  g_assert_true((res == RES_OK) == (error == NULL));
  if (res == RES_OK) {
    g_autofree char *text = smtp_reply_text(&reply);
    g_assert_cmpint(reply.code, ==, rows[row].code);
    g_assert_cmpstr(reply.enhanced, ==, rows[row].enhanced);
    g_assert_cmpstr(text, ==, rows[row].text);
  }
  g_string_free(peer.output, TRUE);
}

static void
test_row(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  g_test_message("%s", rows[row].name);
  for (size_t split = 0; split <= strlen(rows[row].input); split++)
    check_reply(row, split);
}

static enum res
read_lines(int lines, size_t width, struct smtp_reply *reply)
{
  g_autoptr(GString) input = g_string_new(NULL);
  for (int i = 1; i <= lines; i++)
    g_string_append_printf(input, "250%c%0*d\r\n", i < lines ? '-' : ' ', (int)width, i);
  struct memory_peer peer = { .input = { input->str, input->len } };
  OWN(stream) stream = memory_peer_stream(&peer);
  enum res res = smtp_reply_read(stream, reply, NULL);
  g_string_free(peer.output, TRUE);
  return res;
}

static void
test_bounds(void)
{
  struct smtp_reply reply;
  g_assert_cmpint(read_lines(SMTP_REPLY_LINES_MAX, 900, &reply), ==, RES_OK);
  g_assert_cmpuint(strlen(reply.text), ==, SMTP_REPLY_TEXT_MAX);
  g_assert_cmpint(read_lines(SMTP_REPLY_LINES_MAX + 1, 1, &reply), ==, RES_BAD);
  g_assert_cmpint(read_lines(1, 995, &reply), ==, RES_BAD); /* a line of 999 octets */
}

/* --- EHLO --- */

static const char *const ignored[] = { "chunking", "AUTH", "Size", NULL };

static const struct {
  const char *name, *lines;
  struct ehlo ehlo;
  const char *const *ignore;
} ehlos[] = {
  { .name = "nothing", .lines = "250 mx\r\n" },
  { .name = "the first line is no keyword", .lines = "250-PIPELINING\r\n250 HELP\r\n" },
  { .name = "all", .lines = "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-XVERP\r\n250-STARTTLS\r\n"
                            "250-ENHANCEDSTATUSCODES\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 10\r\n",
    .ehlo = { .pipelining = true, .chunking = true, .eight_bit = true, .smtputf8 = true, .dsn = true, .xverp = true, .starttls = true, .size = true, .size_max = 10,
              .auth_plain = true, .auth_login = true } },
  { .name = "lower case", .lines = "250-mx\r\n250-pipelining\r\n250-auth login\r\n250 size 5\r\n", .ehlo = { .pipelining = true, .size = true, .size_max = 5, .auth_login = true } },
  { .name = "size without a limit", .lines = "250-mx\r\n250 SIZE\r\n", .ehlo = { .size = true } },
  { .name = "size 0", .lines = "250-mx\r\n250 SIZE 0\r\n", .ehlo = { .size = true } },
  { .name = "size too long", .lines = "250-mx\r\n250 SIZE 99999999999999999999\r\n", .ehlo = { .size = true } },
  { .name = "size no number", .lines = "250-mx\r\n250 SIZE -1\r\n", .ehlo = { .size = true } },
  { .name = "longer names", .lines = "250-mx\r\n250-PIPELININGX\r\n250-SIZES 3\r\n250-AUTHOR PLAIN\r\n250 8BITMIME2\r\n" },
  { .name = "blanks", .lines = "250-mx\r\n250-  SIZE   7 \r\n250-AUTH   PLAIN  LOGIN \r\n250 \r\n", .ehlo = { .size = true, .size_max = 7, .auth_plain = true, .auth_login = true } },
  { .name = "parameters of Postfix's words", .lines = "250-mx\r\n250-XVERP +=\r\n250 DSN\r\n", .ehlo = { .xverp = true, .dsn = true } },
  { .name = "AUTH, others", .lines = "250-mx\r\n250 AUTH GSSAPI PLAINX XLOGIN\r\n" },
  { .name = "AUTH, nothing", .lines = "250-mx\r\n250-AUTH\r\n250 AUTH=\r\n" },
  { .name = "AUTH, the old way", .lines = "250-mx\r\n250 AUTH=LOGIN GSSAPI\r\n", .ehlo = { .auth_login = true } },
  { .name = "AUTH, both ways", .lines = "250-mx\r\n250-AUTH=LOGIN\r\n250 AUTH PLAIN\r\n", .ehlo = { .auth_login = true, .auth_plain = true } },
  { .name = "ignored", .ignore = ignored, .lines = "250-mx\r\n250-CHUNKING\r\n250-AUTH PLAIN\r\n250-AUTH=LOGIN\r\n250-SIZE 5\r\n250 DSN\r\n", .ehlo = { .dsn = true } },
  { .name = "ignored, only whole words", .ignore = ignored, .lines = "250-mx\r\n250 PIPELINING\r\n", .ehlo = { .pipelining = true } },
};

static bool
same(const struct ehlo *a, const struct ehlo *b)
{
  return a->pipelining == b->pipelining && a->chunking == b->chunking && a->eight_bit == b->eight_bit && a->smtputf8 == b->smtputf8 && a->dsn == b->dsn &&
         a->xverp == b->xverp && a->starttls == b->starttls && a->size == b->size && a->size_max == b->size_max && a->auth_plain == b->auth_plain &&
         a->auth_login == b->auth_login;
}

static void
test_ehlo(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(ehlos); i++)
    for (size_t split = 0; split < strlen(ehlos[i].lines); split++) {
      struct memory_peer peer = { .input = slice_of(ehlos[i].lines), .split = split };
      OWN(stream) stream = memory_peer_stream(&peer);
      struct smtp_reply reply;
      struct ehlo ehlo = { .size_max = 99, .pipelining = true };
      if (ehlo_read(stream, &ehlo, ehlos[i].ignore, &reply, NULL) != RES_OK || !same(&ehlo, &ehlos[i].ehlo))
        g_error("%s, split at %zu", ehlos[i].name, split);
      g_string_free(peer.output, TRUE);
    }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/smtp_reply/%s", rows[i].name);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_row);
  }
  g_test_add_func("/smtp_reply/bounds", test_bounds);
  g_test_add_func("/smtp_reply/EHLO", test_ehlo);
  return g_test_run();
}
