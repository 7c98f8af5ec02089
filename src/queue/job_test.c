/* Mail kept for a handler, or for owners to come. */
#include "base/clock.h"
#include "queue/fixture.h"
#include "queue/job.h"
#include "queue/posting.h"

#define ANT "ant@example.com"

static void
set_up(struct fixture *fixture)
{
  fixture_set_up(fixture);
  fixture_list(fixture, ANT);
  fixture_list(fixture, "bee@example.com");
}

struct release {
  const char *site_owner;
  int64_t now;
  int n;
};

static enum res
release(struct tx *tx, void *arg, GError **error)
{
  struct release *release = arg;
  return job_release_owner(tx, release->site_owner, release->now, false, 10, &release->n, error);
}

static void
test_nobody_to_go_to(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct mail mail = { .to = { "ant-owner@example.com" } };
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { "postmaster@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job WHERE kind IN ('owner', 'postmaster')"), ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 4"), ==, 2);
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_TAKEN);

  struct release to = { .site_owner = "", .now = fixture.now };
  g_assert_cmpint(fixture_write(&fixture, release, &to), ==, RES_OK);
  g_assert_cmpint(to.n, ==, 0);
  fixture_member(&fixture, ANT, MEMBER_OWNER, "olga@example.org", NULL);
  to.now -= CLOCK_DAY; /* somebody has set the clock back */
  g_assert_cmpint(fixture_write(&fixture, release, &to), ==, RES_OK);
  g_assert_cmpint(to.n, ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job"), ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 0"), ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient WHERE address = 'olga@example.org'"), ==, 2);

  fixture.options.site_owner = "root@example.org";
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { "bee-owner@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient WHERE address = 'root@example.org' AND member_id = 0"), ==, 1);
  fixture_tear_down(&fixture);
}

static void
test_jobs(void)
{
  static const struct { const char *to, *kind; } jobs[] = {
    { "ant-bounces@example.com", "bounces" }, { "ant-confirm+abc@example.com", "confirm" }, { "ant-join@example.com", "join" },
    { "ant-unsubscribe@example.com", "leave" }, { "ant-request@example.com", "request" },
  };
  struct fixture fixture;
  set_up(&fixture);
  for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
    g_test_message("%s", jobs[i].to);
    g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .from = "", .to = { jobs[i].to } }), ==, REPLY_TAKEN);
  }
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE argument = 'abc'"), ==, 1);
  for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
    g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM job WHERE kind = '%s'", jobs[i].kind);
    g_test_message("%s", sql);
    g_assert_cmpint(fixture_int(&fixture, g_intern_string(sql)), ==, 1);
  }
  fixture_tear_down(&fixture);
}

/* --- what is dropped --- */

struct stale {
  int64_t now;
  int n;
};

static enum res
drop(struct tx *tx, void *arg, GError **error)
{
  struct stale *stale = arg;
  return job_drop_stale(tx, stale->now, 2, &stale->n, error);
}

/* Nobody would read it after three days; owners' mail waits longer for its owners. */
static void
test_stale(void)
{
  struct fixture fixture;
  set_up(&fixture);
  const char *const to[] = { "ant-request@example.com", "ant-join@example.com", "ant-bounces+x@example.com", "ant-owner@example.com" };
  for (size_t i = 0; i < G_N_ELEMENTS(to); i++)
    g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { to[i] } }), ==, REPLY_TAKEN);
  struct stale stale = { .now = fixture.now + JOB_STALE };
  g_assert_cmpint(fixture_write(&fixture, drop, &stale), ==, RES_OK);
  g_assert_cmpint(stale.n, ==, 0);
  stale.now++;
  g_assert_cmpint(fixture_write(&fixture, drop, &stale), ==, RES_OK);
  g_assert_cmpint(stale.n, ==, 2); /* a slice */
  g_assert_cmpint(fixture_write(&fixture, drop, &stale), ==, RES_OK);
  g_assert_cmpint(stale.n, ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job WHERE kind = 'owner'"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 2"), ==, 3);
  fixture_tear_down(&fixture);
}

static enum res
drop_unclaimed(struct tx *tx, void *arg, GError **error)
{
  struct stale *stale = arg;
  return job_drop_unclaimed(tx, stale->now, 2, &stale->n, error);
}

static void
test_unclaimed(void)
{
  struct fixture fixture;
  set_up(&fixture);
  const char *const to[] = { "ant-request@example.com", "ant-owner@example.com", "postmaster@example.com" };
  for (size_t i = 0; i < G_N_ELEMENTS(to); i++)
    g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { to[i] } }), ==, REPLY_TAKEN);
  struct stale stale = { .now = fixture.now + JOB_OF_OWNERS_STALE };
  g_assert_cmpint(fixture_write(&fixture, drop_unclaimed, &stale), ==, RES_OK);
  g_assert_cmpint(stale.n, ==, 0);
  stale.now++;
  g_assert_cmpint(fixture_write(&fixture, drop_unclaimed, &stale), ==, RES_OK);
  g_assert_cmpint(stale.n, ==, 2);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job WHERE kind = 'request'"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 2"), ==, 2);
  fixture_tear_down(&fixture);
}

