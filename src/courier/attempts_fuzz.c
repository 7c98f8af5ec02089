/* Histories of attempts: reading is total, what is added stands last and can be read, and they stay short. */
#include "courier/attempts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
count(struct slice history, struct attempt *last)
{
  size_t n = 0;
  while (attempts_next(&history, last)) {
    g_assert(last->dropped > 0 || last->text.n <= history.n + last->text.n);
    n++;
  }
  return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct slice history = { (const char *)data, size };
  struct attempt last;
  count(history, &last);
  const struct attempt attempt = { .at = 1800000000000000, .via = SLICE("mx.example.net"), .text = slice_head(history, size / 2) };
  g_autofree char *cleaned = attempt_clean(attempt.text), *more = attempts_add(history, &attempt);
  struct attempt read = { .at = 0 };
  g_assert(count(slice_of(more), &read) <= ATTEMPTS_FIRST + ATTEMPTS_LAST + 1);
  g_assert(read.at == attempt.at && slice_equal(read.via, attempt.via) && slice_equal(read.text, slice_of(cleaned)));
  return 0;
}
