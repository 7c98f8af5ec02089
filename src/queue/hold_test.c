/* What waits for a moderator: its order, its expiry, and what a decision makes of it. */
#include "base/clock.h"
#include "queue/delivery.h"
#include "queue/fixture.h"
#include "queue/hold.h"
#include "queue/set_aside.h"

#define ANT "ant@example.com"
#define BEE "bee@example.com"

static void
set_up(struct fixture *fixture)
{
  fixture_set_up(fixture);
  fixture_list(fixture, ANT);
  fixture_list(fixture, BEE);
  fixture_set(fixture, ANT, "default_nonmember_action", "hold");
  fixture_set(fixture, BEE, "default_nonmember_action", "hold");
}

static void
hold_one(struct fixture *fixture, const char *list, const char *subject, char code[17])
{
  struct outcome outcome = { 0 };
  fixture_post(fixture, &(struct mail){ .subject = subject, .to = { list } }, &outcome);
  g_assert_cmpint(outcome.reply[0], ==, REPLY_HELD);
  g_strlcpy(code, outcome.code[0], 17);
  outcome_clear(&outcome);
}

struct listing {
  int64_t list_id;
  GPtrArray *postings;
};

static enum res
listing_read(struct tx *tx, void *arg, GError **error)
{
  struct listing *listing = arg;
  return hold_list(tx, listing->list_id, &listing->postings, error);
}

static void
test_list(void)
{
  struct fixture fixture;
  char code[17], first[17];
  set_up(&fixture);
  hold_one(&fixture, ANT, "second", code);
  hold_one(&fixture, BEE, "another list's", code);
  fixture.now -= CLOCK_HOUR;
  hold_one(&fixture, ANT, "=?utf-8?q?first_=C3=A4?=", first);
  OWN(list) list = fixture_find(&fixture, ANT);
  struct listing listing = { .list_id = list->id };
  g_assert_cmpint(store_read(fixture.store, listing_read, &listing, NULL), ==, RES_OK);
  g_assert_cmpuint(listing.postings->len, ==, 2);
  const struct posting *posting = g_ptr_array_index(listing.postings, 0);
  g_assert_cmpstr(posting->code, ==, first);
  g_assert_cmpstr(posting->subject, ==, "first \xc3\xa4");
  g_assert_cmpstr(posting->sender, ==, "bea@example.org");
  g_assert_cmpstr(posting->rule, ==, "nonmember-moderation");
  g_assert_cmpstr(posting->peer, ==, "mta.example.com");
  g_assert_cmpint(posting->received_at, ==, fixture.now);
  g_assert_cmpint(posting->decided_at, ==, 0);
  g_assert_cmpstr(((const struct posting *)g_ptr_array_index(listing.postings, 1))->subject, ==, "second");
  g_ptr_array_unref(listing.postings);
  fixture_tear_down(&fixture);
}

static const struct row {
  const char *name;
  enum hold_decision decision;
  bool other_list;
  enum res want;
  enum posting_state state;
  int64_t deliveries;
} rows[] = {
  { "accept", HOLD_ACCEPT, false, RES_OK, POSTING_ACCEPTED, 1 },
  { "reject", HOLD_REJECT, false, RES_OK, POSTING_REJECTED, 0 },
  { "discard", HOLD_DISCARD, false, RES_OK, POSTING_DISCARDED, 0 },
  { "by another list's moderator", HOLD_ACCEPT, true, RES_MORE, POSTING_HELD, 0 },
};

static void
test_decide(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct fixture fixture;
    char code[17];
    set_up(&fixture);
    fixture_member(&fixture, ANT, MEMBER_MEMBER, "late@example.org", NULL);
    hold_one(&fixture, ANT, "x", code);
    fixture_member(&fixture, ANT, MEMBER_MEMBER, "later@example.org", NULL);
    OWN(list) list = fixture_find(&fixture, rows[i].other_list ? BEE : ANT);
    g_test_message("%s", rows[i].name);
    g_assert_cmpint(fixture_decide(&fixture, list, code, rows[i].decision, FIXTURE_NOW + 7), ==, rows[i].want);
    g_assert_cmpint(fixture_int(&fixture, "SELECT state FROM posting"), ==, rows[i].state);
    g_assert_cmpint(fixture_int(&fixture, "SELECT number FROM posting"), ==, rows[i].deliveries);
    g_assert_cmpint(fixture_int(&fixture, "SELECT COALESCE(decided_at, 0) FROM posting"), ==, rows[i].want == RES_OK ? FIXTURE_NOW + 7 : 0);
    g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM delivery WHERE roster = 1 AND reverse_path = 'ant-bounces@example.com'"), ==, rows[i].deliveries);
    if (rows[i].deliveries) /* members by the time of acceptance */
      g_assert_cmpint(fixture_int(&fixture, "SELECT last_join FROM delivery"), ==, fixture_int(&fixture, "SELECT next_join - 1 FROM list WHERE local = 'ant'"));
    fixture_tear_down(&fixture);
  }
}

