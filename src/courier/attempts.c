#include "courier/attempts.h"
#include "smtp/smtp_reply.h"

#define DROPPED "dropped "

struct attempt
attempt_of(const struct transmission_reply *reply, int64_t now)
{
  if (reply == NULL)
    return (struct attempt){ .at = now, .via = SLICE(""), .text = SLICE("") };
  return (struct attempt){ .at = reply->at, .via = slice_of(reply->via), .text = slice_of(reply->text) };
}

char *
attempt_clean(struct slice text)
{
  size_t n = MIN(text.n, SMTP_REPLY_TEXT_MAX);
  while (n < text.n && n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80) /* not inside a character of UTF-8 */
    n--;
  return g_strdelimit(slice_dup(slice_head(text, n)), "\n\t", ' ');
}

void
attempt_write(GString *out, const struct attempt *attempt)
{
  if (attempt->dropped > 0) {
    g_string_append_printf(out, DROPPED "%" G_GINT64_FORMAT "\n", attempt->dropped);
    return;
  }
  g_autofree char *via = attempt_clean(attempt->via), *text = attempt_clean(attempt->text);
  g_string_append_printf(out, "%" G_GINT64_FORMAT " %s\t%s\n", attempt->at, via, text);
}

static bool
read_line(struct slice line, struct attempt *attempt)
{
  *attempt = (struct attempt){ .via = SLICE(""), .text = SLICE("") };
  if (slice_starts_nocase(line, SLICE(DROPPED)))
    return slice_to_uint(slice_skip(line, strlen(DROPPED)), &attempt->dropped) && attempt->dropped > 0;
  struct slice head = slice_until(line, '\t'), at = slice_until(head, ' ');
  if (head.n == line.n || at.n == head.n || !slice_to_uint(at, &attempt->at))
    return false;
  attempt->via = slice_skip(head, at.n + 1);
  attempt->text = slice_skip(line, head.n + 1);
  return true;
}

bool
attempts_next(struct slice *rest, struct attempt *attempt)
{
  while (rest->n > 0) {
    struct slice line = slice_until(*rest, '\n');
    *rest = slice_skip(*rest, line.n + 1);
    if (read_line(line, attempt))
      return true;
  }
  return false;
}

/* How many are told in `history`, and for how many more a line stands. */
static size_t
count(struct slice history, int64_t *dropped)
{
  struct attempt attempt;
  size_t told = 0;
  *dropped = 0;
  while (attempts_next(&history, &attempt)) {
    told += attempt.dropped == 0;
    if (__builtin_add_overflow(*dropped, attempt.dropped, dropped))
      *dropped = INT64_MAX - 1;
  }
  return told;
}

char *
attempts_add(struct slice history, const struct attempt *attempt)
{
  g_autoptr(GString) out = g_string_new(NULL);
  int64_t dropped;
  size_t told = count(history, &dropped), number = 0;
  size_t too_many = told + 1 > ATTEMPTS_FIRST + ATTEMPTS_LAST ? told + 1 - ATTEMPTS_FIRST - ATTEMPTS_LAST : 0;
  struct attempt gap = { .dropped = dropped + (int64_t)too_many };
  for (struct attempt before; attempts_next(&history, &before);) {
    if (before.dropped > 0)
      continue;
    if (number == ATTEMPTS_FIRST && gap.dropped > 0)
      attempt_write(out, &gap);
    if (number < ATTEMPTS_FIRST || number >= ATTEMPTS_FIRST + too_many)
      attempt_write(out, &before);
    number++;
  }
  attempt_write(out, attempt);
  return g_string_free(g_steal_pointer(&out), FALSE);
}
