/* Verdicts in front of the queue on a disk that fails: at each call of each kind it fails once, or until that ends, or the machine loses its power. Then what the author was told
 * is what the delivery finds; an author who was told to come again finds a verdict when the fault has ended; and nothing but verdicts was written.
 * LISTWARD_DISK_FAULTS=all tries every call; otherwise ever larger strides are made. */
#include "base/log.h"
#include "queue/fixture.h"
#include "store/fault_vfs.h"

#define ANT "ant@example.com"

/* A member's, a moderated member's, a stranger's, and the member's again. What each is told, and what it gets over LMTP. */
static const struct judged {
  const char *from;
  enum reply front, delivery;
} judged[] = {
  { "bea@example.org", REPLY_OK, REPLY_ACCEPTED },
  { "mod@example.org", REPLY_WILL_BE_HELD, REPLY_HELD },
  { "eve@example.net", REPLY_REFUSED, REPLY_REFUSED },
  { "bea@example.org", REPLY_OK, REPLY_ACCEPTED },
};
#define JUDGED G_N_ELEMENTS(judged)

static struct mail
mail_of(size_t i, bool front)
{
  static const char *const subjects[JUDGED] = { "0", "1", "2", "3" };
  return (struct mail){ .header_from = judged[i].from, .subject = subjects[i], .judge = front, .door = front ? DOOR_FRONT : DOOR_LMTP, .to = { ANT } };
}

/* The database's trouble: its own reply. */
static bool
is_trouble(enum reply reply)
{
  return reply == REPLY_TROUBLE || reply == REPLY_FULL;
}

static void
judge(struct fixture *fixture, enum reply told[JUDGED])
{
  for (size_t i = 0; i < JUDGED; i++) {
    struct mail mail = mail_of(i, true);
    if (i + 1 == JUDGED)
      fault_vfs_lift();
    told[i] = fixture_answer(fixture, &mail);
    g_assert_true(told[i] == judged[i].front || is_trouble(told[i]));
  }
  g_assert_true(fault_vfs_is_off() || told[JUDGED - 1] == judged[JUDGED - 1].front);
}

/* The list discards everything by now: what is otherwise was remembered. */
static void
check_obeyed(struct fixture *fixture, const enum reply told[JUDGED])
{
  g_assert_cmpint(fixture_int(fixture, "SELECT (SELECT count(*) FROM posting) + (SELECT count(*) FROM message)"), ==, 0);
  fixture_set(fixture, ANT, "default_member_action", "discard");
  fixture_set(fixture, ANT, "default_nonmember_action", "discard");
  fixture_run(fixture, "UPDATE member SET moderation = NULL");
  for (size_t i = 0; i < JUDGED; i++) {
    struct mail mail = mail_of(i, false);
    enum reply got = fixture_answer(fixture, &mail);
    if (got != judged[i].delivery && !(is_trouble(told[i]) && got == REPLY_DISCARDED))
      g_error("message %d was told %d and got %d", (int)i, reply_code(told[i]), reply_code(got));
  }
}

/* False: the fault never struck. */
static bool
run(const struct fault *fault)
{
  struct fixture fixture;
  enum reply told[JUDGED];
  fixture_set_up(&fixture);
  fixture_list(&fixture, ANT);
  fixture_member(&fixture, ANT, MEMBER_MEMBER, "bea@example.org", NULL);
  fixture_member(&fixture, ANT, MEMBER_MEMBER, "mod@example.org", "hold");
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR + 1);
  struct mail first = { .header_from = "bea@example.org", .subject = "before", .judge = true, .door = DOOR_FRONT, .to = { ANT } };
  g_assert_cmpint(fixture_answer(&fixture, &first), ==, REPLY_OK);
  fault_vfs_arm(fault);
  judge(&fixture, told);
  bool struck = fault_vfs_struck();
  if (!fault_vfs_is_off() && fault->kind >= FAULT_POWER)
    fault_vfs_power_off(fault->kind == FAULT_TORN, fault->seed);
  fixture_restart(&fixture, fault_vfs_is_off() ? fault_vfs_power_on : NULL);
  check_obeyed(&fixture, told);
  fixture_tear_down(&fixture);
  fault_vfs_forget();
  return struck;
}

static const struct row {
  const char *name;
  enum fault_call call;
  enum fault_kind kind;
  bool lasting;
} rows[] = {
  { "full/write", FAULT_WRITE, FAULT_FULL, .lasting = true }, { "error/write", FAULT_WRITE, FAULT_IO_ERROR }, { "short/write", FAULT_WRITE, FAULT_SHORT },
  { "power/write", FAULT_WRITE, FAULT_POWER },                { "torn/write", FAULT_WRITE, FAULT_TORN },      { "error/sync", FAULT_SYNC, FAULT_IO_ERROR },
  { "power/sync", FAULT_SYNC, FAULT_POWER },                  { "torn/sync", FAULT_SYNC, FAULT_TORN },
};

static void
test_row(gconstpointer data)
{
  const struct row *row = data;
  int runs = 0;
  struct fault fault = { .call = row->call, .kind = row->kind, .lasting = row->lasting, .at = 1 };
  for (; fault.seed = (uint32_t)fault.at, run(&fault); fault.at += fault_vfs_stride(fault.at, 2))
    runs++;
  g_test_message("%d runs", runs);
  g_assert_cmpint(runs, >, 0);
}

int
main(int argc, char **argv)
{
  fault_vfs_install();
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *name = g_strconcat("/front-faults/", rows[i].name, NULL);
    g_test_add_data_func(name, &rows[i], test_row);
  }
  return g_test_run();
}
