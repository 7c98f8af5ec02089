/* The part that the protocols of questions and answers share, under a protocol of one octet: it is echoed, as often as it is sent. */
#include "door/exchange.h"
#include "base/clock.h"
#include "base/log.h"
#include "door/stub_hooks.h"
#include "net/memory_peer.h"
#include "net/stream_pair.h"
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct door_peer who = { .session = "s1", .listener = "test", .address = "unix", .unix_socket = true };

struct echo {
  struct exchange exchange;
  struct stub *stub;
  struct service service;
  enum exchange_phase phase;
  bool drips; /* an octet is no whole request: all belong to one that never ends */
  enum res res; /* of the last wait */
  enum reply reply;
  pthread_t thread;
  int fd; /* the client's end */
};

static void
echo_init(struct echo *echo, struct stream *stream, enum exchange_phase phase)
{
  echo->stub = stub_new();
  echo->service = (struct service){ .hooks = &echo->stub->hooks, .options = &echo->stub->options };
  echo->phase = phase;
  exchange_init(&echo->exchange, &echo->service, stream, &who);
}

static struct echo *
echo_open(enum exchange_phase phase)
{
  struct echo *echo = g_new0(struct echo, 1);
  echo_init(echo, stream_to(&echo->fd), phase);
  return echo;
}

static void *
echo_run(void *data)
{
  struct echo *echo = data;
  g_autoptr(GError) error = NULL;
  exchange_next(&echo->exchange);
  while ((echo->res = exchange_wait(&echo->exchange, echo->phase, &error)) == RES_OK) {
    struct slice pending = stream_pending(echo->exchange.stream);
    exchange_say(&echo->exchange, pending);
    stream_consume(echo->exchange.stream, pending.n);
    if (!echo->drips)
      exchange_next(&echo->exchange);
  }
  echo->reply = error_reply(error, REPLY_COUNT);
  exchange_finish(&echo->exchange, true);
  return NULL;
}

static void
echo_start(struct echo *echo)
{
  g_assert_cmpint(pthread_create(&echo->thread, NULL, echo_run, echo), ==, 0);
}

