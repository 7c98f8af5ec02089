#include "courier/courier.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/token.h"
#include "courier/fixture.h"
#include <pthread.h>
#include <stdio.h>

/* An outlet of the test's own: keeps what it is given, answers as told, and can be waited for. */
struct fake_outlet {
  struct outlet outlet;
  struct outlet *inner; /* or NULL */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  GPtrArray *seen; /* char *: "reverse-path address" for each recipient */
  GString *message;
  int sends, down, most_at_once, running;
  bool hold; /* sends wait until this is false */
  bool cut;
  struct backoff backoff;
};

static enum outlet_result
fake_send(struct outlet *outlet, struct transmission *mail, GError **error)
{
  struct fake_outlet *fake = (struct fake_outlet *)outlet;
  enum outlet_result result = OUTLET_DONE;
  pthread_mutex_lock(&fake->lock);
  fake->sends++;
  fake->running++;
  fake->most_at_once = MAX(fake->most_at_once, fake->running);
  pthread_cond_broadcast(&fake->changed);
  while (fake->hold && !fake->cut)
    pthread_cond_wait(&fake->changed, &fake->lock);
  if (fake->down > 0 || fake->cut) {
    fake->down--;
    (void)!trouble(error, REPLY_TROUBLE, "nobody there");
    backoff_failed(&fake->backoff, "nobody there", clock_now(), clock_monotonic());
    result = OUTLET_DOWN;
  } else if (fake->inner)
    result = outlet_send(fake->inner, mail, error);
  else {
    g_string_truncate(fake->message, 0);
    struct slice pieces[COPY_PIECES_MAX];
    for (size_t i = 0, n = transmission_pieces(mail, mail->as_is, 0, pieces); i < n; i++)
      g_string_append_len(fake->message, pieces[i].p, (gssize)pieces[i].n);
    for (size_t i = 0; i < mail->n; i++)
      if (mail->recipients[i].outcome == OUTCOME_PENDING)
        g_ptr_array_add(fake->seen, g_strdup_printf("%s %s", transmission_sender(mail, i), mail->recipients[i].address));
    transmission_settle(mail, OUTCOME_SENT, transmission_reply(mail, g_strdup("taken")));
  }
  if (result != OUTLET_DOWN)
    backoff_reached(&fake->backoff, clock_now());
  fake->running--;
  pthread_cond_broadcast(&fake->changed);
  pthread_mutex_unlock(&fake->lock);
  return result;
}

static int
fake_room(struct outlet *outlet, int64_t now, int64_t *again)
{
  struct fake_outlet *fake = (struct fake_outlet *)outlet;
  pthread_mutex_lock(&fake->lock);
  bool down = backoff_is_down(&fake->backoff), over = backoff_is_over(&fake->backoff, now);
  *again = over ? INT64_MAX : fake->backoff.until;
  pthread_mutex_unlock(&fake->lock);
  return !down ? outlet->connections : over ? 1 : 0;
}

static void
fake_retry(struct outlet *outlet)
{
  struct fake_outlet *fake = (struct fake_outlet *)outlet;
  pthread_mutex_lock(&fake->lock);
  backoff_retry(&fake->backoff);
  pthread_mutex_unlock(&fake->lock);
}

static void
fake_state(struct outlet *outlet, GArray *hops)
{
  struct fake_outlet *fake = (struct fake_outlet *)outlet;
  pthread_mutex_lock(&fake->lock);
  struct hop_state state = outlet_hop_state(outlet, "fake", &fake->backoff);
  pthread_mutex_unlock(&fake->lock);
  g_array_append_val(hops, state);
}

static void
fake_cut(struct outlet *outlet, bool cut)
{
  struct fake_outlet *fake = (struct fake_outlet *)outlet;
  pthread_mutex_lock(&fake->lock);
  fake->cut = cut;
  pthread_cond_broadcast(&fake->changed);
  pthread_mutex_unlock(&fake->lock);
}

