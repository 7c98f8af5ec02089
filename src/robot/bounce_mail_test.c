#include "robot/bounce_mail.h"
#include "base/log.h"
#include "courier/fixture.h"
#include "envelope/tag.h"
#include "list/list.h"
#include "list/tag_key.h"

#define T0 INT64_C(1800000000000000)

/* --- a scene: posting 1 went to m1 and m2 in a chunk, to m3 by a row of its own, not (yet) to m4; posting 2 to nobody --- */

static enum res
make_key(struct tx *tx, void *arg, GError **error)
{
  return tag_key_newest(tx, T0, arg, error);
}

static struct fixture *
scene(struct tag_key *key)
{
  struct fixture *fixture = fixture_new(4);
  fixture_post(fixture);
  fixture_post(fixture);
  fixture_run(fixture, "INSERT INTO chunk (delivery_id, state, claimed_at, done_at, count, members) VALUES (1, 2, 1, 2, 2, x'0202')");
  fixture_run(fixture, "INSERT INTO recipient (delivery_id, member_id, address, state, next_at, first_at) VALUES (1, 3, 'm3@example.net', 2, 0, 1)");
  fixture_write(fixture, make_key, key);
  return fixture;
}

struct arrival {
  struct fixture *fixture;
  const char *argument;
  int64_t list_id;
  struct job job;
};

static enum res
write_arrival(struct tx *tx, void *arg, GError **error)
{
  struct arrival *arrival = arg;
  int64_t number;
  enum res res = sql_int_of(tx, "SELECT COUNT(*) FROM posting", SQL_NO_ARGS, &number, error);
  g_autofree char *code = g_strdup_printf("back%d", (int)number);
  struct posting posting = { .code = code, .list_id = arrival->list_id, .domain_id = 1, .role = ROLE_BOUNCES, .address = (char *)"ant-bounces@example.com",
                             .argument = (char *)arrival->argument, .message_id = 1, .state = POSTING_KEPT, .reverse_path = (char *)"", .sender = (char *)"",
                             .subject = (char *)"", .received_at = T0 };
  if (res == RES_OK)
    res = posting_insert(tx, &posting, &arrival->job.posting_id, error);
  if (res == RES_OK)
    res = job_create(tx, "bounces", arrival->job.posting_id, arrival->list_id, T0, error);
  arrival->job.list_id = arrival->list_id;
  return res == RES_OK ? sql_int_of(tx, "SELECT MAX(id) FROM job", SQL_NO_ARGS, &arrival->job.id, error) : res;
}

/* Mail to ant-bounces+ARGUMENT arrives. */
static struct job
arrive(struct fixture *fixture, const char *argument)
{
  struct arrival arrival = { .argument = argument, .list_id = fixture->list_id };
  fixture_write(fixture, write_arrival, &arrival);
  return arrival.job;
}

/* --- judging --- */

struct judging {
  struct job job;
  struct bounce_mail mail;
  enum res res;
};

static enum res
read_judgement(struct tx *tx, void *arg, GError **error)
{
  struct judging *judging = arg;
  judging->res = bounce_mail_judge(tx, &judging->job, &judging->mail, error);
  return judging->res == RES_MORE ? RES_OK : judging->res;
}

