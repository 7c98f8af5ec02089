#include "list/tag_key.h"
#include "list/test_store.h"

static int64_t
count(struct tx *tx)
{
  int64_t n = -1;
  g_assert_cmpint(sql_int_of(tx, "SELECT COUNT(*) FROM tag_key", SQL_NO_ARGS, &n, NULL), ==, RES_OK);
  return n;
}

/* True: a tag made with `key` is believed by the keys there are. */
static bool
is_believed(struct tx *tx, const struct tag_key *key)
{
  g_autoptr(GArray) keys = NULL;
  char made[TAG_MAX + 1];
  struct tag tag;
  g_assert_cmpint(tag_key_all(tx, &keys, NULL), ==, RES_OK);
  tag_make(key, 7, &(struct tag){ 1, 2 }, made);
  return tag_read((const struct tag_key *)(const void *)keys->data, keys->len, 7, slice_of(made), &tag, NULL) == RES_OK;
}

static enum res
body_newest(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  struct tag_key first, again;
  g_autoptr(GArray) none = NULL;
  g_assert_cmpint(tag_key_all(tx, &none, error), ==, RES_OK);
  g_assert_cmpuint(none->len, ==, 0);
  g_assert_cmpint(tag_key_newest(tx, 5, &first, error), ==, RES_OK);
  g_assert_cmpint(tag_key_newest(tx, 6, &again, error), ==, RES_OK);
  g_assert_cmpint(memcmp(&first, &again, sizeof first), ==, 0);
  g_assert_cmpint(count(tx), ==, 1);
  g_assert_true(is_believed(tx, &first));
  static const struct tag_key zeroes;
  g_assert_cmpint(memcmp(&first, &zeroes, sizeof first), !=, 0);
  return RES_OK;
}

static enum res
body_rotate(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  struct tag_key made[TAG_KEYS_MAX + 3];
  for (size_t i = 0; i < G_N_ELEMENTS(made); i++) {
    g_assert_cmpint(tag_key_rotate(tx, (int64_t)i + 1, error), ==, RES_OK);
    g_assert_cmpint(tag_key_newest(tx, 99, &made[i], error), ==, RES_OK);
  }
  g_assert_cmpint(count(tx), ==, TAG_KEYS_MAX);
  for (size_t i = 0; i < G_N_ELEMENTS(made); i++)
    g_assert_cmpint(is_believed(tx, &made[i]), ==, i >= 3);

  g_autoptr(GArray) infos = NULL;
  g_assert_cmpint(tag_key_list(tx, &infos, error), ==, RES_OK);
  g_assert_cmpuint(infos->len, ==, TAG_KEYS_MAX);
  for (guint i = 0; i < infos->len; i++)
    g_assert_cmpint(g_array_index(infos, struct tag_key_info, i).created_at, ==, (int64_t)G_N_ELEMENTS(made) - i);
  return RES_OK;
}

/* A damaged row is no key, and not in the way of the others. */
static enum res
body_damaged(struct tx *tx, void *arg, GError **error)
{
  (void)arg;
  struct tag_key first, second;
  g_assert_cmpint(tag_key_newest(tx, 1, &first, error), ==, RES_OK);
  g_assert_cmpint(sql_run(tx, "INSERT INTO tag_key (secret, created_at) VALUES ($1, 2)", SQL_ARGS(sql_bytes(SLICE("short"))), error), ==, RES_OK);
  g_assert_true(is_believed(tx, &first));
  g_assert_cmpint(tag_key_newest(tx, 3, &second, error), ==, RES_OK);
  g_assert_cmpint(memcmp(&first, &second, sizeof first), !=, 0);
  g_assert_true(is_believed(tx, &first));
  g_assert_true(is_believed(tx, &second));
  return RES_OK;
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  static const struct {
    const char *name;
    store_fn body;
  } tests[] = { { "/tag-key/newest", body_newest }, { "/tag-key/rotate", body_rotate }, { "/tag-key/damaged", body_damaged } };
  for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add_data_func(tests[i].name, &tests[i].body, in_transaction);
  return g_test_run();
}
