#include "list/ban.h"
#include "list/domain.h"
#include "list/member_batch.h"
#include "list/test_store.h"
#include <string.h>

#define NOW INT64_C(1700000000000000)

static int64_t
make(struct tx *tx, const char *name)
{
  int64_t id = 0;
  g_autoptr(GError) error = NULL;
  enum res res = list_create(tx, &(struct list_new){ .name = name, .make_domain = true, .now = NOW }, &id, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return id;
}

static bool
add(struct tx *tx, int64_t list_id, enum member_role role, const char *address)
{
  bool added = false;
  g_autoptr(GError) error = NULL;
  enum res res = member_add(tx, &(struct member_new){ .list_id = list_id, .role = role, .address = address, .now = NOW }, &added, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return added;
}

static int64_t
count(struct tx *tx, int64_t list_id, enum member_role role)
{
  int64_t n = -1;
  g_autoptr(GError) error = NULL;
  enum res res = sql_int_of(tx, "SELECT COUNT(*) FROM member WHERE list_id = $1 AND role = $2 AND left_at IS NULL",
                            SQL_ARGS(sql_int(list_id), sql_int(role)), &n, &error);
  g_assert_cmpint(res, ==, RES_OK);
  return n;
}

/* The one with that key, or NULL. */
static struct member *
find(struct tx *tx, int64_t list_id, enum member_role role, const char *key)
{
  struct member *member = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = member_find(tx, list_id, role, key, &member, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, member ? RES_OK : RES_MORE);
  return member;
}

/* --- adding --- */

static const struct {
  const char *name, *address, *display;
  enum member_role role;
  const char *says;      /* refused */
  bool already;
  const char *key, *keeps; /* folded address and name, as found afterwards */
} add_rows[] = {
  /* Each row finds the members of those above it. */
  { .name = "plain", .address = "Ann@Example.NET", .display = "Ann", .key = "ann@example.net", .keeps = "Ann" },
  { .name = "again", .address = "ann@example.net", .display = "Anna", .already = true, .key = "ann@example.net", .keeps = "Ann" },
  { .name = "as owner too", .address = "ann@example.net", .role = MEMBER_OWNER, .key = "ann@example.net", .keeps = "Ann" },
  { .name = "name comes later", .address = "bob@example.net", .key = "bob@example.net", .keeps = "" },
  { .name = "now", .address = "bob@example.net", .display = "Bob", .role = MEMBER_MODERATOR, .key = "bob@example.net", .keeps = "Bob" },
  { .name = "UTF-8", .address = "\303\204nne@b\303\274cher.example", .key = "\303\244nne@xn--bcher-kva.example", .keeps = "" },
  { .name = "no address", .address = "ann", .says = "is no address" },
  { .name = "name with a line break", .address = "eve@example.net", .display = "E\r\nBcc: x", .says = "is not one line" },
  { .name = "name Latin-1", .address = "eve@example.net", .display = "\344", .says = "is not one line of UTF-8" },
  { .name = "the list", .address = "ant@example.com", .says = "is an address of the list itself" },
  { .name = "its role", .address = "ANT-request+x@example.com", .role = MEMBER_OWNER, .says = "is an address of the list itself" },
  { .name = "its role in another name of the domain", .address = "ant-owner@Example.ORG", .role = MEMBER_OWNER, .says = "is an address of the list itself" },
  { .name = "another list", .address = "bee@example.com", .key = "bee@example.com", .keeps = "" },
  { .name = "banned", .address = "spam@example.net", .says = "spam@example.net is banned (spam@example.net)" },
  { .name = "banned by pattern", .address = "x@spam.example", .says = "is banned (^.*@spam\\.example)" },
  { .name = "banned site-wide", .address = "x@worse.example", .says = "is banned (^.*@worse)" },
  { .name = "banned elsewhere", .address = "x@other.example", .key = "x@other.example", .keeps = "" },
  { .name = "banned as owner", .address = "spam@example.net", .role = MEMBER_OWNER, .key = "spam@example.net", .keeps = "" },
  { .name = "banned as non-member", .address = "spam@example.net", .role = MEMBER_NONMEMBER, .key = "spam@example.net", .keeps = "" },
};

static void
check_found(struct tx *tx, int64_t list, size_t row)
{
  OWN(member) member = find(tx, list, add_rows[row].role, add_rows[row].key);
  g_assert_nonnull(member);
  g_assert_cmpstr(member->name, ==, add_rows[row].keeps);
  bool trusted = add_rows[row].role == MEMBER_OWNER || add_rows[row].role == MEMBER_MODERATOR;
  g_assert_cmpint(member->moderation, ==, trusted ? MODERATION_ACCEPT : -1);
  g_assert_true(member->receive_own_postings && member->receive_list_copy);
  g_assert_cmpint(member->joined_at, ==, NOW);
}

static enum res
body_add(struct tx *tx, void *arg G_GNUC_UNUSED, GError **bad)
{
  bool changed;
  int64_t domain;
  g_assert_cmpint(domain_create(tx, "example.com", NULL, "example.org", NOW, &domain, bad), ==, RES_OK);
  int64_t list = make(tx, "ant@example.com"), other = make(tx, "bee@example.com");
  g_assert_cmpint(ban_add(tx, list, "Spam@example.net", NOW, &changed, bad), ==, RES_OK);
  g_assert_cmpint(ban_add(tx, list, "^.*@spam\\.example", NOW, &changed, bad), ==, RES_OK);
  g_assert_cmpint(ban_add(tx, 0, "^.*@worse", NOW, &changed, bad), ==, RES_OK);
  g_assert_cmpint(ban_add(tx, other, "^.*@other", NOW, &changed, bad), ==, RES_OK);
  for (size_t i = 0; i < G_N_ELEMENTS(add_rows); i++) {
    g_test_message("%s", add_rows[i].name);
    g_autoptr(GError) error = NULL;
    bool added = false;
    struct member_new new = { .list_id = list, .role = add_rows[i].role, .address = add_rows[i].address, .name = add_rows[i].display, .now = NOW };
    enum res res = member_add(tx, &new, &added, &error);
    g_assert_cmpint(res, ==, add_rows[i].says ? RES_BAD : RES_OK);
    g_assert_cmpint(added, ==, !add_rows[i].says && !add_rows[i].already);
    if (!add_rows[i].says)
      check_found(tx, list, i);
    else if (!strstr(error->message, add_rows[i].says))
      g_error("%s: %s", add_rows[i].name, error->message);
  }
  g_assert_cmpint(count(tx, list, MEMBER_MEMBER), ==, 5);
  g_assert_cmpint(count(tx, other, MEMBER_MEMBER), ==, 0);
  /* Refused ones leave nothing behind. */
  int64_t n = 0;
  g_assert_cmpint(sql_int_of(tx, "SELECT COUNT(*) FROM address WHERE key LIKE 'x@%' OR key LIKE 'eve@%' OR key LIKE 'ant%'", SQL_NO_ARGS, &n, bad), ==, RES_OK);
  g_assert_cmpint(n, ==, 1);
  OWN(member) ann = find(tx, list, MEMBER_MEMBER, "ann@example.net");
  g_assert_cmpstr(ann->address, ==, "Ann@Example.NET");
  return RES_OK;
}

/* Who becomes a member is no non-member any more; who was one in another list stays so there. */
static enum res
body_nonmember(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  int64_t list = make(tx, "ant@example.com"), other = make(tx, "bee@example.com");
  g_assert_true(add(tx, list, MEMBER_NONMEMBER, "ann@example.net"));
  g_assert_true(add(tx, list, MEMBER_NONMEMBER, "bob@example.net"));
  g_assert_true(add(tx, other, MEMBER_NONMEMBER, "ann@example.net"));
  g_assert_true(add(tx, list, MEMBER_OWNER, "ann@example.net"));
  g_assert_cmpint(count(tx, list, MEMBER_NONMEMBER), ==, 2);
  g_assert_true(add(tx, list, MEMBER_MEMBER, "ann@example.net"));
  g_assert_cmpint(count(tx, list, MEMBER_NONMEMBER), ==, 1);
  g_assert_cmpint(count(tx, other, MEMBER_NONMEMBER), ==, 1);
  return RES_OK;
}

static enum res
body_remove(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t list = make(tx, "ant@example.com");
  add(tx, list, MEMBER_MEMBER, "ann@example.net");
  add(tx, list, MEMBER_MEMBER, "bob@example.net");
  OWN(member) before = find(tx, list, MEMBER_MEMBER, "ann@example.net");
  g_assert_cmpint(before->join_number, ==, 1);

  g_assert_cmpint(member_remove(tx, list, MEMBER_OWNER, "ann@example.net", NOW + 1, error), ==, RES_MORE);
  g_assert_cmpint(member_remove(tx, list, MEMBER_MEMBER, "Ann@example.net", NOW + 1, error), ==, RES_OK);
  g_assert_cmpint(member_remove(tx, list, MEMBER_MEMBER, "ann@example.net", NOW + 2, error), ==, RES_MORE);
  g_assert_cmpint(member_remove(tx, list, MEMBER_MEMBER, "no address", NOW + 2, error), ==, RES_MORE);
  g_assert_null(find(tx, list, MEMBER_MEMBER, "ann@example.net"));
  g_assert_cmpint(count(tx, list, MEMBER_MEMBER), ==, 1);

  g_assert_true(add(tx, list, MEMBER_MEMBER, "ann@example.net"));
  OWN(member) after = find(tx, list, MEMBER_MEMBER, "ann@example.net");
  g_assert_cmpint(after->id, >, before->id);
  g_assert_cmpint(after->join_number, ==, 3);
  int64_t left_at = 0;
  g_assert_cmpint(sql_int_of(tx, "SELECT left_at FROM member WHERE id = $1", SQL_ARGS(sql_int(before->id)), &left_at, error), ==, RES_OK);
  g_assert_cmpint(left_at, ==, NOW + 1);
  return RES_OK;
}

/* --- slices --- */

static enum res
body_slice(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t list = make(tx, "ant@example.com"), other = make(tx, "bee@example.com");
  for (int i = 0; i < 10; i++) {
    g_autofree char *address = g_strdup_printf("m%d@example.net", i);
    add(tx, list, MEMBER_MEMBER, address);
    add(tx, other, MEMBER_MEMBER, address);
    add(tx, list, MEMBER_OWNER, address);
  }
  g_assert_cmpint(member_remove(tx, list, MEMBER_MEMBER, "m4@example.net", NOW, error), ==, RES_OK);

  g_autoptr(GString) seen = g_string_new(NULL);
  int64_t after = 0;
  for (guint n = 1; n;) {
    g_autoptr(GPtrArray) slice = NULL;
    g_assert_cmpint(member_slice(tx, list, MEMBER_MEMBER, after, 4, &slice, error), ==, RES_OK);
    n = slice->len;
    g_assert_cmpuint(n, <=, 4);
    for (guint i = 0; i < n; i++) {
      const struct member *member = slice->pdata[i];
      g_assert_cmpint(member->join_number, >, after);
      after = member->join_number;
      g_string_append_c(seen, member->key[1]);
    }
    g_string_append_c(seen, '/');
  }
  g_assert_cmpstr(seen->str, ==, "0123/5678/9//");
  return RES_OK;
}

/* --- preferences --- */

static const struct {
  const char *name, *set, *value, *says;
  int mode, status, moderation;
  bool own, copy;
  const char *display;
} set_rows[] = {
  /* Each row finds what those above it set. */
  { "mode", "delivery_mode", "mime_digests", NULL, MODE_MIME_DIGESTS, STATUS_ENABLED, -1, true, true, "" },
  { "status", "delivery_status", "by_bounces", NULL, MODE_MIME_DIGESTS, STATUS_BY_BOUNCES, -1, true, true, "" },
  { "mode back", "delivery_mode", "regular", NULL, MODE_REGULAR, STATUS_BY_BOUNCES, -1, true, true, "" },
  { "moderation", "moderation_action", "hold", NULL, MODE_REGULAR, STATUS_BY_BOUNCES, MODERATION_HOLD, true, true, "" },
  { "moderation default", "moderation_action", "default", NULL, MODE_REGULAR, STATUS_BY_BOUNCES, -1, true, true, "" },
  { "own postings", "receive_own_postings", "false", NULL, MODE_REGULAR, STATUS_BY_BOUNCES, -1, false, true, "" },
  { "list copy", "receive_list_copy", "false", NULL, MODE_REGULAR, STATUS_BY_BOUNCES, -1, false, false, "" },
  { "own postings default", "receive_own_postings", "default", NULL, MODE_REGULAR, STATUS_BY_BOUNCES, -1, true, false, "" },
  { "name", "display_name", "Ann \303\204.", NULL, MODE_REGULAR, STATUS_BY_BOUNCES, -1, true, false, "Ann \303\204." },
  { "bad name", "display_name", "a\nb", "is one line", MODE_REGULAR, STATUS_BY_BOUNCES, -1, true, false, "Ann \303\204." },
  { "bad mode", "delivery_mode", "digest", "one of regular, mime_digests", MODE_REGULAR, STATUS_BY_BOUNCES, -1, true, false, "Ann \303\204." },
  { "mode has no default", "delivery_mode", "default", "one of regular", MODE_REGULAR, STATUS_BY_BOUNCES, -1, true, false, "Ann \303\204." },
  { "unknown", "colour", "red", "there is no preference", MODE_REGULAR, STATUS_BY_BOUNCES, -1, true, false, "Ann \303\204." },
};

static enum res
body_set(struct tx *tx, void *arg G_GNUC_UNUSED, GError **bad)
{
  int64_t list = make(tx, "ant@example.com");
  add(tx, list, MEMBER_MEMBER, "ann@example.net");
  add(tx, list, MEMBER_MEMBER, "bob@example.net");
  OWN(member) ann = find(tx, list, MEMBER_MEMBER, "ann@example.net");
  for (size_t i = 0; i < G_N_ELEMENTS(set_rows); i++) {
    g_test_message("%s", set_rows[i].name);
    g_autoptr(GError) error = NULL;
    enum res res = member_set(tx, ann->id, set_rows[i].set, set_rows[i].value, &error);
    g_assert_cmpint(res, ==, set_rows[i].says ? RES_BAD : RES_OK);
    if (set_rows[i].says && !strstr(error->message, set_rows[i].says))
      g_error("%s: %s", set_rows[i].name, error->message);
    OWN(member) now = find(tx, list, MEMBER_MEMBER, "ann@example.net");
    g_assert_cmpint((int)now->mode, ==, set_rows[i].mode);
    g_assert_cmpint((int)now->status, ==, set_rows[i].status);
    g_assert_cmpint(now->moderation, ==, set_rows[i].moderation);
    g_assert_cmpint(now->receive_own_postings, ==, set_rows[i].own);
    g_assert_cmpint(now->receive_list_copy, ==, set_rows[i].copy);
    g_assert_cmpstr(now->name, ==, set_rows[i].display);
  }
  OWN(member) bob = find(tx, list, MEMBER_MEMBER, "bob@example.net");
  g_assert_cmpint((int)bob->status, ==, STATUS_ENABLED);
  g_assert_cmpint(member_set(tx, 4711, "delivery_mode", "regular", bad), ==, RES_MORE);
  return RES_OK;
}

static void
test_names(void)
{
  int n = 0;
  for (const char *name; (name = member_role_name((enum member_role)n)); n++)
    g_assert_cmpint(member_role_parse(name), ==, n);
  g_assert_cmpint(n, ==, MEMBER_NONMEMBER + 1);
  g_assert_null(delivery_mode_name((enum delivery_mode)(MODE_SUMMARY_DIGESTS + 1)));
  g_assert_null(delivery_status_name((enum delivery_status)(STATUS_UNKNOWN + 1)));
  g_assert_cmpint(member_role_parse("boss"), ==, -1);
  g_assert_null(member_role_name((enum member_role)99));
  g_assert_cmpstr(member_role_name(MEMBER_MODERATOR), ==, "moderator");
  g_assert_cmpstr(delivery_mode_name(MODE_PLAINTEXT_DIGESTS), ==, "plaintext_digests");
  g_assert_cmpstr(delivery_status_name(STATUS_BY_MODERATOR), ==, "by_moderator");
}

/* --- bans --- */

static enum res
body_bans(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  bool changed = false;
  g_assert_cmpint(ban_add(tx, 7, "^b.*@x", NOW, &changed, error), ==, RES_OK);
  g_assert_true(changed);
  g_assert_cmpint(ban_add(tx, 7, "^b.*@x", NOW, &changed, error), ==, RES_OK);
  g_assert_false(changed);
  g_assert_cmpint(ban_add(tx, 7, "A@X.example", NOW, &changed, error), ==, RES_OK);
  g_assert_cmpint(ban_add(tx, 0, "c@x.example", NOW, &changed, error), ==, RES_OK);
  g_assert_cmpint(ban_add(tx, 7, "^(", NOW, &changed, NULL), ==, RES_BAD);
  g_assert_cmpint(ban_add(tx, 7, "^", NOW, &changed, NULL), ==, RES_BAD);
  g_assert_cmpint(ban_add(tx, 7, "x.example", NOW, &changed, NULL), ==, RES_BAD);

  g_autoptr(GPtrArray) bans = NULL;
  g_assert_cmpint(ban_list(tx, 7, &bans, error), ==, RES_OK);
  g_assert_cmpuint(bans->len, ==, 2);
  g_assert_cmpstr(bans->pdata[0], ==, "^b.*@x");
  g_assert_cmpstr(bans->pdata[1], ==, "a@x.example");

  static const struct {
    int64_t list;
    const char *key, *want;
  } rows[] = {
    { 7, "a@x.example", "a@x.example" }, { 7, "ab@x.example", NULL },          { 7, "bob@x.example", "^b.*@x" }, { 7, "c@x.example", "c@x.example" },
    { 8, "a@x.example", NULL },          { 8, "c@x.example", "c@x.example" }, { 0, "bob@x.example", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("%s", rows[i].key);
    g_autofree char *ban = NULL;
    g_assert_cmpint(ban_match(tx, rows[i].list, rows[i].key, &ban, error), ==, rows[i].want ? RES_OK : RES_MORE);
    g_assert_cmpstr(ban, ==, rows[i].want);
  }

  g_assert_cmpint(ban_remove(tx, 7, "a@X.example", &changed, error), ==, RES_OK);
  g_assert_true(changed);
  g_assert_cmpint(ban_remove(tx, 7, "a@x.example", &changed, error), ==, RES_OK);
  g_assert_false(changed);
  g_assert_cmpint(ban_remove(tx, 8, "^b.*@x", &changed, error), ==, RES_OK);
  g_assert_false(changed);
  g_assert_cmpint(ban_remove(tx, 7, "^b.*@x", &changed, error), ==, RES_OK);
  g_assert_true(changed);
  g_assert_cmpint(ban_remove(tx, 7, "nobody", &changed, NULL), ==, RES_BAD);
  return RES_OK;
}

/* --- many members, in slices as the command line does it --- */

#define MANY 10000
#define SLICE_MEMBERS 500

struct bulk {
  int64_t list;
  int from;
};

static enum res
make_list(struct tx *tx, void *arg, GError **error)
{
  return list_create(tx, &(struct list_new){ .name = "ant@example.com", .make_domain = true, .now = NOW }, arg, error);
}

static enum res
add_slice(struct tx *tx, void *arg, GError **error)
{
  const struct bulk *bulk = arg;
  enum res res = RES_OK;
  for (int i = bulk->from; res == RES_OK && i < bulk->from + SLICE_MEMBERS; i++) {
    bool added;
    g_autofree char *address = g_strdup_printf("member%d@example.net", i);
    res = member_add(tx, &(struct member_new){ .list_id = bulk->list, .address = address, .now = NOW }, &added, error);
  }
  return res;
}

static enum res
check_many(struct tx *tx, void *arg, GError **error)
{
  g_assert_cmpint(count(tx, *(int64_t *)arg, MEMBER_MEMBER), ==, MANY);
  g_autoptr(GPtrArray) last = NULL;
  g_assert_cmpint(member_slice(tx, *(int64_t *)arg, MEMBER_MEMBER, MANY - 1, 10, &last, error), ==, RES_OK);
  g_assert_cmpuint(last->len, ==, 1);
  g_assert_cmpstr(((struct member *)last->pdata[0])->key, ==, "member9999@example.net");
  return RES_OK;
}

static void
test_bulk(void)
{
  char *directory = scratch_new();
  struct store *store = scratch_store(directory, STORE_COMMAND);
  struct bulk bulk = { 0 };
  must_write(store, make_list, &bulk.list);
  g_test_timer_start();
  for (; bulk.from < MANY; bulk.from += SLICE_MEMBERS)
    must_write(store, add_slice, &bulk);
  g_test_message("%d members in %.2f s", MANY, g_test_timer_elapsed());
  must_write(store, check_many, &bulk.list);
  store_free(store);
  scratch_free(directory);
}

/* --- batches --- */

static const struct {
  const char *name, *address;
  enum member_role role;
  enum res want;
  bool added;
} batch_rows[] = {
  /* Each row finds the members of those above it, in one batch. */
  { .name = "first", .address = "ann@example.net", .want = RES_OK, .added = true },
  { .name = "again", .address = "Ann@example.net", .want = RES_OK },
  { .name = "no address", .address = "ann", .want = RES_BAD },
  { .name = "second", .address = "bob@example.net", .want = RES_OK, .added = true },
  { .name = "banned", .address = "spam@example.net", .want = RES_BAD },
  { .name = "non-member", .address = "eve@example.net", .role = MEMBER_NONMEMBER, .want = RES_OK, .added = true },
  { .name = "who joins after all", .address = "eve@example.net", .want = RES_OK, .added = true },
};

/* Numbers are given out without a gap, and are the list's own afterwards. */
static enum res
body_batch(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t list = make(tx, "ant@example.com");
  bool changed;
  g_assert_cmpint(ban_add(tx, list, "spam@example.net", NOW, &changed, error), ==, RES_OK);
  OWN(member_batch) batch = NULL;
  g_assert_cmpint(member_batch_begin(tx, list, &batch, error), ==, RES_OK);
  for (size_t i = 0; i < G_N_ELEMENTS(batch_rows); i++) {
    g_test_message("%s", batch_rows[i].name);
    const struct member_new new = { .list_id = list, .role = batch_rows[i].role, .address = batch_rows[i].address, .now = NOW };
    g_autoptr(GError) problem = NULL;
    bool added = !batch_rows[i].added;
    g_assert_cmpint(member_batch_check(batch, &new, NULL), ==, batch_rows[i].want);
    g_assert_cmpint(member_batch_add(batch, &new, &added, &problem), ==, batch_rows[i].want);
    g_assert_cmpint(added, ==, batch_rows[i].added);
  }
  g_assert_cmpint(member_batch_end(batch, error), ==, RES_OK);
  g_assert_cmpint(count(tx, list, MEMBER_MEMBER), ==, 3);
  g_assert_cmpint(count(tx, list, MEMBER_NONMEMBER), ==, 0);
  g_assert_true(add(tx, list, MEMBER_MEMBER, "late@example.net"));
  OWN(member) late = find(tx, list, MEMBER_MEMBER, "late@example.net");
  g_assert_cmpint(late->join_number, ==, 5);
  OWN(member_batch) none = NULL;
  g_assert_cmpint(member_batch_begin(tx, list + 100, &none, NULL), ==, RES_BAD);
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
    { "/member/add", body_add },     { "/member/nonmember", body_nonmember }, { "/member/remove", body_remove },
    { "/member/slice", body_slice }, { "/member/set", body_set },             { "/member/bans", body_bans },
    { "/member/batch", body_batch },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add_data_func(tests[i].name, &tests[i].body, in_transaction);
  g_test_add_func("/member/names", test_names);
  g_test_add_func("/member/bulk", test_bulk);
  return g_test_run();
}
