#include "smtp/smtp_form.h"

/* What the other form is like, or why there is none. */
struct maker {
  enum res res;
  enum reply reply;
  struct copy_form made;
  int asked; /* the form; -1: none */
};

static enum res
make(void *arg, enum form form, const struct copy_form **made, GError **error)
{
  struct maker *maker = arg;
  g_assert_cmpint(maker->asked, ==, -1);
  maker->asked = (int)form;
  *made = &maker->made;
  if (maker->res == RES_BAD)
    return refuse(error, maker->reply, "it is signed");
  return maker->res == RES_TEMP ? trouble(error, REPLY_FULL, "no memory") : RES_OK;
}

#define NEEDS_8BIT .eight_bit = true
#define NEEDS_UTF8 .eight_bit = true, .header_utf8 = true
#define PERSONAL .shape = SHAPE_PERSONAL

static const struct {
  const char *name;
  struct ehlo ehlo;
  enum shape shape;
  bool eight_bit, header_utf8, no_maker;
  struct maker maker;
  const char *addresses[3], *senders[3], *footers[3], *tos[3];
  const char *wanted; /* Pending, Failed */
  const char *reply;  /* starts that of the first that failed */
  int asked;          /* FORM_…; 0: none */
  enum res res;
  bool refused;
} rows[] = {
  { .name = "nothing special", .wanted = "PPP" },
  { .name = "8 bit", .ehlo = { .eight_bit = true }, NEEDS_8BIT, .wanted = "PPP" },
  { .name = "8 bit, not offered", NEEDS_8BIT, .wanted = "PPP", .asked = FORM_SEVEN_BIT },
  { .name = "8 bit, not offered, signed", NEEDS_8BIT, .maker = { .res = RES_BAD, .reply = REPLY_NO_CONVERSION }, .wanted = "FFF", .asked = FORM_SEVEN_BIT,
    .reply = "550 5.6.3 conversion required but not supported: it is signed", .refused = true },
  { .name = "8 bit, not offered, no memory", NEEDS_8BIT, .maker = { .res = RES_TEMP }, .wanted = "PPP", .asked = FORM_SEVEN_BIT, .res = RES_TEMP },
  { .name = "8 bit, not offered, no other form", NEEDS_8BIT, .no_maker = true, .wanted = "FFF", .reply = "550 5.6.3 ", .refused = true },
  { .name = "UTF-8 header", .ehlo = { .eight_bit = true, .smtputf8 = true }, NEEDS_UTF8, .wanted = "PPP" },
  { .name = "UTF-8 header, not offered", .ehlo = { .eight_bit = true }, NEEDS_UTF8, .wanted = "PPP", .asked = FORM_ASCII_HEADER },
  { .name = "UTF-8 header, nothing offered", NEEDS_UTF8, .wanted = "PPP", .asked = FORM_SEVEN_BIT },
  { .name = "UTF-8 header, no 8BITMIME", .ehlo = { .smtputf8 = true }, NEEDS_UTF8, .wanted = "PPP", .asked = FORM_SEVEN_BIT },
  { .name = "UTF-8 header, not offered, no ASCII form", .ehlo = { .eight_bit = true }, NEEDS_UTF8, .maker = { .res = RES_BAD, .reply = REPLY_NO_SMTPUTF8 }, .wanted = "FFF",
    .asked = FORM_ASCII_HEADER, .reply = "550 5.6.7 ", .refused = true },
  { .name = "UTF-8 header, not offered, no other form", .ehlo = { .eight_bit = true }, NEEDS_UTF8, .no_maker = true, .wanted = "FFF", .reply = "550 5.6.7 ", .refused = true },
  { .name = "UTF-8 recipient", .ehlo = { .smtputf8 = true }, .addresses = { NULL, "\303\244@x" }, .wanted = "PPP" },
  { .name = "UTF-8 recipient, not offered", .addresses = { NULL, "\303\244@x" }, .wanted = "PFP", .reply = "550 5.6.7 " },
  { .name = "UTF-8 sender of one, not offered", PERSONAL, .senders = { NULL, NULL, "\303\244@x" }, .wanted = "PPF", .reply = "550 5.6.7 " },
  { .name = "UTF-8 sender of one", PERSONAL, .ehlo = { .smtputf8 = true }, .senders = { NULL, NULL, "\303\244@x" }, .wanted = "PPP" },
  { .name = "8-bit footer of one", PERSONAL, .ehlo = { .eight_bit = true }, .footers = { NULL, "\303\244\r\n" }, .wanted = "PPP" },
  { .name = "8-bit footer of one, not offered", PERSONAL, .footers = { NULL, "\303\244\r\n" }, .wanted = "PFP", .reply = "550 5.6.3 " },
  { .name = "8-bit footers have no place", .footers = { NULL, "\303\244\r\n" }, .wanted = "PPP" },
  { .name = "UTF-8 field of one", PERSONAL, .ehlo = { .smtputf8 = true }, .tos = { "To: \303\244\r\n" }, .wanted = "PPP" },
  { .name = "UTF-8 field of one, not offered", PERSONAL, .ehlo = { .eight_bit = true }, .tos = { "To: \303\244\r\n" }, .wanted = "FPP", .reply = "550 5.6.7 " },
  { .name = "size", .ehlo = { .size = true, .size_max = 15 }, .wanted = "PPP" },
  { .name = "size, too large", .ehlo = { .size = true, .size_max = 14 }, .wanted = "FFF", .reply = "552 5.3.4 the message is too large: the outlet takes 14 octets", .refused = true },
  { .name = "size of one", PERSONAL, .ehlo = { .size = true, .size_max = 15 }, .footers = { "long footer\r\n", NULL, "--\r\n" }, .wanted = "FPP", .reply = "552 5.3.4 " },
  { .name = "size of the other form", NEEDS_8BIT, .ehlo = { .size = true, .size_max = 15 }, .maker = { .made.header = { "much longer than it was", 23 } }, .wanted = "FFF",
    .asked = FORM_SEVEN_BIT, .reply = "552 5.3.4 ", .refused = true },
};