struct expire {
  int64_t list_id; /* for hold_discard_all */
  int64_t now;
  int limit, n;
  int64_t next;
};

static enum res
expire(struct tx *tx, void *arg, GError **error)
{
  struct expire *expire = arg;
  return hold_expire(tx, expire->now, expire->limit, &expire->n, &expire->next, error);
}

static void
test_expire(void)
{
  struct fixture fixture;
  char code[17];
  set_up(&fixture);
  fixture_set(&fixture, ANT, "max_days_to_hold", "2");
  fixture_set(&fixture, BEE, "max_days_to_hold", "0");
  struct expire run = { .now = FIXTURE_NOW, .limit = 10 };
  g_assert_cmpint(fixture_write(&fixture, expire, &run), ==, RES_OK);
  g_assert_cmpint(run.n, ==, 0);
  g_assert_cmpint(run.next, ==, INT64_MAX);

  hold_one(&fixture, BEE, "for ever", code);
  hold_one(&fixture, ANT, "1", code);
  fixture.now += CLOCK_HOUR;
  hold_one(&fixture, ANT, "2", code);
  hold_one(&fixture, ANT, "3", code);
  run.now = FIXTURE_NOW + 2 * CLOCK_DAY - 1;
  g_assert_cmpint(fixture_write(&fixture, expire, &run), ==, RES_OK);
  g_assert_cmpint(run.n, ==, 0);
  g_assert_cmpint(run.next, ==, FIXTURE_NOW + 2 * CLOCK_DAY);
  run.now = run.next;
  g_assert_cmpint(fixture_write(&fixture, expire, &run), ==, RES_OK);
  g_assert_cmpint(run.n, ==, 1);
  g_assert_cmpint(run.next, ==, FIXTURE_NOW + 2 * CLOCK_DAY + CLOCK_HOUR);

  run.now = FIXTURE_NOW + 100 * CLOCK_DAY;
  run.limit = 1;
  g_assert_cmpint(fixture_write(&fixture, expire, &run), ==, RES_OK);
  g_assert_cmpint(run.n, ==, 1);
  g_assert_cmpint(run.next, <=, run.now); /* more at once */
  g_assert_cmpint(fixture_write(&fixture, expire, &run), ==, RES_OK);
  g_assert_cmpint(run.n, ==, 1);
  g_assert_cmpint(fixture_write(&fixture, expire, &run), ==, RES_OK);
  g_assert_cmpint(run.n, ==, 0);
  g_assert_cmpint(run.next, ==, INT64_MAX);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 2 AND decided_at IS NOT NULL"), ==, 3);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 1"), ==, 1);
  fixture_tear_down(&fixture);
}

struct late {
  const char *code;
  int64_t now;
};

static enum res
hold_late(struct tx *tx, void *arg, GError **error)
{
  const struct late *late = arg;
  return set_aside_hold(tx, late->code, late->now, error);
}

/* What was set aside, and given to the moderators long after it came, waits for them as long as anything else. */
static void
test_expire_of_what_was_set_aside(void)
{
  struct fixture fixture;
  set_up(&fixture);
  fixture_set(&fixture, ANT, "default_nonmember_action", "accept");
  fixture_set(&fixture, ANT, "max_days_to_hold", "2");
  fixture_member(&fixture, ANT, MEMBER_MEMBER, "joe@example.org", NULL);
  struct outcome outcome = { .wake = false };
  fixture_post(&fixture, &(struct mail){ .from = "eve@example.org", .to = { ANT } }, &outcome);
  g_assert_cmpint(outcome.reply[0], ==, REPLY_ACCEPTED);
  fixture_run(&fixture, "UPDATE delivery SET state = 1");
  struct late late = { .code = outcome.code[0], .now = FIXTURE_NOW + 20 * CLOCK_DAY };
  g_assert_cmpint(fixture_write(&fixture, hold_late, &late), ==, RES_OK);

  struct expire run = { .now = late.now + 2 * CLOCK_DAY - 1, .limit = 10 };
  g_assert_cmpint(fixture_write(&fixture, expire, &run), ==, RES_OK);
  g_assert_cmpint(run.n, ==, 0);
  g_assert_cmpint(run.next, ==, late.now + 2 * CLOCK_DAY);
  run.now = run.next;
  g_assert_cmpint(fixture_write(&fixture, expire, &run), ==, RES_OK);
  g_assert_cmpint(run.n, ==, 1);
  outcome_clear(&outcome);
  fixture_tear_down(&fixture);
}

