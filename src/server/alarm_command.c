#include "server/alarm_command.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define INTERVAL CLOCK_MINUTE

struct alarm_command {
  struct helper *helper;
  size_t number;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  char *line;  /* of the first alarm that is not told yet; NULL: none */
  int further; /* after it */
  bool stop;
};

/* In the thread that raises the alarm. */
static void
on_alarm(void *ctx, struct slice line)
{
  struct alarm_command *alarm = ctx;
  pthread_mutex_lock(&alarm->lock);
  if (alarm->line)
    alarm->further++;
  else
    alarm->line = slice_dup(line);
  pthread_cond_signal(&alarm->changed);
  pthread_mutex_unlock(&alarm->lock);
}

/* A command that fails is no alarm: there would be no end. */
static void
tell(struct alarm_command *alarm, const char *line, int further)
{
  g_autoptr(GString) text = g_string_new(line);
  if (further)
    g_string_append_printf(text, "and %d more since then: see the log\n", further);
  g_autoptr(GError) error = NULL;
  if (helper_run(alarm->helper, alarm->number, NULL, (struct slice){ text->str, text->len }, NULL, &error) != RES_OK)
    log_warn("an alarm was not told", log_err(error));
  else
    log_note("alarm told", log_int("further", further));
}

/* Takes what is to be told, when the interval is over. Lock held. NULL: stopped, and nothing is. */
static char *
next_line(struct alarm_command *alarm, int64_t not_before)
{
  struct timespec until = thread_deadline(not_before);
  while (!alarm->stop && alarm->line == NULL)
    pthread_cond_wait(&alarm->changed, &alarm->lock);
  while (!alarm->stop && pthread_cond_clockwait(&alarm->changed, &alarm->lock, CLOCK_MONOTONIC, &until) == 0)
    continue;
  return g_steal_pointer(&alarm->line);
}

static void *
alarm_thread(void *data)
{
  struct alarm_command *alarm = data;
  int64_t not_before = 0;
  char *line;
  pthread_mutex_lock(&alarm->lock);
  while ((line = next_line(alarm, not_before)) != NULL) {
    int further = alarm->further;
    alarm->further = 0;
    pthread_mutex_unlock(&alarm->lock);
    tell(alarm, line, further);
    g_free(line);
    not_before = clock_monotonic() + INTERVAL;
    pthread_mutex_lock(&alarm->lock);
  }
  pthread_mutex_unlock(&alarm->lock);
  return NULL;
}

static void
release(struct alarm_command *alarm)
{
  pthread_cond_destroy(&alarm->changed);
  pthread_mutex_destroy(&alarm->lock);
  g_free(alarm->line);
  g_free(alarm);
}

enum res
alarm_command_start(struct helper *helper, size_t number, struct alarm_command **alarm, GError **error)
{
  struct alarm_command *made = g_new0(struct alarm_command, 1);
  *made = (struct alarm_command){ .helper = helper, .number = number };
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->changed, NULL);
  if (!thread_start(&made->thread, alarm_thread, made)) {
    release(made);
    return trouble(error, REPLY_TROUBLE, "no thread for [alarm] command");
  }
  log_on_alarm(on_alarm, made);
  *alarm = made;
  return RES_OK;
}

void
alarm_command_free(struct alarm_command *alarm)
{
  if (alarm == NULL)
    return;
  log_on_alarm(NULL, NULL);
  pthread_mutex_lock(&alarm->lock);
  alarm->stop = true;
  pthread_cond_signal(&alarm->changed);
  pthread_mutex_unlock(&alarm->lock);
  pthread_join(alarm->thread, NULL);
  release(alarm);
}
