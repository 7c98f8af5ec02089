/* Requests of Exim's readsocket against the stub's lists, cut at every octet. */
#include "base/log.h"
#include "door/questions_check.h"
#include "door/readsocket.h"

#define HEADER "Subject: s\n\n"
#define MAIL "mail(a@x.example) "
#define RCPT "rcpt(list@y.example) "
#define JUDGED "begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end reset "
#define QUOTE ": addresses with spaces are to be quoted\n"
#define OK "ok 250 2.6.0 id accepted for list@y.example\n"
#define TROUBLE "defer 451 4.3.0 temporary trouble here, nothing was kept; please try again\n"

static const struct question_row rows[] = {
  /* RCPT */
  { .name = "rcpt", .input = SLICE("RCPT list@y.example a@x.example\n"), .want = "ok\n" },
  { .name = "rcpt in brackets", .input = SLICE("RCPT <list@y.example> <a@x.example>\n"), .want = "ok\n" },
  { .name = "rcpt alone", .input = SLICE("RCPT list@y.example\n"), .want = "ok\n" },
  { .name = "rcpt, null sender", .input = SLICE("RCPT list@y.example \n"), .want = "ok\n" },
  { .name = "rcpt, null sender and size", .input = SLICE("RCPT list@y.example  501\n"), .want = "552 5.3.4 the message is too large: the list's limit is 500 octets\n" },
  { .name = "rcpt, null sender in brackets", .input = SLICE("RCPT list@y.example <> 500\n"), .want = "ok\n" },
  { .name = "rcpt, no size known", .input = SLICE("RCPT list@y.example a@x.example -1\n"), .want = "ok\n" },
  { .name = "rcpt, may not post", .input = SLICE("RCPT list@y.example refused@x.example\n"), .want = "550 5.7.1 you may not post\n" },
  { .name = "rcpt, sender not told", .input = SLICE("RCPT closed-x@y.example\n"), .want = "550 5.7.1 members only\n" },
  { .name = "rcpt, unknown", .input = SLICE("RCPT no-x@y.example a@x.example\n"), .want = "unknown\n" },
  { .name = "rcpt, elsewhere", .input = SLICE("RCPT list@elsewhere.example a@x.example\n"), .want = "none\n" },
  { .name = "rcpt, trouble", .input = SLICE("RCPT trouble-x@y.example a@x.example\n"), .want = TROUBLE },
  { .name = "rcpt, quoted", .input = SLICE("RCPT \"li st\\\"\"@y.example \"a b\"@x.example 5\n"), .want = "ok\n" },
  { .name = "rcpt, not quoted", .input = SLICE("RCPT li st@y.example a@x.example\n"), .want = "error SIZE is no number" QUOTE },
  { .name = "rcpt, an address and more", .input = SLICE("RCPT list@y.example b@x.example 5@y.example a@x.example\n"), .want = "error SIZE is no number" QUOTE },
  { .name = "rcpt, a word too many", .input = SLICE("RCPT list@y.example b@x.example 5 a@x.example\n"), .want = "error a word too many" QUOTE },
  { .name = "rcpt, a quote left open", .input = SLICE("RCPT \"list@y.example a@x.example\n"), .want = "error a quote is left open\n" },
  { .name = "rcpt, no address", .input = SLICE("RCPT list a@x.example\n"), .want = "error a recipient is no address: one with spaces is to be quoted\n" },
  { .name = "rcpt, no recipient", .input = SLICE("RCPT\n"), .want = "error RECIPIENT is missing\n" },
  { .name = "rcpt, NUL", .input = SLICE("RCPT list@y.example\0 a\n"), .want = "error NUL in the first line\n" },
  { .name = "rcpt, no end", .input = SLICE("RCPT list@y.example a@x.example"), .want = "error the first line has no end\n" },
  { .name = "rcpt, only one is answered", .input = SLICE("RCPT list@y.example\nRCPT list@y.example\n"), .want = "ok\n" },
  { .name = "nothing", .input = SLICE(""), .want = "error the first line has no end\n" },
  { .name = "another word", .input = SLICE("HELP\n"), .want = "error a request begins with RCPT, DATA or PRDR\n" },
  { .name = "lower case", .input = SLICE("rcpt list@y.example\n"), .want = "error a request begins with RCPT, DATA or PRDR\n" },
  { .name = "the server stops", .input = SLICE("RCPT list@y.example\n"), .want = "", .stopping = true },
  /* DATA */
  { .name = "data", .input = SLICE("DATA a@x.example 20 list@y.example\n" HEADER "body\n"), .want = OK, .log = "mail(a@x.example size=20) " RCPT JUDGED },
  { .name = "data, no last line end", .input = SLICE("DATA a@x.example 0 list@y.example\n" HEADER "body"), .want = OK, .log = MAIL RCPT JUDGED },
  { .name = "data, CRLF", .input = SLICE("DATA a@x.example 0 list@y.example\nSubject: s\r\n\r\nbody\r"), .want = OK, .log = MAIL RCPT JUDGED },
  { .name = "data, stray CR", .input = SLICE("DATA a@x.example 0 list@y.example\n" HEADER "bo\rdy\r\r\n"),
    .want = OK, .log = MAIL RCPT "begin [Subject: s\\r\\n\\r\\nbo dy \\r\\n] end stray=2 reset " },
  { .name = "data, dots are text", .input = SLICE("DATA a@x.example 0 list@y.example\n" HEADER ".\n..x\n"),
    .want = OK, .log = MAIL RCPT "begin [Subject: s\\r\\n\\r\\n.\\r\\n..x\\r\\n] end reset " },
  { .name = "data, refused", .input = SLICE("DATA <a@x.example> 0 <reject-x@y.example>\n" HEADER "body\n"), .want = "550 5.7.1 the reason\n", .log = MAIL "rcpt(reject-x@y.example) " JUDGED },
  { .name = "data, null sender", .input = SLICE("DATA <> -1 list@y.example\n" HEADER "body\n"), .want = OK, .log = "mail() " RCPT JUDGED },
  { .name = "data, SMTPUTF8", .input = SLICE("DATA b\xc3\xbc@x.example 0 list@y.example\n" HEADER "body\n"), .want = OK, .log = "mail(b\xc3\xbc@x.example utf8) " RCPT JUDGED },
  { .name = "data, all refuse", .input = SLICE("DATA a@x.example 0 reject-x@y.example, closed-x@y.example\n" HEADER "body\n"),
    .want = "550 5.7.1 members only\n", .log = MAIL "rcpt(reject-x@y.example) " JUDGED },
  { .name = "data, one takes it", .input = SLICE("DATA a@x.example 0 reject-x@y.example, list@y.example\n" HEADER "body\n"),
    .want = "ok\n", .log = MAIL "rcpt(reject-x@y.example) " RCPT JUDGED },
  { .name = "data, one holds it", .input = SLICE("DATA a@x.example 0 reject-x@y.example held-x@y.example\n" HEADER "body\n"),
    .want = "ok\n", .log = MAIL "rcpt(reject-x@y.example) rcpt(held-x@y.example) " JUDGED },
  { .name = "data, all take it", .input = SLICE("DATA a@x.example 0 held-x@y.example list@y.example\n" HEADER "body\n"),
    .want = "ok 250 2.6.0 id held for the moderators of held-x@y.example: the reason; id accepted for list@y.example\n",
    .log = MAIL "rcpt(held-x@y.example) " RCPT JUDGED },
  { .name = "data, others too", .input = SLICE("DATA a@x.example 0 reject-x@y.example, b@elsewhere.example\n" HEADER "body\n"),
    .want = "ok\n", .log = MAIL "rcpt(reject-x@y.example) " JUDGED },
  { .name = "data, a user too", .input = SLICE("DATA a@x.example 0 reject-x@y.example, no-u@y.example\n" HEADER "body\n"), .want = "ok\n", .log = MAIL "rcpt(reject-x@y.example) " JUDGED },
  { .name = "data, for others", .input = SLICE("DATA a@x.example 0 b@elsewhere.example\n" HEADER "body\n"), .want = "ok\n", .log = MAIL "reset " },
  { .name = "data, late trouble", .input = SLICE("DATA a@x.example 0 late-x@y.example\n" HEADER "body\n"), .want = TROUBLE, .log = MAIL "rcpt(late-x@y.example) " JUDGED },
  { .name = "data, trouble and a refusal", .input = SLICE("DATA a@x.example 0 reject-x@y.example silent-x@y.example\n" HEADER "body\n"),
    .want = TROUBLE, .log = MAIL "rcpt(reject-x@y.example) rcpt(silent-x@y.example) " JUDGED },
  { .name = "data, trouble at once", .input = SLICE("DATA a@x.example 0 trouble-x@y.example\n" HEADER "body\n"), .want = TROUBLE, .log = MAIL "reset " },
  { .name = "data, sender refused", .input = SLICE("DATA refused@x.example 0 list@y.example\n" HEADER "body\n"), .want = "550 5.7.1 you may not post\n", .log = "mail(refused@x.example) " },
  { .name = "data, sender refused, for others", .input = SLICE("DATA refused@x.example 0 list@elsewhere.example\n" HEADER), .want = "ok\n", .log = "mail(refused@x.example) " },
  { .name = "data, sender is no address", .input = SLICE("DATA a.x.example 0 list@y.example\n" HEADER "body\n"), .want = "501 5.1.7 that sender address is not well-formed\n" },
  { .name = "data, cannot begin", .input = SLICE("DATA a@x.example 0 full-x@y.example\n" HEADER "body\n"),
    .want = "defer 452 4.3.1 no room for the message now, nothing was kept; please try again\n", .log = MAIL "rcpt(full-x@y.example) begin reset " },
  { .name = "data, size stated", .input = SLICE("DATA a@x.example 1001 list@y.example\n" HEADER "body\n"),
    .want = "552 5.3.4 the message is too large: the limit is 1000 octets\n" },
  { .name = "data, no recipient", .input = SLICE("DATA a@x.example 0\n" HEADER "body\n"), .want = "error RECIPIENT is missing\n", .log = MAIL "reset " },
  { .name = "data, an empty recipient", .input = SLICE("DATA a@x.example 0  list@y.example\n" HEADER),
    .want = "error a recipient is no address: one with spaces is to be quoted\n", .log = MAIL "reset " },
  { .name = "data, sizes are numbers", .input = SLICE("DATA a@x.example list@y.example\n" HEADER), .want = "error SIZE is no number" QUOTE },
  { .name = "data, no message", .input = SLICE("DATA a@x.example 0 list@y.example\n"), .want = OK, .log = MAIL RCPT "begin [] end reset " },
  { .name = "data, the server stops", .input = SLICE("DATA a@x.example 0 list@y.example\n" HEADER), .want = "", .stopping = true },
  /* PRDR */
  { .name = "prdr", .input = SLICE("PRDR list@y.example a@x.example 0\n" HEADER "body\n"), .want = OK, .log = MAIL RCPT JUDGED },
  { .name = "prdr, no size", .input = SLICE("PRDR list@y.example <>\n" HEADER "body\n"), .want = OK, .log = "mail() " RCPT JUDGED },
  { .name = "prdr, refused", .input = SLICE("PRDR reject-x@y.example a@x.example\n" HEADER "body\n"), .want = "550 5.7.1 the reason\n", .log = MAIL "rcpt(reject-x@y.example) " JUDGED },
  { .name = "prdr, a user", .input = SLICE("PRDR no-u@y.example a@x.example\n" HEADER "body\n"), .want = "ok\n", .log = MAIL "reset " },
  { .name = "prdr, no sender", .input = SLICE("PRDR list@y.example\n" HEADER), .want = "error SENDER is missing\n" },
  { .name = "prdr, a word too many", .input = SLICE("PRDR list@y.example a@x.example 0 list@y.example\n" HEADER), .want = "error a word too many" QUOTE },
};

