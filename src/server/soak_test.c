/* A week of mail in simulated time: postings come, are delivered and recorded, housekeeping runs each hour, commands write beside it, now and then somebody
 * reads for hours. The write-ahead log, the file and the age of what is kept stay within bounds.
 *
 * A twentieth of the traffic, unless LISTWARD_SOAK=full (`make soak`). */
#include "base/clock.h"
#include "base/counter.h"
#include "base/thread.h"
#include "list/member.h"
#include "queue/delivery.h"
#include "server/housekeeping.h"
#include "store/scratch.h"
#include <sys/stat.h>
#include <unistd.h>

#define DAYS 7
#define POSTINGS_A_DAY 20000
/* Postings of one transaction, as in a busy second. */
#define BATCH 10
#define MEMBERS 200
#define MESSAGE_SIZE 4096
#define RETENTION CLOCK_DAY
/* The log begins anew at 16 MiB, looked at each 4 MiB; the file is cut at 64 MiB (store/checkpointer.c). While somebody reads it grows by what comes meanwhile: each
 * posting dirties some twenty pages, and its removal as many. */
#define WAL_MAX (INT64_C(24) << 20)
#define WAL_FILE_MAX (INT64_C(72) << 20)
#define POSTING_PAGES 40
#define READING_BEGINS 10 /* o'clock */
#define READING_ENDS 13

static const char config_text[] = "[retention]\nledger = 1d\ndedupe = 1d\nmessages = 12h\n";

struct soak {
  char *directory, *program;
  struct store *store;
  struct live_config *live;
  struct housekeeping *housekeeping;
  int64_t now, list_id, last_join;
  int64_t posted, per_hour;
  int64_t wal_max, file_after_two_days;
  /* the long reader */
  pthread_t reader;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool reading, snapshot_taken;
};

static void
no_wake(void *ctx)
{
  (void)ctx;
}

static struct config *
config_new(void)
{
  g_autofree char *path = NULL;
  struct config *config = NULL;
  int fd = g_file_open_tmp("listward-soak-XXXXXX", &path, NULL);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  g_assert_true(g_file_set_contents(path, config_text, -1, NULL));
  g_assert_cmpint(config_load(path, &config, NULL), ==, RES_OK);
  g_unlink(path);
  return config;
}

static void
must(enum res res, GError *error)
{
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

static void
write_must(struct store *store, store_fn fn, void *arg)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_write(store, fn, arg, &error);
  must(res, error);
}

/* --- the traffic --- */

static enum res
add_members(struct tx *tx, struct soak *soak, int64_t n, const char *prefix, GError **error)
{
  enum res res = RES_OK;
  for (int64_t i = 0; res == RES_OK && i < n; i++) {
    g_autofree char *address = g_strdup_printf("%s%" G_GINT64_FORMAT "@example.net", prefix, i);
    bool added;
    res = member_add(tx, &(struct member_new){ .list_id = soak->list_id, .role = MEMBER_MEMBER, .address = address, .now = soak->now }, &added, error);
  }
  return res;
}

static enum res
make_list(struct tx *tx, void *arg, GError **error)
{
  struct soak *soak = arg;
  enum res res = list_create(tx, &(struct list_new){ .name = "ant@example.com", .make_domain = true, .now = soak->now }, &soak->list_id, error);
  return res == RES_OK ? add_members(tx, soak, MEMBERS, "m", error) : res;
}

/* What the courier leaves behind: a chunk, a member who was refused, a bounce. */
static const char *const record[] = {
  "INSERT INTO chunk (delivery_id, state, claimed_at, done_at, count, members, replies) SELECT id, 2, $2, $2, 200, zeroblob(220), '250 2.0.0 ok' "
  "FROM delivery WHERE posting_id = $1",
  "INSERT INTO recipient (delivery_id, address, state, attempts, next_at, first_at, done_at, reply) SELECT id, 'x@example.net', 3, 1, $2, $2, $2, '550 5.1.1 no' "
  "FROM delivery WHERE posting_id = $1",
  "INSERT INTO bounce (list_id, member_id, address, delivery_id, at, reply) SELECT list_id, 1, 'x@example.net', id, $2, '550 5.1.1 no' "
  "FROM delivery WHERE posting_id = $1",
  "UPDATE delivery SET state = 2, done_at = $2, cursor = last_join WHERE posting_id = $1",
};