static void
echo_say(const struct echo *echo, const char *text)
{
  g_assert_cmpint(send(echo->fd, text, strlen(text), MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
}

static void
echo_expect(const struct echo *echo, const char *want)
{
  for (const char *p = want; *p; p++) {
    char got = 0;
    g_assert_cmpint(read(echo->fd, &got, 1), ==, 1);
    g_assert_cmpint(got, ==, *p);
  }
}

static void
until_waiting(struct echo *echo)
{
  bool waits = false;
  while (!waits) {
    sched_yield();
    pthread_mutex_lock(&echo->exchange.shared.lock);
    waits = echo->exchange.shared.waits;
    pthread_mutex_unlock(&echo->exchange.shared.lock);
  }
}

/* Its thread has ended, as wanted. */
static void
echo_free(struct echo *echo, enum res res, enum reply reply)
{
  g_assert_cmpint(echo->res, ==, res);
  g_assert_cmpint(echo->reply, ==, reply);
  exchange_clear(&echo->exchange);
  close(echo->fd);
  stub_free(echo->stub);
  g_free(echo);
}

static void
echo_ended(struct echo *echo, enum res res, enum reply reply)
{
  pthread_join(echo->thread, NULL);
  echo_free(echo, res, reply);
}

static void
echo_close(struct echo *echo)
{
  shutdown(echo->fd, SHUT_WR);
  echo_ended(echo, RES_MORE, REPLY_COUNT);
}

/* ---- octets ---- */

static void
talk(void)
{
  struct echo *echo = echo_open(EXCHANGE_IDLE);
  echo_start(echo);
  echo_say(echo, "a");
  echo_expect(echo, "a");
  echo_say(echo, "bcd");
  echo_expect(echo, "bcd");
  echo_close(echo);
}

/* What is said leaves in one write, when the session waits. */
static void
answers_together(void)
{
  struct echo echo = { 0 };
  struct memory_peer peer = { .input = SLICE("a") };
  echo_init(&echo, memory_peer_stream(&peer), EXCHANGE_IDLE);
  exchange_say(&echo.exchange, SLICE("x"));
  exchange_say(&echo.exchange, SLICE("y"));
  g_assert_cmpint(peer.writes, ==, 0);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(exchange_wait(&echo.exchange, EXCHANGE_IDLE, &error), ==, RES_OK);
  g_assert_cmpint(peer.writes, ==, 1);
  exchange_say(&echo.exchange, SLICE("z"));
  exchange_finish(&echo.exchange, false);
  g_assert_cmpstr(peer.output->str, ==, "xyz");
  g_assert_false(peer.ended);
  exchange_clear(&echo.exchange);
  g_assert_true(peer.closed);
  g_string_free(peer.output, TRUE);
  stub_free(echo.stub);
}

static void
connection_lost(void)
{
  struct echo echo = { 0 };
  struct memory_peer peer = { .input = SLICE("a"), .read_errno = ECONNRESET };
  echo_init(&echo, memory_peer_stream(&peer), EXCHANGE_IDLE);
  echo_run(&echo);
  g_assert_cmpint(echo.res, ==, RES_TEMP);
  g_assert_cmpint(echo.reply, ==, REPLY_TROUBLE);
  g_assert_cmpstr(peer.output->str, ==, "a");
  exchange_clear(&echo.exchange);
  g_string_free(peer.output, TRUE);
  stub_free(echo.stub);
}

/* Who does not take answers, but goes on asking, is not served for ever. */
static void
unheard(void)
{
  struct echo echo = { 0 };
  struct memory_peer peer = { .input = SLICE("many questions"), .piece = 1, .write_errno = EPIPE };
  echo_init(&echo, memory_peer_stream(&peer), EXCHANGE_IDLE);
  echo_run(&echo);
  g_assert_cmpint(echo.res, ==, RES_TEMP);
  g_assert_cmpint(echo.reply, ==, REPLY_TROUBLE);
  g_assert_cmpuint(peer.at, ==, 2);
  exchange_clear(&echo.exchange);
  g_string_free(peer.output, TRUE);
  stub_free(echo.stub);
}

static void
too_much_pending(void)
{
  struct echo echo = { 0 };
  g_autofree char *text = g_strnfill(STREAM_INPUT_MAX + 1, 'x');
  struct memory_peer peer = { .input = slice_of(text) };
  echo_init(&echo, memory_peer_stream(&peer), EXCHANGE_IDLE);
  g_autoptr(GError) error = NULL;
  enum res res;
  while ((res = exchange_wait(&echo.exchange, EXCHANGE_IDLE, &error)) == RES_OK)
    ;
  g_assert_cmpint(res, ==, RES_BAD);
  exchange_clear(&echo.exchange);
  g_string_free(peer.output, TRUE);
  stub_free(echo.stub);
}

/* ---- told to end ---- */

/* One row: while it waits in `phase` it is told; `ends`: it ends, with that reply. */
static const struct {
  const char *name;
  enum exchange_phase phase;
  enum reply told;
  bool ends, idle;
} end_rows[] = {
  { .name = "idle-busy", .phase = EXCHANGE_IDLE, .told = REPLY_BUSY, .ends = true, .idle = true },
  { .name = "idle-shutdown", .phase = EXCHANGE_IDLE, .told = REPLY_SHUTDOWN, .ends = true, .idle = true },
  { .name = "idle-timeout", .phase = EXCHANGE_IDLE, .told = REPLY_TIMEOUT, .ends = true, .idle = true },
  { .name = "open-busy", .phase = EXCHANGE_OPEN, .told = REPLY_BUSY },
  { .name = "open-shutdown", .phase = EXCHANGE_OPEN, .told = REPLY_SHUTDOWN, .ends = true },
  { .name = "open-timeout", .phase = EXCHANGE_OPEN, .told = REPLY_TIMEOUT, .ends = true },
  { .name = "part-busy", .phase = EXCHANGE_PART, .told = REPLY_BUSY },
  { .name = "part-shutdown", .phase = EXCHANGE_PART, .told = REPLY_SHUTDOWN },
  { .name = "part-timeout", .phase = EXCHANGE_PART, .told = REPLY_TIMEOUT, .ends = true },
  { .name = "message-busy", .phase = EXCHANGE_MESSAGE, .told = REPLY_BUSY },
  { .name = "message-shutdown", .phase = EXCHANGE_MESSAGE, .told = REPLY_SHUTDOWN },
  { .name = "message-timeout", .phase = EXCHANGE_MESSAGE, .told = REPLY_TIMEOUT, .ends = true },
};

static void
end_from_outside(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(end_rows); i++) {
    g_test_message("%s", end_rows[i].name);
    struct echo *echo = echo_open(end_rows[i].phase);
    echo_start(echo);
    until_waiting(echo);
    int64_t since;
    g_assert_cmpint(exchange_idle(&echo->exchange, &since), ==, end_rows[i].idle);
    g_assert_cmpint(since, <=, clock_monotonic());
    exchange_end(&echo->exchange, end_rows[i].told);
    if (end_rows[i].ends) {
      echo_ended(echo, RES_TEMP, end_rows[i].told);
    } else {
      echo_say(echo, "a");
      echo_expect(echo, "a");
      echo_close(echo);
    }
  }
}

/* Who was told while at work ends with the next wait; a message is waited for also when the server stops. */
static void
end_before_the_wait(void)
{
  struct echo *echo = echo_open(EXCHANGE_IDLE);
  exchange_end(&echo->exchange, REPLY_BUSY);
  echo_start(echo);
  echo_ended(echo, RES_TEMP, REPLY_BUSY);

  echo = echo_open(EXCHANGE_OPEN);
  atomic_store(&echo->stub->options.stopping, true);
  echo_start(echo);
  echo_ended(echo, RES_TEMP, REPLY_SHUTDOWN);

  echo = echo_open(EXCHANGE_MESSAGE);
  atomic_store(&echo->stub->options.stopping, true);
  echo_start(echo);
  echo_say(echo, "a");
  echo_expect(echo, "a");
  echo_close(echo);
}

/* Last words can be said after being told to end. */
static void
last_words(void)
{
  struct echo *echo = echo_open(EXCHANGE_IDLE);
  exchange_end(&echo->exchange, REPLY_SHUTDOWN);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(exchange_wait(&echo->exchange, EXCHANGE_IDLE, &error), ==, RES_TEMP);
  exchange_say(&echo->exchange, SLICE("bye"));
  exchange_finish(&echo->exchange, false);
  echo_expect(echo, "bye");
  echo_start(echo);
  echo_ended(echo, RES_TEMP, REPLY_SHUTDOWN);
}

/* ---- deadlines ---- */

static void
silent(void)
{
  struct echo *echo = echo_open(EXCHANGE_IDLE);
  echo->stub->options.command_timeout = 10 * 1000;
  echo_start(echo);
  echo_ended(echo, RES_TEMP, REPLY_TIMEOUT);

  echo = echo_open(EXCHANGE_IDLE);
  echo->stub->options.command_timeout = CLOCK_SECOND / 5;
  echo->stub->options.short_of_sessions = true;
  echo_start(echo);
  echo_ended(echo, RES_TEMP, REPLY_TIMEOUT);

  echo = echo_open(EXCHANGE_MESSAGE);
  echo->stub->options.data_timeout = 10 * 1000;
  echo_start(echo);
  echo_ended(echo, RES_TEMP, REPLY_TIMEOUT);
}

static void
drip(struct echo *echo)
{
  echo->drips = true;
  echo_start(echo);
  while (pthread_tryjoin_np(echo->thread, NULL) == EBUSY) {
    char buffer[256];
    (void)send(echo->fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (recv(echo->fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
      ;
    sched_yield();
  }
  echo_free(echo, RES_TEMP, REPLY_TIMEOUT);
}

/* Octet after octet does not put a deadline off. */
static void
dripping(void)
{
  struct echo *echo = echo_open(EXCHANGE_IDLE);
  echo->stub->options.command_timeout = 20 * 1000;
  drip(echo);

  echo = echo_open(EXCHANGE_MESSAGE);
  echo->stub->options.message_timeout = 50 * 1000;
  drip(echo);

  echo = echo_open(EXCHANGE_MESSAGE);
  echo->stub->options.data_timeout = 50 * 1000;
  echo->stub->options.minimum_rate = 1 << 30;
  drip(echo);
}

static void
overdue(void)
{
  struct echo *echo = echo_open(EXCHANGE_MESSAGE);
  echo->stub->options.minimum_rate = 100;
  echo_start(echo);
  until_waiting(echo);
  int64_t since, now = clock_monotonic();
  g_assert_false(exchange_overdue(&echo->exchange, now + 29 * CLOCK_SECOND - CLOCK_SECOND / 2, &since));
  g_assert_true(exchange_overdue(&echo->exchange, now + CLOCK_MINUTE, &since));
  g_assert_cmpint(since, <=, now + 30 * CLOCK_SECOND);
  echo_close(echo);

  echo = echo_open(EXCHANGE_OPEN);
  echo_start(echo);
  until_waiting(echo);
  now = clock_monotonic();
  g_assert_false(exchange_overdue(&echo->exchange, now + CLOCK_MINUTE, &since));
  g_assert_true(exchange_overdue(&echo->exchange, now + 2 * CLOCK_MINUTE, &since));
  g_assert_cmpint(since, <=, now + 2 * CLOCK_MINUTE);
  echo_close(echo);

  echo = echo_open(EXCHANGE_IDLE);
  echo->stub->options.minimum_rate = 100;
  echo_start(echo);
  until_waiting(echo);
  g_assert_false(exchange_overdue(&echo->exchange, clock_monotonic() + CLOCK_HOUR, &since));
  echo_close(echo);
}

static void
turn_away(void)
{
  g_autoptr(GString) out = g_string_new(NULL);
  exchange_turn_away(REPLY_BUSY, out);
  g_assert_cmpstr(out->str, ==, "");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/exchange/talk", talk);
  g_test_add_func("/exchange/answers-together", answers_together);
  g_test_add_func("/exchange/connection-lost", connection_lost);
  g_test_add_func("/exchange/unheard", unheard);
  g_test_add_func("/exchange/too-much-pending", too_much_pending);
  g_test_add_func("/exchange/end/from-outside", end_from_outside);
  g_test_add_func("/exchange/end/before-the-wait", end_before_the_wait);
  g_test_add_func("/exchange/end/last-words", last_words);
  g_test_add_func("/exchange/deadline/silent", silent);
  g_test_add_func("/exchange/deadline/dripping", dripping);
  g_test_add_func("/exchange/overdue", overdue);
  g_test_add_func("/exchange/turn-away", turn_away);
  return g_test_run();
}
