#include "list/address_change.h"
#include "list/ban.h"
#include "list/test_store.h"
#include <string.h>

#define NOW INT64_C(1700000000000000)
#define OLD "old@example.net"
#define NEW "new@example.net"

static int64_t
make(struct tx *tx, const char *name)
{
  int64_t id = 0;
  g_assert_cmpint(list_create(tx, &(struct list_new){ .name = name, .make_domain = true, .now = NOW }, &id, NULL), ==, RES_OK);
  return id;
}

static void
add(struct tx *tx, int64_t list_id, enum member_role role, const char *address, const char *name)
{
  bool added = false;
  const struct member_new new = { .list_id = list_id, .role = role, .address = address, .name = name, .mode = MODE_SUMMARY_DIGESTS, .status = STATUS_BY_USER, .now = NOW };
  g_assert_cmpint(member_add(tx, &new, &added, NULL), ==, RES_OK);
  g_assert_true(added);
}

/* The one with that key, or NULL. */
static struct member *
find(struct tx *tx, int64_t list_id, enum member_role role, const char *key)
{
  struct member *member = NULL;
  enum res res = member_find(tx, list_id, role, key, &member, NULL);
  g_assert_cmpint(res, ==, member ? RES_OK : RES_MORE);
  return member;
}

/* "ant@example.com owner 0 / …": lists, roles and steps. */
static char *
text_of(const struct address_change *change)
{
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < change->memberships->len; i++) {
    const struct membership *membership = g_ptr_array_index(change->memberships, i);
    g_string_append_printf(text, "%s%s %s %d", i ? " / " : "", membership->list, member_role_name(membership->role), (int)change->steps[i]);
  }
  return g_string_free(text, FALSE);
}

