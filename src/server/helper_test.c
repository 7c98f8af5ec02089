#include "server/helper.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "server/helper_process.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_ENOUGH (30 * CLOCK_SECOND)
#define FOLDER "/tmp"

enum { CAT, STATUS, SIGNAL, ENDLESS, FLOOD, MISSING, NOTHING, FILE_NAME, ENVIRONMENT, DESCRIPTORS, DEAF, LEFT_BEHIND, BOTH_OUTPUTS, PATIENT, COMMANDS };

#define SHELL(script) (const char *const[]){ "/bin/sh", "-c", script, NULL }

static const struct helper_command commands[COMMANDS] = {
  [CAT] = { "cat", (const char *const[]){ "/bin/cat", NULL }, NULL, LONG_ENOUGH, 1 << 20 },
  [STATUS] = { "status", SHELL("echo ' went wrong '; echo twice; exit 3"), NULL, LONG_ENOUGH, 100 },
  [SIGNAL] = { "signal", SHELL("kill -9 $$"), NULL, LONG_ENOUGH, 100 },
  [ENDLESS] = { "endless", SHELL("trap '' TERM; while :; do read line </dev/zero; done"), NULL, CLOCK_SECOND / 20, 100 },
  [FLOOD] = { "flood", SHELL("while echo flood; do :; done; exit 0"), NULL, LONG_ENOUGH, 10 },
  [MISSING] = { "missing", (const char *const[]){ "/nowhere/program", NULL }, NULL, LONG_ENOUGH, 100 },
  [NOTHING] = { "nothing", NULL, NULL, LONG_ENOUGH, 100 },
  [FILE_NAME] = { "file", (const char *const[]){ "/bin/echo", "-n", NULL }, FOLDER, LONG_ENOUGH, 100 },
  [ENVIRONMENT] = { "environment", (const char *const[]){ "/usr/bin/env", NULL }, NULL, LONG_ENOUGH, 1000 },
  [DESCRIPTORS] = { "descriptors", SHELL("cd /proc/self/fd && echo *; pwd; grep -c 'SigBlk:.0000000000000000' /proc/self/status; grep NoNewPrivs /proc/self/status"), NULL,
                    LONG_ENOUGH, 1000 },
  [DEAF] = { "deaf", (const char *const[]){ "/bin/true", NULL }, NULL, LONG_ENOUGH, 100 },
  [LEFT_BEHIND] = { "left", SHELL("(while :; do read line </dev/zero; done) & echo $!"), NULL, LONG_ENOUGH, 100 },
  [PATIENT] = { "patient", SHELL("while :; do read line </dev/zero; done"), NULL, 600 * CLOCK_SECOND, 100 },
  [BOTH_OUTPUTS] = { "both", SHELL("echo out; echo err >&2"), NULL, LONG_ENOUGH, 100 },
};

static struct helper *
start(void)
{
  g_autoptr(GError) error = NULL;
  struct helper *helper = NULL;
  g_assert_cmpint(helper_start(commands, COMMANDS, &helper, &error), ==, RES_OK);
  return helper;
}

