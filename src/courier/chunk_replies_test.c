#include "courier/chunk_replies.h"
#include "base/clock.h"

#define T0 INT64_C(1800000000000000)

/* --- a transmission --- */

struct said {
  char letter;      /* S sent, F failed, K skipped; 0: the end */
  const char *text; /* NULL: the same reply as the one before; "-": none */
  const char *via;
  int64_t after; /* T0, microseconds */
};
#define RECIPIENTS_MAX 8

static void
fill(struct transmission *mail, const struct said *said)
{
  size_t n = 0;
  while (n < RECIPIENTS_MAX && said[n].letter)
    n++;
  transmission_init(mail, SHAPE_PERSONAL, n);
  int reply = -1;
  for (size_t i = 0; i < n; i++) {
    if (said[i].text && strcmp(said[i].text, "-") == 0)
      reply = -1;
    else if (said[i].text) {
      g_strlcpy(mail->via, said[i].via, sizeof mail->via);
      reply = transmission_reply(mail, g_strdup(said[i].text));
      ((struct transmission_reply *)g_ptr_array_index(mail->replies, (guint)reply))->at = T0 + said[i].after;
    }
    mail->recipients[i].outcome = said[i].letter == 'S' ? OUTCOME_SENT : said[i].letter == 'K' ? OUTCOME_SKIPPED : OUTCOME_FAILED;
    mail->recipients[i].reply = reply;
  }
}

/* What is read again must be what was said, times to the millisecond. */
static void
assert_reads_again(const char *name, const struct transmission *mail, const char *text)
{
  struct chunk_reply reply;
  chunk_reply_begin(&reply, slice_of(text));
  for (size_t i = 0; i < mail->n; i++) {
    if (mail->recipients[i].outcome != OUTCOME_SENT)
      continue;
    const struct transmission_reply *said = transmission_reply_of(mail, i);
    g_autofree char *clean = attempt_clean(slice_of(said ? said->text : ""));
    chunk_reply_next(&reply);
    int64_t early = (said ? said->at : 0) - reply.at;
    if (strcmp(reply.text->str, clean) != 0 || strcmp(reply.via->str, said ? said->via : "") != 0 || early < 0 || early >= 1000)
      g_error("%s: recipient %zu got \"%s\" of \"%s\" at %" G_GINT64_FORMAT, name, i, reply.text->str, reply.via->str, reply.at);
  }
  chunk_reply_next(&reply);
  g_assert_cmpstr(reply.text->str, ==, "");
  g_assert_cmpstr(reply.via->str, ==, "");
  g_assert_cmpint(reply.at, ==, 0);
  chunk_reply_end(&reply);
}