static enum res
fill_up(struct tx *tx, void *arg, GError **error)
{
  enum res res = RES_OK;
  for (int i = 1; res == RES_OK && i < JOBS_OF_OWNERS_MAX; i++)
    res = job_create(tx, "owner", *(int64_t *)arg, 1, FIXTURE_NOW, error);
  return res;
}

/* Strangers can fill the disk neither with a list nor at the cost of another. */
static void
test_too_many(void)
{
  struct fixture fixture;
  set_up(&fixture);
  struct mail mail = { .to = { "ant-owner@example.com" } };
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { "bee-owner@example.com" } }), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_TAKEN);
  int64_t oldest = fixture_int(&fixture, "SELECT max(id) FROM job"), posting = fixture_int(&fixture, "SELECT max(id) FROM posting");
  g_assert_cmpint(fixture_write(&fixture, fill_up, &posting), ==, RES_OK);
  g_assert_cmpint(fixture_int(&fixture, "SELECT min(id) FROM job WHERE list_id = 1"), ==, oldest);
  mail.subject = "one more";
  g_assert_cmpint(fixture_answer(&fixture, &mail), ==, REPLY_TAKEN);
  g_assert_cmpint(fixture_int(&fixture, "SELECT min(id) FROM job WHERE list_id = 1"), ==, oldest + 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job WHERE list_id = 1"), ==, JOBS_OF_OWNERS_MAX);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job WHERE list_id = 2"), ==, 1);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 2"), ==, 1);
  fixture_tear_down(&fixture);
}

/* Owners' mail of a list that was removed is for nobody, not even for the site's owner; and it does not wait for one. */
static void
test_list_removed(gconstpointer site_owner)
{
  struct fixture fixture;
  set_up(&fixture);
  g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { "ant-owner@example.com" } }), ==, REPLY_TAKEN);
  fixture_run(&fixture, "UPDATE list SET removed_at = 1");
  struct release to = { .site_owner = site_owner, .now = fixture.now };
  g_assert_cmpint(fixture_write(&fixture, release, &to), ==, RES_OK);
  g_assert_cmpint(to.n, ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job"), ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM recipient"), ==, 0);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM posting WHERE state = 2"), ==, 1);
  fixture_tear_down(&fixture);
}

struct walk {
  int64_t after;
  struct job job;
  enum res res;
};

static enum res
walk(struct tx *tx, void *arg, GError **error)
{
  struct walk *walk = arg;
  walk->res = job_next(tx, "bounces", &walk->after, &walk->job, error);
  return RES_OK;
}

static enum res
end(struct tx *tx, void *arg, GError **error)
{
  struct walk *walk = arg;
  return job_end(tx, &walk->job, POSTING_ACCEPTED, FIXTURE_NOW, error);
}

/* One kind, in the order in which they came; each ends once. */
static void
test_next(void)
{
  static const char *const to[] = { "ant-request@example.com", "ant-bounces@example.com", "ant-join@example.com", "bee-bounces@example.com", "ant-leave@example.com" };
  struct fixture fixture;
  set_up(&fixture);
  for (size_t i = 0; i < G_N_ELEMENTS(to); i++)
    g_assert_cmpint(fixture_answer(&fixture, &(struct mail){ .to = { to[i] } }), ==, REPLY_TAKEN);
  struct walk at = { .after = 0 };
  for (int64_t id = 2; id <= 4; id += 2) {
    g_assert_cmpint(fixture_write(&fixture, walk, &at), ==, RES_OK);
    g_assert_cmpint(at.res, ==, RES_OK);
    g_assert_true(at.after == id && at.job.id == id && at.job.posting_id == id);
    g_assert_cmpint(at.job.list_id, ==, id / 2);
  }
  g_assert_cmpint(fixture_write(&fixture, end, &at), ==, RES_OK);
  g_assert_cmpint(fixture_write(&fixture, end, &at), ==, RES_MORE);
  g_assert_cmpint(fixture_int(&fixture, "SELECT count(*) FROM job"), ==, 4);
  g_assert_cmpint(fixture_int(&fixture, "SELECT state FROM posting WHERE id = 4"), ==, POSTING_ACCEPTED);
  g_assert_cmpint(fixture_write(&fixture, walk, &at), ==, RES_OK);
  g_assert_cmpint(at.res, ==, RES_MORE);
  g_assert_cmpint(at.after, ==, 5); /* of what came last, though it is of another kind */
  fixture_tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/job/kept", test_jobs);
  g_test_add_func("/job/nobody_to_go_to", test_nobody_to_go_to);
  g_test_add_func("/job/stale", test_stale);
  g_test_add_func("/job/unclaimed", test_unclaimed);
  g_test_add_func("/job/too_many", test_too_many);
  g_test_add_func("/job/next", test_next);
  g_test_add_data_func("/job/list_removed/site_owner", "root@example.org", test_list_removed);
  g_test_add_data_func("/job/list_removed/nobody", "", test_list_removed);
  return g_test_run();
}
