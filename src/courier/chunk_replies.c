#include "courier/chunk_replies.h"
#include "base/clock.h"

#define SKIPPED "skipped "
#define BROKE "broke "
#define VIA "via "

/* Of base 62, and with the first 36 of base 36 (in lower case). */
static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
#define SHARED_MAX (sizeof(digits) - 2)
/* Digits of a step: 89 years. */
#define STEP_DIGITS 8
#define MILLISECOND 1000

/* Cuts the first line, without its end, off `rest`. */
static struct slice
next_line(struct slice *rest)
{
  struct slice line = slice_until(*rest, '\n');
  *rest = slice_skip(*rest, line.n + 1);
  return line;
}

/* What stands in the next line that begins with `word`. */
static bool
next_with(struct slice *rest, struct slice word, struct slice *what)
{
  while (rest->n > 0) {
    struct slice line = next_line(rest);
    *what = slice_skip(line, word.n);
    if (slice_starts_nocase(line, word))
      return true;
  }
  return false;
}

/* --- who was passed over --- */

char *
chunk_replies_skipped(const struct roster_skips *skips, int64_t copy)
{
  if (skips->digest + skips->disabled + skips->own + copy == 0)
    return g_strdup("");
  return g_strdup_printf(SKIPPED "digest=%" G_GINT64_FORMAT " disabled=%" G_GINT64_FORMAT " own=%" G_GINT64_FORMAT " copy=%" G_GINT64_FORMAT "\n", skips->digest,
                         skips->disabled, skips->own, copy);
}

/* A recipient is skipped with a reply of ours if its list was removed, and without one if it is addressed directly. */
char *
chunk_replies_not_sent(const struct transmission *transmission, const GArray *targets)
{
  g_autoptr(GString) members = g_string_new(NULL);
  int64_t copy = 0, removed = 0;
  for (size_t i = 0; i < transmission->n; i++) {
    if (transmission->recipients[i].outcome != OUTCOME_SKIPPED)
      continue;
    if (transmission->recipients[i].reply >= 0) {
      removed++;
      continue;
    }
    copy++;
    g_string_append_printf(members, " member=%" G_GINT64_FORMAT, targets_at(targets, i)->member_id);
  }
  if (copy + removed == 0)
    return g_strdup("");
  return g_strdup_printf(SKIPPED "copy=%" G_GINT64_FORMAT " removed=%" G_GINT64_FORMAT "%s\n", copy, removed, members->str);
}

static void
count_word(struct slice word, struct chunk_skips *skips)
{
  const struct {
    struct slice name;
    int64_t *count;
  } names[] = {
    { SLICE("digest"), &skips->roster.digest }, { SLICE("disabled"), &skips->roster.disabled }, { SLICE("own"), &skips->roster.own },
    { SLICE("copy"), &skips->copy },            { SLICE("removed"), &skips->removed },
  };
  struct slice name = slice_until(word, '=');
  int64_t n;
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (slice_equal(name, names[i].name) && slice_to_uint(slice_skip(word, name.n + 1), &n) && __builtin_add_overflow(*names[i].count, n, names[i].count))
      *names[i].count = INT64_MAX;
}

/* The next word of lines "skipped …". */
static bool
next_skipped_word(struct slice *lines, struct slice *words, struct slice *word)
{
  while (words->n == 0)
    if (!next_with(lines, SLICE(SKIPPED), words))
      return false;
  *word = slice_until(*words, ' ');
  *words = slice_skip(*words, word->n + 1);
  return true;
}

void
chunk_replies_count_skipped(struct slice replies, struct chunk_skips *skips)
{
  struct slice words = SLICE(""), word;
  while (next_skipped_word(&replies, &words, &word))
    count_word(word, skips);
}

bool
chunk_replies_passes_over(struct slice replies, int64_t member_id)
{
  struct slice words = SLICE(""), word, name = SLICE("member=");
  int64_t id;
  while (next_skipped_word(&replies, &words, &word))
    if (slice_starts_nocase(word, name) && slice_to_uint(slice_skip(word, name.n), &id) && id == member_id)
      return true;
  return false;
}