static enum res
post_one(struct tx *tx, struct soak *soak, int64_t number, GError **error)
{
  static const char octets[MESSAGE_SIZE];
  g_autofree char *code = g_strdup_printf("p%" G_GINT64_FORMAT, number);
  struct posting posting = { .list_id = soak->list_id, .domain_id = 1, .code = code, .state = POSTING_ACCEPTED, .received_at = soak->now, .number = number };
  struct delivery_new delivery = { .list_id = soak->list_id, .outlet = "", .reverse_path = "ant-bounces@example.com", .now = soak->now };
  bool open;
  enum res res = posting_store_octets(tx, (struct slice){ octets, sizeof octets }, soak->now, &posting.message_id, error);
  if (res == RES_OK)
    res = posting_insert(tx, &posting, &delivery.posting_id, error);
  if (res == RES_OK)
    res = delivery_create_roster(tx, &delivery, MEMBERS, &open, error);
  for (size_t i = 0; res == RES_OK && i < G_N_ELEMENTS(record); i++)
    res = sql_run(tx, record[i], SQL_ARGS(sql_int(delivery.posting_id), sql_int(soak->now)), error);
  return res;
}

static enum res
post_batch(struct tx *tx, void *arg, GError **error)
{
  struct soak *soak = arg;
  enum res res = RES_OK;
  for (int64_t i = 0; res == RES_OK && i < BATCH; i++)
    res = post_one(tx, soak, soak->posted + i, error);
  return res;
}

/* --- beside it --- */

/* A command in a process of its own: some join, some leave. */
static enum res
join_and_leave(struct tx *tx, void *arg, GError **error)
{
  struct soak *soak = arg;
  g_autofree char *prefix = g_strdup_printf("d%" G_GINT64_FORMAT "-", soak->now);
  enum res res = add_members(tx, soak, 20, prefix, error);
  return res == RES_OK ? sql_run(tx, "UPDATE member SET left_at = $1 WHERE left_at IS NULL AND joined_at < $1 AND join_number > $2",
                                 SQL_ARGS(sql_int(soak->now), sql_int(MEMBERS)), error)
                       : res;
}

static int
command_main(char **argv)
{
  struct soak soak = { .list_id = g_ascii_strtoll(argv[3], NULL, 10), .now = g_ascii_strtoll(argv[4], NULL, 10) };
  OWN(store) store = scratch_store(argv[2], STORE_COMMAND);
  write_must(store, join_and_leave, &soak);
  return 0;
}

static void
run_command(struct soak *soak)
{
  g_autofree char *list = g_strdup_printf("%" G_GINT64_FORMAT, soak->list_id), *now = g_strdup_printf("%" G_GINT64_FORMAT, soak->now);
  char *argv[] = { soak->program, "--command", soak->directory, list, now, NULL };
  int status = 0;
  g_autoptr(GError) error = NULL;
  g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error(error);
  g_assert_true(g_spawn_check_wait_status(status, &error));
}

static enum res
read_for_long(struct tx *tx, void *arg, GError **error)
{
  struct soak *soak = arg;
  int64_t n;
  enum res res = sql_int_of(tx, "SELECT count(*) FROM member", SQL_NO_ARGS, &n, error);
  pthread_mutex_lock(&soak->lock);
  soak->snapshot_taken = true;
  pthread_cond_broadcast(&soak->changed);
  while (soak->reading)
    pthread_cond_wait(&soak->changed, &soak->lock);
  pthread_mutex_unlock(&soak->lock);
  return res;
}

static void *
reader_main(void *arg)
{
  struct soak *soak = arg;
  g_assert_cmpint(store_read(soak->store, read_for_long, soak, NULL), ==, RES_OK);
  return NULL;
}

static void
reader_begin(struct soak *soak)
{
  soak->reading = true;
  soak->snapshot_taken = false;
  g_assert_true(thread_start(&soak->reader, reader_main, soak));
  pthread_mutex_lock(&soak->lock);
  while (!soak->snapshot_taken)
    pthread_cond_wait(&soak->changed, &soak->lock);
  pthread_mutex_unlock(&soak->lock);
}

static void
reader_end(struct soak *soak)
{
  pthread_mutex_lock(&soak->lock);
  soak->reading = false;
  pthread_cond_broadcast(&soak->changed);
  pthread_mutex_unlock(&soak->lock);
  pthread_join(soak->reader, NULL);
}

/* --- the bounds --- */

static int64_t
size_of(struct soak *soak, const char *name)
{
  g_autofree char *path = g_build_filename(soak->directory, name, NULL);
  struct stat status;
  return stat(path, &status) == 0 ? status.st_size : 0;
}

