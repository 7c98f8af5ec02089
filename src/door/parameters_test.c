#include "door/parameters.h"

static const struct {
  const char *name, *text;
  enum res want;
  struct mail_parameters parameters;
} rows[] = {
  { .name = "none", .text = "" },
  { .name = "all", .text = "SIZE=10 BODY=8BITMIME SMTPUTF8", .parameters = { .size = 10, .body = DOOR_BODY_8BITMIME, .smtputf8 = true } },
  { .name = "any case, blanks", .text = "  size=10   body=7bit  smtputf8 ", .parameters = { .size = 10, .body = DOOR_BODY_7BIT, .smtputf8 = true } },
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
  { .name = "unknown with value", .text = "AUTH=<>", .parameters = { 0 } },
  { .name = "value with =", .text = "X-NEW=a=b@c", .parameters = { 0 } },
  { .name = "value with UTF-8", .text = "X-NEW=\xc3\xa4@c", .parameters = { 0 } },
  { .name = "RCPT's are none of MAIL's", .text = "NOTIFY=x ORCPT=x", .parameters = { 0 } },
  { .name = "Postfix", .text = "SIZE=409 BODY=8BITMIME ENVID=abc123 RET=HDRS",
    .parameters = { .size = 409, .body = DOOR_BODY_8BITMIME, .ret = DOOR_RET_HDRS, .envid = (char *)"abc123" } },
  { .name = "RET and ENVID in any case", .text = "ret=full envid=a+2Bb", .parameters = { .ret = DOOR_RET_FULL, .envid = (char *)"a+b" } },
  { .name = "RET twice", .text = "RET=FULL RET=FULL", .want = RES_BAD },
  { .name = "ENVID twice", .text = "ENVID=a RET=FULL ENVID=a", .want = RES_BAD },
  { .name = "a good ENVID before a bad RET", .text = "ENVID=a RET=x", .want = RES_BAD },
  { .name = "ENVID without value", .text = "ENVID", .want = RES_BAD },
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
    bool same = res == RES_OK ? got.size == want->size && got.body == want->body && got.smtputf8 == want->smtputf8 && got.ret == want->ret
                                  && g_strcmp0(got.envid, want->envid) == 0
                              : error_reply(error, REPLY_OK) == REPLY_SYNTAX;
    if (res != rows[i].want || !same)
      g_error("%s: %d", rows[i].name, (int)res);
    if (res == RES_OK)
      mail_parameters_clear(&got);
  }
}

static const struct {
  const char *name, *text;
  enum res want;
  unsigned notify;
  const char *orcpt;
} rcpt_rows[] = {
  { .name = "none", .text = "" },
  { .name = "Postfix", .text = "ORCPT=rfc822;orig@x.example NOTIFY=FAILURE,DELAY", .notify = DOOR_NOTIFY_FAILURE | DOOR_NOTIFY_DELAY, .orcpt = "rfc822;orig@x.example" },
  { .name = "Exim, Sendmail", .text = "NOTIFY=SUCCESS ORCPT=rfc822;o@x.y", .notify = DOOR_NOTIFY_SUCCESS, .orcpt = "rfc822;o@x.y" },
  { .name = "others are tolerated", .text = "NOTIFY=NEVER SIZE=x RET=x X-NEW", .notify = DOOR_NOTIFY_NEVER },
  { .name = "any case", .text = "notify=never orcpt=RFC822;a+2bb@c", .notify = DOOR_NOTIFY_NEVER, .orcpt = "RFC822;a+b@c" },
  { .name = "NOTIFY twice", .text = "NOTIFY=NEVER NOTIFY=NEVER", .want = RES_BAD },
  { .name = "ORCPT twice", .text = "ORCPT=rfc822;a@c ORCPT=rfc822;a@c", .want = RES_BAD },
  { .name = "a good ORCPT before a bad NOTIFY", .text = "ORCPT=rfc822;a@c NOTIFY=x", .want = RES_BAD },
  { .name = "no keyword", .text = "NOTIFY=NEVER =", .want = RES_BAD },
};

static void
test_rcpt(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rcpt_rows); i++) {
    struct rcpt_parameters got;
    g_autoptr(GError) error = NULL;
    enum res res = rcpt_parameters_parse(slice_of(rcpt_rows[i].text), &got, &error);
    bool same = res == RES_OK ? got.notify == rcpt_rows[i].notify && g_strcmp0(got.orcpt, rcpt_rows[i].orcpt) == 0
                              : error_reply(error, REPLY_OK) == REPLY_SYNTAX;
    if (res != rcpt_rows[i].want || !same)
      g_error("%s: %d", rcpt_rows[i].name, (int)res);
    if (res == RES_OK)
      rcpt_parameters_clear(&got);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/parameters/mail", test_mail);
  g_test_add_func("/parameters/rcpt", test_rcpt);
  return g_test_run();
}
