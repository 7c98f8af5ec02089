#include "server/helper.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "server/helper_process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The helper's word may be so much later than the command's time is up. */
#define GRACE (5 * CLOCK_SECOND)

struct helper {
  const struct helper_command *commands;
  size_t n;
  _Atomic pid_t pid; /* 0: gone */
  int fd;
  pthread_mutex_t lock;
  pthread_cond_t freed;
  int running;
  _Atomic int64_t latest; /* monotonic: no call goes on for longer */
  int hurry_event;        /* readable: `latest` was brought forward */
};

static void
close_end(int *fd)
{
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

enum res
helper_start(const struct helper_command *commands, size_t n, struct helper **helper, GError **error)
{
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return trouble(error, REPLY_TROUBLE, "no socket for the helper: %s", g_strerror(errno));
  int hurry_event = eventfd(0, EFD_CLOEXEC);
  pid_t pid = hurry_event < 0 ? -1 : fork();
  if (pid == 0)
    helper_process(pair[1], commands, n);
  int saved = errno;
  close(pair[1]);
  if (pid < 0) {
    close(pair[0]);
    close_end(&hurry_event);
    return trouble(error, REPLY_TROUBLE, "no process for the helper: %s", g_strerror(saved));
  }
  *helper = g_new0(struct helper, 1);
  **helper = (struct helper){ .commands = commands, .n = n, .pid = pid, .fd = pair[0], .latest = INT64_MAX, .hurry_event = hurry_event };
  pthread_mutex_init(&(*helper)->lock, NULL);
  pthread_cond_init(&(*helper)->freed, NULL);
  return RES_OK;
}

/* --- one run --- */

struct call {
  const struct helper_command *command;
  int64_t deadline;
  int hurry_event;             /* as in struct helper; -1: `deadline` knows */
  int fds[HELPER_DESCRIPTORS]; /* our ends of the pipes; -1: closed */
  struct slice input;          /* what is left of it */
  GString *output;
  struct helper_result result;
  size_t result_n; /* octets of it that are there */
};

static void
close_all(int fds[HELPER_DESCRIPTORS])
{
  for (size_t i = 0; i < HELPER_DESCRIPTORS; i++)
    close_end(&fds[i]);
}

/* Ours do not block. */
static bool
open_pipes(int ours[HELPER_DESCRIPTORS], int theirs[HELPER_DESCRIPTORS])
{
  for (size_t i = 0; i < HELPER_DESCRIPTORS; i++)
    ours[i] = theirs[i] = -1;
  for (size_t i = 0; i < HELPER_DESCRIPTORS; i++) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      return false;
    ours[i] = ends[i == HELPER_INPUT];
    theirs[i] = ends[i != HELPER_INPUT];
    if (fcntl(ours[i], F_SETFL, O_NONBLOCK) != 0)
      return false;
  }
  return true;
}

static bool
send_request(const struct helper *helper, size_t number, const char *file, const int theirs[HELPER_DESCRIPTORS])
{
  struct helper_request request = { .number = (uint32_t)number, .file_length = (uint32_t)strlen(file) };
  memcpy(request.file, file, request.file_length);
  union {
    struct cmsghdr align;
    char octets[CMSG_SPACE(HELPER_DESCRIPTORS * sizeof(int))];
  } control = { 0 };
  struct iovec piece = { &request, offsetof(struct helper_request, file) + request.file_length };
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(HELPER_DESCRIPTORS * sizeof(int));
  memcpy(CMSG_DATA(rights), theirs, HELPER_DESCRIPTORS * sizeof(int));
  return sendmsg(helper->fd, &message, MSG_NOSIGNAL) == (ssize_t)piece.iov_len;
}