static enum res
discard_all(struct tx *tx, void *arg, GError **error)
{
  struct expire *run = arg;
  return hold_discard_all(tx, run->list_id, run->now, run->limit, &run->n, error);
}

/* Of a list that is to be removed: all of it, however young, in slices; nothing of another. */
static void
test_discard_all(void)
{
  struct fixture fixture;
  char code[17];
  set_up(&fixture);
  hold_one(&fixture, ANT, "1", code);
  hold_one(&fixture, ANT, "2", code);
  hold_one(&fixture, ANT, "3", code);
  hold_one(&fixture, BEE, "4", code);
  OWN(list) list = fixture_find(&fixture, ANT);
  struct expire run = { .list_id = list->id, .now = FIXTURE_NOW, .limit = 2 };
  static const int discarded[] = { 2, 1, 0 };
  for (size_t i = 0; i < G_N_ELEMENTS(discarded); i++) {
    g_assert_cmpint(fixture_write(&fixture, discard_all, &run), ==, RES_OK);
    g_assert_cmpint(run.n, ==, discarded[i]);
  }
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 2 AND decided_at IS NOT NULL"), ==, 3);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 1"), ==, 1);
  fixture_tear_down(&fixture);
}

struct figures {
  struct posting_counts all, ant;
  struct delivery_counts deliveries;
  int64_t ant_id;
};

static enum res
figures_read(struct tx *tx, void *arg, GError **error)
{
  struct figures *figures = arg;
  enum res res = posting_counts(tx, 0, &figures->all, error);
  if (res == RES_OK)
    res = posting_counts(tx, figures->ant_id, &figures->ant, error);
  return res == RES_OK ? delivery_counts(tx, &figures->deliveries, error) : res;
}

static void
test_counts(void)
{
  struct fixture fixture;
  char code[17];
  set_up(&fixture);
  fixture_member(&fixture, ANT, MEMBER_MEMBER, "carl@example.net", NULL);
  hold_one(&fixture, ANT, "1", code);
  hold_one(&fixture, BEE, "2", code);
  fixture.now += CLOCK_HOUR;
  fixture_set(&fixture, ANT, "default_nonmember_action", "accept");
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .subject = "3", .to = { ANT } }), ==, REPLY_ACCEPTED);
  OWN(list) list = fixture_find(&fixture, ANT);
  struct figures figures = { .ant_id = list->id };
  g_assert_cmpint(store_read(fixture.store, figures_read, &figures, NULL), ==, RES_OK);
  g_assert_cmpint(figures.all.states[POSTING_HELD].count, ==, 2);
  g_assert_cmpint(figures.all.states[POSTING_HELD].oldest_at, ==, FIXTURE_NOW);
  g_assert_cmpint(figures.ant.states[POSTING_HELD].count, ==, 1);
  g_assert_cmpint(figures.ant.states[POSTING_ACCEPTED].count, ==, 1);
  g_assert_cmpint(figures.ant.states[POSTING_KEPT].count, ==, 0);
  g_assert_cmpint(figures.deliveries.open, ==, 1);
  g_assert_cmpint(figures.deliveries.set_aside, ==, 0);
  g_assert_cmpint(figures.deliveries.oldest_at, ==, fixture.now);
  fixture_tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/hold/list", test_list);
  g_test_add_func("/hold/decide", test_decide);
  g_test_add_func("/hold/expire", test_expire);
  g_test_add_func("/hold/expire_of_what_was_set_aside", test_expire_of_what_was_set_aside);
  g_test_add_func("/hold/discard_all", test_discard_all);
  g_test_add_func("/hold/counts", test_counts);
  return g_test_run();
}
