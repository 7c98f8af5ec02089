/* Three generations: the helper takes requests and forks a runner for each; the runner forks the command and waits for it or for its time to
 * be up. Runner and command are one process group, which is killed as a whole: by the runner when the command has ended, by the helper when the
 * server has. No threads, no shared state, nothing that can be in the way of another command. */
#include "server/helper_process.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct post {
  const struct helper_command *commands;
  size_t n;
  int fd;                          /* the server */
  int signals;                     /* signalfd: a runner has ended */
  pid_t runners[HELPER_AT_A_TIME]; /* 0: free */
};

bool
helper_file_is_good(struct slice name)
{
  if (name.n == 0 || name.n > HELPER_FILE_MAX || name.p[0] == '.' || name.p[0] == '-')
    return false;
  for (size_t i = 0; i < name.n; i++)
    if (!g_ascii_isalnum(name.p[i]) && strchr("._-", name.p[i]) == NULL)
      return false;
  return true;
}

/* --- the command --- */

static void
tell_end(int fd, enum helper_end end, int value)
{
  const struct helper_result result = { .end = (int32_t)end, .value = value };
  ssize_t n = write(fd, &result, sizeof result); /* less than a pipe's atom */
  (void)n;                                       /* who asked may have gone */
}

static void
default_signals(void)
{
  sigset_t none;
  for (int number = 1; number < NSIG; number++)
    signal(number, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Owned by the process, which ends or becomes another. */
static char **
arguments_of(const struct helper_command *command, struct slice file)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new();
  for (const char *const *word = command->argv; *word; word++)
    g_ptr_array_add(all, g_strdup(*word));
  if (command->folder) {
    g_autofree char *name = slice_dup(file);
    g_ptr_array_add(all, g_build_filename(command->folder, name, NULL));
  }
  g_ptr_array_add(all, NULL);
  return (char **)g_ptr_array_steal(all, NULL);
}

static _Noreturn void
become_command(const struct helper_command *command, struct slice file, const int fds[HELPER_DESCRIPTORS])
{
  static char *const environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL };
  char **argv = arguments_of(command, file);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  default_signals();
  if (dup2(fds[HELPER_INPUT], STDIN_FILENO) >= 0 && dup2(fds[HELPER_OUTPUT], STDOUT_FILENO) >= 0 && dup2(fds[HELPER_OUTPUT], STDERR_FILENO) >= 0)
    execve(argv[0], argv, environment);
  tell_end(fds[HELPER_RESULT], HELPER_NOT_STARTED, errno);
  _exit(127);
}

/* --- the runner --- */

/* False: its time is up. SIGCHLD is blocked. */
static bool
wait_for(pid_t command, int64_t time_limit, int *status)
{
  int64_t until = clock_monotonic() + time_limit;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  while (waitpid(command, status, WNOHANG) == 0) {
    int64_t left = until - clock_monotonic();
    if (left <= 0)
      return false;
    struct timespec wait = { .tv_sec = (time_t)(left / CLOCK_SECOND), .tv_nsec = (long)(left % CLOCK_SECOND) * 1000 };
    (void)sigtimedwait(&child, NULL, &wait);
  }
  return true;
}

static _Noreturn void
run(const struct helper_command *command, struct slice file, const int fds[HELPER_DESCRIPTORS])
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setsid();
  pid_t child = fork();
  if (child == 0)
    become_command(command, file, fds);
  close(fds[HELPER_INPUT]);
  close(fds[HELPER_OUTPUT]);
  int status = 0;
  if (child < 0)
    tell_end(fds[HELPER_RESULT], HELPER_NOT_STARTED, errno);
  else if (!wait_for(child, command->time_limit, &status))
    tell_end(fds[HELPER_RESULT], HELPER_OUT_OF_TIME, 0);
  else if (WIFEXITED(status))
    tell_end(fds[HELPER_RESULT], HELPER_EXITED, WEXITSTATUS(status));
  else
    tell_end(fds[HELPER_RESULT], HELPER_KILLED, WTERMSIG(status));
  kill(0, SIGKILL); /* the group: what the command has left behind, and this process */
  _exit(0);
}

/* --- the helper --- */

static int
free_place(const struct post *post)
{
  for (int i = 0; i < HELPER_AT_A_TIME; i++)
    if (post->runners[i] == 0)
      return i;
  return -1;
}

