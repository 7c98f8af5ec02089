/* Sessions over sockets: deadlines, and being told to end by another thread. */
#include "base/clock.h"
#include "base/log.h"
#include "door/stub_hooks.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#define BEGIN "LHLO x\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<list@y.example>\r\n"
#define GREETED "220 lists.example LMTP Listward\r\n"

struct line {
  struct stub *stub;
  struct door_session *session;
  pthread_t thread;
  int fd; /* the client's end */
};

static void *
run(void *data)
{
  door_session_run(data);
  return NULL;
}

static struct line
line_open(void)
{
  static const struct door_peer who = { .session = "s1", .listener = "test", .address = "unix", .unix_socket = true };
  struct line line = { .stub = stub_new() };
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  line.fd = fds[0];
  line.session = door_session_new(PROTOCOL_LMTP, stream_new(fds[1]), &line.stub->hooks, &line.stub->options, &who);
  return line;
}

static void
line_start(struct line *line)
{
  g_assert_cmpint(pthread_create(&line->thread, NULL, run, line->session), ==, 0);
}

/* Reads until the text so far ends with `end`, or to the session's last octet if `end` is NULL. Owned by the caller. */
static char *
line_read(struct line *line, const char *end)
{
  GString *got = g_string_new(NULL);
  char buffer[4096];
  while (end == NULL || !g_str_has_suffix(got->str, end)) {
    ssize_t n = read(line->fd, buffer, sizeof(buffer));
    if (n <= 0)
      break;
    g_string_append_len(got, buffer, n);
  }
  return g_string_free(got, FALSE);
}

