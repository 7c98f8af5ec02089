/* What is each member's own in personal copies, and that nothing grows with their number. */
#include "courier/personal.h"
#include "courier/chunk.h"
#include "courier/fixture.h"
#include "courier/work.h"
#include "list/tag_key.h"

#define T0 INT64_C(1800000000000000)
#define ALWAYS "INSERT INTO list_setting (list_id, name, value) VALUES (1, 'personal', 'always')"
#define FULL "INSERT INTO list_setting (list_id, name, value) VALUES (1, 'personalize', 'full')"

/* --- an outlet that keeps what it is given --- */

struct sent {
  char *sender, *address, *original, *octets;
};

struct catcher {
  struct outlet outlet; /* first */
  GPtrArray *sent;      /* struct sent * */
  enum shape shape;
  char *envelope_id;
};

static void
sent_free(void *arg)
{
  struct sent *sent = arg;
  g_free(sent->sender);
  g_free(sent->address);
  g_free(sent->original);
  g_free(sent->octets);
  g_free(sent);
}

static enum outlet_result
catch(struct outlet *outlet, struct transmission *mail, GError **error)
{
  (void)error;
  struct catcher *catcher = (struct catcher *)outlet;
  catcher->shape = mail->shape;
  g_free(catcher->envelope_id);
  catcher->envelope_id = g_strdup(mail->envelope_id);
  for (size_t i = 0; i < mail->n; i++) {
    struct slice pieces[COPY_PIECES_MAX];
    g_autoptr(GString) octets = g_string_new(NULL);
    for (size_t k = 0, n = transmission_pieces(mail, mail->as_is, i, pieces); k < n; k++)
      g_string_append_len(octets, pieces[k].p, (gssize)pieces[k].n);
    struct sent *sent = g_new(struct sent, 1);
    *sent = (struct sent){ .sender = g_strdup(transmission_sender(mail, i)), .address = g_strdup(mail->recipients[i].address),
                           .original = g_strdup(mail->recipients[i].original), .octets = g_string_free(g_steal_pointer(&octets), FALSE) };
    g_ptr_array_add(catcher->sent, sent);
  }
  transmission_settle(mail, OUTCOME_SENT, transmission_reply(mail, g_strdup("taken")));
  return OUTLET_DONE;
}

static const struct outlet_ops catcher_ops = { .send = catch };

/* --- steps --- */

struct bench {
  struct fixture *fixture;
  struct parcel_shelf *shelf;
  struct catcher catcher;
};

static struct bench *
bench_new(int members)
{
  struct bench *bench = g_new0(struct bench, 1);
  bench->fixture = fixture_new(members);
  bench->shelf = parcel_shelf_new(bench->fixture->store, 1 << 20, "lists.example.com");
  bench->catcher = (struct catcher){ .outlet = { .ops = &catcher_ops, .name = (char *)"catcher" }, .sent = g_ptr_array_new_with_free_func(sent_free) };
  return bench;
}

static void
bench_free(struct bench *bench)
{
  parcel_shelf_free(bench->shelf);
  fixture_free(bench->fixture);
  g_ptr_array_unref(bench->catcher.sent);
  g_free(bench->catcher.envelope_id);
  g_free(bench);
}
OWN_DEFINE(bench, bench_free)

static enum res
write_claim(struct tx *tx, void *arg, GError **error)
{
  int64_t next_at;
  return claim_next(tx, &(struct claim_options){ .chunk_size = 500, .outlet = "", .now = T0 }, arg, &next_at, error);
}

static struct claim *
take(struct bench *bench)
{
  struct claim *claim = NULL;
  fixture_write(bench->fixture, write_claim, &claim);
  return claim;
}

static void
send_claim(struct bench *bench, struct work *work, struct claim *claim)
{
  const struct work_tools tools = { .store = bench->fixture->store, .shelf = bench->shelf };
  work_send(work, &tools, &bench->catcher.outlet, claim);
  g_assert_cmpint(work->result, ==, OUTLET_DONE);
  g_assert_true(work->reached);
}

/* Claims and sends one piece. */
static void
send_next(struct bench *bench)
{
  struct work work;
  send_claim(bench, &work, take(bench));
  work_clear(&work);
}