/* Plans and does it; returns the plan's text. */
static char *
change(struct tx *tx, const char *from, const char *to)
{
  OWN(address_change) plan = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = address_change_plan(tx, from, to, &plan, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  g_assert_cmpint(address_change_apply(tx, plan, NOW + 1, NULL), ==, RES_OK);
  return text_of(plan);
}

/* Every role goes along, with id, join number and preferences. */
static enum res
body_moves(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  int64_t ant = make(tx, "ant@example.com"), bee = make(tx, "bee@example.com"), cat = make(tx, "cat@example.com");
  add(tx, ant, MEMBER_MEMBER, "other@example.net", NULL);
  add(tx, ant, MEMBER_OWNER, OLD, "Old Name");
  add(tx, ant, MEMBER_MEMBER, OLD, NULL);
  add(tx, bee, MEMBER_MODERATOR, OLD, NULL);
  add(tx, cat, MEMBER_NONMEMBER, OLD, NULL);
  OWN(member) before = find(tx, ant, MEMBER_MEMBER, OLD);
  g_assert_cmpint(member_set(tx, before->id, "moderation_action", "hold", NULL), ==, RES_OK);
  g_autofree char *text = change(tx, "OLD@example.net", "New@Example.net");
  g_assert_cmpstr(text, ==, "ant@example.com member 0 / ant@example.com owner 0 / bee@example.com moderator 0 / cat@example.com nonmember 0");

  OWN(member) after = find(tx, ant, MEMBER_MEMBER, NEW);
  g_assert_nonnull(after);
  g_assert_cmpint(after->id, ==, before->id);
  g_assert_cmpint(after->join_number, ==, before->join_number);
  g_assert_cmpint(after->moderation, ==, MODERATION_HOLD);
  g_assert_cmpint((int)after->mode, ==, MODE_SUMMARY_DIGESTS);
  g_assert_cmpint((int)after->status, ==, STATUS_BY_USER);
  g_assert_cmpstr(after->address, ==, "New@Example.net");
  g_assert_cmpstr(after->name, ==, "Old Name");
  OWN(member) other = find(tx, ant, MEMBER_MEMBER, "other@example.net");
  g_assert_nonnull(other);
  g_autoptr(GPtrArray) left = NULL;
  g_assert_cmpint(known_address_memberships(tx, OLD, &left, NULL), ==, RES_OK);
  g_assert_cmpuint(left->len, ==, 0);
  return RES_OK;
}

/* Where the new address is that already, its own record stays. */
static enum res
body_is_there(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t ant = make(tx, "ant@example.com"), bee = make(tx, "bee@example.com"), cat = make(tx, "cat@example.com");
  add(tx, ant, MEMBER_MEMBER, OLD, "Old Name");
  add(tx, ant, MEMBER_MEMBER, NEW, "New Name");
  add(tx, bee, MEMBER_NONMEMBER, OLD, NULL);
  add(tx, bee, MEMBER_MEMBER, NEW, NULL);
  add(tx, cat, MEMBER_MEMBER, OLD, NULL);
  add(tx, cat, MEMBER_NONMEMBER, NEW, NULL);
  OWN(member) gone = find(tx, ant, MEMBER_MEMBER, OLD);
  OWN(member) stays = find(tx, ant, MEMBER_MEMBER, NEW);
  OWN(member) moves = find(tx, cat, MEMBER_MEMBER, OLD);
  g_autofree char *text = change(tx, OLD, NEW);
  g_assert_cmpstr(text, ==, "ant@example.com member 1 / bee@example.com nonmember 2 / cat@example.com member 0");

  OWN(member) in_ant = find(tx, ant, MEMBER_MEMBER, NEW);
  OWN(member) in_cat = find(tx, cat, MEMBER_MEMBER, NEW);
  g_assert_cmpint(in_ant->id, ==, stays->id);
  g_assert_cmpint(in_cat->id, ==, moves->id);
  g_assert_cmpstr(in_ant->name, ==, "New Name");
  int64_t left_at = 0;
  g_assert_cmpint(sql_int_of(tx, "SELECT left_at FROM member WHERE id = $1", SQL_ARGS(sql_int(gone->id)), &left_at, error), ==, RES_OK);
  g_assert_cmpint(left_at, ==, NOW + 1);
  g_assert_null(find(tx, bee, MEMBER_NONMEMBER, NEW));
  g_assert_null(find(tx, cat, MEMBER_NONMEMBER, NEW));
  return RES_OK;
}

/* Only the spelling: the row is the same. */
static enum res
body_respelling(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  int64_t ant = make(tx, "ant@example.com");
  bool changed;
  add(tx, ant, MEMBER_MEMBER, OLD, "Name");
  g_assert_cmpint(ban_add(tx, 0, OLD, NOW, &changed, NULL), ==, RES_OK); /* it is there already, and stays */
  g_autofree char *text = change(tx, OLD, "Old@Example.NET");
  g_assert_cmpstr(text, ==, "ant@example.com member 0");
  OWN(member) member = find(tx, ant, MEMBER_MEMBER, OLD);
  g_assert_cmpstr(member->address, ==, "Old@Example.NET");
  g_assert_cmpstr(member->name, ==, "Name");
  return RES_OK;
}

static const struct {
  const char *name, *from, *to, *says; /* says NULL: nothing there to change */
} refused[] = {
  { "old is no address", "old", NEW, "\"old\" is no address" },
  { "new is no address", OLD, "new", "\"new\" is no address" },
  { "unknown", "nobody@example.net", NEW, NULL },
  { "known, but nothing anywhere", "left@example.net", NEW, NULL },
  { "banned on one list", OLD, "banned@example.net", "bee@example.com: banned@example.net is banned (banned@example.net)" },
  { "banned by a pattern of the site", OLD, "x@spam.example", "ant@example.com: x@spam.example is banned (^.*@spam)" },
  { "the list", OLD, "Bee@example.com", "bee@example.com: bee@example.com is an address of the list itself" },
  { "its role", OLD, "bee-request@example.com", "bee@example.com: bee-request@example.com is an address of the list itself" },
  { "the same", OLD, OLD, OLD " is written so already" },
};

static enum res
body_refused(struct tx *tx, void *arg G_GNUC_UNUSED, GError **unused G_GNUC_UNUSED)
{
  int64_t ant = make(tx, "ant@example.com"), bee = make(tx, "bee@example.com");
  bool changed;
  add(tx, ant, MEMBER_MEMBER, OLD, NULL);
  add(tx, bee, MEMBER_MEMBER, OLD, NULL);
  add(tx, bee, MEMBER_MEMBER, "left@example.net", NULL);
  g_assert_cmpint(member_remove(tx, bee, MEMBER_MEMBER, "left@example.net", NOW, NULL), ==, RES_OK);
  g_assert_cmpint(ban_add(tx, bee, "banned@example.net", NOW, &changed, NULL), ==, RES_OK);
  g_assert_cmpint(ban_add(tx, 0, "^.*@spam", NOW, &changed, NULL), ==, RES_OK);
  for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
    OWN(address_change) plan = NULL;
    g_autoptr(GError) error = NULL;
    enum res res = address_change_plan(tx, refused[i].from, refused[i].to, &plan, &error);
    if (res != (refused[i].says ? RES_BAD : RES_MORE) || (refused[i].says && !strstr(error->message, refused[i].says)))
      g_error("%s: %d, %s", refused[i].name, (int)res, error ? error->message : "");
  }
  return RES_OK;
}