static const struct {
  const char *name;
  size_t number;
  const char *file, *input;
  enum res want;
  const char *output; /* NULL: whatever */
  const char *error;  /* stands in it */
} rows[] = {
  { .name = "input becomes output", .number = CAT, .input = "one\ntwo", .output = "one\ntwo" },
  { .name = "no input", .number = CAT, .output = "" },
  { .name = "both outputs", .number = BOTH_OUTPUTS, .output = "out\nerr\n" },
  { .name = "another status", .number = STATUS, .want = RES_BAD, .output = " went wrong \ntwice\n", .error = "status: /bin/sh ended with status 3: went wrong" },
  { .name = "a signal", .number = SIGNAL, .want = RES_BAD, .output = "", .error = "ended by signal 9" },
  { .name = "out of time", .number = ENDLESS, .want = RES_TEMP, .output = "", .error = "took too long" },
  { .name = "no more output than wanted", .number = FLOOD, .want = RES_BAD, .output = "flood\nfloo", .error = "flood" },
  { .name = "no such program", .number = MISSING, .want = RES_TEMP, .output = "", .error = "No such file" },
  { .name = "not configured", .number = NOTHING, .want = RES_BAD, .error = "nothing is not configured" },
  { .name = "no such number", .number = COMMANDS, .want = RES_BAD, .error = "not configured" },
  { .name = "a file", .number = FILE_NAME, .file = "map_1.db-x", .output = FOLDER "/map_1.db-x" },
  { .name = "no file where one is needed", .number = FILE_NAME, .want = RES_BAD, .error = "no name" },
  { .name = "a file where none is taken", .number = CAT, .file = "x", .want = RES_BAD, .error = "no name" },
  { .name = "a file elsewhere", .number = FILE_NAME, .file = "../etc/passwd", .want = RES_BAD, .error = "no name" },
  { .name = "a file below", .number = FILE_NAME, .file = "a/b", .want = RES_BAD, .error = "no name" },
  { .name = "a hidden file", .number = FILE_NAME, .file = ".x", .want = RES_BAD, .error = "no name" },
  { .name = "an option", .number = FILE_NAME, .file = "-x", .want = RES_BAD, .error = "no name" },
  { .name = "a file without a name", .number = FILE_NAME, .file = "", .want = RES_BAD, .error = "no name" },
  { .name = "a shell's letters", .number = FILE_NAME, .file = "a;b", .want = RES_BAD, .error = "no name" },
  { .name = "an environment of its own", .number = ENVIRONMENT, .output = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C.UTF-8\n" },
  /* 3 is the folder that the shell lists */
  { .name = "nothing of the server's", .number = DESCRIPTORS, .output = "0 1 2 3\n/proc/self/fd\n1\nNoNewPrivs:\t1\n" },
  { .name = "who does not read its input", .number = DEAF, .input = "ignored", .output = "" },
};

static void
test_runs(void)
{
  OWN(helper) helper = start();
  int open_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) output = g_string_new("before");
    g_test_message("%s", rows[i].name);
    enum res res = helper_run(helper, rows[i].number, rows[i].file, slice_of(rows[i].input ? rows[i].input : ""), output, &error);
    if (res != rows[i].want || (rows[i].output && strcmp(output->str, rows[i].output) != 0))
      g_error("%s: %d, \"%s\", %s", rows[i].name, res, output->str, error ? error->message : "");
    if ((rows[i].error != NULL) != (error != NULL) || (error && strstr(error->message, rows[i].error) == NULL))
      g_error("%s: %s", rows[i].name, error ? error->message : "no error");
  }
  close(open_fd);
}

/* More than all pipes hold, both ways at once. */
static void
test_much(void)
{
  OWN(helper) helper = start();
  g_autoptr(GString) output = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  g_autofree char *input = g_strnfill(1000000, 'x');
  g_assert_cmpint(helper_run(helper, CAT, NULL, slice_of(input), output, &error), ==, RES_OK);
  g_assert_cmpstr(output->str, ==, input);
}

/* Until the system says so, which it does soon: nothing announces it to a stranger. */
static void
wait_until_gone(pid_t pid)
{
  while (kill(pid, 0) == 0)
    g_usleep(1000);
  g_assert_cmpint(errno, ==, ESRCH);
}

static void
test_nothing_is_left_behind(void)
{
  OWN(helper) helper = start();
  g_autoptr(GString) output = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(helper_run(helper, LEFT_BEHIND, NULL, (struct slice){ "", 0 }, output, &error), ==, RES_OK);
  pid_t left = (pid_t)g_ascii_strtoll(output->str, NULL, 10);
  g_assert_cmpint(left, >, 1);
  wait_until_gone(left);
}

struct crowd {
  struct helper *helper;
  _Atomic int good;
};

static void *
crowd_thread(void *data)
{
  struct crowd *crowd = data;
  for (int i = 0; i < 5; i++) {
    g_autoptr(GString) output = g_string_new(NULL);
    g_autofree char *input = g_strdup_printf("%p %d", (void *)&output, i);
    if (helper_run(crowd->helper, CAT, NULL, slice_of(input), output, NULL) == RES_OK && strcmp(output->str, input) == 0)
      crowd->good++;
  }
  return NULL;
}

static void
test_many_at_once(void)
{
  OWN(helper) helper = start();
  struct crowd crowd = { .helper = helper };
  pthread_t threads[3 * HELPER_AT_A_TIME];
  for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
    g_assert_cmpint(pthread_create(&threads[i], NULL, crowd_thread, &crowd), ==, 0);
  for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
    pthread_join(threads[i], NULL);
  g_assert_cmpint(crowd.good, ==, 5 * G_N_ELEMENTS(threads));
}

static void *
patient_thread(void *data)
{
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(helper_run(data, PATIENT, NULL, (struct slice){ "", 0 }, NULL, &error), ==, RES_TEMP);
  g_assert_nonnull(strstr(error->message, "does not answer"));
  return NULL;
}

/* A command that runs, and one that would: neither holds up a server that stops. */
static void
test_hurry(void)
{
  OWN(helper) helper = start();
  pthread_t thread;
  g_assert_cmpint(pthread_create(&thread, NULL, patient_thread, helper), ==, 0);
  helper_hurry(helper, clock_monotonic() + CLOCK_SECOND / 20);
  pthread_join(thread, NULL);
  patient_thread(helper);
  helper_hurry(NULL, 0);
}

