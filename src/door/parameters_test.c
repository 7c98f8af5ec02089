#include "door/parameters.h"

static const struct {
  const char *name, *text;
  enum res want;
  struct mail_parameters parameters;
} rows[] = {
  { .name = "none", .text = "" },
  { .name = "all", .text = "SIZE=10 BODY=8BITMIME SMTPUTF8", .parameters = { 10, DOOR_BODY_8BITMIME, true } },
  { .name = "any case, blanks", .text = "  size=10   body=7bit  smtputf8 ", .parameters = { 10, DOOR_BODY_7BIT, true } },
  { .name = "SIZE=0", .text = "SIZE=0" },
  { .name = "SIZE of 20 digits", .text = "SIZE=99999999999999999999", .parameters = { .size = INT64_MAX } },
  { .name = "SIZE without number", .text = "SIZE", .want = RES_BAD },
  { .name = "SIZE empty", .text = "SIZE=", .want = RES_BAD },
  { .name = "SIZE negative", .text = "SIZE=-1", .want = RES_BAD },
  { .name = "SIZE with letters", .text = "SIZE=10K", .want = RES_BAD },
  { .name = "SIZE twice", .text = "SIZE=10 SIZE=20", .parameters = { .size = 20 } },
  { .name = "BODY of no kind we take", .text = "BODY=BINARYMIME", .want = RES_BAD },
  { .name = "BODY without kind", .text = "BODY", .want = RES_BAD },
  { .name = "SMTPUTF8 with a value", .text = "SMTPUTF8=yes", .want = RES_BAD },
  { .name = "unknown keyword", .text = "X-NEW", .parameters = { 0 } },
  { .name = "unknown with value", .text = "ENVID=a+2Bb RET=HDRS AUTH=<>", .parameters = { 0 } },
  { .name = "value with =", .text = "ORCPT=rfc822;a=b@c", .parameters = { 0 } },
  { .name = "value with UTF-8", .text = "ORCPT=utf-8;\xc3\xa4@c", .parameters = { 0 } },
  { .name = "no keyword", .text = "=x", .want = RES_BAD },
  { .name = "keyword begins with -", .text = "-X", .want = RES_BAD },
  { .name = "keyword with a bracket", .text = "<b@c>", .want = RES_BAD },
  { .name = "control in a value", .text = "X=a\x7f", .want = RES_BAD },
  { .name = "tab between", .text = "SIZE=1\tSMTPUTF8", .want = RES_BAD },
};

static void
test_mail(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct mail_parameters got;
    g_autoptr(GError) error = NULL;
    enum res res = mail_parameters_parse(slice_of(rows[i].text), &got, &error);
    const struct mail_parameters *want = &rows[i].parameters;
    bool same = res == RES_OK ? got.size == want->size && got.body == want->body && got.smtputf8 == want->smtputf8
                              : error_reply(error, REPLY_OK) == REPLY_SYNTAX;
    if (res != rows[i].want || !same)
      g_error("%s: %d", rows[i].name, (int)res);
  }
}

static void
test_rcpt(void)
{
  g_assert_cmpint(rcpt_parameters_check(slice_of("NOTIFY=NEVER ORCPT=rfc822;a+2Bb@c SIZE=x"), NULL), ==, RES_OK);
  g_assert_cmpint(rcpt_parameters_check(slice_of(""), NULL), ==, RES_OK);
  g_assert_cmpint(rcpt_parameters_check(slice_of("NOTIFY=NEVER ="), NULL), ==, RES_BAD);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/parameters/mail", test_mail);
  g_test_add_func("/parameters/rcpt", test_rcpt);
  return g_test_run();
}
