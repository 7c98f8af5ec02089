#include "base/log.h"
#include "base/clock.h"
#include "base/counter.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define VALUE_MAX 1000

static _Atomic int log_least = LOG_LEVEL_INFO;
static _Atomic int log_style = LOG_FORMAT_LOGFMT;
static _Thread_local char thread_session[32];
static _Thread_local char thread_posting[32];

/* Who is told of alarms. */
static struct {
  pthread_mutex_t lock;
  void (*told)(void *ctx, struct slice line);
  void *ctx;
} listener = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *const level_names[] = { "debug", "info", "warning", "error" };

static void
append_octet(GString *line, unsigned char octet)
{
  switch (octet) {
  case '"': g_string_append(line, "\\\""); break;
  case '\\': g_string_append(line, "\\\\"); break;
  case '\n': g_string_append(line, "\\n"); break;
  case '\r': g_string_append(line, "\\r"); break;
  case '\t': g_string_append(line, "\\t"); break;
  default:
    if (octet < 0x20 || octet == 0x7f)
      g_string_append_printf(line, "\\u%04x", octet);
    else
      g_string_append_c(line, (char)octet);
  }
}

/* JSON's escapes serve logfmt too. */
static void
append_quoted(GString *line, struct slice value)
{
  g_autofree char *valid = g_utf8_make_valid(value.p ? value.p : "", (gssize)MIN(value.n, VALUE_MAX));
  g_string_append_c(line, '"');
  for (const char *c = valid; *c; c++)
    append_octet(line, (unsigned char)*c);
  g_string_append_c(line, '"');
}

static bool
is_plain(struct slice value)
{
  for (size_t i = 0; i < value.n; i++)
    if (!g_ascii_isalnum(value.p[i]) && !strchr("-_.@:/+<>[],", value.p[i]))
      return false;
  return value.n > 0 && value.n <= VALUE_MAX;
}

static void
append_text(GString *line, const char *key, struct slice value)
{
  if (atomic_load(&log_style) == LOG_FORMAT_JSON) {
    g_string_append_printf(line, "%s\"%s\":", line->len > 1 ? "," : "", key);
    append_quoted(line, value);
    return;
  }
  g_string_append_printf(line, "%s%s=", line->len ? " " : "", key);
  if (is_plain(value))
    g_string_append_len(line, value.p, (gssize)value.n);
  else
    append_quoted(line, value);
}

static void
append_number(GString *line, const char *key, int64_t value)
{
  if (atomic_load(&log_style) == LOG_FORMAT_JSON)
    g_string_append_printf(line, ",\"%s\":%" G_GINT64_FORMAT, key, value);
  else
    g_string_append_printf(line, " %s=%" G_GINT64_FORMAT, key, value);
}

static void
append_time(GString *line)
{
  int64_t now = clock_now();
  time_t seconds = (time_t)(now / CLOCK_SECOND);
  struct tm utc;
  char text[40], stamp[64];
  gmtime_r(&seconds, &utc);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  g_snprintf(stamp, sizeof stamp, "%s.%06dZ", text, (int)(now % CLOCK_SECOND));
  append_text(line, "ts", slice_of(stamp));
}

static void
write_line(GString *line)
{
  size_t done = 0;
  while (done < line->len) {
    ssize_t n = write(STDERR_FILENO, line->str + done, line->len - done);
    if (n <= 0)
      return; /* a log that cannot be written must not stop the mail */
    done += (size_t)n;
  }
}

/* Owned by the caller. */
static GString *
render(enum log_level level, const char *event, const struct log_field *fields)
{
  bool json = atomic_load(&log_style) == LOG_FORMAT_JSON;
  GString *line = g_string_new(json ? "{" : "");
  append_time(line);
  append_text(line, "level", slice_of(level_names[level]));
  append_text(line, "event", slice_of(event));
  if (thread_session[0])
    append_text(line, "session", slice_of(thread_session));
  if (thread_posting[0])
    append_text(line, "post", slice_of(thread_posting));
  for (; fields->key; fields++)
    if (fields->is_text)
      append_text(line, fields->key, fields->text);
    else
      append_number(line, fields->key, fields->number);
  return g_string_append(line, json ? "}\n" : "\n");
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields)
{
  if ((int)level < atomic_load(&log_least))
    return;
  g_autoptr(GString) line = render(level, event, fields);
  write_line(line);
}

/* Not if this thread is being told already. */
static void
tell_of_alarm(const GString *line)
{
  static _Thread_local bool telling;
  if (telling)
    return;
  telling = true;
  pthread_mutex_lock(&listener.lock);
  if (listener.told)
    listener.told(listener.ctx, (struct slice){ line->str, line->len });
  pthread_mutex_unlock(&listener.lock);
  telling = false;
}

void
log_alarm_write(const char *event, const struct log_field *fields)
{
  counter_add(COUNTER_ALARMS, 1);
  g_autoptr(GString) line = render(LOG_LEVEL_ERROR, event, fields);
  write_line(line);
  tell_of_alarm(line);
}

void
log_on_alarm(void (*told)(void *ctx, struct slice line), void *ctx)
{
  pthread_mutex_lock(&listener.lock);
  listener.told = told;
  listener.ctx = ctx;
  pthread_mutex_unlock(&listener.lock);
}

void
log_configure(enum log_format format, enum log_level least)
{
  atomic_store(&log_style, (int)format);
  atomic_store(&log_least, (int)least);
}

void
log_session(const char *id)
{
  g_strlcpy(thread_session, id ? id : "", sizeof thread_session);
}

void
log_posting(const char *id)
{
  g_strlcpy(thread_posting, id ? id : "", sizeof thread_posting);
}
