#include "message/header_edit.h"
#include "message/test_view.h"

static char *
applied(const struct header_edit *edit)
{
  g_autoptr(GBytes) bytes = header_edit_apply(edit);
  return slice_dup(slice_bytes(bytes));
}

struct row {
  const char *name, *input;
  const char *remove;                    /* all fields of this name */
  const char *add, *value;
  const char *replace, *by;              /* the first field of this name */
  const char *want;
};

#define W50 "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
#define W250 W50 W50 W50 W50 W50
#define W1000 W250 W250 W250 W250

static const struct row rows[] = {
  { .name = "nothing", .input = "A: 1\r\nB : 2\r\n\t3\r\n\r\nbody", .want = "A: 1\r\nB : 2\r\n\t3\r\n\r\n" },
  { .name = "added on top", .input = "A: 1\r\n\r\n", .add = "B", .value = "2", .want = "B: 2\r\nA: 1\r\n\r\n" },
  { .name = "added value trimmed", .input = "A: 1\r\n\r\n", .add = "B", .value = "  2 ", .want = "B: 2\r\nA: 1\r\n\r\n" },
  { .name = "added empty value", .input = "A: 1\r\n\r\n", .add = "B", .value = "", .want = "B:\r\nA: 1\r\n\r\n" },
  { .name = "all of a name", .input = "a: 1\r\nB: 2\r\nA : 3\r\n 4\r\n\r\n", .remove = "A", .want = "B: 2\r\n\r\n" },
  { .name = "a name's beginning is another name", .input = "AB: 1\r\n\r\n", .remove = "A", .want = "AB: 1\r\n\r\n" },
  { .name = "replaced in place", .input = "A: 1\r\nsubJECT  :  x\r\n y\r\nB: 2\r\n\r\n", .replace = "Subject", .by = " new",
    .want = "A: 1\r\nsubJECT  : new\r\nB: 2\r\n\r\n" },
  { .name = "replaced without a blank", .input = "A:1\r\n\r\n", .replace = "A", .by = "2", .want = "A: 2\r\n\r\n" },
  { .name = "replaced, folding kept", .input = "A: 1\r\n\r\n", .replace = "A", .by = "\r\n\tx " W50 "\r\n  " W50 " y",
    .want = "A:\r\n\tx " W50 "\r\n  " W50 " y\r\n\r\n" },
  { .name = "replaced, long lines up to 998 stay", .input = "A: 1\r\n\r\n", .replace = "A", .by = " " W250 " " W250 " y",
    .want = "A: " W250 " " W250 " y\r\n\r\n" },
  { .name = "replaced, lines over 998 folded", .input = "A: 1\r\n\r\n", .replace = "A", .by = " " W250 W250 W250 " " W250 " y",
    .want = "A: " W250 W250 W250 "\r\n " W250 " y\r\n\r\n" },
  { .name = "replaced by nothing", .input = "A: 1\r\n\r\n", .replace = "A", .by = "", .want = "A:\r\n\r\n" },
  { .name = "removal wins over replacement", .input = "A: 1\r\nB: 2\r\n\r\n", .remove = "A", .replace = "A", .by = "3",
    .want = "B: 2\r\n\r\n" },
  { .name = "folded near 78", .input = "\r\n", .add = "A", .value = W50 " 12345678901234567890123 x " W50,
    .want = "A: " W50 " 12345678901234567890123\r\n x " W50 "\r\n\r\n" },
  { .name = "exactly 78 is not folded", .input = "\r\n", .add = "A", .value = W50 " 123456789012345678901234",
    .want = "A: " W50 " 123456789012345678901234\r\n\r\n" },
  { .name = "79 is", .input = "\r\n", .add = "A", .value = W50 " 1234567890123456789012345",
    .want = "A: " W50 "\r\n 1234567890123456789012345\r\n\r\n" },
  { .name = "a long word stays on its line", .input = "\r\n", .add = "A", .value = W250 " x " W250,
    .want = "A: " W250 "\r\n x\r\n " W250 "\r\n\r\n" },
  { .name = "a fold behind the colon only for the hard limit",
    .input = "\r\n", .add = "Abcdef", .value = W250 W250 W250 W50 W50 W50 W50 "12345678901234567890123456789012345678901234567",
    .want = "Abcdef:\r\n " W250 W250 W250 W50 W50 W50 W50 "12345678901234567890123456789012345678901234567\r\n\r\n" },
  { .name = "no blank, no fold", .input = "\r\n", .add = "A", .value = W1000, .want = "A:\r\n " W1000 "\r\n\r\n" },
  { .name = "no line of blanks", .input = "\r\n", .add = "A", .value = W50 "                                                  x",
    .want = "A: " W50 "                         \r\n                         x\r\n\r\n" },
  { .name = "mbox line goes", .input = "From a@b Thu Jan 1\r\nA: 1\r\n\r\n", .want = "A: 1\r\n\r\n" },
  { .name = "mbox line below a removed field goes", .input = "A: 1\r\nFrom a@b Thu Jan 1\r\nB: 2\r\n\r\n", .remove = "A",
    .want = "B: 2\r\n\r\n" },
  { .name = "From with a blank before its colon is a field", .input = "From : a@b\r\n\r\n", .want = "From : a@b\r\n\r\n" },
  { .name = "junk stays", .input = "A: 1\r\njunk line\r\n more\r\n>From x\r\nB: 2\r\n\r\n",
    .want = "A: 1\r\njunk line\r\n more\r\n>From x\r\nB: 2\r\n\r\n" },
  { .name = "a continuation of nothing cannot continue ours", .input = " evil\r\n\tmore\r\nA: 1\r\n\r\n", .add = "List-Id", .value = "<x>",
    .want = "List-Id: <x>\r\nA: 1\r\n\r\n" },
  { .name = "no empty line", .input = "A: 1\r\n", .want = "A: 1\r\n\r\n" },
  { .name = "no line end", .input = "A: 1", .want = "A: 1\r\n\r\n" },
  { .name = "nothing at all", .input = "", .want = "\r\n" },
  { .name = "no header", .input = "\r\nbody", .add = "A", .value = "1", .want = "A: 1\r\n\r\n" },
  { .name = "8-bit octets stay", .input = "A: \xff\xc3\xa4\r\n\r\n", .want = "A: \xff\xc3\xa4\r\n\r\n" },
};

