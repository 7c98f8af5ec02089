#include "courier/fixture.h"
#include "list/list.h"
#include "list/member.h"
#include "queue/delivery.h"
#include "queue/posting.h"
#include <glib/gstdio.h>

#define NOW INT64_C(1700000000000000)

static enum res
create_list(struct tx *tx, void *arg, GError **error)
{
  struct fixture *fixture = arg;
  return list_create(tx, &(struct list_new){ .name = "ant@example.com", .make_domain = true, .now = NOW }, &fixture->list_id, error);
}

struct member_change {
  struct fixture *fixture;
  int first, last;
  const char *address; /* NULL: m`first` to m`last` */
  const char *name, *value;
};

static enum res
add_members(struct tx *tx, void *arg, GError **error)
{
  struct member_change *change = arg;
  enum res res = RES_OK;
  for (int i = change->first; i <= change->last && res == RES_OK; i++) {
    g_autofree char *address = change->address ? g_strdup(change->address) : g_strdup_printf("m%d@example.net", i);
    bool added;
    res = member_add(tx, &(struct member_new){ .list_id = change->fixture->list_id, .role = MEMBER_MEMBER, .address = address, .name = "", .now = NOW }, &added,
                     error);
  }
  return res;
}

struct fixture *
fixture_new(int members)
{
  g_autoptr(GError) error = NULL;
  struct fixture *fixture = g_new0(struct fixture, 1);
  fixture->directory = g_dir_make_tmp("listward-XXXXXX", &error);
  g_assert_no_error(error);
  enum res res = store_open(&(struct store_options){ .url = "sqlite:test.db", .state_dir = fixture->directory, .mode = STORE_SERVER }, &fixture->store, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  fixture_write(fixture, create_list, fixture);
  fixture_write(fixture, add_members, &(struct member_change){ .fixture = fixture, .first = 1, .last = members });
  return fixture;
}

static void
remove_tree(const char *path)
{
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *below = g_build_filename(path, name, NULL);
    remove_tree(below);
  }
  g_remove(path);
}

void
fixture_free(struct fixture *fixture)
{
  if (fixture == NULL)
    return;
  store_free(fixture->store);
  remove_tree(fixture->directory);
  g_free(fixture->directory);
  g_free(fixture);
}

