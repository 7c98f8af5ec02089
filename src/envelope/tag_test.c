#include "envelope/tag.h"

/* A key whose octets count up from `first`. */
static struct tag_key
key_from(unsigned char first)
{
  struct tag_key key;
  for (size_t i = 0; i < TAG_KEY; i++)
    key.secret[i] = (unsigned char)(first + i);
  return key;
}

static const struct {
  const char *name;
  int64_t list_id;
  struct tag tag;
  const char *want; /* computed by another implementation */
} rows[] = {
  { .name = "least", .list_id = 7, .tag = { 1, 0 }, .want = "a14fpej0fjgiv62neh" },
  { .name = "least of a member", .list_id = 7, .tag = { 1, 1 }, .want = "n11it52qhpq2j15a1su" },
  { .name = "one digit and two", .list_id = 7, .tag = { 31, 32 }, .want = "nv1060k4rro6o5fiorrp" },
  { .name = "a million: 25 characters", .list_id = 7, .tag = { 1048575, 1048575 }, .want = "qvvvvvvvvc4jdp6nl7vrpm9k8" },
  { .name = "longest", .list_id = INT64_MAX, .tag = { INT64_MAX, INT64_MAX }, .want = "z7vvvvvvvvvvvv7vvvvvvvvvvvv62bgk7av5em205c4" },
  { .name = "largest posting", .list_id = 7, .tag = { INT64_MAX, 0 }, .want = "m7vvvvvvvvvvvvnivec85mcns0pmea" },
  { .name = "another list", .list_id = 8, .tag = { 1, 0 }, .want = "a1ke32tecmehgfgspg" },
};

static enum res
read_one(struct tag_key key, int64_t list_id, struct slice text, struct tag *tag)
{
  return tag_read(&key, 1, list_id, text, tag, NULL);
}

static void
test_make_and_read(void)
{
  struct tag_key key = key_from(0);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    char made[TAG_MAX + 1];
    struct tag tag = { -1, -1 };
    tag_make(&key, rows[i].list_id, &rows[i].tag, made);
    if (strcmp(made, rows[i].want) != 0)
      g_error("%s: made \"%s\"", rows[i].name, made);
    if (read_one(key, rows[i].list_id, slice_of(made), &tag) != RES_OK || tag.posting_id != rows[i].tag.posting_id || tag.member_id != rows[i].tag.member_id)
      g_error("%s: not read back", rows[i].name);
    g_autofree char *upper = g_ascii_strup(made, -1);
    if (read_one(key, rows[i].list_id, slice_of(upper), &tag) != RES_OK)
      g_error("%s: not read in capitals", rows[i].name);
    if (read_one(key, rows[i].list_id + (rows[i].list_id == INT64_MAX ? -1 : 1), slice_of(made), &tag) != RES_BAD)
      g_error("%s: read for another list", rows[i].name);
    if (read_one(key_from(1), rows[i].list_id, slice_of(made), &tag) != RES_BAD)
      g_error("%s: read with another key", rows[i].name);
  }
}

/* Each character of a tag changed to each other, dropped, doubled; each part of it; anything before or behind it. */
static void
test_corrupted(void)
{
  struct tag_key key = key_from(0);
  struct tag tag;
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct slice whole = slice_of(rows[i].want);
    for (size_t at = 0; at < whole.n; at++) {
      char text[TAG_MAX + 2];
      for (int c = 0; c < 256; c++) {
        memcpy(text, whole.p, whole.n);
        text[at] = (char)c;
        bool same = g_ascii_tolower((char)c) == whole.p[at];
        if ((read_one(key, rows[i].list_id, (struct slice){ text, whole.n }, &tag) == RES_OK) != same)
          g_error("%s: octet %d at %zu", rows[i].name, c, at);
      }
      g_autofree char *dropped = g_strdup_printf("%.*s%s", (int)at, whole.p, whole.p + at + 1);
      g_autofree char *doubled = g_strdup_printf("%.*s%s", (int)at + 1, whole.p, whole.p + at);
      g_autofree char *longer = g_strdup_printf("%.*s0%s", (int)at, whole.p, whole.p + at);
      struct slice wrong[] = { slice_head(whole, at), slice_skip(whole, at + 1), slice_of(dropped), slice_of(doubled), slice_of(longer) };
      for (size_t k = 0; k < G_N_ELEMENTS(wrong); k++)
        if (read_one(key, rows[i].list_id, wrong[k], &tag) != RES_BAD)
          g_error("%s: \"%.*s\" was read", rows[i].name, SLICE_FMT(wrong[k]));
    }
  }
}

static void
test_random(void)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  g_autoptr(GRand) dice = g_rand_new_with_seed(3);
  struct tag_key key = key_from(0);
  struct tag tag;
  for (int i = 0; i < 100000; i++) {
    char text[TAG_MAX + 4];
    size_t n = (size_t)g_rand_int_range(dice, 0, (gint32)sizeof text);
    for (size_t k = 0; k < n; k++)
      text[k] = letters[g_rand_int_range(dice, 0, 36)];
    g_assert_cmpint(read_one(key, 7, (struct slice){ text, n }, &tag), ==, RES_BAD);
  }
}

