#include "robot/robot.h"
#include "base/counter.h"
#include "base/log.h"
#include "courier/fixture.h"
#include "envelope/tag.h"
#include "list/tag_key.h"
#include "queue/job.h"
#include <sched.h>

#define T0 INT64_C(1800000000000000)

struct arrivals {
  int64_t list_id;
  int count;
  bool damaged; /* every other one */
  const char *kind;
};

static enum res
write_arrivals(struct tx *tx, void *arg, GError **error)
{
  const struct arrivals *arrivals = arg;
  struct tag_key key;
  int64_t before, id;
  enum res res = tag_key_newest(tx, T0, &key, error);
  if (res == RES_OK)
    res = sql_int_of(tx, "SELECT COUNT(*) FROM posting", SQL_NO_ARGS, &before, error);
  for (int i = 0; i < arrivals->count && res == RES_OK; i++) {
    char tag[TAG_MAX + 1];
    tag_make(&key, arrivals->list_id, &(struct tag){ .posting_id = 1, .member_id = 1 + i % 4 }, tag);
    g_autofree char *code = g_strdup_printf("back%d", (int)before + i);
    struct posting posting = { .code = code, .list_id = arrivals->list_id, .domain_id = 1, .role = ROLE_BOUNCES, .address = (char *)"ant-bounces@example.com",
                               .argument = arrivals->damaged && i % 2 ? (char *)"nonsense" : tag, .message_id = 1, .state = POSTING_KEPT, .reverse_path = (char *)"",
                               .sender = (char *)"", .subject = (char *)"", .received_at = T0 };
    res = posting_insert(tx, &posting, &id, error);
    if (res == RES_OK)
      res = job_create(tx, arrivals->kind ? arrivals->kind : "bounces", id, arrivals->list_id, T0, error);
  }
  return res;
}

static void
arrive(struct fixture *fixture, struct arrivals arrivals)
{
  arrivals.list_id = fixture->list_id;
  fixture_write(fixture, write_arrivals, &arrivals);
}

/* Until `sql` gives that number. The test's own limit of time ends it otherwise. */
static void
wait_for(struct fixture *fixture, const char *sql, int64_t number)
{
  while (fixture_number(fixture, sql) != number)
    sched_yield();
}

#define BOUNCES "SELECT COUNT(*) FROM bounce"
#define JOBS "SELECT COUNT(*) FROM job"

/* What was there before it, and what comes later. */
static void
test_work(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  arrive(fixture, (struct arrivals){ .count = 3 });
  OWN(robot) robot = robot_start(fixture->store);
  g_assert_nonnull(robot);
  wait_for(fixture, BOUNCES, 3);
  arrive(fixture, (struct arrivals){ .count = 5 });
  robot_wake(robot);
  wait_for(fixture, BOUNCES, 8);
  g_assert_cmpint(fixture_number(fixture, JOBS), ==, 0);
  g_assert_cmpint(fixture_number(fixture, BOUNCES " WHERE kind = 1 AND member_id = 1"), ==, 3);
}

/* What nobody understands is passed over and stays; so does what is kept for others. */
static void
test_not_understood(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  arrive(fixture, (struct arrivals){ .count = 3, .kind = "request" });
  arrive(fixture, (struct arrivals){ .count = 6, .damaged = true });
  OWN(robot) robot = robot_start(fixture->store);
  wait_for(fixture, BOUNCES, 3);
  arrive(fixture, (struct arrivals){ .count = 1 });
  robot_wake(robot);
  wait_for(fixture, BOUNCES, 4);
  g_assert_cmpint(fixture_number(fixture, JOBS), ==, 6);
  g_assert_cmpint(fixture_number(fixture, JOBS " WHERE kind = 'bounces'"), ==, 3);
}

/* It ends in the middle, and the next one goes on there: nothing is lost and nothing done twice. */
static void
test_ends_promptly(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  arrive(fixture, (struct arrivals){ .count = 36 });
  for (int64_t done = 0; done < 36;) {
    OWN(robot) robot = robot_start(fixture->store);
    while (fixture_number(fixture, BOUNCES) == done)
      sched_yield();
    robot_free(OWN_GIVE(robot));
    done = fixture_number(fixture, BOUNCES);
    g_assert_cmpint(fixture_number(fixture, JOBS), ==, 36 - done);
  }
}

/* The database says no: that is an alarm, and it is tried again. */
static void
test_trouble(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  fixture_run(fixture, "CREATE TRIGGER trouble BEFORE INSERT ON bounce BEGIN SELECT RAISE(ABORT, 'no'); END");
  arrive(fixture, (struct arrivals){ .count = 1 });
  int64_t alarms = counter_read(COUNTER_ALARMS);
  OWN(robot) robot = robot_start(fixture->store);
  while (counter_read(COUNTER_ALARMS) == alarms)
    sched_yield();
  g_assert_cmpint(fixture_number(fixture, JOBS), ==, 1);
  robot_wake(robot);
  fixture_run(fixture, "DROP TRIGGER trouble");
  robot_wake(robot);
  wait_for(fixture, BOUNCES, 1);
  g_assert_cmpint(fixture_number(fixture, JOBS), ==, 0);
}

static void
test_stops_in_a_pause(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  fixture_run(fixture, "CREATE TRIGGER trouble BEFORE INSERT ON bounce BEGIN SELECT RAISE(ABORT, 'no'); END");
  arrive(fixture, (struct arrivals){ .count = 1 });
  int64_t alarms = counter_read(COUNTER_ALARMS);
  OWN(robot) robot = robot_start(fixture->store);
  while (counter_read(COUNTER_ALARMS) == alarms)
    sched_yield();
  robot_free(OWN_GIVE(robot));
  g_assert_cmpint(fixture_number(fixture, JOBS), ==, 1);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/robot/work", test_work);
  g_test_add_func("/robot/not understood", test_not_understood);
  g_test_add_func("/robot/ends promptly", test_ends_promptly);
  g_test_add_func("/robot/trouble", test_trouble);
  g_test_add_func("/robot/stops in a pause", test_stops_in_a_pause);
  return g_test_run();
}