static enum res
check_ages(struct tx *tx, void *arg, GError **error)
{
  static const struct {
    const char *name, *sql;
    int64_t age;
  } rows[] = {
    { "posting", "SELECT coalesce(min(received_at), $1) FROM posting", RETENTION },
    { "message", "SELECT coalesce(min(created_at), $1) FROM message", RETENTION },
    { "octets", "SELECT coalesce(min(created_at), $1) FROM message WHERE octets IS NOT NULL", RETENTION / 2 },
    { "delivery", "SELECT coalesce(min(created_at), $1) FROM delivery", RETENTION },
    { "chunk", "SELECT coalesce(min(done_at), $1) FROM chunk", RETENTION },
    { "recipient", "SELECT coalesce(min(done_at), $1) FROM recipient", RETENTION },
    { "bounce", "SELECT coalesce(min(at), $1) FROM bounce", RETENTION },
    { "member", "SELECT coalesce(min(left_at), $1) FROM member", RETENTION },
    { "address", "SELECT coalesce(min(registered_at), $1) FROM address WHERE key LIKE 'd%'", 2 * RETENTION },
  };
  struct soak *soak = arg;
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    int64_t oldest;
    enum res res = sql_int_of(tx, rows[i].sql, SQL_ARGS(sql_int(soak->now)), &oldest, error);
    if (res != RES_OK)
      return res;
    if (soak->now - oldest > rows[i].age + CLOCK_HOUR)
      g_error("%s: %" G_GINT64_FORMAT " minutes old", rows[i].name, (soak->now - oldest) / CLOCK_MINUTE);
  }
  return RES_OK;
}

/* --- the week --- */

static void
hour(struct soak *soak)
{
  for (int64_t i = 0; i < soak->per_hour; i += BATCH) {
    soak->now += CLOCK_HOUR * BATCH / soak->per_hour;
    write_must(soak->store, post_batch, soak);
    soak->posted += BATCH;
  }
  housekeeping_round(soak->housekeeping, soak->now);
}

static void
check_hour(struct soak *soak, int64_t wal_bound)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_read(soak->store, check_ages, soak, &error);
  must(res, error);
  int64_t wal = size_of(soak, "test.db-wal");
  soak->wal_max = MAX(soak->wal_max, wal);
  g_assert_cmpint(wal, <=, wal_bound);
}

static void
day(struct soak *soak, int number)
{
  for (int i = 0; i < 24; i++) {
    if (i == READING_BEGINS)
      reader_begin(soak);
    hour(soak);
    if (i % 4 == 0)
      run_command(soak);
    if (i == READING_ENDS)
      reader_end(soak);
    int64_t grown = WAL_MAX + (READING_ENDS - READING_BEGINS + 1) * soak->per_hour * POSTING_PAGES * 4096;
    bool reading = i >= READING_BEGINS && i <= READING_ENDS + 1;
    check_hour(soak, reading ? grown : MIN(grown, WAL_FILE_MAX));
  }
  int64_t size = size_of(soak, "test.db");
  g_test_message("day %d: database %" G_GINT64_FORMAT " MiB, log at most %" G_GINT64_FORMAT " MiB", number, size >> 20, soak->wal_max >> 20);
  if (number == 2)
    soak->file_after_two_days = size;
  if (number > 2)
    g_assert_cmpint(size, <=, soak->file_after_two_days * 5 / 4);
}

static char *program;

static void
test_week(void)
{
  bool full = g_strcmp0(g_getenv("LISTWARD_SOAK"), "full") == 0;
  struct soak soak = { .now = INT64_C(1800000000) * CLOCK_SECOND, .program = program, .per_hour = POSTINGS_A_DAY / 24 / (full ? 1 : 20) / BATCH * BATCH };
  int64_t alarms = counter_read(COUNTER_ALARMS);
  soak.directory = scratch_new();
  soak.store = scratch_store(soak.directory, STORE_SERVER);
  soak.live = live_config_new(config_new());
  soak.housekeeping = housekeeping_new(soak.store, soak.live, no_wake, NULL);
  pthread_mutex_init(&soak.lock, NULL);
  pthread_cond_init(&soak.changed, NULL);
  write_must(soak.store, make_list, &soak);
  for (int i = 1; i <= DAYS; i++)
    day(&soak, i);
  g_assert_cmpint(counter_read(COUNTER_ALARMS), ==, alarms);
  housekeeping_free(soak.housekeeping);
  store_free(soak.store);
  g_assert_cmpint(size_of(&soak, "test.db-wal"), ==, 0);
  live_config_free(soak.live);
  scratch_free(soak.directory);
}

int
main(int argc, char **argv)
{
  if (argc == 5 && strcmp(argv[1], "--command") == 0)
    return command_main(argv);
  program = argv[0];
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", FALSE); /* what is tried here is no matter of the disk's speed */
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/soak/week", test_week);
  return g_test_run();
}
