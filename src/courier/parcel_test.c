/* The forms of a posting's copies. */
#include "courier/parcel.h"
#include "courier/fixture.h"
#include <pthread.h>

#define HEAD "From: Ann <ann@example.org>\r\nTo: ant@example.com\r\nMessage-ID: <1@example.org>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
#define EIGHT_BIT HEAD "Subject: gr\xc3\xbc\xc3\x9f" "e\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\xc3\xbc\xc3\x9f" "e\r\n"
#define SIGNED                                                                                                                     \
  HEAD "Subject: s\r\nContent-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"; micalg=pgp-sha256\r\n\r\n" \
       "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\xc3\xbc\r\n--b\r\n"             \
       "Content-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
#define FULL "INSERT INTO list_setting (list_id, name, value) VALUES (1, 'personalize', 'full')"

static struct parcel_shelf *
shelf_of(struct fixture *fixture)
{
  return parcel_shelf_new(fixture->store, 1 << 20, "lists.example.com");
}

/* The copies of the only posting. */
static struct parcel *
get(struct fixture *fixture, struct parcel_shelf *shelf)
{
  g_autoptr(GError) error = NULL;
  struct parcel *parcel = NULL;
  enum res res = parcel_get(shelf, fixture_number(fixture, "SELECT id FROM delivery"), fixture_number(fixture, "SELECT id FROM posting"), NULL, &parcel, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return parcel;
}

static struct slice
at_slot(const struct copy_form *form, enum slot slot)
{
  g_assert_true(form->has_slot[slot]);
  return slice_head(slice_skip(form->header, form->slots[slot].at), form->slots[slot].n);
}

static void
assert_slots(const struct copy_form *form)
{
  g_assert_true(slice_equal(at_slot(form, SLOT_UNSUBSCRIBE), SLICE("List-Unsubscribe: <mailto:ant-leave@example.com>\r\n")));
  g_assert_true(slice_equal(at_slot(form, SLOT_TO), SLICE("To: ant@example.com\r\n")));
  g_assert_true(form->has_slot[SLOT_FOOTER]);
  g_assert_cmpuint(form->slots[SLOT_FOOTER].at, ==, form->header.n + form->body.n);
}

static void
test_forms(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture_run(fixture, FULL);
  fixture_post_message(fixture, EIGHT_BIT, "ann@example.org", true);
  OWN(parcel_shelf) shelf = shelf_of(fixture);
  OWN(parcel) parcel = get(fixture, shelf);
  g_assert_true(parcel->as_is.eight_bit && parcel->as_is.header_utf8);
  assert_slots(&parcel->as_is);

  static const struct {
    enum form form;
    bool eight_bit, same_body;
  } rows[] = { { FORM_ASCII_HEADER, .eight_bit = true, .same_body = true }, { FORM_SEVEN_BIT, .eight_bit = false, .same_body = false } };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const struct copy_form *made = NULL, *again = NULL;
    g_assert_cmpint(parcel_form(parcel, rows[i].form, &made, NULL), ==, RES_OK);
    g_assert_cmpint(parcel_form(parcel, rows[i].form, &again, NULL), ==, RES_OK);
    g_assert_true(made == again);
    g_assert_false(made->header_utf8);
    g_assert_false(octets_are_8bit(made->header));
    g_assert_cmpint(made->eight_bit, ==, rows[i].eight_bit);
    g_assert_cmpint(octets_are_8bit(made->body), ==, rows[i].eight_bit);
    g_assert_cmpint(made->body.p == parcel->as_is.body.p, ==, rows[i].same_body);
    assert_slots(made);
  }
}