static const struct {
  const char *name;
  struct said said[RECIPIENTS_MAX];
  const char *wanted;
} rows[] = {
  { .name = "nothing", .wanted = "" },
  { .name = "one transaction", .said = { { 'S', "250 a", "h:25 1/1", 0 }, { 'S' }, { 'S' } }, .wanted = "via h:25 1/1 1800000000000000\n3 250 a\n" },
  { .name = "two transactions",
    .said = { { 'S', "250 a", "h:25 1/1", 0 }, { 'S' }, { 'S', "250 b", "h:25 1/2", 5000 }, { 'S' } },
    .wanted = "via h:25 1/1 1800000000000000\n2 250 a\nvia h:25 1/2 1800000000005000\n2 250 b\n" },
  { .name = "two replies at once",
    .said = { { 'S', "250 a", "h:25 1/1", 0 }, { 'S' }, { 'S', "250 b", "h:25 1/1", 0 }, { 'S' } },
    .wanted = "via h:25 1/1 1800000000000000\n2 250 a\n2 250 b\n" },
  { .name = "personal copies",
    .said = { { 'S', "250 queued as AB1", "h:25 1/9", 0 }, { 'S', "250 queued as AB2", "h:25 1/10", 2700 }, { 'S', "250 queued as AC", "h:25 1/11", 3100 } },
    .wanted = "via h:25 1/9 1800000000000000\n1 250 queued as AB1\n+g2 2\n+f1 C\n" },
  { .name = "refused in between",
    .said = { { 'S', "250 a", "h:25 1/1", 0 }, { 'F', "550 b", "h:25 1/2", 1000 }, { 'S', "250 c", "h:25 1/3", 2000 }, { 'K', "-" }, { 'S', "250 d", "h:25 1/4", 2000 } },
    .wanted = "via h:25 1/1 1800000000000000\n1 250 a\nvia h:25 1/3 1800000000002000\n1 250 c\n+40 d\n" },
  { .name = "the clock goes back",
    .said = { { 'S', "250 a", "h:25 1/1", 5000 }, { 'S', "250 b", "h:25 1/2", 0 } },
    .wanted = "via h:25 1/1 1800000000005000\n1 250 a\nvia h:25 1/2 1800000000000000\n1 250 b\n" },
  { .name = "days later",
    .said = { { 'S', "250 a", "h:25 1/1", 0 }, { 'S', "250 b", "h:25 1/2", 2 * CLOCK_DAY } },
    .wanted = "via h:25 1/1 1800000000000000\n1 250 a\nvia h:25 1/2 1800172800000000\n1 250 b\n" },
  { .name = "no transaction is named",
    .said = { { 'S', "written", "", 0 }, { 'S', "written too", "", 1000 } },
    .wanted = "via 1800000000000000\n1 written\nvia 1800000000001000\n1 written too\n" },
  { .name = "no reply",
    .said = { { 'S', "-" }, { 'S', "250 a", "h:25 1/1", 0 }, { 'S', "-" } },
    .wanted = "1 \nvia h:25 1/1 1800000000000000\n1 250 a\nvia 0\n1 \n" },
  { .name = "the same again",
    .said = { { 'S', "250 a", "h:25 1/1", 0 }, { 'S', "250 a", "h:25 1/2", 0 }, { 'S', "", "h:25 1/3", 0 } },
    .wanted = "via h:25 1/1 1800000000000000\n1 250 a\n+50 \n+00 \n" },
  { .name = "parts of characters are not shared",
    .said = { { 'S', "250 \303\244", "h:25 1/1", 0 }, { 'S', "250 \303\266", "h:25 1/2", 0 } },
    .wanted = "via h:25 1/1 1800000000000000\n1 250 \303\244\n+40 \303\266\n" },
  { .name = "line ends and tabs", .said = { { 'S', "250 a\nb\tc", "h:25 1/1", 0 } }, .wanted = "via h:25 1/1 1800000000000000\n1 250 a b c\n" },
};

static void
test_sent(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct transmission mail;
    fill(&mail, rows[i].said);
    g_autofree char *text = chunk_replies_sent(&mail);
    g_test_message("%s", rows[i].name);
    g_assert_cmpstr(text, ==, rows[i].wanted);
    assert_reads_again(rows[i].name, &mail, text);
    transmission_clear(&mail);
  }
}

/* --- rows as they were --- */

static void
test_old_rows(void)
{
  static const char text[] = "skipped digest=3 disabled=0 own=1 copy=0\nskipped digest=0 disabled=0 own=0 copy=2\n2 250 a\n1 250 b\n";
  static const char *const wanted[] = { "250 a", "250 a", "250 b", "" };
  struct chunk_reply reply;
  chunk_reply_begin(&reply, SLICE(text));
  for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
    chunk_reply_next(&reply);
    g_assert_cmpstr(reply.text->str, ==, wanted[i]);
    g_assert_cmpstr(reply.via->str, ==, "");
    g_assert_cmpint(reply.at, ==, 0);
  }
  chunk_reply_end(&reply);
  struct chunk_skips skips = { .roster.digest = 1 };
  chunk_replies_count_skipped(SLICE(text), &skips);
  g_assert_cmpint(skips.roster.digest, ==, 4);
  g_assert_cmpint(skips.roster.own, ==, 1);
  g_assert_cmpint(skips.roster.disabled, ==, 0);
  g_assert_cmpint(skips.copy, ==, 2);
}

/* --- who was passed over, what broke --- */

static void
test_not_sent(void)
{
  static const struct said said[RECIPIENTS_MAX] = { { 'K', "-" }, { 'S', "250 a", "h:25 1/1", 0 }, { 'K', "-" }, { 'K', "removed", "", 0 }, { 'F', "550 b", "h:25 1/1", 0 } };
  struct transmission mail;
  fill(&mail, said);
  g_autoptr(GArray) targets = targets_new();
  for (int64_t i = 0; i < 5; i++)
    targets_add(targets, (struct target){ .member_id = 10 + i });
  g_autofree char *text = chunk_replies_not_sent(&mail, targets);
  g_assert_cmpstr(text, ==, "skipped copy=2 removed=1 member=10 member=12\n");
  struct chunk_skips skips = { .copy = 1 };
  chunk_replies_count_skipped(slice_of(text), &skips);
  g_assert_cmpint(skips.copy, ==, 3);
  g_assert_cmpint(skips.removed, ==, 1);
  for (int64_t id = 9; id < 15; id++)
    g_assert_cmpint(chunk_replies_passes_over(slice_of(text), id), ==, id == 10 || id == 12);
  transmission_clear(&mail);

  fill(&mail, said + 4);
  g_autofree char *nobody = chunk_replies_not_sent(&mail, targets), *skipped = chunk_replies_skipped(&(struct roster_skips){ .digest = 0 }, 0);
  g_assert_cmpstr(nobody, ==, "");
  g_assert_cmpstr(skipped, ==, "");
  transmission_clear(&mail);
}