static const struct sent *
sent_at(const struct bench *bench, guint i)
{
  g_assert_cmpuint(i, <, bench->catcher.sent->len);
  return g_ptr_array_index(bench->catcher.sent, i);
}

static enum res
read_keys(struct tx *tx, void *arg, GError **error)
{
  return tag_key_all(tx, arg, error);
}

/* What stands in the tag of a sender "ant-bounces+TAG@example.com". */
static struct tag
tag_of(const struct bench *bench, const char *sender)
{
  g_autoptr(GArray) keys = NULL;
  struct tag tag = { .posting_id = 0 };
  g_assert_cmpint(store_read(bench->fixture->store, read_keys, &keys, NULL), ==, RES_OK);
  g_assert_true(g_str_has_prefix(sender, "ant-bounces+") && g_str_has_suffix(sender, "@example.com"));
  struct slice text = slice_until(slice_skip(slice_of(sender), strlen("ant-bounces+")), '@');
  enum res res = tag_read((const struct tag_key *)(const void *)keys->data, keys->len, bench->fixture->list_id, text, &tag, NULL);
  g_assert_cmpint(res, ==, RES_OK);
  return tag;
}

/* --- tests --- */

static void
test_batch(void)
{
  OWN(bench) bench = bench_new(3);
  fixture_post(bench->fixture);
  send_next(bench);
  g_assert_cmpint(bench->catcher.shape, ==, SHAPE_BATCH);
  g_assert_cmpuint(bench->catcher.sent->len, ==, 3);
  g_assert_cmpstr(bench->catcher.envelope_id, ==, "posting1");
  for (guint i = 0; i < 3; i++) {
    struct tag tag = tag_of(bench, sent_at(bench, i)->sender);
    g_assert_cmpint(tag.posting_id, ==, 1);
    g_assert_cmpint(tag.member_id, ==, 0);
    g_assert_cmpstr(sent_at(bench, i)->octets, ==, sent_at(bench, 0)->octets);
  }
}

static void
test_own_sender(void)
{
  OWN(bench) bench = bench_new(3);
  fixture_run(bench->fixture, ALWAYS);
  fixture_add_member(bench->fixture, "Ann@b\303\274cher.example");
  fixture_post(bench->fixture);
  send_next(bench);
  g_assert_cmpint(bench->catcher.shape, ==, SHAPE_PERSONAL);
  g_assert_cmpuint(bench->catcher.sent->len, ==, 4);
  for (guint i = 0; i < 4; i++) {
    struct tag tag = tag_of(bench, sent_at(bench, i)->sender);
    g_assert_cmpint(tag.posting_id, ==, 1);
    g_assert_cmpint(tag.member_id, ==, i + 1);
    g_assert_cmpstr(sent_at(bench, i)->octets, ==, sent_at(bench, 0)->octets);
  }
  g_assert_cmpstr(sent_at(bench, 0)->original, ==, "m1@example.net");
  g_assert_cmpstr(sent_at(bench, 3)->address, ==, "Ann@xn--bcher-kva.example");
  g_assert_cmpstr(sent_at(bench, 3)->original, ==, "Ann@b\303\274cher.example");
}

/* Owners get one and the same, with the posting's tag; what is no list's mail has none. */
static void
test_owners(void)
{
  OWN(bench) bench = bench_new(0);
  fixture_run(bench->fixture, FULL);
  fixture_post_to(bench->fixture, (const char *const[]){ "o@example.net", "p@example.net", NULL });
  send_next(bench);
  g_assert_cmpint(bench->catcher.shape, ==, SHAPE_BATCH);
  g_assert_cmpint(tag_of(bench, sent_at(bench, 1)->sender).posting_id, ==, 1);
  g_assert_nonnull(strstr(sent_at(bench, 1)->octets, "\r\nTo: ant@example.com, m2@example.net\r\n"));

  fixture_post_to(bench->fixture, (const char *const[]){ "q@example.net", NULL });
  fixture_run(bench->fixture, "UPDATE delivery SET list_id = 0, reverse_path = 'noreply@example.com' WHERE id = 2");
  fixture_run(bench->fixture, "UPDATE posting SET list_id = 0 WHERE id = 2");
  send_next(bench);
  g_assert_cmpstr(sent_at(bench, 2)->sender, ==, "noreply@example.com");
}

