/* Servers that answer anything at any point: whatever they do, each recipient has one outcome, and the right one. */
#include "smtp/smtp_client.h"
#include "smtp/smtp_oracle.h"
#include "net/memory_peer.h"
#include <errno.h>

#define RUNS 6000
#define RECIPIENTS_MAX 8

/* Beside PIPELINING and CHUNKING. */
static const char *const keywords[] = { "8BITMIME", "SMTPUTF8", "DSN", "XVERP", "SIZE 100000", "AUTH PLAIN" };

static const char *const surprises[] = {
  "250 2.0.0 ok\r\n", "354 go\r\n", "421 4.3.2 bye\r\n", "450 4.2.0 later\r\n", "451 4.3.0 later\r\n", "452 4.5.3 too many\r\n", "452 4.3.1 full\r\n",
  "500 what?\r\n", "503 5.5.1 not now\r\n", "550 5.1.1 no such user\r\n", "552 5.3.4 large\r\n", "554 5.7.1 no\r\n", "550-5.1.1 a\r\n550 5.1.1 b\r\n",
  "334 \r\n", "what?\r\n", "250-a\r\n550 b\r\n", "250 ok\n", "", "250 half",
};

static const int ends[] = { 0, 0, ECONNRESET, ETIMEDOUT, EAGAIN };

struct chance {
  GRand *rand;
  bool pipelining, chunking;
  enum shape shape;
  size_t n;
  int wild;             /* a surprise in so many replies; 0: none */
  const char *surprise; /* this one instead of the reply number `at` */
  int at, replies;
};

static bool
maybe(struct chance *chance, int in)
{
  return g_rand_int_range(chance->rand, 0, in) == 0;
}

static void
add_reply(struct chance *chance, GString *input, const char *usual)
{
  if (chance->surprise && chance->replies++ == chance->at)
    usual = chance->surprise;
  if (chance->wild && maybe(chance, chance->wild))
    usual = surprises[g_rand_int_range(chance->rand, 0, G_N_ELEMENTS(surprises))];
  g_string_append(input, usual);
}

static void
add_hello(const struct chance *chance, GString *input)
{
  g_string_append_printf(input, "220 mx\r\n250-mx\r\n%s%s", chance->pipelining ? "250-PIPELINING\r\n" : "", chance->chunking ? "250-CHUNKING\r\n" : "");
  for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++)
    if (g_rand_boolean(chance->rand))
      g_string_append_printf(input, "250-%s\r\n", keywords[i]);
  g_string_append(input, "250 HELP\r\n");
}

/* What a server would say to all that is going to be said if nothing went wrong; and then more. */
static void
add_dialogue(struct chance *chance, GString *input)
{
  size_t at_once = chance->shape == SHAPE_PERSONAL ? 1 : chance->n;
  for (size_t i = 0; i < chance->n + 2; i += at_once) {
    if (i > 0 && chance->pipelining && chance->chunking)
      add_reply(chance, input, "250 reset\r\n");
    for (size_t j = 0; j < at_once + 1; j++)
      add_reply(chance, input, "250 2.1.0 ok\r\n");
    if (!chance->chunking)
      add_reply(chance, input, "354 go\r\n");
    add_reply(chance, input, "250 2.0.0 queued\r\n");
  }
}

static char *
make_body(struct chance *chance)
{
  GString *body = g_string_new(NULL);
  int lines = maybe(chance, 10) ? 1500 : g_rand_int_range(chance->rand, 0, 5);
  for (int i = 0; i < lines; i++)
    g_string_append(body, maybe(chance, 4) ? ".\r\n" : "............ a line that begins with dots\r\n");
  return g_string_free(body, FALSE);
}

static void
fill(struct transmission *mail, const struct chance *chance, const struct copy_form *form)
{
  static const char *const addresses[RECIPIENTS_MAX] = { "a@x", "b@x", "c@x", "d@x", "e@x", "f@x", "g@x", "h@x" };
  static const char *const footers[RECIPIENTS_MAX] = { "a\r\n", "b\r\n", "c\r\n", ".\r\n", "..e\r\n", "f", "g\nG\r\n", "" };
  transmission_init(mail, chance->shape, chance->n);
  mail->as_is = form;
  mail->envelope_id = "p";
  for (size_t i = 0; i < mail->n; i++) {
    mail->recipients[i].address = addresses[i];
    mail->recipients[i].own[SLOT_FOOTER] = slice_of(footers[i]);
  }
}