static void
dialogue(gconstpointer data)
{
  questions_check(&readsocket_service, data);
}

/* ---- sizes ---- */

static const struct {
  const char *name;
  const char *line;
  char octet;
  size_t octets;
  const char *want, *log_end;
} sized[] = {
  { .name = "a body too large", .line = "DATA a@x.example 0 list@y.example\n\n", .octet = 'x', .octets = 200 * 1024, .want = "552 5.3.4 the message is too large: the limit is 1000 octets\n", .log_end = "begin drop reset " },
  { .name = "line ends count as two", .line = "DATA a@x.example 0 list@y.example\n", .octet = '\n', .octets = 501, .want = "552 5.3.4 the message is too large: the limit is 1000 octets\n",
    .log_end = "begin drop reset " },
  { .name = "large, and for others too", .line = "DATA a@x.example 0 list@y.example b@elsewhere.example\n\n", .octet = 'x', .octets = 2000, .want = "ok\n", .log_end = "begin drop reset " },
  { .name = "a word as long as may be", .line = "", .octet = 'x', .octets = 1024, .want = "error the first line has no end\n", .log_end = "" },
  { .name = "a word too long", .line = "RCPT ", .octet = 'x', .octets = 1025, .want = "error a word of more than 1024 octets\n", .log_end = "" },
  { .name = "a quote without end", .line = "RCPT \"", .octet = ' ', .octets = 100 * 1024, .want = "error a word of more than 1024 octets\n", .log_end = "" },
};