/* Bans keep out members alone, as member_add has it. */
static enum res
body_banned_owner(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  int64_t ant = make(tx, "ant@example.com");
  bool changed;
  add(tx, ant, MEMBER_OWNER, OLD, NULL);
  g_assert_cmpint(ban_add(tx, ant, NEW, NOW, &changed, NULL), ==, RES_OK);
  g_autofree char *text = change(tx, OLD, NEW);
  g_assert_cmpstr(text, ==, "ant@example.com owner 0");
  return RES_OK;
}

/* --- reading --- */

static enum res
body_slice(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t ant = make(tx, "ant@example.com"), bee = make(tx, "bee@example.com");
  for (int i = 0; i < 10; i++) {
    g_autofree char *address = g_strdup_printf("M%d@example.net", 9 - i);
    add(tx, i % 2 ? ant : bee, MEMBER_MEMBER, address, NULL);
  }
  g_autoptr(GString) seen = g_string_new(NULL);
  g_autofree char *after = g_strdup("");
  for (guint n = 1; n;) {
    g_autoptr(GPtrArray) slice = NULL;
    g_assert_cmpint(known_address_slice(tx, after, 4, &slice, error), ==, RES_OK);
    n = slice->len;
    for (guint i = 0; i < n; i++) {
      const struct known_address *known = g_ptr_array_index(slice, i);
      g_assert_cmpstr(known->key, >, after);
      g_free(after);
      after = g_strdup(known->key);
      g_string_append_c(seen, known->address[1]);
    }
    g_string_append_c(seen, '/');
  }
  g_assert_cmpstr(seen->str, ==, "0123/4567/89//");
  return RES_OK;
}

/* Nothing of a removed list, nothing of who has left. */
static enum res
body_memberships(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t ant = make(tx, "ant@example.com"), bee = make(tx, "bee@example.com"), gone = make(tx, "gone@example.com"), left = make(tx, "left@example.com");
  add(tx, left, MEMBER_MEMBER, OLD, NULL);
  add(tx, gone, MEMBER_MEMBER, OLD, NULL);
  add(tx, bee, MEMBER_OWNER, OLD, NULL);
  add(tx, bee, MEMBER_MEMBER, OLD, NULL);
  add(tx, ant, MEMBER_MODERATOR, OLD, NULL);
  g_assert_cmpint(member_remove(tx, left, MEMBER_MEMBER, OLD, NOW, error), ==, RES_OK);
  g_assert_cmpint(list_remove(tx, gone, NOW, error), ==, RES_OK);
  g_autoptr(GPtrArray) found = NULL;
  g_assert_cmpint(known_address_memberships(tx, OLD, &found, error), ==, RES_OK);
  g_assert_cmpuint(found->len, ==, 3);
  static const struct {
    const char *list;
    enum member_role role;
  } want[] = { { "ant@example.com", MEMBER_MODERATOR }, { "bee@example.com", MEMBER_MEMBER }, { "bee@example.com", MEMBER_OWNER } };
  for (guint i = 0; i < found->len; i++) {
    const struct membership *membership = g_ptr_array_index(found, i);
    g_assert_cmpstr(membership->list, ==, want[i].list);
    g_assert_cmpint((int)membership->role, ==, (int)want[i].role);
    g_assert_cmpint((int)membership->status, ==, STATUS_BY_USER);
  }
  return RES_OK;
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  static const struct {
    const char *name;
    store_fn body;
  } tests[] = {
    { "/address_change/moves", body_moves },       { "/address_change/is_there", body_is_there },         { "/address_change/respelling", body_respelling },
    { "/address_change/refused", body_refused },   { "/address_change/banned_owner", body_banned_owner }, { "/known_address/slice", body_slice },
    { "/known_address/memberships", body_memberships },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add_data_func(tests[i].name, &tests[i].body, in_transaction);
  return g_test_run();
}