/* `counts`: of each outcome, so that a test can see that it meets all of them. */
static void
run(struct chance *chance, struct memory_peer peer, size_t max_recipients, bool broken, size_t counts[])
{
  g_autoptr(GString) input = g_string_new(NULL);
  g_autofree char *body = make_body(chance);
  add_hello(chance, input);
  add_dialogue(chance, input);
  peer.input = (struct slice){ input->str, input->len };
  const struct copy_form form = { .header = SLICE("Subject: x\r\n\r\n"), .body = slice_of(body), .has_slot = { [SLOT_FOOTER] = true },
                                  .slots = { [SLOT_FOOTER] = { .at = 14 + strlen(body) } } };
  const struct smtp_client_options options = { .hostname = "lists.example.com", .name = "x", .max_recipients = max_recipients };
  OWN(smtp_client) client = smtp_client_new(memory_peer_stream(&peer), &options);
  g_assert_cmpint(smtp_client_hello(client, NULL), ==, RES_OK);
  peer.write_errno = broken ? EPIPE : 0;
  struct transmission mail;
  g_autoptr(GError) error = NULL;
  fill(&mail, chance, &form);
  enum res res = smtp_client_send(client, &mail, &error);
  g_assert_true(res == (error ? RES_TEMP : transmission_pending(&mail) > 0 ? RES_MORE : RES_OK) &&
                (res != RES_MORE || (smtp_client_worn(client) && transmission_pending(&mail) < mail.n)));
  smtp_oracle_check(&mail, &form, (struct slice){ peer.output->str, peer.output->len }, peer.input);
  for (size_t i = 0; i < mail.n; i++)
    counts[mail.recipients[i].outcome]++;
  transmission_clear(&mail);
  g_string_free(peer.output, TRUE);
}

static void
check_counts(const size_t counts[], size_t least)
{
  for (enum outcome outcome = OUTCOME_PENDING; outcome < OUTCOME_SKIPPED; outcome++) {
    g_test_message("outcome %d: %zu", outcome, counts[outcome]);
    g_assert_cmpuint(counts[outcome], >, least);
  }
}

/* Any ability, any reply, any surprise instead of it. */
static void
test_each(void)
{
  size_t counts[OUTCOME_SKIPPED + 1] = { 0 };
  for (unsigned ability = 0; ability < 4; ability++)
    for (enum shape shape = SHAPE_BATCH; shape <= SHAPE_PERSONAL; shape++)
      for (int at = 0; at < 20; at++)
        for (size_t i = 0; i < G_N_ELEMENTS(surprises); i++) {
          struct chance chance = { .rand = g_rand_new_with_seed(1), .pipelining = ability & 1, .chunking = ability & 2, .shape = shape, .n = 4, .surprise = surprises[i], .at = at };
          run(&chance, (struct memory_peer){ .piece = 40 }, 10, false, counts);
          g_rand_free(chance.rand);
        }
  check_counts(counts, 100);
}

static void
test_random(void)
{
  size_t counts[OUTCOME_SKIPPED + 1] = { 0 };
  for (guint32 seed = 0; seed < RUNS; seed++) {
    struct chance chance = { .rand = g_rand_new_with_seed(seed) };
    chance.pipelining = g_rand_boolean(chance.rand);
    chance.chunking = g_rand_boolean(chance.rand);
    chance.shape = maybe(&chance, 3) ? SHAPE_BATCH : SHAPE_PERSONAL;
    chance.n = (size_t)g_rand_int_range(chance.rand, 1, RECIPIENTS_MAX + 1);
    chance.wild = 1 << g_rand_int_range(chance.rand, 0, 8);
    struct memory_peer peer = { .read_errno = ends[g_rand_int_range(chance.rand, 0, G_N_ELEMENTS(ends))] };
    peer.piece = g_rand_boolean(chance.rand) ? 0 : (size_t)g_rand_int_range(chance.rand, 1, 100);
    peer.write_piece = g_rand_boolean(chance.rand) ? 0 : (size_t)g_rand_int_range(chance.rand, 1, 1000);
    run(&chance, peer, (size_t)g_rand_int_range(chance.rand, 1, 10), maybe(&chance, 30), counts);
    g_rand_free(chance.rand);
  }
  check_counts(counts, 300);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/smtp_random/each", test_each);
  g_test_add_func("/smtp_random/random", test_random);
  return g_test_run();
}