static void
test_broken(void)
{
  g_autofree char *one = chunk_replies_broken("h:25 1/2", "lost", T0), *other = chunk_replies_broken("", "again\nlost", T0 + 1);
  g_autofree char *text = g_strconcat("skipped copy=1\n", one, "broke\nbroke x\nbroke dropped 3\n", other, "2 250 a\n", NULL);
  struct slice rest = slice_of(text);
  struct attempt attempt;
  g_assert_true(chunk_replies_next_broken(&rest, &attempt));
  g_assert_true(slice_equal(attempt.via, SLICE("h:25 1/2")) && slice_equal(attempt.text, SLICE("lost")));
  g_assert_cmpint(attempt.at, ==, T0);
  g_assert_true(chunk_replies_next_broken(&rest, &attempt));
  g_assert_true(slice_equal(attempt.via, SLICE("")) && slice_equal(attempt.text, SLICE("again lost")));
  g_assert_false(chunk_replies_next_broken(&rest, &attempt));
  struct chunk_reply reply;
  chunk_reply_begin(&reply, slice_of(text));
  chunk_reply_next(&reply);
  g_assert_cmpstr(reply.text->str, ==, "250 a");
  chunk_reply_end(&reply);
}

/* --- damaged --- */

static void
read_all(struct slice text)
{
  struct chunk_skips skips = { .copy = 0 };
  struct chunk_reply reply;
  struct attempt attempt;
  chunk_replies_count_skipped(text, &skips);
  (void)!chunk_replies_passes_over(text, 12);
  for (struct slice rest = text; chunk_replies_next_broken(&rest, &attempt);)
    g_assert_cmpuint(attempt.text.n, <=, text.n);
  chunk_reply_begin(&reply, text);
  for (int i = 0; i < 12; i++)
    chunk_reply_next(&reply);
  chunk_reply_end(&reply);
}

/* Each prefix, and each text with one octet gone, in memory that ends with it. */
static void
test_every_prefix(void)
{
  static const char text[] = "skipped digest=3 disabled=0 own=1 copy=2 member=12 member=13\nbroke 1800000000000000 h:25 1/1\tlost\nvia h:25 1/9 1800000000000000\n"
                             "1 250 queued as AB1\n+g2 2\n+fzz C\n3 250 \303\244\nvia 5\n2 x\n";
  for (size_t n = 0; n < sizeof text; n++) {
    g_autofree char *prefix = g_memdup2(text, n);
    read_all((struct slice){ prefix, n });
    g_autofree char *without = g_malloc(sizeof text - 1);
    memcpy(without, text, n);
    memcpy(without + n, text + n + 1, sizeof text - 1 - n);
    read_all((struct slice){ without, sizeof text - 1 });
  }
}

static const struct {
  const char *name, *text, *wanted; /* of the first member */
} damaged[] = {
  { "a count of nothing", "0 250 a\n1 250 b\n", "250 b" },
  { "a count that is none", "x 250 a\n1 250 b\n", "250 b" },
  { "a count far too large", "9999999999999999999999 250 a\n1 250 b\n", "250 b" },
  { "a large count", "999999999999999999 250 a\n", "250 a" },
  { "more shared than there is", "+z0 tail\n", "tail" },
  { "no shared", "+\n+-0 x\n1 250 b\n", "250 b" },
  { "no step", "+0 x\n1 250 b\n", "250 b" },
  { "too long a step", "+0zzzzzzzzz x\n1 250 b\n", "250 b" },
  { "a step in capitals", "+0Z x\n1 250 b\n", "250 b" },
  { "a time that is none", "via h:25 1/1 x\n1 250 a\n", "250 a" },
  { "only via", "via \n1 250 a\n", "250 a" },
  { "steps beyond all time", "via h/1 999999999999999999\n+0zzzzzzzz a\n", "a" },
};

