#include "list/ban.h"
#include "list/domain.h"
#include "list/member.h"
#include "list/test_store.h"
#include <string.h>

#define NOW INT64_C(1700000000000000)

static int64_t
make(struct tx *tx, const char *name, const char *style)
{
  int64_t id = 0;
  g_autoptr(GError) error = NULL;
  enum res res = list_create(tx, &(struct list_new){ .name = name, .style = style, .make_domain = true, .now = NOW }, &id, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return id;
}

/* --- names --- */

static const struct {
  const char *name, *create, *says; /* NULL: made */
  bool no_domain, force;
  const char *posting, *style;
} create_rows[] = {
  /* Each row finds the lists of those above it. */
  { .name = "plain", .create = "ant@example.com", .posting = "ant@example.com" },
  { .name = "again", .create = "ant@example.com", .says = "the list \"ant@example.com\" exists" },
  { .name = "again with capitals", .create = "ANT@Example.COM", .says = "exists" },
  { .name = "even with force", .create = "ant@example.com", .force = true, .says = "exists" },
  { .name = "same name, other domain", .create = "ant@other.example", .posting = "ant@other.example" },
  { .name = "unknown domain", .create = "ant@third.example", .no_domain = true, .says = "there is no domain \"third.example\"" },
  { .name = "known domain", .create = "bee@other.example", .no_domain = true, .posting = "bee@other.example" },
  { .name = "IDN domain", .create = "ant@b\303\274cher.example", .posting = "ant@xn--bcher-kva.example" },
  { .name = "UTF-8 name", .create = "\303\204meise@example.com", .posting = "\303\244meise@example.com" },
  { .name = "UTF-8 marks", .create = "\340\244\271\340\244\277\340\244\250\340\245\215\340\244\246\340\245\200@example.com",
    .posting = "\340\244\271\340\244\277\340\244\250\340\245\215\340\244\246\340\245\200@example.com" },
  { .name = "all characters", .create = "a-b_c.d0@example.com", .posting = "a-b_c.d0@example.com" },
  { .name = "digit first", .create = "0a@example.com", .posting = "0a@example.com" },
  { .name = "dash first", .create = "-a@example.com", .says = "characters that a list's may not have" },
  { .name = "plus", .create = "a+b@example.com", .says = "characters that a list's may not have" },
  { .name = "two dots", .create = "a..b@example.com", .says = "characters that a list's may not have" },
  { .name = "dot at the end", .create = "a.@example.com", .says = "characters that a list's may not have" },
  { .name = "blank", .create = "\"a b\"@example.com", .says = "characters that a list's may not have" },
  { .name = "equals", .create = "a=b@example.com", .says = "characters that a list's may not have" },
  { .name = "emoji", .create = "\360\237\220\234@example.com", .says = "characters that a list's may not have" },
  { .name = "50 octets", .create = "a2345678901234567890123456789012345678901234567890@example.com",
    .posting = "a2345678901234567890123456789012345678901234567890@example.com" },
  { .name = "51 octets", .create = "a23456789012345678901234567890123456789012345678901@example.com", .says = "51 octets: a list's may have 50" },
  { .name = "no domain", .create = "ant", .says = "is no address" },
  { .name = "literal", .create = "ant@[192.0.2.1]", .says = "not an address literal" },
  { .name = "empty", .create = "", .says = "is no address" },
  { .name = "postmaster", .create = "postmaster@example.com", .says = "reserved" },
  { .name = "abuse", .create = "Abuse@example.com", .says = "reserved" },
  { .name = "mailer-daemon", .create = "mailer-daemon@example.com", .says = "reserved" },
  { .name = "noreply with force", .create = "noreply@example.com", .force = true, .says = "reserved" },
  { .name = "role address", .create = "ant-owner@example.com", .says = "is a role address of the list \"ant\"" },
  { .name = "role address of none", .create = "cat-owner@example.com", .posting = "cat-owner@example.com" },
  { .name = "list of that role", .create = "cat@example.com", .says = "the list \"cat-owner\" has the name of a role address" },
  { .name = "list of that role with force", .create = "cat@example.com", .force = true, .posting = "cat@example.com" },
  { .name = "role address with force", .create = "ant-bounces@example.com", .force = true, .posting = "ant-bounces@example.com" },
  { .name = "role address in another domain", .create = "bee-join@example.com", .posting = "bee-join@example.com" },
  { .name = "style", .create = "old@example.com", .style = "legacy-default", .posting = "old@example.com" },
  { .name = "no such style", .create = "new@example.com", .style = "modern", .says = "there is no style \"modern\"" },
};

static enum res
body_create(struct tx *tx, void *arg G_GNUC_UNUSED, GError **bad)
{
  for (size_t i = 0; i < G_N_ELEMENTS(create_rows); i++) {
    g_test_message("%s", create_rows[i].name);
    struct list_new create = {
      .name = create_rows[i].create, .style = create_rows[i].style, .make_domain = !create_rows[i].no_domain, .force = create_rows[i].force, .now = NOW,
    };
    int64_t id = 0;
    g_autoptr(GError) error = NULL;
    enum res res = list_create(tx, &create, &id, &error);
    if (create_rows[i].says) {
      g_assert_cmpint(res, ==, RES_BAD);
      g_assert_cmpint(id, ==, 0);
      if (!strstr(error->message, create_rows[i].says))
        g_error("%s: %s", create_rows[i].name, error->message);
      continue;
    }
    g_assert_no_error(error);
    OWN(list) list = NULL;
    g_assert_cmpint(list_load_id(tx, id, &list, bad), ==, RES_OK);
    g_assert_cmpstr(list->posting, ==, create_rows[i].posting);
  }
  return RES_OK;
}

static enum res
body_snapshot(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t id = make(tx, "Ant.Farm@example.com", "private-default");
  make(tx, "bee@example.com", NULL);
  OWN(list) list = NULL;
  g_assert_cmpint(list_load_id(tx, id, &list, error), ==, RES_OK);
  g_assert_cmpint(list->id, ==, id);
  g_assert_cmpstr(list->local, ==, "ant.farm");
  g_assert_cmpstr(list->domain, ==, "example.com");
  g_assert_cmpstr(list->list_id, ==, "ant.farm.example.com");
  g_assert_cmpstr(list->style, ==, "private-default");
  g_assert_cmpint(list->created_at, ==, NOW);
  g_assert_cmpstr(list->settings.display_name, ==, "Ant.farm");
  g_assert_cmpstr(list->settings.subject_prefix, ==, "[Ant.farm] ");
  g_assert_cmpint(list->settings.max_message_size, ==, 40);
  g_assert_cmpint(list->settings.conceal_members, ==, 1);
  g_autofree char *owner = list_role_address(list, "owner");
  g_autofree char *posting = list_role_address(list, "");
  g_assert_cmpstr(owner, ==, "ant.farm-owner@example.com");
  g_assert_cmpstr(posting, ==, "ant.farm@example.com");
  return RES_OK;
}

static const struct {
  const char *name, *posting;
} load_rows[] = {
  { "ant@example.com", "ant@example.com" },          { "ANT@EXAMPLE.com", "ant@example.com" },
  { "ant.example.com", "ant@example.com" },          { "Ant.Farm.Example.com", "ant.farm@example.com" },
  { "ant.farm@example.com", "ant.farm@example.com" }, { "ant", NULL },
  { "ant@other.example", NULL },                     { "ant.other.example", NULL },
  { "ant-owner@example.com", NULL },                 { "", NULL },
  { "gone@example.com", NULL },                      { "\377.example.com", NULL },
};

static enum res
body_load(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  make(tx, "ant@example.com", NULL);
  make(tx, "ant.farm@example.com", NULL);
  g_assert_cmpint(list_remove(tx, make(tx, "gone@example.com", NULL), NOW, error), ==, RES_OK);
  for (size_t i = 0; i < G_N_ELEMENTS(load_rows); i++) {
    g_autofree char *shown = g_strescape(load_rows[i].name, NULL);
    g_test_message("%s", shown);
    OWN(list) list = NULL;
    enum res res = list_load(tx, load_rows[i].name, &list, error);
    g_assert_cmpint(res, ==, load_rows[i].posting ? RES_OK : RES_MORE);
    g_assert_cmpstr(list ? list->posting : NULL, ==, load_rows[i].posting);
  }
  return RES_OK;
}

static enum res
body_names(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  static const char *const made[] = { "c@b.example", "a@b.example", "b@a.example", "gone@b.example" };
  for (size_t i = 0; i < G_N_ELEMENTS(made); i++)
    make(tx, made[i], NULL);
  OWN(list) gone = NULL;
  g_assert_cmpint(list_load(tx, "gone@b.example", &gone, error), ==, RES_OK);
  g_assert_cmpint(list_remove(tx, gone->id, NOW, error), ==, RES_OK);

  static const struct {
    const char *domain, *want;
  } rows[] = { { NULL, "a@b.example b@a.example c@b.example" }, { "B.example", "a@b.example c@b.example" }, { "c.example", "" } };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GPtrArray) names = NULL;
    g_assert_cmpint(list_names(tx, rows[i].domain, &names, error), ==, RES_OK);
    g_ptr_array_add(names, NULL);
    g_autofree char *text = g_strjoinv(" ", (char **)names->pdata);
    g_assert_cmpstr(text, ==, rows[i].want);
  }
  g_autoptr(GPtrArray) names = NULL;
  g_assert_cmpint(list_names(tx, "a b", &names, NULL), ==, RES_BAD);
  return RES_OK;
}

