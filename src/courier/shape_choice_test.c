/* Who gets which shape of copy, and that claims of mixed shapes leave nobody out. */
#include "courier/shape_choice.h"
#include "courier/chunk.h"
#include "courier/claim.h"
#include "courier/fixture.h"
#include "courier/roster_chunk.h"

#define T0 INT64_C(1800000000000000)
#define SET(name, value) "INSERT INTO list_setting (list_id, name, value) VALUES (1, '" name "', '" value "')"
/* Of m`number`, so many days before T0. */
#define BOUNCE(number, days)                                                                                     \
  "INSERT INTO bounce (list_id, member_id, address, delivery_id, at, reply) SELECT list_id, id, '', 1, "          \
  "1800000000000000 - 86400000000 * " #days ", '' FROM member WHERE join_number = " #number

struct step {
  struct claim_options options;
  struct claim *claim;
};

static enum res
write_claim(struct tx *tx, void *arg, GError **error)
{
  struct step *step = arg;
  int64_t next_at;
  return claim_next(tx, &step->options, &step->claim, &next_at, error);
}

static enum res
write_done(struct tx *tx, void *arg, GError **error)
{
  const struct claim *claim = arg;
  int64_t members[ROSTER_CHUNK_MAX];
  for (guint i = 0; i < claim->targets->len; i++)
    members[i] = targets_at(claim->targets, i)->member_id;
  enum res res = chunk_finish(tx, claim->chunk_id, members, claim->targets->len, "", T0, error);
  return res == RES_OK ? claim_finish_delivery(tx, claim->delivery_id, T0, error) : res;
}

/* What all claims of a posting gave. */
struct account {
  GHashTable *shapes; /* address -> shape + 1 */
  guint claims[2], most[2];
};

static void
account_clear(struct account *account)
{
  g_hash_table_unref(account->shapes);
}

static void
count_claim(struct account *account, const struct claim *claim)
{
  account->claims[claim->shape]++;
  account->most[claim->shape] = MAX(account->most[claim->shape], claim->targets->len);
  for (guint i = 0; i < claim->targets->len; i++) {
    const char *address = targets_at(claim->targets, i)->address;
    if (!g_hash_table_insert(account->shapes, g_strdup(address), GINT_TO_POINTER(claim->shape + 1)))
      g_error("%s is in two claims", address);
  }
}

static struct account
take_all(struct fixture *fixture, size_t chunk_size, char *const *domains)
{
  struct account account = { .shapes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };
  for (;;) {
    struct step step = { .options = { .chunk_size = chunk_size, .outlet = "", .now = T0, .personal_domains = domains } };
    fixture_write(fixture, write_claim, &step);
    OWN(claim) claim = step.claim;
    if (claim == NULL)
      break;
    count_claim(&account, claim);
    fixture_write(fixture, write_done, claim);
  }
  g_assert_cmpint(fixture_number(fixture, "SELECT state FROM delivery"), ==, 2);
  return account;
}

static int
by_text(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The members with personal copies, sorted, with blanks between; owned by the caller. */
static char *
personal_ones(const struct account *account)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  GHashTableIter iter;
  gpointer address, shape;
  g_hash_table_iter_init(&iter, account->shapes);
  while (g_hash_table_iter_next(&iter, &address, &shape))
    if (GPOINTER_TO_INT(shape) == SHAPE_PERSONAL + 1)
      g_ptr_array_add(names, address);
  g_ptr_array_sort(names, by_text);
  g_ptr_array_add(names, NULL);
  return g_strjoinv(" ", (char **)names->pdata);
}

/* The list has m1 to m3@example.net and these. */
static const char *const others[] = { "a@Big.example", "b@mail.big.example", "c@b\303\274cher.example", "d@xn--bcher-kva.example" };
#define ALL "a@Big.example b@mail.big.example c@b\303\274cher.example d@xn--bcher-kva.example m1@example.net m2@example.net m3@example.net"

static const struct {
  const char *name;
  const char *sql[3];
  const char *domains[3];
  const char *want;
} rows[] = {
  { .name = "auto, nothing said", .want = "" },
  { .name = "always", .sql = { SET("personal", "always") }, .want = ALL },
  { .name = "never", .sql = { SET("personal", "never"), BOUNCE(2, 1) }, .domains = { "big.example" }, .want = "" },
  { .name = "personalize wants them", .sql = { SET("personalize", "individual") }, .want = ALL },
  { .name = "personalize wants them even so", .sql = { SET("personalize", "full"), SET("personal", "never") }, .want = ALL },
  { .name = "a domain, not those below it", .domains = { "BIG.example" }, .want = "a@Big.example" },
  { .name = "the domain below alone", .domains = { "mail.big.example" }, .want = "b@mail.big.example" },
  { .name = "a leading dot is no domain", .domains = { ".big.example", "*.example" }, .want = "" },
  { .name = "A-labels and U-labels are one domain", .domains = { "B\303\234CHER.example" }, .want = "c@b\303\274cher.example d@xn--bcher-kva.example" },
  { .name = "two domains", .domains = { "xn--bcher-kva.example", "example.net" },
    .want = "c@b\303\274cher.example d@xn--bcher-kva.example m1@example.net m2@example.net m3@example.net" },
  { .name = "who bounced of late", .sql = { BOUNCE(2, 6), BOUNCE(3, 8) }, .want = "m2@example.net" },
  { .name = "another time to forget", .sql = { BOUNCE(2, 6), BOUNCE(3, 8), SET("bounce_info_stale_after", "9d") }, .want = "m2@example.net m3@example.net" },
  { .name = "nothing is remembered", .sql = { BOUNCE(2, 1), SET("bounce_info_stale_after", "0s") }, .want = "" },
};