static void
test_keys(void)
{
  struct tag_key keys[16];
  char made[TAG_MAX + 1];
  struct tag tag;
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
    keys[i] = key_from((unsigned char)(i * 16));
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
    tag_make(&keys[i], 7, &(struct tag){ 5, 6 }, made);
    g_assert_cmpint(tag_read(keys, G_N_ELEMENTS(keys), 7, slice_of(made), &tag, NULL), ==, RES_OK);
    g_assert_cmpint(tag_read(keys, i, 7, slice_of(made), &tag, NULL), ==, RES_BAD);
  }
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(tag_read(NULL, 0, 7, slice_of(made), &tag, &error), ==, RES_BAD);
  g_assert_nonnull(error);
}

static void
test_argument(void)
{
  static const struct {
    const char *name, *argument, *tag, *address;
  } arguments[] = {
    { .name = "a tag alone", .argument = "a1xyz", .tag = "a1xyz" },
    { .name = "nothing", .argument = "", .tag = "" },
    { .name = "XVERP", .argument = "a1xyz+ann=a.example", .tag = "a1xyz", .address = "ann@a.example" },
    { .name = "a user with details", .argument = "a1xyz+ann+x=y+z=a.example", .tag = "a1xyz", .address = "ann+x=y+z@a.example" },
    { .name = "the last = separates", .argument = "a1xyz+=ann==a.example", .tag = "a1xyz", .address = "=ann=@a.example" },
    { .name = "percent and bang as they are", .argument = "a1xyz+b!ann%c=a.example", .tag = "a1xyz", .address = "b!ann%c@a.example" },
    { .name = "a user that wants quotes", .argument = "a1xyz+ann b=a.example", .tag = "a1xyz", .address = "\"ann b\"@a.example" },
    { .name = "a user with an at", .argument = "a1xyz+ann@b=a.example", .tag = "a1xyz", .address = "\"ann@b\"@a.example" },
    { .name = "UTF-8", .argument = "a1xyz+\xc3\xa9=b\xc3\xbc.example", .tag = "a1xyz", .address = "\xc3\xa9@b\xc3\xbc.example" },
    { .name = "no user", .argument = "a1xyz+=a.example", .tag = "a1xyz" },
    { .name = "no domain", .argument = "a1xyz+ann=", .tag = "a1xyz" },
    { .name = "no =", .argument = "a1xyz+ann", .tag = "a1xyz" },
    { .name = "a plus alone", .argument = "a1xyz+", .tag = "a1xyz" },
    { .name = "no domain's name", .argument = "a1xyz+ann=a..example", .tag = "a1xyz" },
    { .name = "control character", .argument = "a1xyz+a\x01n=a.example", .tag = "a1xyz" },
    { .name = "bad UTF-8", .argument = "a1xyz+\xff=a.example", .tag = "a1xyz" },
    { .name = "VERP without a tag", .argument = "ann=a.example", .tag = "ann=a.example" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(arguments); i++) {
    struct slice tag;
    g_autofree char *address = NULL;
    tag_argument(slice_of(arguments[i].argument), &tag, &address);
    if (!slice_equal(tag, slice_of(arguments[i].tag)) || g_strcmp0(address, arguments[i].address) != 0)
      g_error("%s: tag \"%.*s\", address %s", arguments[i].name, SLICE_FMT(tag), address ? address : "none");
  }
}

static void
test_reverse_path(void)
{
  static const struct {
    const char *name, *path, *want;
  } paths[] = {
    { .name = "the usual", .path = "ant-bounces@example.com", .want = "ant-bounces+qvvvvvvvvc4jdp6nl7vrpm9k8@example.com" },
    { .name = "the null path", .path = "", .want = "" },
    { .name = "no address", .path = "ant-bounces", .want = "ant-bounces" },
    { .name = "64 octets", .path = "a23456789012345678901234567890-bounces@example.com",
      .want = "a23456789012345678901234567890-bounces+qvvvvvvvvc4jdp6nl7vrpm9k8@example.com" },
    { .name = "65 octets", .path = "a234567890123456789012345678901-bounces@example.com", .want = "a234567890123456789012345678901-bounces@example.com" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
    g_autofree char *got = tag_reverse_path(paths[i].path, "qvvvvvvvvc4jdp6nl7vrpm9k8");
    if (strcmp(got, paths[i].want) != 0)
      g_error("%s: got \"%s\"", paths[i].name, got);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/tag/make-and-read", test_make_and_read);
  g_test_add_func("/tag/corrupted", test_corrupted);
  g_test_add_func("/tag/random", test_random);
  g_test_add_func("/tag/keys", test_keys);
  g_test_add_func("/tag/argument", test_argument);
  g_test_add_func("/tag/reverse-path", test_reverse_path);
  return g_test_run();
}
