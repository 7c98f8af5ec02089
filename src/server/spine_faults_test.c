/* From a client's MAIL to the outlet, on a disk that fails: session, hooks, lists, rules, queue, database and courier as the server has them. At each call of
 * each kind the disk fails once, or until that ends, or the machine loses its power. Then:
 * - the client was told 250, or 451 or 452, and what it was told 250 for is there, also after the power was lost, and reaches every member;
 * - what it was told anything else for is not there (after a loss of power it may be: the client sends it again, and it is posted once);
 * - when the fault ends the next posting is accepted, on the same connection, and nothing needs to be started anew;
 * - nothing half-done is left.
 * LISTWARD_DISK_FAULTS=all tries every call; otherwise ever larger strides are made. */
#include "base/clock.h"
#include "base/log.h"
#include "courier/courier.h"
#include "list/list.h"
#include "list/member.h"
#include "net/stream_pair.h"
#include "queue/incoming.h"
#include "server/posting_door.h"
#include "store/fault_vfs.h"
#include "store/scratch.h"
#include <unistd.h>

#define POSTINGS 3 /* while the disk fails; one more afterwards */
#define MEMBERS 2
#define TIME_ENOUGH (60 * CLOCK_SECOND)

/* The message sizes: the second is written in pieces while it arrives. */
static const size_t sizes[POSTINGS + 1] = { 500, INCOMING_PIECE + 30000, 3000, 700 };

/* --- an outlet that counts copies --- */

struct tally {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int copies[POSTINGS + 1][MEMBERS];
};

struct counting_outlet {
  struct outlet outlet;
  struct tally *tally;
};

/* The number behind "Subject: posting ". */
static int
posting_of(const struct transmission *mail)
{
  struct slice pieces[COPY_PIECES_MAX];
  g_autoptr(GString) octets = g_string_new(NULL);
  for (size_t i = 0, n = transmission_pieces(mail, mail->as_is, 0, pieces); i < n; i++)
    g_string_append_len(octets, pieces[i].p, (gssize)MIN(pieces[i].n, 4096));
  const char *subject = strstr(octets->str, "Subject: posting ");
  g_assert_nonnull(subject);
  return subject[strlen("Subject: posting ")] - '0';
}

static enum outlet_result
count_copies(struct outlet *outlet, struct transmission *mail, GError **error)
{
  (void)error;
  struct tally *tally = ((struct counting_outlet *)outlet)->tally;
  int posting = posting_of(mail);
  pthread_mutex_lock(&tally->lock);
  for (size_t i = 0; i < mail->n; i++)
    if (mail->recipients[i].outcome == OUTCOME_PENDING)
      tally->copies[posting][mail->recipients[i].address[1] - '0']++;
  pthread_cond_broadcast(&tally->changed);
  pthread_mutex_unlock(&tally->lock);
  transmission_settle(mail, OUTCOME_SENT, transmission_reply(mail, g_strdup("taken")));
  return OUTLET_DONE;
}

static int
room_for_all(struct outlet *outlet, int64_t now, int64_t *again)
{
  (void)now;
  *again = INT64_MAX;
  return outlet->connections;
}

static void
nothing_to_do(struct outlet *outlet)
{
  (void)outlet;
}

static void
no_state(struct outlet *outlet, GArray *hops)
{
  (void)outlet, (void)hops;
}

static void
counting_free(struct outlet *outlet)
{
  g_free(outlet);
}

static const struct outlet_ops counting_ops = { .send = count_copies, .room = room_for_all, .retry = nothing_to_do, .state = no_state, .free = counting_free };

static struct outlet *
counting_outlet_new(struct tally *tally)
{
  struct counting_outlet *made = g_new0(struct counting_outlet, 1);
  outlet_init(&made->outlet, &counting_ops, &(struct outlet_options){ .type = "counting", .section = "", .connections = 2 }, "counting");
  made->tally = tally;
  return &made->outlet;
}

static int
copies_of(struct tally *tally, int posting, int member)
{
  pthread_mutex_lock(&tally->lock);
  int n = tally->copies[posting][member];
  pthread_mutex_unlock(&tally->lock);
  return n;
}