/* --- what broke --- */

char *
chunk_replies_broken(const char *via, const char *why, int64_t now)
{
  g_autoptr(GString) line = g_string_new(BROKE);
  attempt_write(line, &(struct attempt){ .at = now, .via = slice_of(via), .text = slice_of(why) });
  return g_string_free(g_steal_pointer(&line), FALSE);
}

bool
chunk_replies_next_broken(struct slice *rest, struct attempt *attempt)
{
  struct slice line;
  while (next_with(rest, SLICE(BROKE), &line))
    if (attempts_next(&line, attempt) && attempt->dropped == 0)
      return true;
  return false;
}

/* --- replies --- */

/* "127.0.0.1:25 4/17" becomes "127.0.0.1:25 4/18". False: it names no transaction. */
static bool
via_step(GString *via)
{
  const char *slash = strrchr(via->str, '/');
  int64_t number;
  if (slash == NULL || !slice_to_uint(slice_of(slash + 1), &number))
    return false;
  g_string_truncate(via, (gsize)(slash + 1 - via->str));
  g_string_append_printf(via, "%" G_GINT64_FORMAT, number + 1);
  return true;
}

/* What the lines so far say; the reader has the same. */
struct writer {
  GString *out, *text, *via;
  int64_t at;
};

static size_t
shared_octets(const char *before, const char *text)
{
  size_t n = 0;
  while (n < SHARED_MAX && before[n] && before[n] == text[n])
    n++;
  while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) /* not inside a character of UTF-8: this is a column of text */
    n--;
  return n;
}

static void
put_step(GString *out, uint64_t milliseconds)
{
  char text[16];
  size_t at = sizeof(text) - 1;
  text[at] = '\0';
  do
    text[--at] = digits[milliseconds % 36];
  while ((milliseconds /= 36) > 0 && at > 0);
  g_string_append(out, text + at);
}

/* A member alone, in the transaction that follows. False: it is none. */
static bool
put_next(struct writer *writer, const char *text, const char *via, int64_t at)
{
  g_autoptr(GString) next = g_string_new(writer->via->str);
  int64_t step = (at - writer->at) / MILLISECOND;
  if (writer->at == 0 || at < writer->at || at - writer->at >= CLOCK_DAY || !via_step(next) || strcmp(next->str, via) != 0)
    return false;
  size_t shared = shared_octets(writer->text->str, text);
  g_string_append_printf(writer->out, "+%c", digits[shared]);
  put_step(writer->out, (uint64_t)step);
  g_string_append_printf(writer->out, " %s\n", text + shared);
  g_string_assign(writer->via, via);
  writer->at += step * MILLISECOND;
  return true;
}

static void
put_run(struct writer *writer, size_t run, const struct transmission_reply *reply)
{
  const struct attempt said = attempt_of(reply, 0);
  g_autofree char *text = attempt_clean(said.text), *via = attempt_clean(said.via);
  int64_t at = said.at;
  if (run > 1 || !put_next(writer, text, via, at)) {
    if (strcmp(writer->via->str, via) != 0 || writer->at != at)
      g_string_append_printf(writer->out, VIA "%s%s%" G_GINT64_FORMAT "\n", via, via[0] ? " " : "", at);
    g_string_append_printf(writer->out, "%zu %s\n", run, text);
    g_string_assign(writer->via, via);
    writer->at = at;
  }
  g_string_assign(writer->text, text);
}

static void
put_all(struct writer *writer, const struct transmission *transmission)
{
  size_t run = 0, last = 0;
  for (size_t i = 0; i < transmission->n; i++) {
    const struct transmission_recipient *recipient = &transmission->recipients[i];
    if (recipient->outcome != OUTCOME_SENT)
      continue;
    if (run > 0 && recipient->reply != transmission->recipients[last].reply) {
      put_run(writer, run, transmission_reply_of(transmission, last));
      run = 0;
    }
    last = i;
    run++;
  }
  if (run > 0)
    put_run(writer, run, transmission_reply_of(transmission, last));
}

