#include "envelope/role.h"

struct want {
  enum role role;
  const char *list, *suffix, *argument;
};

static const struct {
  const char *name, *local;
  size_t n;
  struct want want[ROLE_READINGS_MAX];
} rows[] = {
  { .name = "a list", .local = "ant", .n = 1, .want = { { ROLE_POST, "ant", "", "" } } },
  { .name = "dash and dot in the name", .local = "ant-dev.eu", .n = 1, .want = { { ROLE_POST, "ant-dev.eu", "", "" } } },
  { .name = "UTF-8 name", .local = "am\xc3\xa9lie-owner", .n = 2, .want = { { ROLE_POST, "am\xc3\xa9lie-owner", "", "" }, { ROLE_OWNER,
    "am\xc3\xa9lie", "owner", "" } } },
  { .name = "posting with detail", .local = "ant+work", .n = 2, .want = { { ROLE_POST, "ant+work", "", "" }, { ROLE_POST, "ant", "",
    "" } } },
  { .name = "detail with a role's name", .local = "ant+x-owner", .n = 2, .want = { { ROLE_POST, "ant+x-owner", "", "" }, { ROLE_POST, "ant",
    "", "" } } },
  { .name = "admin", .local = "ant-admin", .n = 2, .want = { { ROLE_POST, "ant-admin", "", "" }, { ROLE_OWNER, "ant", "admin", "" } } },
  { .name = "bounces", .local = "ant-bounces", .n = 2, .want = { { ROLE_POST, "ant-bounces", "", "" }, { ROLE_BOUNCES, "ant", "bounces",
    "" } } },
  { .name = "confirm", .local = "ant-confirm", .n = 2, .want = { { ROLE_POST, "ant-confirm", "", "" }, { ROLE_CONFIRM, "ant", "confirm",
    "" } } },
  { .name = "join", .local = "ant-join", .n = 2, .want = { { ROLE_POST, "ant-join", "", "" }, { ROLE_JOIN, "ant", "join", "" } } },
  { .name = "leave", .local = "ant-leave", .n = 2, .want = { { ROLE_POST, "ant-leave", "", "" }, { ROLE_LEAVE, "ant", "leave", "" } } },
  { .name = "owner", .local = "ant-owner", .n = 2, .want = { { ROLE_POST, "ant-owner", "", "" }, { ROLE_OWNER, "ant", "owner", "" } } },
  { .name = "request", .local = "ant-request", .n = 2, .want = { { ROLE_POST, "ant-request", "", "" }, { ROLE_REQUEST, "ant", "request",
    "" } } },
  { .name = "subscribe", .local = "ant-subscribe", .n = 2, .want = { { ROLE_POST, "ant-subscribe", "", "" }, { ROLE_JOIN, "ant",
    "subscribe", "" } } },
  { .name = "unsubscribe", .local = "ant-unsubscribe", .n = 2, .want = { { ROLE_POST, "ant-unsubscribe", "", "" }, { ROLE_LEAVE, "ant",
    "unsubscribe", "" } } },
  { .name = "capitals", .local = "Ant-OWNER", .n = 2, .want = { { ROLE_POST, "Ant-OWNER", "", "" }, { ROLE_OWNER, "Ant", "OWNER", "" } } },
  { .name = "bounces with a tag", .local = "ant-bounces+t0k", .n = 3, .want = { { ROLE_POST, "ant-bounces+t0k", "", "" }, { ROLE_POST,
    "ant-bounces", "", "" }, { ROLE_BOUNCES, "ant", "bounces", "t0k" } } },
  { .name = "VERP with a recipient", .local = "ant-bounces+u=d.example", .n = 3, .want = { { ROLE_POST, "ant-bounces+u=d.example", "", "" },
    { ROLE_POST, "ant-bounces", "", "" }, { ROLE_BOUNCES, "ant", "bounces", "u=d.example" } } },
  { .name = "VERP with tag and recipient", .local = "ant-bounces+t0k+u+x=d", .n = 3, .want = { { ROLE_POST, "ant-bounces+t0k+u+x=d", "",
    "" }, { ROLE_POST, "ant-bounces", "", "" }, { ROLE_BOUNCES, "ant", "bounces", "t0k+u+x=d" } } },
  { .name = "argument that reads like a role", .local = "ant-confirm+x-owner", .n = 3, .want = { { ROLE_POST, "ant-confirm+x-owner", "",
    "" }, { ROLE_POST, "ant-confirm", "", "" }, { ROLE_CONFIRM, "ant", "confirm", "x-owner" } } },
  { .name = "empty argument", .local = "ant-bounces+", .n = 3, .want = { { ROLE_POST, "ant-bounces+", "", "" }, { ROLE_POST, "ant-bounces",
    "", "" }, { ROLE_BOUNCES, "ant", "bounces", "" } } },
  { .name = "owner takes no argument", .local = "ant-owner+x", .n = 3, .want = { { ROLE_POST, "ant-owner+x", "", "" }, { ROLE_POST,
    "ant-owner", "", "" }, { ROLE_OWNER, "ant", "owner", "" } } },
  { .name = "role of a list named like a role", .local = "ant-owner-bounces", .n = 2, .want = { { ROLE_POST, "ant-owner-bounces", "", "" },
    { ROLE_BOUNCES, "ant-owner", "bounces", "" } } },
  { .name = "two dashes", .local = "ant--owner", .n = 2, .want = { { ROLE_POST, "ant--owner", "", "" }, { ROLE_OWNER, "ant-", "owner",
    "" } } },
  { .name = "suffix without a list", .local = "-owner", .n = 1, .want = { { ROLE_POST, "-owner", "", "" } } },
  { .name = "suffix without a dash", .local = "owner", .n = 1, .want = { { ROLE_POST, "owner", "", "" } } },
  { .name = "suffix grown to a word", .local = "ant-coowner", .n = 1, .want = { { ROLE_POST, "ant-coowner", "", "" } } },
  { .name = "plus first", .local = "+x", .n = 1, .want = { { ROLE_POST, "+x", "", "" } } },
  { .name = "nothing", .local = "", .n = 0 },
  { .name = "postmaster", .local = "postmaster", .n = 1, .want = { { ROLE_POSTMASTER, "", "", "" } } },
  { .name = "postmaster with detail", .local = "PostMaster+x", .n = 1, .want = { { ROLE_POSTMASTER, "", "", "" } } },
  { .name = "abuse", .local = "abuse", .n = 1, .want = { { ROLE_POSTMASTER, "", "", "" } } },
  { .name = "mailer-daemon", .local = "MAILER-DAEMON", .n = 1, .want = { { ROLE_NOREPLY, "", "", "" } } },
  { .name = "noreply", .local = "noreply+x", .n = 1, .want = { { ROLE_NOREPLY, "", "", "" } } },
  { .name = "doctor", .local = "listward-doctor+abc", .n = 1, .want = { { ROLE_NOREPLY, "", "", "" } } },
  { .name = "no-reply", .local = "no-reply", .n = 1, .want = { { ROLE_NOREPLY, "", "", "" } } },
  { .name = "longer than postmaster", .local = "postmasters", .n = 1, .want = { { ROLE_POST, "postmasters", "", "" } } },
};