static void
fake_free(struct outlet *outlet)
{
  struct fake_outlet *fake = (struct fake_outlet *)outlet;
  outlet_free(fake->inner);
  g_ptr_array_unref(fake->seen);
  g_string_free(fake->message, TRUE);
  g_free(fake);
}

static const struct outlet_ops fake_ops = {
  .send = fake_send, .room = fake_room, .retry = fake_retry, .state = fake_state, .cut = fake_cut, .free = fake_free,
};

static struct fake_outlet *
fake_new(struct outlet *inner)
{
  struct fake_outlet *fake = g_new0(struct fake_outlet, 1);
  outlet_init(&fake->outlet, &fake_ops, &(struct outlet_options){ .type = "fake", .section = "" }, "fake");
  fake->inner = inner;
  fake->seen = g_ptr_array_new_with_free_func(g_free);
  fake->message = g_string_new(NULL);
  pthread_mutex_init(&fake->lock, NULL);
  pthread_cond_init(&fake->changed, NULL);
  return fake;
}

/* The `i`th copy went to `address`, from the list's -bounces with a tag. */
static void
assert_seen(const struct fake_outlet *fake, guint i, const char *address)
{
  const char *seen = g_ptr_array_index(fake->seen, i);
  g_autofree char *end = g_strconcat("@example.com ", address, NULL);
  g_assert_true(g_str_has_prefix(seen, "ant-bounces+") && g_str_has_suffix(seen, end));
}

/* Waits for that many sends to have begun. */
static void
wait_sends(struct fake_outlet *fake, int sends)
{
  pthread_mutex_lock(&fake->lock);
  while (fake->sends < sends)
    pthread_cond_wait(&fake->changed, &fake->lock);
  pthread_mutex_unlock(&fake->lock);
}

