#include "queue/fixture.h"
#include "base/clock.h"
#include "base/log.h"
#include "envelope/address.h"
#include <glib/gstdio.h>
#include <string.h>

static void
store_start(struct fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  const struct store_options options = { .url = "sqlite:test.db", .state_dir = fixture->directory, .mode = STORE_SERVER };
  if (store_open(&options, &fixture->store, &error) != RES_OK || list_index_new(fixture->store, &fixture->index, &error) != RES_OK)
    g_error("%s", error->message);
}

static void
store_stop(struct fixture *fixture)
{
  g_clear_pointer(&fixture->index, list_index_free);
  g_clear_pointer(&fixture->store, store_free);
}

void
fixture_set_up(struct fixture *fixture)
{
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  *fixture = (struct fixture){ .budget = { .limit = 64 * 1024 * 1024 }, .now = FIXTURE_NOW };
  fixture->directory = g_dir_make_tmp("queue-XXXXXX", NULL);
  fixture->options = (struct intake_options){ .site_owner = "", .hostname = "lists.example.com", .dedupe_window = 7 * CLOCK_DAY };
  store_start(fixture);
}

void
fixture_tear_down(struct fixture *fixture)
{
  store_stop(fixture);
  g_assert_cmpint(fixture->budget.used, ==, 0);
  GDir *dir = g_dir_open(fixture->directory, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name(dir))) {
    g_autofree char *path = g_build_filename(fixture->directory, name, NULL);
    g_unlink(path);
  }
  g_dir_close(dir);
  g_rmdir(fixture->directory);
  g_free(fixture->directory);
}

void
fixture_restart(struct fixture *fixture, void (*meanwhile)(void))
{
  store_stop(fixture);
  if (meanwhile)
    meanwhile();
  store_start(fixture);
}

enum res
fixture_write(struct fixture *fixture, store_fn fn, void *arg)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_write(fixture->store, fn, arg, &error);
  if (res == RES_TEMP || (res == RES_BAD && !error))
    g_error("%s", error ? error->message : "no error set");
  return res;
}

/* --- lists --- */

static enum res
list_make(struct tx *tx, void *arg, GError **error)
{
  const struct list_new *create = arg;
  int64_t id;
  return list_create(tx, create, &id, error);
}

static void
must(enum res res, GError **error)
{
  if (res != RES_OK)
    g_error("%s", *error ? (*error)->message : "no error set");
}

void
fixture_list(struct fixture *fixture, const char *name)
{
  g_autoptr(GError) error = NULL;
  struct list_new create = { .name = name, .make_domain = true, .now = fixture->now };
  must(store_write(fixture->store, list_make, &create, &error), &error);
  must(list_index_refresh(fixture->index, &error), &error);
}

struct list *
fixture_find(struct fixture *fixture, const char *list)
{
  must(list_index_refresh(fixture->index, NULL), &(GError *){ NULL });
  struct list *found = list_index_find(fixture->index, list);
  g_assert_nonnull(found);
  return found;
}

struct set {
  int64_t list_id;
  const char *name, *value;
};

static enum res
setting_write(struct tx *tx, void *arg, GError **error)
{
  const struct set *set = arg;
  return list_set(tx, set->list_id, set->name, LIST_SET, set->value, error);
}

void
fixture_set(struct fixture *fixture, const char *list, const char *name, const char *value)
{
  g_autoptr(GError) error = NULL;
  OWN(list) found = fixture_find(fixture, list);
  must(store_write(fixture->store, setting_write, &(struct set){ found->id, name, value }, &error), &error);
  must(list_index_refresh(fixture->index, &error), &error);
}

struct subscribe {
  struct member_new add;
  const char *moderation;
};

static enum res
member_write(struct tx *tx, void *arg, GError **error)
{
  const struct subscribe *subscribe = arg;
  bool added;
  enum res res = member_add(tx, &subscribe->add, &added, error);
  if (res != RES_OK || !subscribe->moderation)
    return res;
  g_autofree char *key = address_key_of(slice_of(subscribe->add.address));
  OWN(member) member = NULL;
  res = member_find(tx, subscribe->add.list_id, subscribe->add.role, key, &member, error);
  return res == RES_OK ? member_set(tx, member->id, "moderation_action", subscribe->moderation, error) : res;
}

void
fixture_member(struct fixture *fixture, const char *list, enum member_role role, const char *address, const char *moderation)
{
  g_autoptr(GError) error = NULL;
  OWN(list) found = fixture_find(fixture, list);
  struct subscribe subscribe = { { .list_id = found->id, .role = role, .address = address, .name = "", .now = fixture->now }, moderation };
  must(store_write(fixture->store, member_write, &subscribe, &error), &error);
}

/* --- the database --- */

struct query {
  const char *sql;
  int64_t value;
};