/* What cannot be made is tried once, and told each time. */
static void
test_refused(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture_post_message(fixture, SIGNED, "ann@example.org", false);
  OWN(parcel_shelf) shelf = shelf_of(fixture);
  OWN(parcel) parcel = get(fixture, shelf);
  g_autofree char *first = NULL;
  for (int i = 0; i < 2; i++) {
    g_autoptr(GError) error = NULL;
    const struct copy_form *made = NULL;
    g_assert_cmpint(parcel_form(parcel, FORM_SEVEN_BIT, &made, &error), ==, RES_BAD);
    g_assert_null(made);
    g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_NO_CONVERSION);
    if (first)
      g_assert_cmpstr(error->message, ==, first);
    else
      first = g_strdup(error->message);
  }
}

struct asking {
  struct parcel *parcel;
  const struct copy_form *made;
};

static void *
ask(void *arg)
{
  struct asking *asking = arg;
  g_assert_cmpint(parcel_form(asking->parcel, FORM_SEVEN_BIT, &asking->made, NULL), ==, RES_OK);
  return NULL;
}

static void
test_many_ask(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture_post_message(fixture, EIGHT_BIT, "ann@example.org", true);
  OWN(parcel_shelf) shelf = shelf_of(fixture);
  OWN(parcel) parcel = get(fixture, shelf);
  pthread_t threads[8];
  struct asking asking[G_N_ELEMENTS(threads)];
  for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
    asking[i] = (struct asking){ .parcel = parcel };
    g_assert_cmpint(pthread_create(&threads[i], NULL, ask, &asking[i]), ==, 0);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
    pthread_join(threads[i], NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
    g_assert_true(asking[i].made && asking[i].made == asking[0].made);
}

static enum res
keep_header(struct tx *tx, void *arg, GError **error)
{
  const struct parcel *parcel = arg;
  return sql_run(tx, "UPDATE delivery SET header = $1", SQL_ARGS(sql_bytes(parcel->as_is.header)), error);
}

/* A delivery that is resumed goes on with the same octets and the same places. */
static void
test_resumed(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture_run(fixture, FULL);
  fixture_post(fixture);
  OWN(parcel_shelf) shelf = shelf_of(fixture);
  OWN(parcel) parcel = get(fixture, shelf);
  fixture_write(fixture, keep_header, parcel);
  OWN(parcel_shelf) next_shelf = shelf_of(fixture);
  OWN(parcel) next = get(fixture, next_shelf);
  g_assert_cmpuint(parcel_header_to_keep(next).n, ==, 0);
  g_assert_true(slice_equal(next->as_is.header, parcel->as_is.header));
  assert_slots(&parcel->as_is);
  assert_slots(&next->as_is);
}

/* Places that nobody needs are not there. */
static void
test_unwanted(void)
{
  OWN(fixture) fixture = fixture_new(1);
  fixture_run(fixture, "INSERT INTO list_setting (list_id, name, value) VALUES (1, 'include_rfc2369_headers', 'false')");
  fixture_post(fixture);
  OWN(parcel_shelf) shelf = shelf_of(fixture);
  OWN(parcel) parcel = get(fixture, shelf);
  g_assert_false(parcel->as_is.has_slot[SLOT_UNSUBSCRIBE]);
  g_assert_false(parcel->as_is.has_slot[SLOT_TO]);
  g_assert_true(parcel->as_is.has_slot[SLOT_FOOTER]);

  OWN(fixture) owners = fixture_new(1);
  fixture_run(owners, FULL);
  fixture_post_to(owners, (const char *const[]){ "o@example.net", NULL });
  OWN(parcel_shelf) other_shelf = shelf_of(owners);
  OWN(parcel) mail = get(owners, other_shelf);
  for (enum slot slot = 0; slot < SLOT_COUNT; slot++)
    g_assert_false(mail->as_is.has_slot[slot]);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/parcel/forms", test_forms);
  g_test_add_func("/parcel/refused", test_refused);
  g_test_add_func("/parcel/many ask", test_many_ask);
  g_test_add_func("/parcel/resumed", test_resumed);
  g_test_add_func("/parcel/unwanted", test_unwanted);
  return g_test_run();
}