static struct courier *
start(struct fixture *fixture, struct fake_outlet *fake, int connections, int chunk_size)
{
  g_autoptr(GError) error = NULL;
  struct courier_options options = { .chunk_size = chunk_size, .hostname = "lists.example.com" };
  fake->outlet.connections = connections;
  struct courier *courier = courier_new(fixture->store, &options, &(struct outlet *){ &fake->outlet }, 1);
  enum res res = courier_start(courier, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return courier;
}

/* Two outlets: the default one and [outlet relay]. */
static struct courier *
start_two(struct fixture *fixture, struct fake_outlet *plain, struct fake_outlet *relay, int chunk_size, int64_t max_in_flight)
{
  g_autoptr(GError) error = NULL;
  struct courier_options options = { .chunk_size = chunk_size, .max_in_flight = max_in_flight, .hostname = "lists.example.com" };
  struct outlet *outlets[] = { &plain->outlet, &relay->outlet };
  g_free(relay->outlet.section);
  relay->outlet.section = g_strdup("relay");
  struct courier *courier = courier_new(fixture->store, &options, outlets, 2);
  enum res res = courier_start(courier, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return courier;
}

static void
set_hold(struct fake_outlet *fake, bool hold)
{
  pthread_mutex_lock(&fake->lock);
  fake->hold = hold;
  pthread_cond_broadcast(&fake->changed);
  pthread_mutex_unlock(&fake->lock);
}

static void
stop(struct courier *courier)
{
  courier_stop(courier, clock_monotonic() + CLOCK_MINUTE);
}

static int
by_text(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
test_roster(void)
{
  OWN(fixture) fixture = fixture_new(25);
  fixture_post(fixture);
  struct fake_outlet *fake = fake_new(NULL);
  OWN(courier) courier = start(fixture, fake, 3, 10);
  wait_sends(fake, 3);
  stop(courier);
  g_assert_cmpuint(fake->seen->len, ==, 25);
  g_ptr_array_sort(fake->seen, by_text);
  assert_seen(fake, 0, "m10@example.net");
  for (guint i = 1; i < fake->seen->len; i++)
    g_assert_cmpstr(g_ptr_array_index(fake->seen, i), !=, g_ptr_array_index(fake->seen, i - 1));
  g_assert_nonnull(strstr(fake->message->str, "List-Id:"));
  g_assert_nonnull(strstr(fake->message->str, "\r\n\r\nfirst line\r\n.dot\r\nlast line\r\n"));
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk WHERE state = 2"), ==, 3);
  g_assert_cmpint(fixture_number(fixture, "SELECT SUM(count) FROM chunk"), ==, 25);
  g_assert_cmpint(fixture_number(fixture, "SELECT state FROM delivery"), ==, 2);
}

/* Through the real Maildir outlet. */
static void
test_maildir(void)
{
  OWN(fixture) fixture = fixture_new(3);
  g_autofree char *path = g_build_filename(fixture->directory, "Maildir", NULL);
  struct outlet *maildir = NULL;
  g_assert_cmpint(outlet_new(&(struct outlet_options){ .type = "maildir", .path = path, .hostname = "lists.example.com" }, &maildir, NULL), ==, RES_OK);
  struct fake_outlet *fake = fake_new(maildir);
  OWN(courier) courier = start(fixture, fake, 2, 0);
  fixture_post(fixture);
  courier_wake(courier);
  wait_sends(fake, 1);
  stop(courier);
  g_autofree char *new = g_build_filename(path, "new", NULL);
  g_autoptr(GDir) dir = g_dir_open(new, 0, NULL);
  int n = 0;
  while (g_dir_read_name(dir))
    n++;
  g_assert_cmpint(n, ==, 3);
  g_autofree char *replies = fixture_text(fixture, "SELECT replies FROM chunk");
  g_assert_nonnull(strstr(replies, "\n3 written to "));
}

/* Members who stand in To or Cc and want one copy only. */
static void
test_direct(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_set_member(fixture, 2, "receive_list_copy", "false");
  fixture_set_member(fixture, 3, "receive_list_copy", "false");
  fixture_set_member(fixture, 4, "receive_list_copy", "false");
  fixture_post(fixture);
  struct fake_outlet *fake = fake_new(NULL);
  OWN(courier) courier = start(fixture, fake, 1, 0);
  wait_sends(fake, 1);
  stop(courier);
  g_assert_cmpuint(fake->seen->len, ==, 2);
  assert_seen(fake, 0, "m1@example.net");
  assert_seen(fake, 1, "m4@example.net");
  g_assert_cmpint(fixture_number(fixture, "SELECT count FROM chunk"), ==, 2);
}

/* Mail to the owners carries no list fields. */
static void
test_owners(void)
{
  static const char *const addresses[] = { "o1@example.org", "o2@example.org", NULL };
  OWN(fixture) fixture = fixture_new(1);
  fixture_post_to(fixture, addresses);
  struct fake_outlet *fake = fake_new(NULL);
  OWN(courier) courier = start(fixture, fake, 1, 0);
  wait_sends(fake, 1);
  stop(courier);
  g_assert_cmpuint(fake->seen->len, ==, 2);
  g_assert_null(strstr(fake->message->str, "List-Id:"));
  g_assert_nonnull(strstr(fake->message->str, "Received:"));
  g_assert_cmpint(fixture_number(fixture, "SELECT state FROM delivery"), ==, 2);
}

/* As many at once as there are connections, no more; each member once. */
static void
test_parallel(void)
{
  OWN(fixture) fixture = fixture_new(40);
  fixture_post(fixture);
  fixture_post(fixture);
  struct fake_outlet *fake = fake_new(NULL);
  fake->hold = true;
  OWN(courier) courier = start(fixture, fake, 4, 5);
  wait_sends(fake, 4);
  struct courier_state state;
  courier_state(courier, &state);
  g_assert_cmpint(state.in_flight, ==, 4);
  courier_state_clear(&state);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk WHERE state = 1"), ==, 4);
  pthread_mutex_lock(&fake->lock);
  fake->hold = false;
  pthread_cond_broadcast(&fake->changed);
  pthread_mutex_unlock(&fake->lock);
  wait_sends(fake, 16);
  stop(courier);
  g_assert_cmpint(fake->most_at_once, ==, 4);
  g_assert_cmpuint(fake->seen->len, ==, 80);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM delivery WHERE state = 2"), ==, 2);
}

/* Down: one piece at a time tries, after a pause; a retry ends the pause. Nothing is lost, nobody's time begins. */
static void
test_down(void)
{
  OWN(fixture) fixture = fixture_new(10);
  fixture_post(fixture);
  struct fake_outlet *fake = fake_new(NULL);
  fake->down = 1000000;
  OWN(courier) courier = start(fixture, fake, 1, 5);
  for (int i = 1; i <= 6; i++) {
    wait_sends(fake, i);
    courier_retry(courier); /* six pauses would be a minute */
  }
  struct courier_state state;
  courier_state(courier, &state);
  g_assert_cmpint(state.down_since, >, 0);
  g_assert_cmpstr(g_array_index(state.hops, struct hop_state, 0).error, ==, "nobody there");
  courier_state_clear(&state);
  pthread_mutex_lock(&fake->lock);
  fake->down = 0;
  int sends = fake->sends;
  pthread_mutex_unlock(&fake->lock);
  courier_retry(courier);
  wait_sends(fake, sends + 1);
  courier_retry(courier);
  wait_sends(fake, sends + 2);
  stop(courier);
  courier_state(courier, &state);
  g_assert_cmpint(state.down_since, ==, 0);
  courier_state_clear(&state);
  g_assert_cmpuint(fake->seen->len, ==, 10);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM recipient"), ==, 0);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk"), ==, 2);
}

/* Stopping late breaks connections: what was in flight waits for the next start, which begins with it at once. */
static void
test_stop_and_start(void)
{
  OWN(fixture) fixture = fixture_new(10);
  fixture_post(fixture);
  struct fake_outlet *fake = fake_new(NULL);
  fake->hold = true;
  OWN(courier) courier = start(fixture, fake, 2, 5);
  wait_sends(fake, 2);
  courier_stop(courier, clock_monotonic());
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk WHERE state = 0"), ==, 2);
  g_assert_cmpuint(fake->seen->len, ==, 0);
  fake->hold = false;
  g_assert_cmpint(courier_start(courier, NULL), ==, RES_OK);
  wait_sends(fake, 4);
  stop(courier);
  g_assert_cmpuint(fake->seen->len, ==, 10);
}

/* Claims of a process that died; and a delivery that was in progress at two crashes, which goes last and alone. */
static void
test_after_crash(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_post(fixture);
  fixture_post(fixture);
  fixture_run(fixture, "INSERT INTO chunk (delivery_id, state, claimed_at, count, members) VALUES (1, 1, 1, 2, x'0202')");
  fixture_run(fixture, "UPDATE delivery SET strikes = 1, cursor = 2 WHERE id = 1");
  struct fake_outlet *fake = fake_new(NULL);
  OWN(courier) courier = start(fixture, fake, 3, 1);
  wait_sends(fake, 7);
  stop(courier);
  g_assert_cmpuint(fake->seen->len, ==, 8);
  /* The suspect's first piece came after the other delivery's four. */
  g_assert_cmpint(fixture_number(fixture, "SELECT MIN(done_at) FROM chunk WHERE delivery_id = 1"), >=,
                  fixture_number(fixture, "SELECT MAX(done_at) FROM chunk WHERE delivery_id = 2"));
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM delivery WHERE state = 2 AND strikes = 0"), ==, 2);
}

/* A delivery to be run alone of which nothing is due at the start: its time comes nevertheless. */
static void
test_suspect_waits(void)
{
  OWN(fixture) fixture = fixture_new(1);
  static const char *const addresses[] = { "owner@example.org", NULL };
  fixture_post_to(fixture, addresses);
  fixture_run(fixture, "UPDATE delivery SET strikes = 2");
  fixture_run(fixture, "UPDATE recipient SET next_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + 1500000");
  fixture_set_due(fixture);
  struct fake_outlet *fake = fake_new(NULL);
  OWN(courier) courier = start(fixture, fake, 2, 0);
  wait_sends(fake, 1);
  stop(courier);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM delivery WHERE state = 2 AND strikes = 0"), ==, 1);
}

/* From now on the database fails at what `trigger` (its beginning) names, for `pause` microseconds. */
static void
break_for(struct fixture *fixture, const char *trigger, int64_t pause)
{
  g_autofree char *sql = g_strdup_printf("CREATE TRIGGER %s AND (julianday('now') - 2440587.5) * 86400000000 < %" G_GINT64_FORMAT " BEGIN SELECT RAISE(ABORT, 'no'); END",
                                         trigger, clock_now() + pause);
  fixture_run(fixture, g_intern_string(sql));
}

/* The claim of a delivery to be run alone fails once: it is not forgotten. */
static void
test_suspect_claim_fails(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture_post(fixture);
  fixture_run(fixture, "UPDATE delivery SET strikes = 2");
  break_for(fixture, "broken BEFORE UPDATE OF served_at ON delivery WHEN new.strikes = 2", CLOCK_SECOND / 2);
  struct fake_outlet *fake = fake_new(NULL);
  OWN(courier) courier = start(fixture, fake, 2, 0);
  wait_sends(fake, 1);
  stop(courier);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM delivery WHERE state = 2"), ==, 1);
}

/* What was sent cannot be recorded for a while after the stop: the other threads' end does not cut that short. */
static void
test_stop_while_recording_fails(void)
{
  OWN(fixture) fixture = fixture_new(1);
  struct fake_outlet *fake = fake_new(NULL);
  fake->hold = true;
  fixture_post(fixture);
  OWN(courier) courier = start(fixture, fake, 8, 0);
  wait_sends(fake, 1);
  break_for(fixture, "broken BEFORE UPDATE ON chunk WHEN new.state = 2", CLOCK_SECOND / 2);
  set_hold(fake, false);
  stop(courier);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk WHERE state = 2"), ==, 1);
}

/* Nothing to do at all: starts and stops. */
static void
test_idle(void)
{
  OWN(fixture) fixture = fixture_new(1);
  struct fake_outlet *fake = fake_new(NULL);
  OWN(courier) courier = start(fixture, fake, 8, 0);
  courier_wake(courier);
  stop(courier);
  g_assert_cmpint(fake->sends, ==, 0);
}

/* A message whose octets are gone: nothing is sent, nothing is lost, others go on. */
static void
test_no_octets(void)
{
  OWN(fixture) fixture = fixture_new(2);
  fixture_post(fixture);
  fixture_run(fixture, "DELETE FROM message_piece");
  fixture_post(fixture);
  struct fake_outlet *fake = fake_new(NULL);
  OWN(courier) courier = start(fixture, fake, 1, 0);
  wait_sends(fake, 1);
  stop(courier);
  g_assert_cmpint(fixture_number(fixture, "SELECT state FROM delivery WHERE id = 1"), ==, 0);
  g_assert_cmpint(fixture_number(fixture, "SELECT state FROM delivery WHERE id = 2"), ==, 2);
  g_assert_cmpint(fixture_number(fixture, "SELECT attempts FROM chunk WHERE delivery_id = 1"), >=, 1);
}

/* One outlet hangs with all it may have, and more waits for it: the other has its own connections. */
static void
test_two_outlets(void)
{
  OWN(fixture) fixture = fixture_new(10);
  struct fake_outlet *plain = fake_new(NULL), *relay = fake_new(NULL);
  plain->outlet.connections = 2;
  relay->outlet.connections = 3;
  relay->hold = true;
  fixture->outlet = "relay";
  fixture_post(fixture);
  fixture_post(fixture);
  OWN(courier) courier = start_two(fixture, plain, relay, 2, 0);
  wait_sends(relay, 3);
  fixture->outlet = NULL;
  fixture_post(fixture);
  courier_wake(courier);
  wait_sends(plain, 5);
  g_assert_cmpint(relay->sends, ==, 3);
  set_hold(relay, false);
  wait_sends(relay, 10);
  stop(courier);
  g_assert_cmpint(relay->most_at_once, ==, 3);
  g_assert_cmpint(plain->most_at_once, <=, 2);
  g_assert_cmpuint(plain->seen->len, ==, 10);
  g_assert_cmpuint(relay->seen->len, ==, 20);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM delivery WHERE state = 2"), ==, 3);
}

/* Deliveries for an outlet that there is not go by the default one, at the start and later. */
static void
test_strays(void)
{
  OWN(fixture) fixture = fixture_new(2);
  struct fake_outlet *fake = fake_new(NULL);
  fixture->outlet = "gone";
  fixture_post(fixture);
  OWN(courier) courier = start(fixture, fake, 2, 0);
  wait_sends(fake, 1);
  fixture_post(fixture);
  courier_wake(courier);
  wait_sends(fake, 2);
  stop(courier);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM delivery WHERE state = 2 AND outlet = ''"), ==, 2);
}

/* A list has enough in flight with one piece; deliveries of another go on beside it. */
static void
test_max_in_flight(void)
{
  static const char *const addresses[] = { "o@example.org", NULL };
  OWN(fixture) fixture = fixture_new(20);
  struct fake_outlet *fake = fake_new(NULL);
  fake->hold = true;
  fixture_post(fixture);
  fixture_post_to(fixture, addresses);
  fixture_run(fixture, "UPDATE delivery SET list_id = 0, served_at = 10 WHERE id = 2");
  g_autoptr(GError) error = NULL;
  struct courier_options options = { .chunk_size = 2, .max_in_flight = 1, .hostname = "lists.example.com" };
  fake->outlet.connections = 4;
  OWN(courier) courier = courier_new(fixture->store, &options, &(struct outlet *){ &fake->outlet }, 1);
  g_assert_cmpint(courier_start(courier, &error), ==, RES_OK);
  wait_sends(fake, 2);
  /* Two more threads have looked in vain by the time this is done: a posting of nobody's, which is asked for after the list's. */
  fixture_post_to(fixture, addresses);
  fixture_run(fixture, "UPDATE delivery SET list_id = 0, served_at = 20 WHERE id = 3");
  courier_wake(courier);
  wait_sends(fake, 3);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk WHERE state = 1"), ==, 1);
  set_hold(fake, false);
  wait_sends(fake, 12);
  stop(courier);
  g_assert_cmpuint(fake->seen->len, ==, 22);
}

int
main(int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*run)(void);
  } tests[] = {
    { "roster", test_roster },
    { "maildir", test_maildir },
    { "direct", test_direct },
    { "owners", test_owners },
    { "parallel", test_parallel },
    { "down", test_down },
    { "stop and start", test_stop_and_start },
    { "after a crash", test_after_crash },
    { "suspect waits", test_suspect_waits },
    { "suspect: the claim fails", test_suspect_claim_fails },
    { "stop while recording fails", test_stop_while_recording_fails },
    { "idle", test_idle },
    { "no octets", test_no_octets },
    { "two outlets", test_two_outlets },
    { "strays", test_strays },
    { "max in flight", test_max_in_flight },
  };
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strdup_printf("/courier/%s", tests[i].name);
    g_test_add_func(path, tests[i].run);
  }
  return g_test_run();
}
