#include "courier/chunk_replies.h"

/* The text of replies as the database gives it back, damaged; what is read from it is written, and must read the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMBERS 60

static void
read_members(struct slice text, struct transmission *mail)
{
  struct chunk_reply reply;
  transmission_init(mail, SHAPE_PERSONAL, MEMBERS);
  chunk_reply_begin(&reply, text);
  for (size_t i = 0; i < MEMBERS; i++) {
    chunk_reply_next(&reply);
    g_strlcpy(mail->via, reply.via->str, sizeof mail->via);
    mail->recipients[i].outcome = OUTCOME_SENT;
    mail->recipients[i].reply = transmission_reply(mail, g_strdup(reply.text->str));
    ((struct transmission_reply *)g_ptr_array_index(mail->replies, (guint)i))->at = reply.at;
  }
  chunk_reply_end(&reply);
}

static void
check_members(struct slice text, const struct transmission *mail)
{
  struct chunk_reply reply;
  chunk_reply_begin(&reply, text);
  for (size_t i = 0; i < MEMBERS; i++) {
    const struct transmission_reply *said = transmission_reply_of(mail, i);
    g_autofree char *clean = attempt_clean(slice_of(said->text)), *via = attempt_clean(slice_of(said->via));
    chunk_reply_next(&reply);
    g_assert_cmpstr(reply.text->str, ==, clean);
    g_assert_cmpstr(reply.via->str, ==, via);
    g_assert_cmpint(said->at - reply.at, >=, 0);
    g_assert_cmpint(said->at - reply.at, <, 1000);
  }
  chunk_reply_end(&reply);
}

static void
read_others(struct slice text)
{
  struct chunk_skips skips = { .copy = 0 };
  struct attempt attempt;
  chunk_replies_count_skipped(text, &skips);
  (void)!chunk_replies_passes_over(text, 7);
  for (struct slice rest = text; chunk_replies_next_broken(&rest, &attempt);)
    g_assert_cmpuint(attempt.via.n + attempt.text.n, <, text.n);
  g_autofree char *history = attempts_add(text, &(struct attempt){ .at = 1, .via = SLICE("h:25 1/1"), .text = SLICE("250 a") });
  int told = 0;
  for (struct slice rest = slice_of(history); attempts_next(&rest, &attempt);)
    told++;
  g_assert_cmpint(told, <=, ATTEMPTS_FIRST + ATTEMPTS_LAST + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct slice text = { (const char *)data, size };
  struct transmission mail;
  read_others(text);
  read_members(text, &mail);
  g_autofree char *again = chunk_replies_sent(&mail);
  check_members(slice_of(again), &mail);
  transmission_clear(&mail);
  return 0;
}