static void
fill(struct transmission *mail, size_t row)
{
  transmission_init(mail, rows[row].shape, 3);
  for (size_t i = 0; i < mail->n; i++) {
    struct transmission_recipient *recipient = &mail->recipients[i];
    recipient->address = rows[row].addresses[i] ? rows[row].addresses[i] : "a@x";
    recipient->reverse_path = rows[row].senders[i];
    recipient->own[SLOT_FOOTER] = slice_of(rows[row].footers[i]);
    recipient->own[SLOT_TO] = slice_of(rows[row].tos[i]);
  }
}

static void
check_row(size_t row)
{
  const struct copy_form as_is = {
    .header = SLICE("To: b\r\n"), .body = SLICE("-- all\r\n"), .eight_bit = rows[row].eight_bit, .header_utf8 = rows[row].header_utf8,
    .has_slot = { [SLOT_TO] = true, [SLOT_FOOTER] = true }, .slots = { [SLOT_TO] = { 0, 7 }, [SLOT_FOOTER] = { 7, 8 } },
  };
  struct maker maker = rows[row].maker;
  struct transmission mail;
  const struct copy_form *form = NULL;
  g_autoptr(GError) error = NULL;
  const char *reply = "";
  char got[4] = "";
  fill(&mail, row);
  maker.asked = -1;
  mail.as_is = &as_is;
  mail.make_form = rows[row].no_maker ? NULL : make;
  mail.make_form_arg = &maker;
  enum res res = smtp_form_choose(&rows[row].ehlo, &mail, &form, &error);
  for (size_t i = mail.n; i-- > 0;) {
    got[i] = mail.recipients[i].outcome == OUTCOME_PENDING ? 'P' : mail.recipients[i].outcome == OUTCOME_FAILED ? 'F' : '?';
    if (got[i] == 'F')
      reply = transmission_text_of(&mail, i);
  }
  if (res != rows[row].res || (res == RES_OK) != (error == NULL) || strcmp(got, rows[row].wanted) != 0 || maker.asked != (rows[row].asked ? rows[row].asked : -1) ||
      !g_str_has_prefix(reply, rows[row].reply ? rows[row].reply : "") || (mail.refused >= 0) != rows[row].refused)
    g_error("%s: result %d, outcomes %s, form %d, reply %s", rows[row].name, res, got, maker.asked, reply);
  if (res == RES_OK && maker.res == RES_OK)
    g_assert_true(form == (maker.asked == -1 ? &as_is : &maker.made));
  transmission_clear(&mail);
}

static void
test_choice(void)
{
  for (size_t row = 0; row < G_N_ELEMENTS(rows); row++)
    check_row(row);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/smtp_form/choice", test_choice);
  return g_test_run();
}