static void
assert_slice(struct slice got, const char *want)
{
  g_autofree char *text = slice_dup(got);
  g_assert_cmpstr(text, ==, want);
}

static void
test_read(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("row: %s", rows[i].name);
    struct role_reading got[ROLE_READINGS_MAX];
    g_assert_cmpuint(role_read(slice_of(rows[i].local), got), ==, rows[i].n);
    for (size_t j = 0; j < rows[i].n; j++) {
      g_assert_cmpint(got[j].role, ==, rows[i].want[j].role);
      assert_slice(got[j].list, rows[i].want[j].list);
      assert_slice(got[j].suffix, rows[i].want[j].suffix);
      assert_slice(got[j].argument, rows[i].want[j].argument);
    }
  }
}

/* Every suffix, put behind a list's name, is read as a role whose canonical suffix is read as the same role. */
static void
test_suffixes(void)
{
  size_t n = 0;
  for (; role_suffix_nth(n); n++) {
    g_test_message("suffix: %s", role_suffix_nth(n));
    struct role_reading got[ROLE_READINGS_MAX], canonical[ROLE_READINGS_MAX];
    g_autofree char *local = g_strconcat("ant-", role_suffix_nth(n), NULL);
    g_assert_cmpuint(role_read(slice_of(local), got), ==, 2);
    g_autofree char *other = g_strconcat("ant-", role_suffix(got[1].role), NULL);
    g_assert_cmpuint(role_read(slice_of(other), canonical), ==, 2);
    g_assert_cmpint(canonical[1].role, ==, got[1].role);
  }
  g_assert_cmpuint(n, ==, 9);
  g_assert_cmpstr(role_suffix(ROLE_OWNER), ==, "owner");
  g_assert_cmpstr(role_suffix(ROLE_LEAVE), ==, "leave");
  g_assert_cmpstr(role_suffix(ROLE_POST), ==, "");
  g_assert_cmpstr(role_suffix(ROLE_NOREPLY), ==, "");
}

static void
test_reserved(void)
{
  size_t n = 0;
  for (; role_reserved_nth(n); n++)
    g_assert_true(role_is_reserved(slice_of(role_reserved_nth(n))));
  g_assert_cmpuint(n, >=, 5);
  g_assert_true(role_is_reserved(SLICE("Postmaster")));
  g_assert_true(role_is_reserved(SLICE("no-reply")));
  g_assert_true(role_is_reserved(SLICE("abuse+x")));
  g_assert_false(role_is_reserved(SLICE("abuse-owner")));
  g_assert_false(role_is_reserved(SLICE("ant")));
  g_assert_false(role_is_reserved(SLICE("")));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/role/read", test_read);
  g_test_add_func("/role/suffixes", test_suffixes);
  g_test_add_func("/role/reserved", test_reserved);
  return g_test_run();
}