static void
test_edit(gconstpointer data)
{
  const struct row *row = data;
  OWN(header_view) view = view_of(row->input);
  OWN(header_edit) edit = header_edit_new(view);
  if (row->remove)
    g_assert_cmpuint(header_edit_remove_all(edit, row->remove), ==, header_count(view, row->remove));
  if (row->add)
    header_edit_add(edit, row->add, row->value);
  if (row->replace)
    header_edit_replace(edit, header_first(view, row->replace), row->by);
  g_autofree char *got = applied(edit);
  g_assert_cmpstr(got, ==, row->want);
}

static void
test_order(void)
{
  OWN(header_view) view = view_of("A: 1\r\nA: 2\r\n\r\n");
  OWN(header_edit) edit = header_edit_new(view);
  header_edit_add(edit, "B", "1");
  header_edit_add(edit, "B", "2");
  header_edit_remove(edit, &view->fields[0]);
  header_edit_remove(edit, &view->fields[0]);
  g_assert_cmpuint(header_edit_remove_all(edit, "b"), ==, 0);
  g_autofree char *got = applied(edit);
  g_assert_cmpstr(got, ==, "B: 2\r\nB: 1\r\nA: 2\r\n\r\n");
}

struct sign_row {
  const char *name, *input;
  const char *remove, *add, *replace; /* done first, in this order */
  const char *ask;
  bool breaks;
  size_t broken;
};

