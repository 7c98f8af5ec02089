#include "queue/suspect.h"
#include "queue/fixture.h"
#include "queue/set_aside.h"
#include <glib/gstdio.h>

#define ANT "ant@example.com"
#define KEY 4711

/* What the process has in hand when it dies; then the next one starts. */
static void
die_with(struct fixture *fixture, const struct in_hand_note *notes, size_t n)
{
  g_autofree char *path = g_build_filename(fixture->directory, "in-hand", NULL);
  for (size_t i = 0; i < n; i++)
    g_assert_cmpint(in_hand_take(notes[i].kind, notes[i].key), >=, 0);
  in_hand_close();
  g_assert_cmpint(suspects_start(fixture->store, path, NULL), ==, RES_OK);
}

static void
set_up(struct fixture *fixture)
{
  fixture_set_up(fixture);
  fixture_list(fixture, ANT);
  die_with(fixture, NULL, 0);
}

static void
tear_down(struct fixture *fixture)
{
  in_hand_forget();
  in_hand_close();
  g_autofree char *path = g_build_filename(fixture->directory, "in-hand", NULL);
  g_unlink(path);
  fixture_tear_down(fixture);
}

#define MESSAGE { IN_HAND_MESSAGE, KEY }
#define OTHER { IN_HAND_MESSAGE, 12 }
#define JOB { IN_HAND_JOB, 1 }

/* Deaths, one after the other, and how many strikes the message of KEY has then. */
static const struct {
  const char *name;
  struct in_hand_note deaths[5][3];
  bool chunk; /* something is on its way out, too */
  int64_t strikes;
} rows[] = {
  { .name = "one", .deaths = { { MESSAGE } }, .strikes = 1 },
  { .name = "two", .deaths = { { MESSAGE }, { MESSAGE } }, .strikes = 2 },
  { .name = "three", .deaths = { { MESSAGE }, { MESSAGE }, { MESSAGE } }, .strikes = STRIKES_SET_ASIDE },
  { .name = "two beside others", .deaths = { { OTHER, MESSAGE }, { MESSAGE, JOB } }, .strikes = 2 },
  { .name = "the third not alone", .deaths = { { MESSAGE }, { MESSAGE }, { OTHER, MESSAGE }, { JOB, MESSAGE } }, .strikes = 2 },
  { .name = "the third beside a delivery", .deaths = { { MESSAGE }, { MESSAGE }, { MESSAGE } }, .chunk = true, .strikes = 2 },
  { .name = "another's deaths", .deaths = { { OTHER }, { OTHER }, { OTHER } }, .strikes = -1 },
};

static void
test_strikes(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("%s", rows[i].name);
    struct fixture fixture;
    set_up(&fixture);
    if (rows[i].chunk) {
      g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { "ant-confirm@example.com" } }), ==, REPLY_TAKEN);
      fixture_run(&fixture, "INSERT INTO delivery (posting_id, list_id, state, roster, reverse_path, created_at) SELECT id, 1, 0, 1, '', 1 FROM posting");
      fixture_run(&fixture, "INSERT INTO chunk (delivery_id, state, claimed_at, count, members) SELECT id, 1, 1, 1, x'' FROM delivery");
    }
    for (size_t death = 0; rows[i].deaths[death][0].kind; death++) {
      size_t n = 0;
      while (rows[i].deaths[death][n].kind)
        n++;
      die_with(&fixture, rows[i].deaths[death], n);
    }
    int64_t strikes = fixture_int(&fixture, "SELECT strikes FROM suspect WHERE key = 4711");
    if (strikes != rows[i].strikes)
      g_error("%s: %" G_GINT64_FORMAT " strikes", rows[i].name, strikes);
    tear_down(&fixture);
  }
}

/* Beside others, alone, not at all; and what forgives. */
static void
test_messages(void)
{
  const struct in_hand_note note = MESSAGE;
  struct fixture fixture;
  bool alone;
  set_up(&fixture);
  for (int strikes = 0; strikes <= STRIKES_ALONE; strikes++) {
    g_assert_cmpint(suspect_begin(KEY, &alone, NULL), ==, RES_OK);
    g_assert_cmpint(alone, ==, strikes == STRIKES_ALONE);
    (alone ? in_hand_not_alone : in_hand_leave)(); /* the end that a crash is */
    die_with(&fixture, &note, 1);
  }
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(suspect_begin(KEY, &alone, &error), ==, RES_TEMP);
  g_assert_cmpint(suspect_begin(KEY + 1, &alone, NULL), ==, RES_OK);
  suspect_end(fixture.store, KEY + 1, alone);
  fixture_run(&fixture, "UPDATE suspect SET strikes = 2");
  g_assert_cmpint(suspects_reload(fixture.store, NULL), ==, RES_OK);
  g_assert_cmpint(suspect_begin(KEY, &alone, NULL), ==, RES_OK);
  g_assert_true(alone);
  suspect_end(fixture.store, KEY, alone);
  g_assert_cmpint(fixture_int(&fixture, "SELECT COUNT(*) FROM suspect"), ==, 0);
  tear_down(&fixture);
}

static enum res
forgive(struct tx *tx, void *arg, GError **error)
{
  return suspects_forgive(tx, arg, error);
}

static enum res
count(struct tx *tx, void *arg, GError **error)
{
  return set_aside_count(tx, arg, error);
}

/* Mail for a handler: three deaths, counted, forgiven. */
static void
test_jobs(void)
{
  const struct in_hand_note note = JOB;
  struct fixture fixture;
  struct set_aside_counts counts;
  int64_t n;
  set_up(&fixture);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { "ant-confirm@example.com" } }), ==, REPLY_TAKEN);
  for (int i = 0; i <= STRIKES_ALONE; i++)
    die_with(&fixture, &note, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT strikes FROM job"), ==, STRIKES_SET_ASIDE);
  g_assert_cmpint(fixture_write(&fixture, count, &counts), ==, RES_OK);
  g_assert_cmpint(counts.jobs, ==, 1);
  g_assert_cmpint(fixture_write(&fixture, forgive, &n), ==, RES_OK);
  g_assert_cmpint(n, ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT strikes FROM job"), ==, 0);
  tear_down(&fixture);
}

static void
test_key(void)
{
  char octets[9000] = "Subject: x";
  const struct slice whole = { octets, sizeof octets };
  int64_t key = suspect_key("a@example.org", whole);
  g_assert_cmpint(suspect_key("a@example.org", whole), ==, key);
  g_assert_cmpint(suspect_key("b@example.org", whole), !=, key);
  g_assert_cmpint(suspect_key("a@example.org", slice_head(whole, 8999)), !=, key);
  octets[8191] = 'y';
  g_assert_cmpint(suspect_key("a@example.org", whole), !=, key);
  g_assert_cmpint(suspect_key("", (struct slice){ "", 0 }), !=, key);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/suspect/strikes", test_strikes);
  g_test_add_func("/suspect/messages", test_messages);
  g_test_add_func("/suspect/jobs", test_jobs);
  g_test_add_func("/suspect/key", test_key);
  return g_test_run();
}