static void
reap(struct post *post)
{
  struct signalfd_siginfo told;
  pid_t ended;
  while (read(post->signals, &told, sizeof told) > 0)
    continue;
  while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
    for (int i = 0; i < HELPER_AT_A_TIME; i++)
      if (post->runners[i] == ended)
        post->runners[i] = 0;
}

/* The server has gone. */
static _Noreturn void
end(const struct post *post)
{
  for (int i = 0; i < HELPER_AT_A_TIME; i++)
    if (post->runners[i])
      kill(-post->runners[i], SIGKILL);
  _exit(0);
}

/* Whether it is one that this table has: the server may have been taken over. */
static bool
is_good(const struct post *post, const struct helper_request *request, size_t size)
{
  size_t head = offsetof(struct helper_request, file);
  if (size < head || request->file_length > HELPER_FILE_MAX || size != head + request->file_length || request->number >= post->n)
    return false;
  const struct helper_command *command = &post->commands[request->number];
  if (command->argv == NULL)
    return false;
  return command->folder ? helper_file_is_good((struct slice){ request->file, request->file_length }) : request->file_length == 0;
}

static void
serve(struct post *post, const struct helper_request *request, size_t size, const int fds[HELPER_DESCRIPTORS])
{
  int place = free_place(post);
  if (place < 0 || !is_good(post, request, size)) {
    tell_end(fds[HELPER_RESULT], HELPER_REFUSED, 0);
    return;
  }
  pid_t runner = fork();
  if (runner == 0) {
    close(post->fd);
    close(post->signals);
    run(&post->commands[request->number], (struct slice){ request->file, request->file_length }, fds);
  }
  if (runner > 0)
    post->runners[place] = runner;
  else
    tell_end(fds[HELPER_RESULT], HELPER_NOT_STARTED, errno);
}

/* How many descriptors came; more than there is room for are closed by the kernel. */
static size_t
take_descriptors(struct msghdr *message, int fds[HELPER_DESCRIPTORS])
{
  const struct cmsghdr *control = CMSG_FIRSTHDR(message);
  if (control == NULL || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
    return 0;
  size_t n = MIN((control->cmsg_len - CMSG_LEN(0)) / sizeof(int), HELPER_DESCRIPTORS);
  memcpy(fds, CMSG_DATA(control), n * sizeof(int));
  return n;
}

/* False: the server has gone. */
static bool
take_request(struct post *post)
{
  struct helper_request request;
  union {
    struct cmsghdr align;
    char octets[CMSG_SPACE(HELPER_DESCRIPTORS * sizeof(int))];
  } control;
  struct iovec piece = { &request, sizeof request };
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  int fds[HELPER_DESCRIPTORS];
  ssize_t n = recvmsg(post->fd, &message, MSG_CMSG_CLOEXEC);
  if (n <= 0)
    return n < 0 && errno == EINTR;
  size_t count = take_descriptors(&message, fds);
  if (count == HELPER_DESCRIPTORS)
    serve(post, &request, (size_t)n, fds);
  for (size_t i = 0; i < count; i++)
    close(fds[i]);
  return true;
}

/* Nothing of the server's is left open here: not its listeners, and not the lock on its folder. */
static void
settle(struct post *post, int fd)
{
  sigset_t all, child;
  prctl(PR_SET_NAME, "listward-helper");
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
  sigfillset(&all); /* who stops the server stops this too, by the end of the socket */
  sigprocmask(SIG_SETMASK, &all, NULL);
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  post->fd = fd == 3 ? fd : dup2(fd, 3);
  close_range(4, ~0u, 0);
  fcntl(post->fd, F_SETFD, FD_CLOEXEC);
  post->signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
  if (post->fd < 0 || post->signals < 0 || chdir("/") != 0)
    _exit(1);
}

_Noreturn void
helper_process(int fd, const struct helper_command *commands, size_t n)
{
  struct post post = { .commands = commands, .n = n };
  settle(&post, fd);
  for (;;) {
    /* With all places taken, requests wait in the socket; that its other end is closed is told all the same. */
    struct pollfd wait[2] = { { .fd = post.signals, .events = POLLIN }, { .fd = post.fd, .events = free_place(&post) >= 0 ? POLLIN : 0 } };
    if (poll(wait, 2, -1) < 0)
      continue;
    if (wait[0].revents)
      reap(&post);
    if ((wait[1].revents & POLLIN) ? !take_request(&post) : (wait[1].revents & (POLLHUP | POLLERR)) != 0)
      end(&post);
  }
}