static const char *const to_of[] = {
  "To: Mia Maier <m1@example.net>\r\n",
  "To: m2@example.net\r\n",
  "To: \"Maier, M.\" <m3@example.net>\r\n",
  "To: =?UTF-8?Q?J=C3=BCrgen?= <m4@example.net>\r\n",
  "To: Ann@xn--bcher-kva.example\r\n",
};

/* All that differs is the field To. */
static void
test_full(void)
{
  OWN(bench) bench = bench_new(4);
  struct fixture *fixture = bench->fixture;
  fixture_run(fixture, FULL);
  fixture_set_member(fixture, 1, "display_name", "Mia Maier");
  fixture_set_member(fixture, 3, "display_name", "Maier, M.");
  fixture_set_member(fixture, 4, "display_name", "J\xc3\xbcrgen");
  fixture_add_member(fixture, "Ann@b\303\274cher.example");
  fixture_post(fixture);
  send_next(bench);
  g_assert_cmpuint(bench->catcher.sent->len, ==, G_N_ELEMENTS(to_of));
  g_autofree char *rest = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(to_of); i++) {
    const char *octets = sent_at(bench, i)->octets, *to = strstr(octets, to_of[i]);
    if (to == NULL)
      g_error("%s is not in %s", to_of[i], octets);
    g_autofree char *without = g_strdup_printf("%.*s%s", (int)(to - octets), octets, to + strlen(to_of[i]));
    if (rest)
      g_assert_cmpstr(without, ==, rest);
    else
      rest = g_steal_pointer(&without);
  }
  g_assert_null(strstr(rest, "\nTo:"));
  g_assert_nonnull(strstr(rest, "\nCc: M3 <M3@example.net>, ant@example.com, m2@example.net\r\n"));
}

/* --- memory --- */

static enum res
write_done(struct tx *tx, void *arg, GError **error)
{
  const struct claim *claim = arg;
  int64_t members[CLAIM_PERSONAL_MAX];
  for (guint i = 0; i < claim->targets->len; i++)
    members[i] = targets_at(claim->targets, i)->member_id;
  enum res res = chunk_finish(tx, claim->chunk_id, members, claim->targets->len, "", T0, error);
  return res == RES_OK ? claim_finish_delivery(tx, claim->delivery_id, T0, error) : res;
}

/* What a piece of work holds of its members' own. */
static size_t
octets_held(const struct work *work)
{
  size_t n = work->mail.n * sizeof work->mail.recipients[0];
  for (guint i = 0; i < work->texts->len; i++)
    n += strlen(g_ptr_array_index(work->texts, i)) + 1;
  return n;
}

static void
test_many(void)
{
  enum { MEMBERS = 10000 };
  OWN(bench) bench = bench_new(MEMBERS);
  fixture_run(bench->fixture, FULL);
  fixture_post(bench->fixture);
  guint members = 0, claims = 0;
  size_t most = 0, first = 0;
  for (struct claim *claim = take(bench); claim; claim = take(bench)) {
    struct work work;
    g_assert_cmpuint(claim->targets->len, <=, CLAIM_PERSONAL_MAX);
    members += claim->targets->len;
    claims++;
    send_claim(bench, &work, claim);
    most = MAX(most, octets_held(&work));
    first = first ? first : most;
    fixture_write(bench->fixture, write_done, work.claim);
    work_clear(&work);
    g_ptr_array_set_size(bench->catcher.sent, 0);
  }
  g_test_message("%u members in %u claims, of which one holds %zu octets at most, the first %zu", members, claims, most, first);
  g_assert_cmpuint(members, ==, MEMBERS);
  g_assert_cmpuint(claims, ==, MEMBERS / CLAIM_PERSONAL_MAX);
  g_assert_cmpuint(most, <, 50 * 1024);
  g_assert_cmpuint(most, <, first + first / 10);
  g_assert_cmpint(fixture_number(bench->fixture, "SELECT COUNT(*) FROM chunk"), ==, MEMBERS / CLAIM_PERSONAL_MAX);
  g_assert_cmpint(fixture_number(bench->fixture, "SELECT state FROM delivery"), ==, 2);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/personal/batch", test_batch);
  g_test_add_func("/personal/own sender", test_own_sender);
  g_test_add_func("/personal/owners", test_owners);
  g_test_add_func("/personal/full", test_full);
  g_test_add_func("/personal/many", test_many);
  return g_test_run();
}