static void
wait_for_copies(struct tally *tally, int posting)
{
  struct timespec until = { .tv_sec = (clock_monotonic() + TIME_ENOUGH) / CLOCK_SECOND };
  pthread_mutex_lock(&tally->lock);
  for (int member = 0; member < MEMBERS; member++)
    while (tally->copies[posting][member] == 0)
      g_assert_cmpint(pthread_cond_clockwait(&tally->changed, &tally->lock, CLOCK_MONOTONIC, &until), ==, 0);
  pthread_mutex_unlock(&tally->lock);
}

/* --- the server --- */

struct bench {
  char *directory, *path;
  struct store *store;
  struct list_index *index;
  struct courier *courier;
  struct budget budget;
  struct live_config *live;
  struct tally tally;
  struct posting_door door;
  struct door_hooks hooks;
  int codes[POSTINGS + 1]; /* the last reply for each */
};

static struct door_options door_options = {
  .hostname = "lists.example.com", .size_max = 4 * 1024 * 1024, .command_timeout = TIME_ENOUGH, .data_timeout = TIME_ENOUGH, .message_timeout = TIME_ENOUGH,
};

static void
on_wake(void *ctx)
{
  courier_wake(((struct bench *)ctx)->courier);
}

static void
on_kept(void *ctx, enum role role)
{
  (void)ctx, (void)role;
}

static void
server_stop(struct bench *bench)
{
  if (bench->courier)
    courier_stop(bench->courier, clock_monotonic() + TIME_ENOUGH);
  g_clear_pointer(&bench->courier, courier_free);
  g_clear_pointer(&bench->index, list_index_free);
  g_clear_pointer(&bench->store, store_free);
}

static enum res
server_try(struct bench *bench, GError **error)
{
  enum res res = store_open(&(struct store_options){ .url = "sqlite:test.db", .state_dir = bench->directory, .mode = STORE_SERVER }, &bench->store, error);
  if (res == RES_OK)
    res = incoming_sweep(bench->store, error);
  if (res == RES_OK)
    res = list_index_new(bench->store, &bench->index, error);
  if (res != RES_OK)
    return res;
  struct outlet *outlet = counting_outlet_new(&bench->tally);
  bench->courier = courier_new(bench->store, &(struct courier_options){ .hostname = "lists.example.com" }, &outlet, 1);
  bench->door = (struct posting_door){ .store = bench->store, .index = bench->index, .live = bench->live, .budget = &bench->budget, .wake = on_wake,
                                       .kept = on_kept, .wake_ctx = bench };
  bench->hooks = posting_door_hooks(&bench->door, POSTING_DOOR_DELIVERY);
  return courier_start(bench->courier, error);
}

static bool
server_start(struct bench *bench)
{
  g_autoptr(GError) error = NULL;
  enum res res = server_try(bench, &error);
  if (res == RES_OK)
    return true;
  g_assert_cmpint(res, ==, RES_TEMP);
  g_assert_nonnull(error);
  server_stop(bench);
  return false;
}

/* --- a client --- */

struct client {
  int fd;
  struct door_session *session;
  pthread_t thread;
};

static void *
run_session(void *session)
{
  door_session_run(session);
  return NULL;
}

/* The code of one whole reply; 0: the connection is closed. */
static int
code_heard(const struct client *client)
{
  char line[600] = "";
  for (;;) {
    size_t n = 0;
    while (n < sizeof line - 1 && read(client->fd, line + n, 1) == 1 && line[n] != '\n')
      n++;
    line[n] = '\0';
    if (n < 4 || line[3] == ' ')
      return atoi(line);
  }
}

static int
say(const struct client *client, const char *text, size_t n)
{
  for (ssize_t wrote; n > 0; text += wrote, n -= (size_t)wrote)
    if ((wrote = write(client->fd, text, n)) < 0)
      return 0;
  return code_heard(client);
}

static int
say_line(const struct client *client, const char *line)
{
  return say(client, line, strlen(line));
}