char *
chunk_replies_sent(const struct transmission *transmission)
{
  struct writer writer = { .out = g_string_new(NULL), .text = g_string_new(NULL), .via = g_string_new(NULL) };
  put_all(&writer, transmission);
  g_string_free(writer.text, TRUE);
  g_string_free(writer.via, TRUE);
  return g_string_free(writer.out, FALSE);
}

/* --- reading them --- */

void
chunk_reply_begin(struct chunk_reply *reply, struct slice replies)
{
  *reply = (struct chunk_reply){ .text = g_string_new(NULL), .via = g_string_new(NULL), .rest = replies };
}

void
chunk_reply_end(struct chunk_reply *reply)
{
  g_string_free(reply->text, TRUE);
  g_string_free(reply->via, TRUE);
}

static void
assign(GString *to, struct slice text)
{
  g_string_truncate(to, 0);
  g_string_append_len(to, text.p, (gssize)text.n);
}

/* The digit's number, or `base` if it is none. */
static size_t
digit_of(char c, size_t base)
{
  const char *found = c ? memchr(digits, c, base) : NULL;
  return found ? (size_t)(found - digits) : base;
}

static bool
step_of(struct slice text, int64_t *milliseconds)
{
  *milliseconds = 0;
  for (size_t i = 0; i < text.n; i++) {
    size_t digit = digit_of(text.p[i], 36);
    if (digit == 36 || i == STEP_DIGITS)
      return false;
    *milliseconds = *milliseconds * 36 + (int64_t)digit;
  }
  return text.n > 0;
}

static void
take_via(struct chunk_reply *reply, struct slice what)
{
  size_t blank = what.n;
  while (blank > 0 && what.p[blank - 1] != ' ')
    blank--;
  if (!slice_to_uint(slice_skip(what, blank), &reply->at))
    reply->at = 0;
  assign(reply->via, slice_head(what, blank > 0 ? blank - 1 : 0));
}

/* A line "+…". False: it is damaged. */
static bool
take_next(struct chunk_reply *reply, struct slice line)
{
  int64_t step;
  size_t shared = line.n > 1 ? digit_of(line.p[1], sizeof(digits) - 1) : SHARED_MAX + 1;
  struct slice text = slice_skip(line, 2), number = slice_until(text, ' ');
  if (shared > SHARED_MAX || !step_of(number, &step))
    return false;
  text = slice_skip(text, number.n + 1);
  g_string_truncate(reply->text, MIN(shared, reply->text->len));
  g_string_append_len(reply->text, text.p, (gssize)text.n);
  if (__builtin_add_overflow(reply->at, step * MILLISECOND, &reply->at))
    reply->at = 0;
  (void)via_step(reply->via);
  return true;
}

/* True: the line says how many members get which reply. */
static bool
take_line(struct chunk_reply *reply, struct slice line)
{
  struct slice count = slice_until(line, ' ');
  if (slice_starts_nocase(line, SLICE(VIA)))
    take_via(reply, slice_skip(line, strlen(VIA)));
  if (line.n > 0 && line.p[0] == '+') {
    reply->left = 1;
    return take_next(reply, line);
  }
  if (!slice_to_uint(count, &reply->left) || reply->left == 0)
    return false;
  assign(reply->text, slice_skip(line, count.n + 1));
  return true;
}

void
chunk_reply_next(struct chunk_reply *reply)
{
  if (reply->left > 0 && --reply->left > 0)
    return;
  reply->left = 0;
  while (reply->rest.n > 0)
    if (take_line(reply, next_line(&reply->rest)))
      return;
  g_string_truncate(reply->text, 0);
  g_string_truncate(reply->via, 0);
  reply->at = 0;
}
