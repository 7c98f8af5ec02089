#pragma once
/* Borrowed octets: a pointer and a length, never NUL-terminated, never owned. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct slice {
  const char *p;
  size_t n;
};

/* For printf's "%.*s". */
#define SLICE_FMT(s) (int)(s).n, (s).p
/* A string literal as a slice. */
#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

static inline struct slice
slice_of(const char *text)
{
  return (struct slice){ text, text ? strlen(text) : 0 };
}

static inline struct slice
slice_bytes(GBytes *bytes)
{
  size_t n;
  const char *p = g_bytes_get_data(bytes, &n);
  return (struct slice){ p, n };
}

/* The first `n` octets of `s`, or all of it if it is shorter. */
static inline struct slice
slice_head(struct slice s, size_t n)
{
  return (struct slice){ s.p, MIN(n, s.n) };
}

/* `s` without its first `n` octets; empty if it is shorter. */
static inline struct slice
slice_skip(struct slice s, size_t n)
{
  n = MIN(n, s.n);
  return (struct slice){ s.p ? s.p + n : s.p, s.n - n };
}

/* A NUL-terminated copy, owned by the caller. */
static inline char *
slice_dup(struct slice s)
{
  return g_strndup(s.p ? s.p : "", s.n);
}

/* The same octets. */
bool slice_equal(struct slice a, struct slice b);
/* The same, in a time that depends on the lengths alone. */
bool slice_equal_secret(struct slice a, struct slice b);
/* ASCII letters compare without case. */
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends_nocase(struct slice s, struct slice suffix);
/* The offset of the first `c`, or `s.n`. */
size_t slice_find(struct slice s, char c);
/* The part before the first `c`, or all of `s`. */
struct slice slice_until(struct slice s, char c);
/* The line at the start of `text`, with its CRLF; all of `text` if no CRLF follows. */
struct slice slice_line(struct slice text);
/* `s` without spaces, tabs, CR and LF at both ends. */
struct slice slice_trim(struct slice s);
/* Parses all of `s` as an unsigned decimal of at most 18 digits. False: it is not one. */
bool slice_to_uint(struct slice s, int64_t *value);