void
fixture_write(struct fixture *fixture, store_fn fn, void *arg)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_write(fixture->store, fn, arg, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

static enum res
set_member(struct tx *tx, void *arg, GError **error)
{
  struct member_change *change = arg;
  OWN(member) member = NULL;
  enum res res = member_find(tx, change->fixture->list_id, MEMBER_MEMBER, change->address, &member, error);
  return res == RES_OK ? member_set(tx, member->id, change->name, change->value, error) : RES_BAD;
}

void
fixture_set_member(struct fixture *fixture, int number, const char *name, const char *value)
{
  g_autofree char *address = g_strdup_printf("m%d@example.net", number);
  fixture_write(fixture, set_member, &(struct member_change){ .fixture = fixture, .address = address, .name = name, .value = value });
}

static enum res
remove_member(struct tx *tx, void *arg, GError **error)
{
  struct member_change *change = arg;
  return member_remove(tx, change->fixture->list_id, MEMBER_MEMBER, change->address, NOW, error);
}

void
fixture_remove_member(struct fixture *fixture, int number)
{
  g_autofree char *address = g_strdup_printf("m%d@example.net", number);
  fixture_write(fixture, remove_member, &(struct member_change){ .fixture = fixture, .address = address });
}

void
fixture_add_member(struct fixture *fixture, const char *address)
{
  fixture_write(fixture, add_members, &(struct member_change){ .fixture = fixture, .first = 1, .last = 1, .address = address });
}

/* --- postings --- */

struct post {
  struct fixture *fixture;
  const char *message, *sender;
  bool smtputf8;
  const char *const *addresses;
  int64_t delivery_id;
};

static enum res
store_message(struct tx *tx, const char *message, int64_t *id, GError **error)
{
  enum res res = sql_int_of(tx, "INSERT INTO message (size, accepted, created_at) VALUES ($1, 1, $2) RETURNING id",
                            SQL_ARGS(sql_int((int64_t)strlen(message)), sql_int(NOW)), id, error);
  return res == RES_OK ? sql_run(tx, "INSERT INTO message_piece (message_id, number, octets) VALUES ($1, 0, $2)",
                                 SQL_ARGS(sql_int(*id), sql_bytes(slice_of(message))), error)
                       : res;
}

static enum res
create_delivery(struct tx *tx, const struct post *post, int64_t posting_id, int64_t last_join, GError **error)
{
  const struct delivery_new delivery = { .posting_id = posting_id,
                                         .list_id = post->fixture->list_id,
                                         .outlet = post->fixture->outlet ? post->fixture->outlet : "",
                                         .reverse_path = "ant-bounces@example.com",
                                         .now = NOW };
  struct delivery_recipient recipients[8];
  size_t n = 0;
  bool open;
  if (post->addresses == NULL)
    return delivery_create_roster(tx, &delivery, last_join, &open, error);
  for (; post->addresses[n]; n++)
    recipients[n] = (struct delivery_recipient){ .address = post->addresses[n] };
  return delivery_create_addresses(tx, &delivery, recipients, n, error);
}

static enum res
write_post(struct tx *tx, void *arg, GError **error)
{
  struct post *post = arg;
  int64_t message_id, posting_id, number = 0, last_join = 0;
  enum res res = store_message(tx, post->message, &message_id, error);
  if (res == RES_OK)
    res = list_next_number(tx, post->fixture->list_id, NOW, &number, &last_join, error);
  g_autofree char *code = g_strdup_printf("posting%d", (int)number);
  struct posting posting = { .code = code, .list_id = post->fixture->list_id, .domain_id = 1, .role = post->addresses ? ROLE_OWNER : ROLE_POST,
                             .address = (char *)"ant@example.com", .message_id = message_id, .state = POSTING_ACCEPTED, .number = number,
                             .reverse_path = (char *)post->sender, .sender = (char *)post->sender, .subject = (char *)"hello",
                             .smtputf8 = post->smtputf8, .received_at = NOW };
  if (res == RES_OK)
    res = posting_insert(tx, &posting, &posting_id, error);
  if (res == RES_OK)
    res = create_delivery(tx, post, posting_id, last_join, error);
  return res == RES_OK ? sql_int_of(tx, "SELECT MAX(id) FROM delivery", SQL_NO_ARGS, &post->delivery_id, error) : res;
}

static int64_t
write_one(struct post post)
{
  fixture_write(post.fixture, write_post, &post);
  return post.delivery_id;
}

int64_t
fixture_post(struct fixture *fixture)
{
  return write_one((struct post){ .fixture = fixture, .message = FIXTURE_MESSAGE, .sender = "ann@example.org" });
}

int64_t
fixture_post_message(struct fixture *fixture, const char *message, const char *sender, bool smtputf8)
{
  return write_one((struct post){ .fixture = fixture, .message = message, .sender = sender, .smtputf8 = smtputf8 });
}

int64_t
fixture_post_to(struct fixture *fixture, const char *const *addresses)
{
  return write_one((struct post){ .fixture = fixture, .message = FIXTURE_MESSAGE, .sender = "ann@example.org", .addresses = addresses });
}

/* --- questions --- */

struct question {
  const char *sql;
  int64_t number;
  char *text;
};

static enum res
read_number(struct tx *tx, void *arg, GError **error)
{
  struct question *question = arg;
  return sql_int_of(tx, question->sql, SQL_NO_ARGS, &question->number, error);
}

static enum res
read_text(struct tx *tx, void *arg, GError **error)
{
  struct question *question = arg;
  return sql_text_of(tx, question->sql, SQL_NO_ARGS, &question->text, error);
}

static enum res
run_sql(struct tx *tx, void *arg, GError **error)
{
  struct question *question = arg;
  return sql_run(tx, question->sql, SQL_NO_ARGS, error);
}

static void
ask(struct fixture *fixture, store_fn fn, struct question *question)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_read(fixture->store, fn, question, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

int64_t
fixture_number(struct fixture *fixture, const char *sql)
{
  struct question question = { .sql = sql };
  ask(fixture, read_number, &question);
  return question.number;
}

char *
fixture_text(struct fixture *fixture, const char *sql)
{
  struct question question = { .sql = sql };
  ask(fixture, read_text, &question);
  return question.text;
}

void
fixture_run(struct fixture *fixture, const char *sql)
{
  fixture_write(fixture, run_sql, &(struct question){ .sql = sql });
}

void
fixture_set_due(struct fixture *fixture)
{
  fixture_run(fixture, "UPDATE delivery SET due_at = (SELECT MIN(at) FROM (SELECT not_before AS at FROM chunk WHERE delivery_id = delivery.id AND state = 0 "
                       "UNION ALL SELECT next_at FROM recipient WHERE delivery_id = delivery.id AND state = 0) AS waiting)");
}
