#include "courier/chunk_replies.h"

#define SKIPPED "skipped "

char *
chunk_replies_skipped(const struct roster_skips *skips, int64_t copy)
{
  if (skips->digest + skips->disabled + skips->own + copy == 0)
    return g_strdup("");
  return g_strdup_printf(SKIPPED "digest=%" G_GINT64_FORMAT " disabled=%" G_GINT64_FORMAT " own=%" G_GINT64_FORMAT " copy=%" G_GINT64_FORMAT "\n", skips->digest,
                         skips->disabled, skips->own, copy);
}

/* Cuts the first line, without its end, off `rest`. */
static struct slice
next_line(struct slice *rest)
{
  struct slice line = slice_until(*rest, '\n');
  *rest = slice_skip(*rest, line.n + 1);
  return line;
}

static void
count_word(struct slice word, struct roster_skips *skips, int64_t *copy)
{
  const struct {
    struct slice name;
    int64_t *count;
  } names[] = { { SLICE("digest"), &skips->digest }, { SLICE("disabled"), &skips->disabled }, { SLICE("own"), &skips->own }, { SLICE("copy"), copy } };
  struct slice name = slice_until(word, '=');
  int64_t n;
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (slice_equal(name, names[i].name) && slice_to_uint(slice_skip(word, name.n + 1), &n))
      *names[i].count += n;
}

void
chunk_replies_count_skipped(struct slice replies, struct roster_skips *skips, int64_t *copy)
{
  while (replies.n > 0) {
    struct slice line = next_line(&replies);
    if (!slice_starts_nocase(line, SLICE(SKIPPED)))
      continue;
    for (struct slice rest = slice_skip(line, strlen(SKIPPED)); rest.n > 0;) {
      struct slice word = slice_until(rest, ' ');
      rest = slice_skip(rest, word.n + 1);
      count_word(word, skips, copy);
    }
  }
}

char *
chunk_replies_sent(const struct transmission *transmission)
{
  g_autoptr(GString) out = g_string_new(NULL);
  size_t run = 0;
  int reply = -1;
  for (size_t i = 0; i <= transmission->n; i++) {
    const struct transmission_recipient *recipient = i < transmission->n ? &transmission->recipients[i] : NULL;
    if (recipient && recipient->outcome != OUTCOME_SENT)
      continue;
    if (run > 0 && (recipient == NULL || recipient->reply != reply)) {
      g_string_append_printf(out, "%zu %s\n", run, reply < 0 ? "" : ((struct transmission_reply *)g_ptr_array_index(transmission->replies, (guint)reply))->text);
      run = 0;
    }
    if (recipient)
      reply = recipient->reply;
    run++;
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

struct slice
chunk_replies_of(struct slice replies, size_t member)
{
  while (replies.n > 0) {
    struct slice line = next_line(&replies), number = slice_until(line, ' ');
    int64_t count;
    if (!slice_to_uint(number, &count))
      continue;
    if ((uint64_t)count > member)
      return slice_skip(line, number.n + 1);
    member -= (size_t)count;
  }
  return (struct slice){ "", 0 };
}