static void
test_members(void)
{
  static const size_t sizes[] = { 1, 3, 8 };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++) {
      size_t chunk_size = sizes[s];
      OWN(fixture) fixture = fixture_new(3);
      for (size_t k = 0; k < G_N_ELEMENTS(others); k++)
        fixture_add_member(fixture, others[k]);
      for (size_t k = 0; k < G_N_ELEMENTS(rows[i].sql) && rows[i].sql[k]; k++)
        fixture_run(fixture, rows[i].sql[k]);
      fixture_post(fixture);
      g_auto(GStrv) domains = shape_choice_domains((char *const *)rows[i].domains);
      struct account account = take_all(fixture, chunk_size, domains);
      g_autofree char *got = personal_ones(&account);
      if (strcmp(got, rows[i].want) != 0)
        g_error("%s, %zu at a time: personal copies for \"%s\"", rows[i].name, chunk_size, got);
      g_assert_cmpuint(g_hash_table_size(account.shapes), ==, 3 + G_N_ELEMENTS(others));
      g_assert_cmpuint(MAX(account.most[0], account.most[1]), <=, chunk_size);
      account_clear(&account);
    }
}

/* Mixed rosters: everybody is in one claim, claims keep to their sizes, and few of either shape make few chunks. */
static void
test_mixed(void)
{
  static const struct {
    const char *name, *sql;
    guint personal, claims[2]; /* at most */
  } mixes[] = {
    { .name = "a few personal ones", .sql = "WHERE id % 400 = 0", .personal = 5, .claims = { 6, 5 } },
    { .name = "every seventh", .sql = "WHERE id % 7 = 0", .personal = 300, .claims = { 6, 10 } },
    { .name = "all but every seventh", .sql = "WHERE id % 7 <> 0", .personal = 1800, .claims = { 40, 40 } },
    { .name = "the first alone", .sql = "WHERE id = 1", .personal = 1, .claims = { 6, 1 } },
    { .name = "the last alone", .sql = "WHERE id = 2100", .personal = 1, .claims = { 6, 1 } },
  };
  static const char bounce[] = "INSERT INTO bounce (list_id, member_id, address, delivery_id, at, reply) SELECT list_id, id, '', 1, 1800000000000000, '' FROM member ";
  for (size_t i = 0; i < G_N_ELEMENTS(mixes); i++) {
    static char sql[512]; /* a statement is known by its address: none of these is prepared twice in a connection */
    g_snprintf(sql, sizeof sql, "%s%s", bounce, mixes[i].sql);
    OWN(fixture) mixed = fixture_new(2100);
    fixture_run(mixed, sql);
    fixture_post(mixed);
    struct account account = take_all(mixed, 500, NULL);
    g_autofree char *personal = personal_ones(&account);
    g_auto(GStrv) names = g_strsplit(personal, " ", -1);
    g_test_message("%s: %u batches, %u of personal copies", mixes[i].name, account.claims[0], account.claims[1]);
    g_assert_cmpuint(g_hash_table_size(account.shapes), ==, 2100);
    g_assert_cmpuint(g_strv_length(names), ==, mixes[i].personal);
    for (enum shape shape = SHAPE_BATCH; shape <= SHAPE_PERSONAL; shape++) {
      g_assert_cmpuint(account.claims[shape], <=, mixes[i].claims[shape]);
      g_assert_cmpuint(account.most[shape], <=, shape == SHAPE_BATCH ? 500 : CLAIM_PERSONAL_MAX);
    }
    account_clear(&account);
  }
}

/* What waits keeps its shape, whatever the list says later. */
static void
test_shape_stays(void)
{
  OWN(fixture) fixture = fixture_new(4);
  fixture_run(fixture, BOUNCE(2, 1));
  fixture_post(fixture);
  struct step step = { .options = { .chunk_size = 500, .outlet = "", .now = T0 } };
  fixture_write(fixture, write_claim, &step);
  g_assert_cmpint(step.claim->shape, ==, SHAPE_BATCH);
  g_assert_cmpuint(step.claim->targets->len, ==, 3);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk WHERE state = 0 AND shape = 1 AND count = 1 AND not_before = 0"), ==, 1);
  claim_free(step.claim);
  fixture_run(fixture, SET("personal", "never"));
  fixture_write(fixture, write_claim, &step);
  g_assert_cmpint(step.claim->shape, ==, SHAPE_PERSONAL);
  g_assert_cmpstr(targets_at(step.claim->targets, 0)->address, ==, "m2@example.net");
  claim_free(step.claim);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/shape-choice/members", test_members);
  g_test_add_func("/shape-choice/mixed", test_mixed);
  g_test_add_func("/shape-choice/stays", test_shape_stays);
  return g_test_run();
}