static void
sizes(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(sized); i++) {
    g_test_message("%s", sized[i].name);
    g_autofree char *body = g_strnfill(sized[i].octets, sized[i].octet), *input = g_strconcat(sized[i].line, body, NULL);
    g_autoptr(GString) log = g_string_new(NULL);
    g_autoptr(GString) output = questions_run(&readsocket_service, slice_of(input), 0, 0, false, log);
    g_assert_cmpstr(output->str, ==, sized[i].want);
    g_assert_true(g_str_has_suffix(log->str, sized[i].log_end));
  }
}

/* As many recipients as the peer likes: those beyond what is judged count as others. */
static void
many_recipients(void)
{
  g_autoptr(GString) input = g_string_new("DATA a@x.example 0");
  for (int i = 0; i < DOOR_RECIPIENTS_MAX; i++)
    g_string_append_printf(input, " reject-%d@y.example,", i);
  g_autofree char *refused = g_strconcat(input->str, "\n" HEADER, NULL), *more = g_strconcat(input->str, " reject-x@y.example\n" HEADER, NULL);
  g_autoptr(GString) output = questions_run(&readsocket_service, slice_of(refused), 0, 100, false, NULL);
  g_assert_cmpstr(output->str, ==, "550 5.7.1 the reason\n");
  g_autoptr(GString) also = questions_run(&readsocket_service, slice_of(more), 0, 0, false, NULL);
  g_assert_cmpstr(also->str, ==, "ok\n");
}

/* What is much shorter than was said is not the message, and no verdict is given on it. */
static void
cut_message(void)
{
  static const struct {
    const char *input, *log;
  } cuts[] = {
    { "DATA a@x.example 900 reject-x@y.example\n" HEADER "body\n", "mail(a@x.example size=900) rcpt(reject-x@y.example) begin reset " },
    { "DATA a@x.example 21 reject-x@y.example\n" HEADER "body\n", "mail(a@x.example size=21) rcpt(reject-x@y.example) " JUDGED },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
    g_autoptr(GString) log = g_string_new(NULL);
    g_autoptr(GString) output = questions_run(&readsocket_service, slice_of(cuts[i].input), 0, 0, false, log);
    g_assert_cmpstr(output->str, ==, i == 0 ? "ok\n" : "550 5.7.1 the reason\n");
    g_assert_cmpstr(log->str, ==, cuts[i].log);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/readsocket/", rows[i].name, NULL);
    g_test_add_data_func(path, &rows[i], dialogue);
  }
  g_test_add_func("/readsocket/sizes", sizes);
  g_test_add_func("/readsocket/many-recipients", many_recipients);
  g_test_add_func("/readsocket/cut-message", cut_message);
  return g_test_run();
}