static const struct sign_row sign_rows[] = {
  { .name = "no signature", .input = "From: a\r\n", .ask = "List-Id" },
  { .name = "not named", .input = "DKIM-Signature: v=1; h=from:subject; b=x\r\nFrom: a\r\n", .ask = "List-Id" },
  { .name = "named though absent", .input = "DKIM-Signature: v=1; h=from:list-id; b=x\r\nFrom: a\r\n", .ask = "List-Id", .breaks = true },
  { .name = "named and there", .input = "DKIM-Signature: h=from:subject\r\nFrom: a\r\nSubject: x\r\n", .ask = "Subject" },
  { .name = "oversigned", .input = "DKIM-Signature: h=from:subject:from\r\nFrom: a\r\nSubject: x\r\n", .ask = "From", .breaks = true },
  { .name = "folded, odd blanks, case",
    .input = "dkim-signature: v=1; c=relaxed;\r\n\th\r\n = From :\r\n  LIST-ID\r\n\t: x;\r\n b=h\r\n", .ask = "list-id", .breaks = true },
  { .name = "h within another tag", .input = "DKIM-Signature: bh=list-id; z=From:x|h=list-id; b=x\r\n", .ask = "List-Id" },
  { .name = "h= is the last tag", .input = "DKIM-Signature: v=1;h=list-id", .ask = "List-Id", .breaks = true },
  { .name = "empty names", .input = "DKIM-Signature: h=::from::;;\r\n", .ask = "List-Id" },
  { .name = "no value", .input = "DKIM-Signature:\r\n", .ask = "List-Id" },
  { .name = "no equals sign", .input = "DKIM-Signature: h\r\n", .ask = "List-Id" },
  { .name = "one of two", .input = "DKIM-Signature: h=from\r\nDKIM-Signature: h=list-id\r\n", .ask = "List-Id", .breaks = true },
  { .name = "signature taken out", .input = "DKIM-Signature: h=list-id\r\n", .remove = "DKIM-Signature", .ask = "List-Id" },
  { .name = "broken by a removal: nothing left to break",
    .input = "DKIM-Signature: h=from:list-id\r\nList-Id: <other>\r\n", .remove = "List-Id", .ask = "List-Id", .broken = 1 },
  { .name = "removal of an unsigned one leaves it whole",
    .input = "DKIM-Signature: h=from:x\r\nList-Id: <other>\r\n", .remove = "List-Id", .ask = "X", .breaks = true },
  { .name = "broken by an addition", .input = "DKIM-Signature: h=reply-to:list-id\r\n", .add = "Reply-To", .ask = "List-Id", .broken = 1 },
  { .name = "broken by a replacement",
    .input = "DKIM-Signature: h=subject:list-id\r\nSubject: x\r\n", .replace = "Subject", .ask = "List-Id", .broken = 1 },
  { .name = "replacement above the signed ones",
    .input = "DKIM-Signature: h=subject:list-id\r\nSubject: x\r\nSubject: y\r\n", .replace = "Subject", .ask = "List-Id", .breaks = true },
  { .name = "the other signature is whole",
    .input = "DKIM-Signature: h=subject:list-id\r\nDKIM-Signature: h=from:list-id\r\nSubject: x\r\n", .replace = "Subject",
    .ask = "List-Id", .breaks = true, .broken = 1 },
  { .name = "a second addition", .input = "DKIM-Signature: h=from\r\nFrom: a\r\n", .add = "List-Id", .ask = "List-Id" },
};

static void
test_signature(gconstpointer data)
{
  const struct sign_row *row = data;
  OWN(header_view) view = view_of(row->input);
  OWN(header_edit) edit = header_edit_new(view);
  if (row->remove)
    g_assert_cmpuint(header_edit_remove_all(edit, row->remove), >, 0);
  if (row->add)
    header_edit_add(edit, row->add, "x");
  if (row->replace)
    header_edit_replace(edit, header_first(view, row->replace), "y");
  g_assert_cmpint(header_edit_breaks_signature(edit, row->ask), ==, row->breaks);
  g_assert_cmpuint(header_edit_broken_signatures(edit), ==, row->broken);
}

static const struct { const char *name, *text, *want; } encode_rows[] = {
  { "ASCII", "[Ant] plain", "[Ant] plain" },
  { "empty", "", "" },
  { "Latin, Q", "[Gr\xc3\xb6\xc3\x9f" "e] ", "=?UTF-8?Q?=5BGr=C3=B6=C3=9Fe=5D_?=" },
  { "Chinese, B", "\xe8\x9a\x82\xe8\x9a\x81", "=?UTF-8?B?6JqC6JqB?=" },
  { "looks encoded", "a =?x?q?y" "?=", "=?UTF-8?Q?a_=3D=3Fx=3Fq=3Fy=3F=3D?=" },
  { "control", "a\r\nB: evil", "=?UTF-8?Q?a=0D=0AB=3A_evil?=" },
  { "not UTF-8", "aaaaaaaaaaaaaaa\xff", "=?UTF-8?Q?aaaaaaaaaaaaaaa=EF=BF=BD?=" },
  { "long", "\xc3\xa4 " W50 W50, "=?UTF-8?Q?=C3=A4_wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww?= =?UTF-8?Q?wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww?=" },
};

static void
test_encode(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(encode_rows); i++) {
    g_autofree char *got = header_encode(encode_rows[i].text);
    if (g_strcmp0(got, encode_rows[i].want) != 0)
      g_error("%s: %s", encode_rows[i].name, got);
  }
}

static void
test_clean(void)
{
  g_autofree char *got = header_clean("a\r\nB:\tx\x7f\x01\xc3\xa4");
  g_assert_cmpstr(got, ==, "a  B: x  \xc3\xa4");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/header_edit/edit/", rows[i].name, NULL);
    g_test_add_data_func(path, &rows[i], test_edit);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(sign_rows); i++) {
    g_autofree char *path = g_strconcat("/header_edit/signature/", sign_rows[i].name, NULL);
    g_test_add_data_func(path, &sign_rows[i], test_signature);
  }
  g_test_add_func("/header_edit/order", test_order);
  g_test_add_func("/header_edit/encode", test_encode);
  g_test_add_func("/header_edit/clean", test_clean);
  return g_test_run();
}