/* What a server that was taken over could send. */
static void
test_strange_requests(void)
{
  static const struct {
    const char *name;
    struct helper_request request;
    size_t size; /* 0: as it says */
  } strange[] = {
    { .name = "no such number", .request = { .number = COMMANDS } },
    { .name = "a huge number", .request = { .number = UINT32_MAX } },
    { .name = "not configured", .request = { .number = NOTHING } },
    { .name = "too short", .size = 4 },
    { .name = "longer than it says", .size = 20 },
    { .name = "shorter than it says", .request = { .number = FILE_NAME, .file_length = 9, .file = "x" }, .size = 9 },
    { .name = "a length out of bounds", .request = { .number = FILE_NAME, .file_length = UINT32_MAX }, .size = sizeof(struct helper_request) },
    { .name = "a path", .request = { .number = FILE_NAME, .file_length = 3, .file = "a/b" } },
    { .name = "an argument that is not wanted", .request = { .number = CAT, .file_length = 1, .file = "x" } },
  };
  int pair[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
  pid_t pid = fork();
  if (pid == 0)
    helper_process(pair[1], commands, COMMANDS);
  close(pair[1]);
  for (size_t i = 0; i < G_N_ELEMENTS(strange); i++) {
    int ends[2], fds[HELPER_DESCRIPTORS];
    g_assert_cmpint(pipe(ends), ==, 0);
    for (size_t j = 0; j < HELPER_DESCRIPTORS; j++)
      fds[j] = ends[1];
    size_t size = strange[i].size ? strange[i].size : offsetof(struct helper_request, file) + strange[i].request.file_length;
    union {
      struct cmsghdr align;
      char octets[CMSG_SPACE(sizeof fds)];
    } control = { 0 };
    struct iovec piece = { (void *)&strange[i].request, size };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    *CMSG_FIRSTHDR(&message) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fds) };
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), fds, sizeof fds);
    g_assert_cmpint(sendmsg(pair[0], &message, 0), ==, (ssize_t)size);
    close(ends[1]);
    struct helper_result result = { .end = -1 };
    ssize_t n = read(ends[0], &result, sizeof result);
    if (n != (ssize_t)sizeof result || result.end != HELPER_REFUSED)
      g_error("%s: %zd octets, %d", strange[i].name, n, result.end);
    close(ends[0]);
  }
  g_assert_cmpint(send(pair[0], "no descriptors", 14, 0), ==, 14);
  close(pair[0]);
  int status;
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_cmpint(status, ==, 0);
}

struct told {
  int n;
  char *line;
};

static void
on_alarm(void *ctx, struct slice line)
{
  struct told *told = ctx;
  told->n++;
  g_free(told->line);
  told->line = slice_dup(line);
  log_alarm("an alarm about an alarm"); /* is told to nobody */
}

static void
test_its_end(void)
{
  OWN(helper) helper = start();
  struct told told = { 0 };
  log_on_alarm(on_alarm, &told);
  int64_t alarms = counter_read(COUNTER_ALARMS);
  helper_ended(helper);
  g_assert_cmpint(told.n, ==, 0);
  g_assert_cmpint(helper_pid(helper), >, 0);

  g_assert_cmpint(kill(helper_pid(helper), SIGKILL), ==, 0);
  siginfo_t info;
  g_assert_cmpint(waitid(P_PID, (id_t)helper_pid(helper), &info, WEXITED | WNOWAIT), ==, 0);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(helper_run(helper, CAT, NULL, (struct slice){ "", 0 }, NULL, &error), ==, RES_TEMP); /* before anybody has noticed */
  helper_ended(helper);
  helper_ended(helper);
  log_on_alarm(NULL, NULL);
  g_assert_cmpint(told.n, ==, 1);
  g_assert_cmpint(counter_read(COUNTER_ALARMS), ==, alarms + 2);
  g_assert_nonnull(strstr(told.line, "the helper has ended"));
  g_assert_true(g_str_has_suffix(told.line, "\n"));
  g_assert_cmpint(helper_pid(helper), ==, 0);
  g_clear_error(&error);
  g_assert_cmpint(helper_run(helper, CAT, NULL, (struct slice){ "", 0 }, NULL, &error), ==, RES_TEMP);
  g_assert_nonnull(strstr(error->message, "gone"));
  g_free(told.line);
}

int
main(int argc, char **argv)
{
  signal(SIGPIPE, SIG_IGN);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/helper/runs", test_runs);
  g_test_add_func("/helper/much", test_much);
  g_test_add_func("/helper/nothing-is-left-behind", test_nothing_is_left_behind);
  g_test_add_func("/helper/many-at-once", test_many_at_once);
  g_test_add_func("/helper/hurry", test_hurry);
  g_test_add_func("/helper/strange-requests", test_strange_requests);
  g_test_add_func("/helper/its-end", test_its_end);
  return g_test_run();
}