static void
test_damaged(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(damaged); i++) {
    struct chunk_reply reply;
    g_test_message("%s", damaged[i].name);
    chunk_reply_begin(&reply, slice_of(damaged[i].text));
    chunk_reply_next(&reply);
    g_assert_cmpstr(reply.text->str, ==, damaged[i].wanted);
    chunk_reply_end(&reply);
  }
  g_autoptr(GString) steps = g_string_new("via h/1 999999999999999999\n");
  for (int i = 0; i < 5000; i++)
    g_string_append(steps, "+0zzzzzzzz a\n");
  struct chunk_reply reply;
  chunk_reply_begin(&reply, (struct slice){ steps->str, steps->len });
  for (int i = 0; i < 5000; i++)
    chunk_reply_next(&reply);
  g_assert_cmpstr(reply.via->str, ==, "h/5001");
  chunk_reply_end(&reply);
}

/* --- how much it is --- */

#define MEMBERS 10000
#define CLAIM 50

/* Queue ids as Postfix makes them: short from microseconds and inode, long from seconds, microseconds and inode. */
static char *
queue_id(bool is_long, int64_t at, int number)
{
  if (!is_long)
    return g_strdup_printf("%05X%05X", (unsigned)(at % CLOCK_SECOND), 0x61A2Fu + (unsigned)number % 97);
  static const char alphabet[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
  g_autoptr(GString) id = g_string_new(NULL);
  const int64_t parts[] = { at / CLOCK_SECOND, at % CLOCK_SECOND };
  const int widths[] = { 6, 4 };
  for (size_t part = 0; part < 2; part++) {
    gsize start = id->len;
    int64_t rest = parts[part];
    for (int i = 0; i < widths[part]; i++, rest /= 52)
      g_string_insert_c(id, (gssize)start, alphabet[rest % 52]);
  }
  g_string_append_printf(id, "z%c%c%c", alphabet[number % 51], alphabet[number / 51 % 51], alphabet[7]);
  return g_string_free(g_steal_pointer(&id), FALSE);
}

static size_t
octets_for(bool long_ids, size_t per_transaction)
{
  size_t octets = 0;
  int64_t now = T0;
  for (int chunk = 0; chunk < MEMBERS / CLAIM; chunk++) {
    struct transmission mail;
    transmission_init(&mail, per_transaction > 1 ? SHAPE_BATCH : SHAPE_PERSONAL, CLAIM);
    int reply = -1;
    for (size_t i = 0; i < CLAIM; i++) {
      mail.recipients[i].outcome = OUTCOME_SENT;
      if (i % per_transaction == 0) {
        now += 2113;
        g_autofree char *id = queue_id(long_ids, now - 700, chunk * CLAIM + (int)i);
        g_snprintf(mail.via, sizeof mail.via, "192.168.100.200:25 %d/%d", 1 + chunk % 8, chunk / 8 * CLAIM + (int)i);
        reply = transmission_reply(&mail, g_strdup_printf("250 2.0.0 Ok: queued as %s", id));
        ((struct transmission_reply *)g_ptr_array_index(mail.replies, (guint)reply))->at = now;
      }
      mail.recipients[i].reply = reply;
    }
    g_autofree char *text = chunk_replies_sent(&mail);
    octets += strlen(text);
    if (per_transaction == 1)
      assert_reads_again("personal", &mail, text);
    transmission_clear(&mail);
  }
  return octets;
}

static void
test_size(void)
{
  size_t brief = octets_for(false, 1), full = octets_for(true, 1), batch = octets_for(true, CLAIM);
  g_test_message("octets a member: %.1f personal with short queue ids, %.1f with long ones, %.1f in batches of 50", (double)brief / MEMBERS, (double)full / MEMBERS,
                 (double)batch / MEMBERS);
  g_assert_cmpuint(brief, <, 20 * MEMBERS);
  g_assert_cmpuint(full, <, 20 * MEMBERS);
  g_assert_cmpuint(batch, <, 3 * MEMBERS);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/chunk_replies/sent", test_sent);
  g_test_add_func("/chunk_replies/old rows", test_old_rows);
  g_test_add_func("/chunk_replies/not sent", test_not_sent);
  g_test_add_func("/chunk_replies/broken", test_broken);
  g_test_add_func("/chunk_replies/every prefix", test_every_prefix);
  g_test_add_func("/chunk_replies/damaged", test_damaged);
  g_test_add_func("/chunk_replies/size", test_size);
  return g_test_run();
}