static void
client_connect(struct client *client, struct bench *bench)
{
  static const struct door_peer who = { .session = "s", .listener = "test", .address = "unix", .unix_socket = true };
  client->session = door_session_new(PROTOCOL_LMTP, stream_to(&client->fd), &bench->hooks, &door_options, &who);
  g_assert_cmpint(pthread_create(&client->thread, NULL, run_session, client->session), ==, 0);
  g_assert_cmpint(code_heard(client), ==, 220);
  g_assert_cmpint(say_line(client, "LHLO client.example.org\r\n"), ==, 250);
}

static void
client_quit(struct client *client)
{
  g_assert_cmpint(say_line(client, "QUIT\r\n"), ==, 221);
  pthread_join(client->thread, NULL);
  door_session_free(client->session);
  close(client->fd);
}

/* The reply that the client goes by. */
static int
post(const struct client *client, int number)
{
  static const char *const envelope[] = { "MAIL FROM:<ann@example.org>\r\n", "RCPT TO:<ant@example.com>\r\n", "DATA\r\n" };
  for (size_t i = 0; i < G_N_ELEMENTS(envelope); i++) {
    int code = say_line(client, envelope[i]);
    if (code / 100 != 2 && code != 354) {
      g_assert_cmpint(say_line(client, "RSET\r\n"), ==, 250);
      return code;
    }
  }
  g_autoptr(GString) message = g_string_new(NULL);
  g_string_printf(message, "From: ann@example.org\r\nTo: ant@example.com\r\nMessage-ID: <%d@example.org>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
                           "Subject: posting %d\r\n\r\n", number, number);
  while (message->len < sizes[number])
    g_string_append(message, "a line of the body, which is as long as lines of bodies are\r\n");
  g_string_append(message, ".\r\n");
  return say(client, message->str, message->len);
}

/* --- what must be true --- */

struct question {
  const char *sql;
  struct sql_args args;
  int64_t number;
  char *text;
};

static enum res
ask_number(struct tx *tx, void *arg, GError **error)
{
  struct question *question = arg;
  return sql_int_of(tx, question->sql, question->args, &question->number, error);
}

static enum res
ask_text(struct tx *tx, void *arg, GError **error)
{
  struct question *question = arg;
  return sql_text_of(tx, question->sql, question->args, &question->text, error);
}

