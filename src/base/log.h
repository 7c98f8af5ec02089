#pragma once
/* The log: one line an event on stderr, logfmt or JSON, one write(2) a line. Any thread.
 *   log_note("posting accepted", log_str("list", name), log_int("size", n));
 *   ts=2026-11-22T10:00:00.000000Z level=info event="posting accepted" session=… post=… list=… size=… */
#include "base/slice.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log_field {
  const char *key;
  struct slice text; /* used if `is_text` */
  int64_t number;
  bool is_text;
};

static inline struct log_field
log_str(const char *key, const char *value)
{
  return (struct log_field){ .key = key, .text = slice_of(value), .is_text = true };
}

static inline struct log_field
log_slice(const char *key, struct slice value)
{
  return (struct log_field){ .key = key, .text = value, .is_text = true };
}

static inline struct log_field
log_int(const char *key, int64_t value)
{
  return (struct log_field){ .key = key, .number = value };
}

/* The message of a GError under the key "error"; empty if `error` is NULL. */
static inline struct log_field
log_err(const GError *error)
{
  return log_str("error", error ? error->message : "");
}

/* The array ends with a field whose key is NULL. Values longer than 1,000 octets are cut; octets that are not UTF-8
 * and control characters are escaped, so that a line is always one line. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

#define LOG_FIELDS(...) (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { .key = NULL } }
#define log_debug(event, ...) log_write(LOG_LEVEL_DEBUG, event, LOG_FIELDS(__VA_ARGS__))
#define log_note(event, ...) log_write(LOG_LEVEL_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_warn(event, ...) log_write(LOG_LEVEL_WARNING, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, event, LOG_FIELDS(__VA_ARGS__))
/* An error that a postmaster must look at: also counted (COUNTER_ALARMS). */
#define log_alarm(event, ...) log_alarm_write(event, LOG_FIELDS(__VA_ARGS__))
void log_alarm_write(const char *event, const struct log_field *fields);
/* `told` gets the line of each alarm from then on, in the thread that raises it, so it must not block; alarms that it raises itself are
 * logged only. NULL: nobody. Process-wide; when this returns, no thread is in the one before any more. */
void log_on_alarm(void (*told)(void *ctx, struct slice line), void *ctx);

/* Process-wide, before threads start or on reload. */
void log_configure(enum log_format format, enum log_level least);

/* This thread's session and posting: added to each of its lines. Copied; NULL takes it away. At most 31 octets are kept. */
void log_session(const char *id);
void log_posting(const char *id);