/* "KIND MEMBER DELIVERY ADDRESS CODE", or "-". Owned by the caller. */
static char *
judgement(struct fixture *fixture, struct job job)
{
  struct judging judging = { .job = job };
  g_autoptr(GError) error = NULL;
  enum res res = store_read(fixture->store, read_judgement, &judging, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  if (judging.res == RES_MORE)
    return g_strdup("-");
  const struct bounce *bounce = &judging.mail.bounce;
  g_assert_cmpint(judging.mail.job.id, ==, job.id);
  g_assert_cmpint(bounce->list_id, ==, fixture->list_id);
  char *text = g_strdup_printf("%s %d %d %s %s", bounce->kind == BOUNCE_RETURNED ? "tag" : "xverp", (int)bounce->member_id, (int)bounce->delivery_id, bounce->address,
                               bounce->said);
  bounce_mail_clear(&judging.mail);
  return text;
}

enum damage { WHOLE, WRONG_MAC, OTHER_LIST, OTHER_KEY, NO_TAG };

static const struct {
  const char *name;
  struct tag tag;
  enum damage damage;
  const char *behind; /* the tag */
  const char *wanted;
} rows[] = {
  { "a member's", { 1, 1 }, WHOLE, "", "tag 1 1 m1@example.net back2" },
  { "of one with a row", { 1, 3 }, WHOLE, "", "tag 3 1 m3@example.net back2" },
  { "an address behind a member's", { 1, 1 }, WHOLE, "+m2=example.net", "tag 1 1 m1@example.net back2" },
  { "the batch's", { 1, 0 }, WHOLE, "+m2=example.net", "xverp 2 1 m2@example.net back2" },
  { "in other case", { 1, 0 }, WHOLE, "+M2=EXAMPLE.net", "xverp 2 1 m2@example.net back2" },
  { "the batch's, one with a row", { 1, 0 }, WHOLE, "+m3=example.net", "xverp 3 1 m3@example.net back2" },
  { "the batch's, of nobody", { 1, 0 }, WHOLE, "", "-" },
  { "the batch's, of a member it did not go to", { 1, 0 }, WHOLE, "+m4=example.net", "-" },
  { "the batch's, of a stranger", { 1, 0 }, WHOLE, "+x=example.net", "-" },
  { "the batch's, no address", { 1, 0 }, WHOLE, "+nonsense", "-" },
  { "of a posting that went to nobody", { 2, 0 }, WHOLE, "+m1=example.net", "-" },
  { "of a posting that is not known", { 77, 0 }, WHOLE, "+m1=example.net", "-" },
  { "a member's of a posting that is not known", { 77, 1 }, WHOLE, "", "-" },
  { "of a member who never was", { 1, 99 }, WHOLE, "", "-" },
  { "forged", { 1, 1 }, WRONG_MAC, "", "-" },
  { "of another list", { 1, 1 }, OTHER_LIST, "", "-" },
  { "made with another key", { 1, 1 }, OTHER_KEY, "", "-" },
  { "old-style VERP", { 1, 0 }, NO_TAG, "m1=example.net", "-" },
  { "nothing", { 1, 0 }, NO_TAG, "", "-" },
  { "blanks and signs", { 1, 0 }, NO_TAG, "+ +=", "-" },
};

static char *
argument_of(size_t row, const struct tag_key *key, int64_t list_id)
{
  struct tag_key other = *key;
  other.secret[0] ^= 1;
  char tag[TAG_MAX + 1];
  tag_make(rows[row].damage == OTHER_KEY ? &other : key, list_id + (rows[row].damage == OTHER_LIST), &rows[row].tag, tag);
  char *last = &tag[strlen(tag) - 1];
  if (rows[row].damage == WRONG_MAC)
    *last = *last == 'a' ? 'b' : 'a';
  return g_strconcat(rows[row].damage == NO_TAG ? "" : tag, rows[row].behind, NULL);
}

static void
test_judge(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct tag_key key;
    OWN(fixture) fixture = scene(&key);
    g_autofree char *argument = argument_of(i, &key, fixture->list_id), *got = judgement(fixture, arrive(fixture, argument));
    if (strcmp(got, rows[i].wanted) != 0)
      g_error("%s: \"%s\", wanted \"%s\"", rows[i].name, got, rows[i].wanted);
  }
}

static char *
argument_for(const struct tag_key *key, int64_t list_id, struct tag tag, const char *behind)
{
  char text[TAG_MAX + 1];
  tag_make(key, list_id, &tag, text);
  return g_strconcat(text, behind, NULL);
}

/* Who has left, and who has come again, got it as the member that the tag or the chunk names. */
static void
test_left(void)
{
  struct tag_key key;
  OWN(fixture) fixture = scene(&key);
  fixture_remove_member(fixture, 1);
  fixture_add_member(fixture, "m1@example.net");
  g_autofree char *own = argument_for(&key, fixture->list_id, (struct tag){ 1, 1 }, ""), *batch = argument_for(&key, fixture->list_id, (struct tag){ 1, 0 }, "+m1=example.net");
  g_autofree char *first = judgement(fixture, arrive(fixture, own)), *second = judgement(fixture, arrive(fixture, batch));
  g_assert_cmpstr(first, ==, "tag 1 1 m1@example.net back2");
  g_assert_cmpstr(second, ==, "xverp 1 1 m1@example.net back3");
}

static enum res
rotate(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  return tag_key_rotate(tx, T0 + 1, error);
}

