/* Requests of Postfix's policy protocol against the stub's lists, cut at every octet. */
#include "base/log.h"
#include "door/questions_check.h"

#define RCPT "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
#define DATA "request=smtpd_access_policy\nprotocol_state=DATA\n"
#define END_OF_MESSAGE "request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\n"
#define FROM "sender=a@x.example\n"
#define DUNNO "action=DUNNO\n\n"
#define NO_LIST "action=550 5.1.1 no list here by that name\n\n"

static const struct question_row rows[] = {
  { .name = "nothing", .input = SLICE(""), .want = "" },
  { .name = "may post", .input = SLICE(RCPT FROM "recipient=list@y.example\nsize=0\n\n"), .want = DUNNO },
  { .name = "may not post", .input = SLICE(RCPT "sender=refused@x.example\nrecipient=list@y.example\n\n"), .want = "action=550 5.7.1 you may not post\n\n" },
  { .name = "closed", .input = SLICE(RCPT FROM "recipient=closed-x@y.example\n\n"), .want = "action=550 5.7.1 members only\n\n" },
  { .name = "null reverse-path", .input = SLICE(RCPT "sender=\nrecipient=list@y.example\n\n"), .want = DUNNO },
  { .name = "SMTPUTF8", .input = SLICE(RCPT "sender=b\xc3\xbc@x.example\nrecipient=list@y.example\n\n"), .want = DUNNO },
  { .name = "not for us", .input = SLICE(RCPT "sender=refused@x.example\nrecipient=list@elsewhere.example\n\n"), .want = DUNNO },
  { .name = "unknown: perhaps a user", .input = SLICE(RCPT FROM "recipient=no-x@y.example\n\n"), .want = DUNNO },
  { .name = "unknown, lists only", .input = SLICE(RCPT FROM "recipient=no-x@y.example\npolicy_context=lists-only\n\n"), .want = NO_LIST },
  { .name = "elsewhere, lists only", .input = SLICE(RCPT FROM "recipient=no-x@elsewhere.example\npolicy_context=lists-only\n\n"), .want = DUNNO },
  { .name = "trouble",
    .input = SLICE(RCPT FROM "recipient=trouble-x@y.example\n\n"),
    .want = "action=451 4.3.0 temporary trouble here, nothing was kept; please try again\n\n" },
  { .name = "size", .input = SLICE(RCPT FROM "recipient=list@y.example\nsize=501\n\n"), .want = "action=552 5.3.4 the message is too large: the list's limit is 500 octets\n\n" },
  { .name = "a size that is none", .input = SLICE(RCPT FROM "recipient=list@y.example\nsize=much\n\n"), .want = DUNNO },
  { .name = "DATA, one recipient", .input = SLICE(DATA FROM "recipient=closed-x@y.example\nrecipient_count=1\n\n"), .want = "action=550 5.7.1 members only\n\n" },
  { .name = "DATA, several", .input = SLICE(DATA "sender=refused@x.example\nrecipient=\nrecipient_count=2\n\n"), .want = DUNNO },
  { .name = "END-OF-MESSAGE, true size",
    .input = SLICE(END_OF_MESSAGE FROM "recipient=list@y.example\nrecipient_count=1\nsize=600\n\n"),
    .want = "action=552 5.3.4 the message is too large: the list's limit is 500 octets\n\n" },
  { .name = "other states", .input = SLICE("request=smtpd_access_policy\nprotocol_state=MAIL\nrecipient=closed-x@y.example\n\n"), .want = DUNNO },
  { .name = "two in one", .input = SLICE(RCPT "recipient=closed-x@y.example\n\n" RCPT "recipient=list@y.example\n\n"), .want = "action=550 5.7.1 members only\n\n" DUNNO },
  { .name = "values with '='", .input = SLICE(RCPT FROM "recipient=closed-a=b@y.example\nstress=\n\n"), .want = "action=550 5.7.1 members only\n\n" },
  { .name = "ends inside a request", .input = SLICE(RCPT FROM "recipient=closed-x@y.example\n"), .want = "" },
  { .name = "another request", .input = SLICE("request=junk\nprotocol_state=RCPT\n\n"), .want = "" },
  { .name = "an empty one", .input = SLICE("\n\n" RCPT "\n"), .want = "" },
  { .name = "no attribute", .input = SLICE(RCPT "recipient\n\n" RCPT "recipient=list@y.example\n\n"), .want = "" },
  { .name = "NUL", .input = SLICE(RCPT "recipient=list@y.example\0\n\n"), .want = "" },
  { .name = "CRLF", .input = SLICE("request=smtpd_access_policy\r\nprotocol_state=RCPT\r\n\r\n"), .want = "" },
  { .name = "the server stops", .input = SLICE(RCPT "recipient=closed-x@y.example\n\n"), .want = "", .stopping = true },
};

static void
dialogue(gconstpointer data)
{
  questions_check(&policy_service, data);
}

/* RCPT with `count` attributes more of `octets` each. */
static GString *
with_attributes(int count, int octets)
{
  GString *text = g_string_new(RCPT "recipient=list@y.example\n");
  for (int i = 0; i < count; i++)
    g_string_append_printf(text, "%0*d=\n", octets - 2, i);
  return g_string_append_c(text, '\n');
}

static const struct {
  const char *name;
  int count, octets;
  const char *want;
} bounds[] = {
  { .name = "as many as may be", .count = 196, .octets = 10, .want = DUNNO },
  { .name = "one too many", .count = 197, .octets = 10, .want = "" },
  { .name = "a line as long as may be", .count = 1, .octets = 4097, .want = DUNNO },
  { .name = "a line too long", .count = 1, .octets = 4098, .want = "" },
  { .name = "many octets", .count = 4, .octets = 4000, .want = DUNNO },
  { .name = "too many octets", .count = 5, .octets = 4000, .want = "" },
};

static void
bounded(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
    g_test_message("%s", bounds[i].name);
    g_autoptr(GString) input = with_attributes(bounds[i].count, bounds[i].octets);
    g_autoptr(GString) output = questions_run(&policy_service, (struct slice){ input->str, input->len }, 0, 1000, false, NULL);
    g_assert_cmpstr(output->str, ==, bounds[i].want);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/policy/", rows[i].name, NULL);
    g_test_add_data_func(path, &rows[i], dialogue);
  }
  g_test_add_func("/policy/bounds", bounded);
  return g_test_run();
}
