#include "door/dsn.h"

enum parameter { RET, NOTIFY, ENVID, ORCPT };

/* `want` is the value as it is kept (NOTIFY: the set's number); NULL: refused. */
static const struct row {
  const char *name;
  enum parameter parameter;
  const char *value, *want;
} rows[] = {
  { "RET=FULL", RET, "FULL", "1" },
  { "RET=HDRS in any case", RET, "hdrs", "2" },
  { "RET of no kind", RET, "HEADERS", NULL },
  { "RET without value", RET, NULL, NULL },

  { "NEVER", NOTIFY, "NEVER", "1" },
  { "one", NOTIFY, "success", "2" },
  { "all, any case", NOTIFY, "Success,FAILURE,delay", "14" },
  { "one twice", NOTIFY, "DELAY,DELAY", "8" },
  { "NEVER with another", NOTIFY, "NEVER,FAILURE", NULL },
  { "another with NEVER", NOTIFY, "FAILURE,NEVER", NULL },
  { "unknown", NOTIFY, "ALWAYS", NULL },
  { "unknown behind a known one", NOTIFY, "FAILURE,ALWAYS", NULL },
  { "comma at the end", NOTIFY, "FAILURE,", NULL },
  { "comma at the start", NOTIFY, ",FAILURE", NULL },
  { "two commas", NOTIFY, "FAILURE,,DELAY", NULL },
  { "NOTIFY without value", NOTIFY, NULL, NULL },

  { "plain ENVID", ENVID, "QQ314159", "QQ314159" },
  { "ENVID in xtext", ENVID, "a+2Bb+3Dc+20d", "a+b=c d" },
  { "ENVID with =", ENVID, "a=b", "a=b" },
  { "digits in lower case", ENVID, "a+2bb", "a+b" },
  { "ENVID spells a line end", ENVID, "a+0D+0AX: y", NULL },
  { "ENVID not ASCII", ENVID, "a+C3+A4", NULL },
  { "ENVID cut", ENVID, "a+2", NULL },
  { "ENVID of no digits", ENVID, "a+xy", NULL },
  { "ENVID without value", ENVID, NULL, NULL },

  { "Postfix", ORCPT, "rfc822;test-bounces+2Bbob+3Ddest.example@list.example.org", "rfc822;test-bounces+bob=dest.example@list.example.org" },
  { "Exim, Sendmail", ORCPT, "rfc822;o@x.y", "rfc822;o@x.y" },
  { "upper case", ORCPT, "RFC822;Bob@X.example", "RFC822;Bob@X.example" },
  { "Postfix under SMTPUTF8", ORCPT, "rfc822;+C3+A4nne@b+C3+BCcher.example", "rfc822;\303\244nne@b\303\274cher.example" },
  { "RFC 6533, embedded", ORCPT, "utf-8;\\x{E4}nne@x.example", "utf-8;\\x{E4}nne@x.example" },
  { "RFC 6533, as it is", ORCPT, "utf-8;\303\244nne@x.example", "utf-8;\303\244nne@x.example" },
  { "no UTF-8", ORCPT, "rfc822;+E4nne@x.example", "rfc822;\357\277\275nne@x.example" },
  { "not encoded =", ORCPT, "rfc822;bob=dest@x.example", "rfc822;bob=dest@x.example" },
  { "another type", ORCPT, "x400;/c+3Dus/", "x400;/c=us/" },
  { "quoted local part", ORCPT, "rfc822;+22test+20list+22@x.example", "rfc822;\"test list\"@x.example" },
  { "no address", ORCPT, "rfc822;", "rfc822;" },
  { "no type", ORCPT, ";bob@x.example", NULL },
  { "no semicolon", ORCPT, "bob@x.example", NULL },
  { "type is no atom", ORCPT, "rfc@822;bob@x.example", NULL },
  { "not encoded +", ORCPT, "rfc822;bob+tag@x.example", NULL },
  { "spells a line end", ORCPT, "rfc822;bob+0D+0ATo: x", NULL },
  { "spells a NUL", ORCPT, "rfc822;bob+00", NULL },
  { "ORCPT without value", ORCPT, NULL, NULL },
};

static enum res
parse(enum parameter parameter, struct slice value, char **kept, GError **error)
{
  enum door_ret ret = DOOR_RET_UNSTATED;
  unsigned notify = 0;
  enum res res;
  *kept = NULL;
  switch (parameter) {
  case RET:
    res = dsn_ret_parse(value, &ret, error);
    *kept = res == RES_OK ? g_strdup_printf("%d", (int)ret) : NULL;
    return res;
  case NOTIFY:
    res = dsn_notify_parse(value, &notify, error);
    *kept = res == RES_OK ? g_strdup_printf("%u", notify) : NULL;
    return res;
  case ENVID:
    return dsn_envid_parse(value, kept, error);
  case ORCPT:
    return dsn_orcpt_parse(value, kept, error);
  }
  g_assert_not_reached();
}

static void
test_rows(void)
{
  static const char *const names[] = { "RET=", "NOTIFY=", "ENVID=", "ORCPT=" };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *kept = NULL;
    g_autoptr(GError) error = NULL;
    enum res res = parse(rows[i].parameter, slice_of(rows[i].value), &kept, &error);
    if (res != (rows[i].want ? RES_OK : RES_BAD) || g_strcmp0(kept, rows[i].want) != 0)
      g_error("%s: %d, %s", rows[i].name, (int)res, kept);
    if (res == RES_BAD && (error_reply(error, REPLY_OK) != REPLY_SYNTAX || !g_str_has_prefix(error->message, names[rows[i].parameter])))
      g_error("%s: %s", rows[i].name, error->message);
  }
}

/* A value of `n` characters behind `head`, in xtext three times as long. */
static enum res
parse_long(enum parameter parameter, const char *head, size_t n, const char *character)
{
  g_autoptr(GString) value = g_string_new(head);
  for (size_t i = strlen(head); i < n; i++)
    g_string_append(value, character);
  g_autofree char *kept = NULL;
  return parse(parameter, (struct slice){ value->str, value->len }, &kept, NULL);
}

static void
test_length(void)
{
  g_assert_cmpint(parse_long(ENVID, "", DSN_ENVID_MAX, "x"), ==, RES_OK);
  g_assert_cmpint(parse_long(ENVID, "", DSN_ENVID_MAX, "+2B"), ==, RES_OK);
  g_assert_cmpint(parse_long(ENVID, "", DSN_ENVID_MAX + 1, "x"), ==, RES_BAD);
  g_assert_cmpint(parse_long(ORCPT, "rfc822;", DSN_ORCPT_MAX, "x"), ==, RES_OK);
  g_assert_cmpint(parse_long(ORCPT, "rfc822;", DSN_ORCPT_MAX, "+2B"), ==, RES_OK);
  g_assert_cmpint(parse_long(ORCPT, "rfc822;", DSN_ORCPT_MAX + 1, "x"), ==, RES_BAD);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/dsn/rows", test_rows);
  g_test_add_func("/dsn/length", test_length);
  return g_test_run();
}