static void
test_rotated(void)
{
  struct tag_key key;
  OWN(fixture) fixture = scene(&key);
  g_autofree char *own = argument_for(&key, fixture->list_id, (struct tag){ 1, 2 }, "");
  fixture_write(fixture, rotate, NULL);
  g_autofree char *got = judgement(fixture, arrive(fixture, own));
  g_assert_cmpstr(got, ==, "tag 2 1 m2@example.net back2");
}

static void
test_pruned(void)
{
  struct tag_key key;
  OWN(fixture) fixture = scene(&key);
  g_autofree char *own = argument_for(&key, fixture->list_id, (struct tag){ 1, 1 }, ""), *batch = argument_for(&key, fixture->list_id, (struct tag){ 1, 0 }, "+m1=example.net");
  fixture_run(fixture, "DELETE FROM chunk");
  g_autofree char *none = judgement(fixture, arrive(fixture, batch)), *still = judgement(fixture, arrive(fixture, own));
  g_assert_cmpstr(none, ==, "-");
  g_assert_cmpstr(still, ==, "tag 1 1 m1@example.net back3");
  fixture_run(fixture, "DELETE FROM recipient");
  fixture_run(fixture, "DELETE FROM delivery");
  g_autofree char *gone = judgement(fixture, arrive(fixture, own));
  g_assert_cmpstr(gone, ==, "-");
}

/* A member of another list, whose id somebody who has the key would put into a tag. */
static void
test_member_of_another_list(void)
{
  struct tag_key key;
  OWN(fixture) fixture = scene(&key);
  fixture_run(fixture, "INSERT INTO list (id, domain_id, local, style, generation, created_at) VALUES (77, 1, 'bee', '', 1, 1)");
  fixture_run(fixture, "UPDATE member SET list_id = 77 WHERE id = 4");
  g_autofree char *own = argument_for(&key, fixture->list_id, (struct tag){ 1, 4 }, ""), *got = judgement(fixture, arrive(fixture, own));
  g_assert_cmpstr(got, ==, "-");
}

/* --- recording --- */

struct recording {
  struct bounce_mail mail;
  enum res res;
  bool kept;
};

static enum res
write_record(struct tx *tx, void *arg, GError **error)
{
  struct recording *recording = arg;
  recording->res = bounce_mail_record(tx, &recording->mail, T0 + 5, &recording->kept, error);
  return recording->res == RES_MORE ? RES_OK : recording->res;
}

static void
test_record(void)
{
  struct tag_key key;
  OWN(fixture) fixture = scene(&key);
  g_autofree char *own = argument_for(&key, fixture->list_id, (struct tag){ 1, 1 }, "");
  for (int i = 1; i <= BOUNCE_RETURNED_MAX + 2; i++) {
    struct judging judging = { .job = arrive(fixture, own) };
    g_assert_cmpint(store_read(fixture->store, read_judgement, &judging, NULL), ==, RES_OK);
    struct recording recording = { .mail = judging.mail };
    fixture_write(fixture, write_record, &recording);
    g_assert_cmpint(recording.kept, ==, i <= BOUNCE_RETURNED_MAX);
    g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM bounce WHERE member_id = 1 AND kind = 1"), ==, MIN(i, BOUNCE_RETURNED_MAX));
    fixture_write(fixture, write_record, &recording); /* once more: the job is gone */
    g_assert_cmpint(recording.res, ==, RES_MORE);
    bounce_mail_clear(&judging.mail);
  }
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM bounce"), ==, BOUNCE_RETURNED_MAX);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM job"), ==, 0);
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM posting WHERE role = (SELECT role FROM posting WHERE code = 'back2') AND state <> 0"), ==, 0);
  g_autofree char *said = fixture_text(fixture, "SELECT reply || ' ' || address || ' ' || at || ' ' || delivery_id FROM bounce WHERE id = 1");
  g_assert_cmpstr(said, ==, "back2 m1@example.net 1800000000000005 1");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/bounce_mail/judge", test_judge);
  g_test_add_func("/bounce_mail/left", test_left);
  g_test_add_func("/bounce_mail/rotated", test_rotated);
  g_test_add_func("/bounce_mail/pruned", test_pruned);
  g_test_add_func("/bounce_mail/another list", test_member_of_another_list);
  g_test_add_func("/bounce_mail/record", test_record);
  return g_test_run();
}