static void
line_say(struct line *line, const char *text)
{
  g_assert_cmpint(send(line->fd, text, strlen(text), MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
}

/* The client leaves; waits for the session's thread. */
static void
line_close(struct line *line)
{
  shutdown(line->fd, SHUT_WR);
  pthread_join(line->thread, NULL);
  door_session_free(line->session);
  close(line->fd);
  stub_free(line->stub);
}

static void
until_idle(struct line *line)
{
  int64_t since;
  while (!door_session_idle(line->session, &since))
    sched_yield();
  g_assert_cmpint(since, <=, clock_monotonic());
}

static void
expect_rest(struct line *line, const char *want)
{
  g_autofree char *got = line_read(line, NULL);
  g_assert_cmpstr(got, ==, want);
}

static void
expect(struct line *line, const char *end)
{
  g_autofree char *got = line_read(line, end);
  if (!g_str_has_suffix(got, end))
    g_error("\"%s\" did not come, but \"%s\"", end, got);
}

/* ---- told to end ---- */

static void
end_while_idle(void)
{
  struct line line = line_open();
  line_start(&line);
  expect(&line, GREETED);
  until_idle(&line);
  door_session_end(line.session, REPLY_BUSY);
  expect_rest(&line, "421 4.3.2 too many sessions, please try again\r\n");
  line_close(&line);
}

static void
end_with_half_a_command(void)
{
  struct line line = line_open();
  line_start(&line);
  line_say(&line, "LHL");
  expect(&line, GREETED);
  until_idle(&line);
  door_session_end(line.session, REPLY_BUSY);
  expect_rest(&line, "421 4.3.2 too many sessions, please try again\r\n");
  line_close(&line);
}

static void
end_before_the_greeting(void)
{
  struct line line = line_open();
  door_session_end(line.session, REPLY_SHUTDOWN);
  line_start(&line);
  expect_rest(&line, "421 4.3.2 the server is stopping, please try again\r\n");
  line_close(&line);
}

/* The newcomer's place is not made by taking a transaction away. */
static void
busy_spares_a_transaction(void)
{
  struct line line = line_open();
  line_start(&line);
  line_say(&line, BEGIN);
  expect(&line, "250 2.1.5 recipient ok\r\n");
  int64_t since;
  g_assert_false(door_session_idle(line.session, &since));
  door_session_end(line.session, REPLY_BUSY);
  line_say(&line, "DATA\r\na\r\n.\r\n");
  expect_rest(&line, "354 send the message, end with a line holding only a dot\r\n"
                     "250 2.6.0 id accepted for list@y.example\r\n"
                     "421 4.3.2 too many sessions, please try again\r\n");
  line_close(&line);
}

static void
shutdown_ends_a_transaction_between_commands(void)
{
  struct line line = line_open();
  line_start(&line);
  line_say(&line, BEGIN);
  expect(&line, "250 2.1.5 recipient ok\r\n");
  door_session_end(line.session, REPLY_SHUTDOWN);
  expect_rest(&line, "421 4.3.2 the server is stopping, please try again\r\n");
  line_close(&line);
}

/* What is on its way in is taken, if the server as a whole is not stopping yet. */
static void
shutdown_lets_a_message_end(void)
{
  struct line line = line_open();
  line_start(&line);
  line_say(&line, BEGIN "DATA\r\na\r\n");
  expect(&line, "only a dot\r\n");
  door_session_end(line.session, REPLY_SHUTDOWN);
  line_say(&line, ".\r\n");
  expect_rest(&line, "250 2.6.0 id accepted for list@y.example\r\n421 4.3.2 the server is stopping, please try again\r\n");
  line_close(&line);
}

/* ---- deadlines ---- */

static void
command_deadline(void)
{
  struct line line = line_open();
  line.stub->options.command_timeout = 20 * 1000;
  line_start(&line);
  expect_rest(&line, GREETED "421 4.4.2 too slow; closing\r\n");
  line_close(&line);
}

/* Octet after octet does not put the deadline off. */
static void
dripping_command(void)
{
  struct line line = line_open();
  line.stub->options.command_timeout = 50 * 1000;
  line_start(&line);
  struct pollfd p = { .fd = line.fd, .events = POLLIN };
  g_autoptr(GString) got = g_string_new(NULL);
  while (!strstr(got->str, "421 ")) {
    char buffer[256];
    (void)send(line.fd, "N", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (poll(&p, 1, 1) > 0) {
      ssize_t n = read(line.fd, buffer, sizeof(buffer));
      if (n <= 0)
        break;
      g_string_append_len(got, buffer, n);
    }
  }
  g_assert_nonnull(strstr(got->str, "421 4.4.2 too slow; closing\r\n"));
  line_close(&line);
}

/* Inside a message nothing is said: a 421 could be taken for the first recipient's reply. */
static void
message_too_slow(int64_t data_timeout, int64_t message_timeout, const char *command)
{
  struct line line = line_open();
  line.stub->options.data_timeout = data_timeout;
  line.stub->options.message_timeout = message_timeout;
  line_start(&line);
  line_say(&line, BEGIN);
  expect(&line, "250 2.1.5 recipient ok\r\n");
  line_say(&line, command);
  pthread_join(line.thread, NULL);
  door_session_free(line.session);
  g_assert_cmpstr(line.stub->log->str, ==, "mail(a@x.example) rcpt(list@y.example) begin reset ");
  g_autofree char *rest = line_read(&line, NULL);
  g_assert_null(strstr(rest, "421"));
  close(line.fd);
  stub_free(line.stub);
}

static void
data_deadline(void)
{
  message_too_slow(20 * 1000, CLOCK_MINUTE, "DATA\r\na\r\n");
}

static void
message_deadline(void)
{
  message_too_slow(CLOCK_MINUTE, 20 * 1000, "DATA\r\na\r\n");
}

static void
chunk_deadline(void)
{
  message_too_slow(CLOCK_MINUTE, 20 * 1000, "BDAT 100 LAST\r\na\r\n");
}

/* ---- the minimum rate ---- */

/* Each octet comes in time; together they are too slow. `from`: what is said before them. */
static void
drip(const char *from)
{
  struct line line = line_open();
  line.stub->options.data_timeout = 50 * 1000;
  line.stub->options.message_timeout = line.stub->options.command_timeout = CLOCK_HOUR;
  line.stub->options.minimum_rate = 1 << 30;
  line.stub->options.size_max = 1 << 30;
  line_start(&line);
  line_say(&line, BEGIN);
  expect(&line, "250 2.1.5 recipient ok\r\n");
  line_say(&line, from);
  while (pthread_tryjoin_np(line.thread, NULL) == EBUSY) {
    (void)send(line.fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    sched_yield();
  }
  door_session_free(line.session);
  g_assert_cmpstr(line.stub->log->str, ==, "mail(a@x.example) rcpt(list@y.example) begin reset ");
  close(line.fd);
  stub_free(line.stub);
}

static void
dripping_data(void)
{
  drip("DATA\r\n");
}

static void
dripping_chunk(void)
{
  drip("BDAT 100000000 LAST\r\n");
}

/* The first chunk has come, and the next command does not. */
static void
dripping_between_chunks(void)
{
  drip("BDAT 1\r\nx");
}

/* A slow one is known as such, and ends at once when it is told to; a moment before it was in time. */
static void
overdue(void)
{
  struct line line = line_open();
  line.stub->options.minimum_rate = 100;
  line_start(&line);
  int64_t since, now = clock_monotonic();
  g_assert_false(door_session_overdue(line.session, now + CLOCK_HOUR, &since));
  line_say(&line, BEGIN "DATA\r\nFrom:");
  expect(&line, "only a dot\r\n");
  while (!door_session_overdue(line.session, now + CLOCK_MINUTE, &since))
    sched_yield();
  g_assert_cmpint(since, >, now + 29 * CLOCK_SECOND);
  g_assert_false(door_session_overdue(line.session, now + 29 * CLOCK_SECOND, &since));
  door_session_end(line.session, REPLY_BUSY); /* spares it */
  door_session_end(line.session, REPLY_TIMEOUT);
  pthread_join(line.thread, NULL);
  door_session_free(line.session);
  g_assert_cmpstr(line.stub->log->str, ==, "mail(a@x.example) rcpt(list@y.example) begin reset ");
  g_autofree char *rest = line_read(&line, NULL);
  g_assert_null(strstr(rest, "421"));
  close(line.fd);
  stub_free(line.stub);
}

/* Also one whose octets nobody wants. */
static void
end_while_swallowing(void)
{
  struct line line = line_open();
  line_start(&line);
  line_say(&line, "BDAT 100000\r\nx");
  int64_t since;
  while (!door_session_idle(line.session, &since))
    sched_yield();
  door_session_end(line.session, REPLY_BUSY);
  pthread_join(line.thread, NULL);
  door_session_free(line.session);
  close(line.fd);
  stub_free(line.stub);
}

/* ---- last words ---- */

/* The reply reaches a client that was still sending, although it is refused with octets unread. */
static void
last_reply_is_not_lost(void)
{
  struct line line = line_open();
  line_start(&line);
  line_say(&line, "NOOP\n");
  g_autofree char *more = g_strnfill(100000, 'x');
  line_say(&line, more);
  expect_rest(&line, GREETED "500 5.5.2 bare CR or LF in a command; closing\r\n");
  line_close(&line);
}

static void
client_gone(void)
{
  struct line line = line_open();
  line_start(&line);
  line_say(&line, BEGIN "DATA\r\na\r\n.\r\n");
  shutdown(line.fd, SHUT_RDWR);
  line_close(&line);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/door-session/end/idle", end_while_idle);
  g_test_add_func("/door-session/end/half-a-command", end_with_half_a_command);
  g_test_add_func("/door-session/end/before-greeting", end_before_the_greeting);
  g_test_add_func("/door-session/end/busy-spares-a-transaction", busy_spares_a_transaction);
  g_test_add_func("/door-session/end/shutdown-between-commands", shutdown_ends_a_transaction_between_commands);
  g_test_add_func("/door-session/end/shutdown-in-a-message", shutdown_lets_a_message_end);
  g_test_add_func("/door-session/deadline/command", command_deadline);
  g_test_add_func("/door-session/deadline/dripping", dripping_command);
  g_test_add_func("/door-session/deadline/data", data_deadline);
  g_test_add_func("/door-session/deadline/message", message_deadline);
  g_test_add_func("/door-session/deadline/chunk", chunk_deadline);
  g_test_add_func("/door-session/rate/data", dripping_data);
  g_test_add_func("/door-session/rate/chunk", dripping_chunk);
  g_test_add_func("/door-session/rate/between-chunks", dripping_between_chunks);
  g_test_add_func("/door-session/rate/overdue", overdue);
  g_test_add_func("/door-session/end/swallowing", end_while_swallowing);
  g_test_add_func("/door-session/last-reply", last_reply_is_not_lost);
  g_test_add_func("/door-session/client-gone", client_gone);
  return g_test_run();
}
