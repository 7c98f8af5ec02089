#include "list/pattern.h"
#include "base/log.h"
#include "base/own.h"
#include "envelope/address.h"
#include <pthread.h>
#include <stdatomic.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A pattern that needs more than these for an address of at most 254 octets is a mistake or an attack. Steps take some 20 ns each. */
#define STEPS_MAX 50000
#define DEPTH_MAX 2000
#define HEAP_MAX_KIB 512
/* Compiled patterns kept, of each sort. When a new one does not fit, all are dropped: simple, and rare. */
#define KEPT_MAX 1024

struct pattern {
  _Atomic int references;
  pcre2_code *code; /* NULL: does not compile */
};

static void
pattern_unref(void *data)
{
  struct pattern *pattern = data;
  if (!pattern || atomic_fetch_sub(&pattern->references, 1) > 1)
    return;
  pcre2_code_free(pattern->code);
  g_free(pattern);
}

static void
pattern_free(struct pattern *pattern)
{
  pattern_unref(pattern);
}
OWN_DEFINE(pattern, pattern_free)

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *kept_anchored, *kept_searched; /* text -> struct pattern */
static pcre2_match_context *limits;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
prepare(void)
{
  kept_anchored = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, pattern_unref);
  kept_searched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, pattern_unref);
  limits = pcre2_match_context_create(NULL);
  g_assert(limits);
  pcre2_set_match_limit(limits, STEPS_MAX);
  pcre2_set_depth_limit(limits, DEPTH_MAX);
  pcre2_set_heap_limit(limits, HEAP_MAX_KIB);
}

/* `where`: PCRE2_ANCHORED, or 0. */
static pcre2_code *
compile(const char *text, uint32_t where, GError **error)
{
  int code = 0;
  PCRE2_SIZE offset = 0;
  uint32_t options = where | PCRE2_CASELESS | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
  pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)text, strlen(text), options, &code, &offset, NULL);
  if (compiled)
    return compiled;

  char why[256] = "";
  pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
  (void)refuse(error, REPLY_SYNTAX, "\"%s\" is not a valid pattern: at offset %zu: %s", text, (size_t)offset, why);
  return NULL;
}

static enum res
check(const char *text, uint32_t where, GError **error)
{
  if (!g_utf8_validate(text, -1, NULL) || strpbrk(text, "\r\n"))
    return refuse(error, REPLY_SYNTAX, "a pattern is not one line of UTF-8");
  pcre2_code *code = compile(text, where, error);
  if (!code)
    return RES_BAD;
  pcre2_code_free(code);
  return RES_OK;
}

enum res
pattern_parse(const char *text, char **stored, GError **error)
{
  if (strlen(text) > PATTERN_MAX)
    return refuse(error, REPLY_SYNTAX, "a pattern is longer than %d octets", PATTERN_MAX);
  if (text[0] != '^') {
    *stored = address_key_of(slice_of(text));
    return *stored ? RES_OK : refuse(error, REPLY_BAD_ADDRESS, "\"%s\" is neither an address nor a pattern that begins with ^", text);
  }

  if (text[1] == '\0')
    return refuse(error, REPLY_SYNTAX, "\"^\" alone hits every address; write ^.* if that is meant");
  enum res res = check(text, PCRE2_ANCHORED, error);
  if (res == RES_OK)
    *stored = g_strdup(text);
  return res;
}

enum res
pattern_search_check(const char *text, GError **error)
{
  return strlen(text) > PATTERN_MAX ? refuse(error, REPLY_SYNTAX, "a pattern is longer than %d octets", PATTERN_MAX) : check(text, 0, error);
}

/* A reference to the compiled `text`. */
static struct pattern *
pattern_get(const char *text, uint32_t where)
{
  pthread_once(&once, prepare);
  GHashTable *kept = where == PCRE2_ANCHORED ? kept_anchored : kept_searched;
  pthread_mutex_lock(&kept_lock);
  struct pattern *pattern = g_hash_table_lookup(kept, text);
  if (pattern)
    atomic_fetch_add(&pattern->references, 1);
  pthread_mutex_unlock(&kept_lock);
  if (pattern)
    return pattern;

  g_autoptr(GError) error = NULL;
  pattern = g_new(struct pattern, 1);
  *pattern = (struct pattern){ .references = 2, .code = compile(text, where, &error) };
  if (!pattern->code)
    log_warn("pattern cannot be used", log_err(error));
  pthread_mutex_lock(&kept_lock);
  if (g_hash_table_size(kept) >= KEPT_MAX)
    g_hash_table_remove_all(kept);
  g_hash_table_replace(kept, g_strdup(text), pattern);
  pthread_mutex_unlock(&kept_lock);
  return pattern;
}

/* PCRE2's answer to whether `pattern` hits `text`: below 0 if not. */
static int
match(const struct pattern *pattern, const char *text)
{
  pcre2_match_data *data = pcre2_match_data_create(1, NULL);
  int result = data ? pcre2_match(pattern->code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, limits) : PCRE2_ERROR_NOMEMORY;
  pcre2_match_data_free(data);
  return result;
}

bool
pattern_hits(const char *stored, const char *key)
{
  if (stored[0] != '^')
    return g_str_equal(stored, key);

  OWN(pattern) pattern = pattern_get(stored, PCRE2_ANCHORED);
  if (!pattern->code)
    return false;
  int result = match(pattern, key);
  if (result < 0 && result != PCRE2_ERROR_NOMATCH)
    log_warn("pattern exceeds its limits", log_str("pattern", stored), log_str("address", key), log_int("pcre2", result));
  return result >= 0;
}

enum pattern_found
pattern_search(const char *text_of_pattern, const char *text)
{
  OWN(pattern) pattern = pattern_get(text_of_pattern, 0);
  if (!pattern->code)
    return PATTERN_MISS;
  int result = match(pattern, text);
  if (result >= 0)
    return PATTERN_HIT;
  if (result == PCRE2_ERROR_NOMATCH)
    return PATTERN_MISS;
  log_warn("pattern exceeds its limits", log_str("pattern", text_of_pattern), log_int("pcre2", result));
  return PATTERN_LIMIT;
}
