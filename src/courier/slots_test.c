#include "courier/slots.h"

static const bool all[SLOT_COUNT] = { true, true, true };

/* What stands at each slot; NULL: it is not there. */
static const struct {
  const char *name, *header, *body;
  const char *want[SLOT_COUNT];
} rows[] = {
  { .name = "one of each", .header = "Received: x\r\nList-Unsubscribe: <u>\r\nFrom: a@b\r\nTo: c@d\r\n\r\n", .body = "body\r\n",
    .want = { [SLOT_UNSUBSCRIBE] = "List-Unsubscribe: <u>\r\n", [SLOT_TO] = "To: c@d\r\n", [SLOT_FOOTER] = "" } },
  { .name = "folded", .header = "LIST-UNSUBSCRIBE:\r\n <u>,\r\n\t<v>\r\nto : c@d,\r\n e@f\r\nA: 1\r\n\r\n", .body = "",
    .want = { [SLOT_UNSUBSCRIBE] = "LIST-UNSUBSCRIBE:\r\n <u>,\r\n\t<v>\r\n", [SLOT_TO] = "to : c@d,\r\n e@f\r\n", [SLOT_FOOTER] = "" } },
  { .name = "one-click", .header = "List-Unsubscribe: <u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nA: 1\r\n\r\n", .body = "",
    .want = { [SLOT_UNSUBSCRIBE] = "List-Unsubscribe: <u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", [SLOT_FOOTER] = "" } },
  { .name = "one-click elsewhere is not ours", .header = "List-Unsubscribe: <u>\r\nA: 1\r\nList-Unsubscribe-Post: x\r\n\r\n", .body = "",
    .want = { [SLOT_UNSUBSCRIBE] = "List-Unsubscribe: <u>\r\n", [SLOT_FOOTER] = "" } },
  { .name = "no To", .header = "List-Unsubscribe: <u>\r\nX-To: c@d\r\n\r\n", .body = "To: c@d\r\n",
    .want = { [SLOT_UNSUBSCRIBE] = "List-Unsubscribe: <u>\r\n", [SLOT_FOOTER] = "" } },
  { .name = "several of each", .header = "List-Unsubscribe: <u>\r\nList-Unsubscribe: <v>\r\nTo: c@d\r\nTo: e@f\r\n\r\n", .body = "", .want = { [SLOT_FOOTER] = "" } },
  { .name = "To above List-Unsubscribe", .header = "To: c@d\r\nList-Unsubscribe: <u>\r\n\r\n", .body = "",
    .want = { [SLOT_UNSUBSCRIBE] = "List-Unsubscribe: <u>\r\n", [SLOT_FOOTER] = "" } },
  { .name = "nothing in the header", .header = "\r\n", .body = "x\r\n", .want = { [SLOT_FOOTER] = "" } },
  { .name = "body without a line end", .header = "To: c@d\r\n\r\n", .body = "x", .want = { [SLOT_TO] = "To: c@d\r\n" } },
  { .name = "a message that could not be read", .header = "", .body = "To: c@d\r\n\r\nx\r\n" },
};

/* Filling a slot puts its octets there and leaves all others. */
static void
check_filled(const char *name, const struct copy_form *form, enum slot slot)
{
  struct transmission mail;
  transmission_init(&mail, SHAPE_PERSONAL, 1);
  mail.recipients[0].own[slot] = SLICE("own\r\n");
  struct slice pieces[COPY_PIECES_MAX];
  g_autoptr(GString) got = g_string_new(NULL), want = g_string_new(NULL);
  for (size_t i = 0, n = transmission_pieces(&mail, form, 0, pieces); i < n; i++)
    g_string_append_len(got, pieces[i].p, (gssize)pieces[i].n);
  g_string_append_len(want, form->header.p, (gssize)form->header.n);
  g_string_append_len(want, form->body.p, (gssize)form->body.n);
  if (form->has_slot[slot]) {
    g_string_erase(want, (gssize)form->slots[slot].at, (gssize)form->slots[slot].n);
    g_string_insert(want, (gssize)form->slots[slot].at, "own\r\n");
  }
  if (strcmp(got->str, want->str) != 0)
    g_error("%s: slot %d filled gives \"%s\"", name, slot, got->str);
  g_assert_cmpint(transmission_size(&mail, form, 0), ==, (int64_t)want->len);
  transmission_clear(&mail);
}

static void
test_find(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct copy_form form = { .header = slice_of(rows[i].header), .body = slice_of(rows[i].body) };
    slots_find(&form, all);
    g_autofree char *whole = g_strconcat(rows[i].header, rows[i].body, NULL);
    for (enum slot slot = 0; slot < SLOT_COUNT; slot++) {
      if (form.has_slot[slot] != (rows[i].want[slot] != NULL))
        g_error("%s: slot %d is%s there", rows[i].name, slot, form.has_slot[slot] ? "" : " not");
      struct slice there = slice_head(slice_skip(slice_of(whole), form.slots[slot].at), form.slots[slot].n);
      if (form.has_slot[slot] && !slice_equal(there, slice_of(rows[i].want[slot])))
        g_error("%s: slot %d is \"%.*s\"", rows[i].name, slot, SLICE_FMT(there));
      check_filled(rows[i].name, &form, slot);
    }
    if (form.has_slot[SLOT_FOOTER])
      g_assert_cmpuint(form.slots[SLOT_FOOTER].at, ==, strlen(whole));
  }
}

static void
test_wanted(void)
{
  for (enum slot only = 0; only < SLOT_COUNT; only++) {
    struct copy_form form = { .header = slice_of(rows[0].header), .body = slice_of(rows[0].body) };
    bool wanted[SLOT_COUNT] = { false };
    wanted[only] = true;
    slots_find(&form, wanted);
    for (enum slot slot = 0; slot < SLOT_COUNT; slot++)
      g_assert_cmpint(form.has_slot[slot], ==, slot == only);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/slots/find", test_find);
  g_test_add_func("/slots/wanted", test_wanted);
  return g_test_run();
}