static bool
is_later(ssize_t n)
{
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* A command that does not want all of its input has a right to that. */
static void
give_input(struct call *call)
{
  ssize_t n = write(call->fds[HELPER_INPUT], call->input.p, call->input.n);
  if (n > 0)
    call->input = slice_skip(call->input, (size_t)n);
  if ((n < 0 && !is_later(n)) || call->input.n == 0)
    close_end(&call->fds[HELPER_INPUT]);
}

static void
take_output(struct call *call)
{
  char octets[4096];
  ssize_t n = read(call->fds[HELPER_OUTPUT], octets, sizeof octets);
  size_t room = call->command->output_max - call->output->len;
  if (n > 0)
    g_string_append_len(call->output, octets, (gssize)MIN((size_t)n, room));
  if (is_later(n))
    return;
  if (n <= 0 || (size_t)n > room)
    close_end(&call->fds[HELPER_OUTPUT]);
}

static void
take_result(struct call *call)
{
  ssize_t n = read(call->fds[HELPER_RESULT], (char *)&call->result + call->result_n, sizeof call->result - call->result_n);
  if (is_later(n))
    return;
  call->result_n += n > 0 ? (size_t)n : 0;
  if (n <= 0 || call->result_n == sizeof call->result)
    close_end(&call->fds[HELPER_RESULT]);
}

/* Until it is known how the command ended. False: it is not, and the time is up. */
static bool
converse(const struct helper *helper, struct call *call)
{
  while (call->fds[HELPER_RESULT] >= 0) {
    int64_t left = call->deadline - clock_monotonic();
    struct pollfd wait[HELPER_DESCRIPTORS + 1] = {
      [HELPER_INPUT] = { .fd = call->fds[HELPER_INPUT], .events = POLLOUT },
      [HELPER_OUTPUT] = { .fd = call->fds[HELPER_OUTPUT], .events = POLLIN },
      [HELPER_RESULT] = { .fd = call->fds[HELPER_RESULT], .events = POLLIN },
      [HELPER_DESCRIPTORS] = { .fd = call->hurry_event, .events = POLLIN },
    };
    if (left <= 0)
      return false;
    if (poll(wait, HELPER_DESCRIPTORS + 1, (int)MIN(left / 1000 + 1, INT32_MAX)) < 0)
      continue;
    if (wait[HELPER_DESCRIPTORS].revents) {
      call->deadline = MIN(call->deadline, helper->latest);
      call->hurry_event = -1;
    }
    if (wait[HELPER_INPUT].revents)
      give_input(call);
    if (wait[HELPER_OUTPUT].revents)
      take_output(call);
    else if (wait[HELPER_RESULT].revents) /* last: what the command printed is there by then */
      take_result(call);
  }
  return true;
}

static enum res
judge(const struct call *call, GError **error)
{
  const char *name = call->command->name, *program = call->command->argv[0];
  g_autofree char *said = slice_dup(slice_head(slice_trim(slice_until((struct slice){ call->output->str, call->output->len }, '\n')), 200));
  if (call->result_n < sizeof call->result)
    return trouble(error, REPLY_TROUBLE, "%s: the helper ended while %s was running", name, program);
  switch ((enum helper_end)call->result.end) {
  case HELPER_EXITED:
    if (call->result.value == 0)
      return RES_OK;
    return refuse(error, REPLY_TROUBLE, "%s: %s ended with status %d%s%s", name, program, call->result.value, *said ? ": " : "", said);
  case HELPER_KILLED: return refuse(error, REPLY_TROUBLE, "%s: %s was ended by signal %d", name, program, call->result.value);
  case HELPER_NOT_STARTED: return trouble(error, REPLY_TROUBLE, "%s: %s cannot be run: %s", name, program, g_strerror(call->result.value));
  case HELPER_OUT_OF_TIME: return trouble(error, REPLY_TIMEOUT, "%s: %s took too long, and was ended", name, program);
  case HELPER_REFUSED: break;
  }
  return trouble(error, REPLY_TROUBLE, "%s: the helper will not run that", name);
}

static enum res
run(struct helper *helper, size_t number, const char *file, struct call *call, GError **error)
{
  int theirs[HELPER_DESCRIPTORS];
  bool sent = open_pipes(call->fds, theirs) && send_request(helper, number, file, theirs);
  int saved = errno;
  close_all(theirs);
  if (sent && call->input.n == 0)
    close_end(&call->fds[HELPER_INPUT]);
  bool ended = sent && converse(helper, call);
  close_all(call->fds);
  if (!sent)
    return trouble(error, REPLY_TROUBLE, "%s: the helper is not there: %s", call->command->name, g_strerror(saved));
  return ended ? judge(call, error) : trouble(error, REPLY_TIMEOUT, "%s: the helper does not answer", call->command->name);
}

/* Waits for one of the helper's places. False: none became free in time. */
static bool
take_place(struct helper *helper, int64_t deadline)
{
  struct timespec until = thread_deadline(deadline);
  int timed_out = 0;
  pthread_mutex_lock(&helper->lock);
  while (helper->running == HELPER_AT_A_TIME && timed_out == 0)
    timed_out = pthread_cond_clockwait(&helper->freed, &helper->lock, CLOCK_MONOTONIC, &until);
  bool taken = helper->running < HELPER_AT_A_TIME;
  helper->running += taken;
  pthread_mutex_unlock(&helper->lock);
  return taken;
}

static void
leave_place(struct helper *helper)
{
  pthread_mutex_lock(&helper->lock);
  helper->running--;
  pthread_cond_signal(&helper->freed);
  pthread_mutex_unlock(&helper->lock);
}

static enum res
check_request(const struct helper *helper, size_t number, const char *file, GError **error)
{
  if (number >= helper->n || helper->commands[number].argv == NULL)
    return refuse(error, REPLY_TROUBLE, "%s is not configured", number < helper->n ? helper->commands[number].name : "that command");
  const struct helper_command *command = &helper->commands[number];
  if ((command->folder != NULL) != (file != NULL) || (file && !helper_file_is_good(slice_of(file))))
    return refuse(error, REPLY_TROUBLE, "%s: \"%s\" is no name of a file for it", command->name, file ? file : "");
  if (helper_pid(helper) == 0)
    return trouble(error, REPLY_TROUBLE, "%s: the helper is gone", command->name);
  return RES_OK;
}

enum res
helper_run(struct helper *helper, size_t number, const char *file, struct slice input, GString *output, GError **error)
{
  enum res res = check_request(helper, number, file, error);
  if (res != RES_OK)
    return res;
  const struct helper_command *command = &helper->commands[number];
  g_autoptr(GString) own = g_string_new(NULL);
  struct call call = { .command = command, .input = input, .hurry_event = helper->hurry_event, .output = output ? g_string_truncate(output, 0) : own };
  if (!take_place(helper, MIN(clock_monotonic() + command->time_limit, helper->latest)))
    return trouble(error, REPLY_TIMEOUT, "%s: too many commands run already", command->name);
  call.deadline = clock_monotonic() + command->time_limit + GRACE;
  res = run(helper, number, file ? file : "", &call, error);
  leave_place(helper);
  return res;
}

void
helper_hurry(struct helper *helper, int64_t deadline)
{
  if (helper == NULL)
    return;
  uint64_t one = 1;
  atomic_store(&helper->latest, deadline);
  if (write(helper->hurry_event, &one, sizeof one) != sizeof one)
    g_error("eventfd: %s", g_strerror(errno));
}

pid_t
helper_pid(const struct helper *helper)
{
  return atomic_load(&helper->pid);
}

void
helper_ended(struct helper *helper)
{
  if (helper == NULL || helper_pid(helper) == 0 || waitpid(helper_pid(helper), NULL, WNOHANG) <= 0)
    return;
  atomic_store(&helper->pid, 0);
  log_alarm("the helper has ended: commands are not run before a restart");
}

void
helper_free(struct helper *helper)
{
  if (helper == NULL)
    return;
  close(helper->fd);
  close(helper->hurry_event);
  if (helper_pid(helper))
    waitpid(helper_pid(helper), NULL, 0);
  pthread_cond_destroy(&helper->freed);
  pthread_mutex_destroy(&helper->lock);
  g_free(helper);
}