static void
ask(struct bench *bench, store_fn read, struct question *question)
{
  g_autoptr(GError) error = NULL;
  enum res res = store_read(bench->store, read, question, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
}

static int64_t
postings_stored(struct bench *bench, int number)
{
  g_autofree char *subject = g_strdup_printf("posting %d", number);
  struct question question = { .sql = "SELECT count(*) FROM posting WHERE subject = $1", .args = SQL_ARGS(sql_text(subject)) };
  ask(bench, ask_number, &question);
  return question.number;
}

/* Each counts what must not be there. */
static const char *const nothing_half_done[] = {
  "SELECT count(*) FROM posting WHERE message_id NOT IN (SELECT id FROM message WHERE accepted = 1)",
  "SELECT count(*) FROM message WHERE accepted = 1 AND id NOT IN (SELECT message_id FROM posting)",
  "SELECT count(*) FROM message m WHERE accepted = 1 AND size <> COALESCE(LENGTH(octets), 0) + (SELECT COALESCE(SUM(LENGTH(p.octets)), 0) FROM message_piece p WHERE message_id = m.id)",
  "SELECT count(*) FROM message_piece WHERE message_id NOT IN (SELECT id FROM message)",
  "SELECT count(*) FROM posting WHERE state = 0 AND id NOT IN (SELECT posting_id FROM delivery)",
};

static void
check_whole(struct bench *bench)
{
  struct question integrity = { .sql = "PRAGMA integrity_check", .args = SQL_NO_ARGS };
  ask(bench, ask_text, &integrity);
  g_assert_cmpstr(integrity.text, ==, "ok");
  g_free(integrity.text);
  struct question references = { .sql = "SELECT count(*) FROM pragma_foreign_key_check", .args = SQL_NO_ARGS };
  ask(bench, ask_number, &references);
  g_assert_cmpint(references.number, ==, 0);
  for (size_t i = 0; i < G_N_ELEMENTS(nothing_half_done); i++) {
    struct question question = { .sql = nothing_half_done[i], .args = SQL_NO_ARGS };
    ask(bench, ask_number, &question);
    if (question.number)
      g_error("%d: %s", (int)question.number, question.sql);
  }
}

static void
check_no_orphans(struct bench *bench)
{
  struct question orphans = { .sql = "SELECT count(*) FROM message WHERE accepted = 0", .args = SQL_NO_ARGS };
  ask(bench, ask_number, &orphans);
  g_assert_cmpint(orphans.number, ==, 0);
}

/* Nothing was lost but by errors that were told: each is posted, and sent, once or not at all. */
static void
check_told_the_truth(struct bench *bench)
{
  for (int i = 0; i <= POSTINGS; i++) {
    bool accepted = bench->codes[i] == 250;
    g_assert_cmpint(postings_stored(bench, i), ==, accepted);
    if (accepted)
      wait_for_copies(&bench->tally, i);
    for (int member = 0; member < MEMBERS; member++)
      g_assert_cmpint(copies_of(&bench->tally, i, member), ==, accepted);
  }
}

/* After a loss of power: what was said to be there is; what was not, is sent again. All reaches everybody. */
static void
check_nothing_lost(struct bench *bench)
{
  struct client client;
  client_connect(&client, bench);
  for (int i = 0; i <= POSTINGS; i++) {
    if (bench->codes[i] == 250)
      g_assert_cmpint(postings_stored(bench, i), ==, 1);
    g_assert_cmpint(post(&client, i), ==, 250); /* a client that never saw our 250 */
    g_assert_cmpint(postings_stored(bench, i), ==, 1);
    wait_for_copies(&bench->tally, i);
  }
  client_quit(&client);
}

/* --- one run --- */

static char *template;
static gsize template_size;

static enum res
make_list(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  int64_t list_id;
  enum res res = list_create(tx, &(struct list_new){ .name = "ant@example.com", .make_domain = true, .now = 1 }, &list_id, error);
  for (int i = 0; i < MEMBERS && res == RES_OK; i++) {
    bool added;
    g_autofree char *address = g_strdup_printf("m%d@example.net", i);
    res = member_add(tx, &(struct member_new){ .list_id = list_id, .role = MEMBER_MEMBER, .address = address, .name = "", .now = 1 }, &added, error);
  }
  return res == RES_OK ? sql_run(tx, "INSERT INTO list_setting (list_id, name, value) VALUES ($1, 'default_nonmember_action', 'accept')",
                                 SQL_ARGS(sql_int(list_id)), error)
                       : res;
}

static void
make_template(void)
{
  char *directory = scratch_new();
  g_autofree char *path = g_build_filename(directory, "test.db", NULL);
  g_autoptr(GError) error = NULL;
  struct store *store = scratch_store(directory, STORE_SERVER);
  (void)!store_write(store, make_list, NULL, &error);
  g_assert_no_error(error);
  store_free(store);
  g_assert_true(g_file_get_contents(path, &template, &template_size, NULL));
  fault_vfs_forget();
  scratch_free(directory);
}

static void
bench_set_up(struct bench *bench)
{
  g_autoptr(GError) error = NULL;
  struct config *config = NULL;
  *bench = (struct bench){ .directory = scratch_new(), .budget = { .limit = 16 * 1024 * 1024 } };
  bench->path = g_build_filename(bench->directory, "test.db", NULL);
  g_assert_true(g_file_set_contents_full(bench->path, template, (gssize)template_size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  g_assert_cmpint(config_load(NULL, &config, &error), ==, RES_OK);
  bench->live = live_config_new(config);
  pthread_mutex_init(&bench->tally.lock, NULL);
  pthread_cond_init(&bench->tally.changed, NULL);
}

static void
bench_tear_down(struct bench *bench)
{
  server_stop(bench);
  fault_vfs_forget();
  g_assert_cmpint(bench->budget.used, ==, 0);
  live_config_free(bench->live);
  pthread_mutex_destroy(&bench->tally.lock);
  pthread_cond_destroy(&bench->tally.changed);
  g_free(bench->path);
  scratch_free(bench->directory);
}

/* Mail while the disk fails, and one message after that. */
static void
converse(struct bench *bench)
{
  struct client client;
  client_connect(&client, bench);
  for (int i = 0; i < POSTINGS; i++) {
    bench->codes[i] = post(&client, i);
    g_assert_true(bench->codes[i] == 250 || bench->codes[i] == 451 || bench->codes[i] == 452);
  }
  fault_vfs_lift();
  bench->codes[POSTINGS] = post(&client, POSTINGS);
  g_assert_true(fault_vfs_is_off() || bench->codes[POSTINGS] == 250);
  client_quit(&client);
}

/* On the failing disk, or else when that is over. */
static void
start_in_the_end(struct bench *bench)
{
  if (server_start(bench) || fault_vfs_is_off())
    return;
  g_assert_true(fault_vfs_struck());
  fault_vfs_lift();
  g_assert_true(server_start(bench));
}

/* False: the fault never struck. */
static bool
run(const struct fault *fault, bool power_lost_later)
{
  struct bench bench;
  bench_set_up(&bench);
  fault_vfs_arm(fault);
  start_in_the_end(&bench);
  if (bench.store)
    converse(&bench);
  bool alive = !fault_vfs_is_off();
  if (alive && !power_lost_later)
    check_told_the_truth(&bench);
  if (alive && !power_lost_later)
    check_whole(&bench);
  if (power_lost_later)
    fault_vfs_power_off(fault->at % 2, fault->seed);
  server_stop(&bench);
  bool struck = fault_vfs_struck();
  if (fault_vfs_is_off())
    fault_vfs_power_on();
  g_assert_true(server_start(&bench));
  check_nothing_lost(&bench);
  check_whole(&bench);
  check_no_orphans(&bench);
  bench_tear_down(&bench);
  return struck;
}

/* --- all of them --- */

static const struct row {
  const char *name;
  enum fault_call call;
  enum fault_kind kind;
  bool lasting, power_lost_later;
} rows[] = {
  { "full/write", FAULT_WRITE, FAULT_FULL, .lasting = true },
  { "no-space/write", FAULT_WRITE, FAULT_NO_SPACE, .lasting = true },
  { "error/write", FAULT_WRITE, FAULT_IO_ERROR },
  { "error/write-then-power", FAULT_WRITE, FAULT_IO_ERROR, .power_lost_later = true },
  { "short/write", FAULT_WRITE, FAULT_SHORT },
  { "power/write", FAULT_WRITE, FAULT_POWER },
  { "torn/write", FAULT_WRITE, FAULT_TORN },
  { "error/sync", FAULT_SYNC, FAULT_IO_ERROR },
  { "error/sync-lasting", FAULT_SYNC, FAULT_IO_ERROR, .lasting = true },
  { "error/sync-then-power", FAULT_SYNC, FAULT_IO_ERROR, .power_lost_later = true },
  { "power/sync", FAULT_SYNC, FAULT_POWER },
  { "torn/sync", FAULT_SYNC, FAULT_TORN },
  { "error/open", FAULT_OPEN, FAULT_IO_ERROR, .lasting = true },
  { "error/shared-memory", FAULT_SHM_MAP, FAULT_IO_ERROR, .lasting = true },
  { "error/read", FAULT_READ, FAULT_IO_ERROR },
  { "error/read-lasting", FAULT_READ, FAULT_IO_ERROR, .lasting = true },
};

static void
test_row(gconstpointer data)
{
  const struct row *row = data;
  int runs = 0;
  struct fault fault = { .call = row->call, .kind = row->kind, .lasting = row->lasting, .at = 1 };
  for (; fault.seed = (uint32_t)fault.at, run(&fault, row->power_lost_later); fault.at += fault_vfs_stride(fault.at, 2))
    runs++;
  g_test_message("%d runs", runs);
  g_assert_cmpint(runs, >, 0);
}

int
main(int argc, char **argv)
{
  fault_vfs_install();
  g_test_init(&argc, &argv, NULL);
  g_unsetenv("LISTWARD_CONFIG");
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  make_template();
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *name = g_strconcat("/spine-faults/", rows[i].name, NULL);
    g_test_add_data_func(name, &rows[i], test_row);
  }
  int failed = g_test_run();
  g_free(template);
  return failed;
}