static enum res
query_read(struct tx *tx, void *arg, GError **error)
{
  struct query *query = arg;
  return sql_int_of(tx, query->sql, SQL_NO_ARGS, &query->value, error);
}

int64_t
fixture_int(struct fixture *fixture, const char *sql)
{
  g_autoptr(GError) error = NULL;
  struct query query = { sql, -1 };
  enum res res = store_read(fixture->store, query_read, &query, &error);
  if (res != RES_MORE)
    must(res, &error);
  return query.value;
}

static enum res
query_run(struct tx *tx, void *arg, GError **error)
{
  return sql_run(tx, arg, SQL_NO_ARGS, error);
}

void
fixture_run(struct fixture *fixture, const char *sql)
{
  g_autoptr(GError) error = NULL;
  must(store_write(fixture->store, query_run, (void *)sql, &error), &error);
}

/* --- mail --- */

static GString *
mail_text(const struct mail *mail)
{
  GString *text = g_string_new(mail->message);
  if (!mail->message)
    g_string_printf(text, "From: %s\r\nTo: all\r\nSubject: %s\r\nMessage-ID: <1@example.org>\r\n%s\r\nhello\r\n", mail->header_from ? mail->header_from : "bea@example.org",
                    mail->subject ? mail->subject : "hello", mail->extra ? mail->extra : "");
  for (size_t i = 0; i < mail->padding; i++)
    g_string_append_c(text, (char)('a' + i % 26));
  return text;
}

static size_t
mail_resolve(struct fixture *fixture, const struct mail *mail, struct intake_recipient *recipients)
{
  g_autoptr(GError) error = NULL;
  must(list_index_refresh(fixture->index, &error), &error);
  size_t n = 0;
  for (; n < FIXTURE_RECIPIENTS && mail->to[n]; n++) {
    must(list_index_resolve(fixture->index, mail->to[n], &recipients[n].target, &error), &error);
    recipients[n].report_success = mail->report_success;
    recipients[n].original_recipient = mail->original_recipient;
  }
  return n;
}

void
outcome_clear(struct outcome *outcome)
{
  for (size_t i = 0; i < FIXTURE_RECIPIENTS; i++)
    g_clear_pointer(&outcome->reason[i], g_free);
}

void
fixture_post(struct fixture *fixture, const struct mail *mail, struct outcome *outcome)
{
  g_autoptr(GError) error = NULL;
  OWN(incoming) incoming = NULL;
  GString *text = mail_text(mail);
  must(incoming_new(mail->judge ? NULL : fixture->store, &fixture->budget, 0, &incoming, &error), &error);
  for (size_t at = 0; at < text->len; at += 10007)
    must(incoming_append(incoming, (struct slice){ text->str + at, MIN(10007, text->len - at) }, &error), &error);
  g_string_free(text, TRUE);

  struct intake_recipient recipients[FIXTURE_RECIPIENTS] = { 0 };
  size_t n = mail_resolve(fixture, mail, recipients);
  const struct intake_message message = {
    .incoming = incoming, .reverse_path = mail->from ? mail->from : mail->header_from ? mail->header_from : "bea@example.org", .door = mail->door,
    .trusted_peer = mail->trusted, .xforward_source = mail->source, .xforward = "", .peer = "mta.example.com", .now = fixture->now,
    .envelope_id = mail->envelope_id, .one_reply = mail->one_reply, .others = mail->others, .pass_on = mail->pass_on, .pass_on_ctx = mail->pass_on_ctx,
  };
  if (mail->judge)
    front_judge(fixture->store, &fixture->options, &message, recipients, n);
  else
    intake_message(fixture->store, &fixture->options, &message, recipients, n, &outcome->wake);
  for (size_t i = 0; i < n; i++) {
    outcome->reply[i] = recipients[i].reply;
    g_strlcpy(outcome->code[i], recipients[i].code, 17);
    outcome->reason[i] = recipients[i].reason;
    list_target_free(recipients[i].target);
  }
}

enum reply
fixture_answer(struct fixture *fixture, const struct mail *mail)
{
  struct outcome outcome = { 0 };
  fixture_post(fixture, mail, &outcome);
  enum reply reply = outcome.reply[0];
  outcome_clear(&outcome);
  return reply;
}

struct decide {
  const struct list *list;
  const char *code;
  enum hold_decision decision;
  int64_t now;
};

static enum res
decide(struct tx *tx, void *arg, GError **error)
{
  const struct decide *decide = arg;
  return hold_decide(tx, decide->list, decide->code, decide->decision, decide->now, error);
}

enum res
fixture_decide(struct fixture *fixture, const struct list *list, const char *code, enum hold_decision decision, int64_t now)
{
  return fixture_write(fixture, decide, &(struct decide){ list, code, decision, now });
}