static const struct {
  const char *key;
  bool want;
} own_rows[] = {
  { "ant@example.com", true },          { "ant+x@example.com", true },       { "ant-owner@example.com", true }, { "ant-bounces+tag@example.com", true },
  { "ant-unsubscribe@example.com", true }, { "ant-fans@example.com", false }, { "ant@other.example", false },     { "bee@example.com", false },
  { "postmaster@example.com", false },  { "ant-owner-owner@example.com", false },
};

static void
test_owns(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(own_rows); i++) {
    g_test_message("%s", own_rows[i].key);
    g_assert_cmpint(list_owns_address("ant", "example.com", own_rows[i].key), ==, own_rows[i].want);
  }
}

/* --- removing --- */

static int64_t
count(struct tx *tx, const char *sql, int64_t id)
{
  int64_t n = -1;
  g_autoptr(GError) error = NULL;
  enum res res = sql_int_of(tx, sql, SQL_ARGS(sql_int(id)), &n, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return n;
}

#define COUNT_SETTINGS "SELECT COUNT(*) FROM list_setting WHERE list_id = $1"
#define COUNT_MEMBERS "SELECT COUNT(*) FROM member WHERE list_id = $1 AND left_at IS NULL"

static enum res
body_remove(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t old = make(tx, "ant@example.com", NULL), other = make(tx, "bee@example.com", NULL);
  bool changed;
  for (int i = 0; i < 25; i++) {
    g_autofree char *address = g_strdup_printf("m%d@example.net", i);
    g_assert_cmpint(member_add(tx, &(struct member_new){ .list_id = old, .address = address, .now = NOW }, &changed, error), ==, RES_OK);
    g_assert_cmpint(member_add(tx, &(struct member_new){ .list_id = other, .address = address, .now = NOW }, &changed, error), ==, RES_OK);
  }
  g_assert_cmpint(ban_add(tx, old, "x@example.net", NOW, &changed, error), ==, RES_OK);
  g_assert_cmpint(list_sweep(tx, old, 10, NOW, error), ==, RES_MORE); /* it is not removed */
  g_assert_cmpint(count(tx, COUNT_SETTINGS, old), ==, 1);

  g_assert_cmpint(list_remove(tx, old, NOW + 1, error), ==, RES_OK);
  g_assert_cmpint(list_remove(tx, old, NOW + 1, NULL), ==, RES_BAD);
  g_assert_cmpint(list_remove(tx, 4711, NOW + 1, NULL), ==, RES_BAD);
  int64_t number, last;
  g_assert_cmpint(list_next_number(tx, old, NOW, &number, &last, NULL), ==, RES_BAD);
  g_autofree char *stored = NULL;
  g_assert_cmpint(list_get(tx, old, setting_find("max_held"), &stored, NULL), ==, RES_BAD);
  g_assert_cmpint(list_set(tx, old, "max_held", LIST_SET, "1", NULL), ==, RES_BAD);
  g_assert_cmpint(member_add(tx, &(struct member_new){ .list_id = old, .address = "late@example.net", .now = NOW }, &changed, NULL), ==, RES_BAD);

  int slices = 0;
  while (list_sweep(tx, old, 10, NOW + 2, error) == RES_OK)
    slices++;
  g_assert_cmpint(slices, ==, 3);
  g_assert_cmpint(count(tx, COUNT_MEMBERS, old), ==, 0);
  g_assert_cmpint(count(tx, COUNT_MEMBERS, other), ==, 25);
  g_assert_cmpint(count(tx, COUNT_SETTINGS, old), ==, 0);
  g_assert_cmpint(count(tx, COUNT_SETTINGS, other), ==, 1);
  g_assert_cmpint(count(tx, "SELECT COUNT(*) FROM ban WHERE list_id = $1", old), ==, 0);

  int64_t again = make(tx, "ant@example.com", NULL);
  g_assert_cmpint(again, >, other);
  return RES_OK;
}

/* --- domains --- */

static const struct {
  const char *name, *create, *alias, *says;
} domain_rows[] = {
  { .name = "plain", .create = "Example.COM" },
  { .name = "again", .create = "example.com", .says = "the domain example.com exists" },
  { .name = "with an alias", .create = "b\303\274cher.example", .alias = "books.example" },
  { .name = "as A-label", .create = "xn--bcher-kva.example", .says = "exists" },
  { .name = "named like an alias", .create = "books.example", .says = "books.example is another name of the domain xn--bcher-kva.example" },
  { .name = "alias taken", .create = "c.example", .alias = "BOOKS.example", .says = "books.example is another name of the domain xn--bcher-kva.example" },
  { .name = "alias is a domain", .create = "c.example", .alias = "example.com", .says = "exists" },
  { .name = "alias of itself", .create = "c.example", .alias = "c.example", .says = "cannot be an alias of itself" },
  { .name = "no name", .create = "a b", .says = "is no domain name" },
  { .name = "empty", .create = "", .says = "is no domain name" },
  { .name = "literal", .create = "[192.0.2.1]", .says = "is no domain name" },
  { .name = "one label", .create = "localhost" },
};

static enum res
body_domains(struct tx *tx, void *arg G_GNUC_UNUSED, GError **bad)
{
  for (size_t i = 0; i < G_N_ELEMENTS(domain_rows); i++) {
    g_test_message("%s", domain_rows[i].name);
    int64_t id = 0, found = 0;
    g_autoptr(GError) error = NULL;
    enum res res = domain_create(tx, domain_rows[i].create, NULL, domain_rows[i].alias, NOW, &id, &error);
    g_assert_cmpint(res, ==, domain_rows[i].says ? RES_BAD : RES_OK);
    if (domain_rows[i].says)
      g_assert_nonnull(strstr(error->message, domain_rows[i].says));
    else
      g_assert_cmpint(domain_find(tx, domain_rows[i].create, &found, bad), ==, RES_OK);
    g_assert_cmpint(found, ==, id);
  }

  make(tx, "ant@example.com", NULL);
  g_autoptr(GPtrArray) domains = NULL;
  g_assert_cmpint(domain_list(tx, &domains, bad), ==, RES_OK);
  g_assert_cmpuint(domains->len, ==, 3);
  const struct domain *first = domains->pdata[0], *last = domains->pdata[2];
  g_assert_cmpstr(first->name, ==, "example.com");
  g_assert_cmpint(first->lists, ==, 1);
  g_assert_cmpstr(last->name, ==, "xn--bcher-kva.example");
  g_assert_cmpstr(last->alias, ==, "books.example");
  return RES_OK;
}

static enum res
body_domain_remove(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t list = make(tx, "ant@example.com", NULL), old = 0, again = 0;
  g_assert_cmpint(domain_find(tx, "example.com", &old, error), ==, RES_OK);
  g_autoptr(GError) lists = NULL;
  g_assert_cmpint(domain_remove(tx, "example.com", NOW, &lists), ==, RES_BAD);
  g_assert_nonnull(strstr(lists->message, "still has lists"));
  g_assert_cmpint(domain_remove(tx, "example.org", NOW, NULL), ==, RES_BAD);

  g_assert_cmpint(list_remove(tx, list, NOW, error), ==, RES_OK);
  g_assert_cmpint(domain_remove(tx, "Example.com", NOW, error), ==, RES_OK);
  g_assert_cmpint(domain_find(tx, "example.com", &again, error), ==, RES_MORE);
  g_assert_cmpint(domain_remove(tx, "example.com", NOW, NULL), ==, RES_BAD);
  make(tx, "ant@example.com", NULL);
  g_assert_cmpint(domain_find(tx, "example.com", &again, error), ==, RES_OK);
  g_assert_cmpint(again, !=, old);
  return RES_OK;
}

/* --- settings of a list --- */

static const struct {
  const char *name, *setting;
  enum list_set_how how;
  const char *value, *want; /* read back */
  int64_t rows;             /* in list_setting; display_name is one */
  const char *says;
} set_rows[] = {
  /* Each row finds what those above it set. */
  { .name = "number", .setting = "max_held", .value = "7", .want = "7", .rows = 2 },
  { .name = "again", .setting = "max_held", .value = "8", .want = "8", .rows = 2 },
  { .name = "to the style's", .setting = "max_held", .value = "500", .want = "500", .rows = 1 },
  { .name = "size", .setting = "max_message_size", .value = "1M", .want = "1024", .rows = 2 },
  { .name = "trailing blank", .setting = "subject_prefix", .value = "[A] ", .want = "[A] ", .rows = 3 },
  { .name = "action", .setting = "default_nonmember_action", .value = "hold", .want = "hold", .rows = 4 },
  { .name = "bad value", .setting = "default_nonmember_action", .value = "x", .want = "hold", .rows = 4, .says = "one of hold, reject" },
  { .name = "unknown", .setting = "colour", .value = "x", .rows = 4, .says = "there is no setting \"colour\"" },
  { .name = "read-only", .setting = "list_name", .value = "x", .want = "ant", .rows = 4, .says = "list_name is read-only" },
  { .name = "not yet", .setting = "anonymous_list", .value = "no such value", .want = "false", .rows = 4, .says = "cannot be set yet" },
  { .name = "add to no list", .setting = "max_held", .how = LIST_SET_ADD, .value = "1", .want = "500", .rows = 4, .says = "is not a list" },
  { .name = "add to a list not yet", .setting = "filter_types", .how = LIST_SET_ADD, .value = "a", .want = "[]", .rows = 4, .says = "cannot be set yet" },
};

static enum res
body_set(struct tx *tx, void *arg G_GNUC_UNUSED, GError **bad)
{
  int64_t id = make(tx, "ant@example.com", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(set_rows); i++) {
    g_test_message("%s", set_rows[i].name);
    OWN(list) before = NULL;
    OWN(list) after = NULL;
    g_assert_cmpint(list_load_id(tx, id, &before, bad), ==, RES_OK);
    g_autoptr(GError) error = NULL;
    enum res res = list_set(tx, id, set_rows[i].setting, set_rows[i].how, set_rows[i].value, &error);
    g_assert_cmpint(res, ==, set_rows[i].says ? RES_BAD : RES_OK);
    if (set_rows[i].says && !strstr(error->message, set_rows[i].says))
      g_error("%s: %s", set_rows[i].name, error->message);
    g_assert_cmpint(list_load_id(tx, id, &after, bad), ==, RES_OK);
    g_assert_cmpint(after->generation > before->generation, ==, !set_rows[i].says);
    g_assert_cmpint(count(tx, COUNT_SETTINGS, id), ==, set_rows[i].rows);

    g_autofree char *stored = NULL;
    const struct setting *setting = setting_find(set_rows[i].setting);
    if (setting)
      g_assert_cmpint(list_get(tx, id, setting, &stored, bad), ==, RES_OK);
    g_assert_cmpstr(stored, ==, set_rows[i].want);
  }
  OWN(list) list = NULL;
  g_assert_cmpint(list_load_id(tx, id, &list, bad), ==, RES_OK);
  g_assert_cmpint(list->settings.max_held, ==, 500);
  g_assert_cmpint(list->settings.max_message_size, ==, 1024);
  g_assert_cmpint(list->settings.default_nonmember_action, ==, MODERATION_HOLD);
  g_assert_cmpstr(list->settings.subject_prefix, ==, "[A] ");
  return RES_OK;
}

static const struct {
  const char *setting, *want;
} fact_rows[] = {
  { "posting_address", "ant@example.com" },
  { "fqdn_listname", "ant@example.com" },
  { "list_name", "ant" },
  { "mail_host", "example.com" },
  { "bounces_address", "ant-bounces@example.com" },
  { "join_address", "ant-join@example.com" },
  { "leave_address", "ant-leave@example.com" },
  { "owner_address", "ant-owner@example.com" },
  { "request_address", "ant-request@example.com" },
  { "no_reply_address", "noreply@example.com" },
  { "created_at", "2023-11-14T22:13:20Z" },
  { "last_post_at", "2023-11-14T22:13:21Z" },
  { "post_id", "4" },
  { "volume", "1" },
  { "usenet_watermark", "" },
  { "display_name", "Ant" },
  { "max_held", "500" },
};

static enum res
body_facts(struct tx *tx, void *arg G_GNUC_UNUSED, GError **error)
{
  int64_t id = make(tx, "ant@example.com", NULL), number = 0, last = -1;
  bool added;
  g_assert_cmpint(list_next_number(tx, id, NOW, &number, &last, error), ==, RES_OK);
  g_assert_cmpint(number, ==, 1);
  g_assert_cmpint(last, ==, 0);
  g_assert_cmpint(member_add(tx, &(struct member_new){ .list_id = id, .address = "a@example.net", .now = NOW }, &added, error), ==, RES_OK);
  g_assert_cmpint(list_next_number(tx, id, NOW, &number, &last, error), ==, RES_OK);
  g_assert_cmpint(list_next_number(tx, id, NOW + 1000000, &number, &last, error), ==, RES_OK);
  g_assert_cmpint(number, ==, 3);
  g_assert_cmpint(last, ==, 1);
  for (size_t i = 0; i < G_N_ELEMENTS(fact_rows); i++) {
    g_test_message("%s", fact_rows[i].setting);
    g_autofree char *stored = NULL;
    g_assert_cmpint(list_get(tx, id, setting_find(fact_rows[i].setting), &stored, error), ==, RES_OK);
    g_assert_cmpstr(stored, ==, fact_rows[i].want);
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
    { "/list/create", body_create }, { "/list/snapshot", body_snapshot },  { "/list/load", body_load },
    { "/list/names", body_names },   { "/list/remove", body_remove },      { "/list/domains", body_domains },
    { "/list/set", body_set },       { "/list/facts", body_facts },        { "/list/domain-remove", body_domain_remove },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add_data_func(tests[i].name, &tests[i].body, in_transaction);
  g_test_add_func("/list/owns-address", test_owns);
  return g_test_run();
}
