#include "door/one_reply.h"

#define ACCEPTED "250 2.6.0 a1 accepted for ant@x\r\n"
#define HELD "250 2.6.0 b2 held for the moderators of bat@x: no member\r\n"
#define REFUSED "550 5.7.1 members only\r\n"
#define LOOP "554 5.4.6 ant@x has seen this message before: List-Id\r\n"
#define TROUBLE "451 4.3.0 temporary trouble here, nothing was kept; please try again\r\n"
#define FULL "452 4.3.1 no room\r\n"

static const struct {
  const char *name;
  const char *replies[4]; /* NULL ends */
  const char *also;
  const char *want;
} rows[] = {
  { .name = "one", .replies = { ACCEPTED }, .want = ACCEPTED },
  { .name = "two", .replies = { ACCEPTED, HELD }, .want = "250 2.6.0 a1 accepted for ant@x; b2 held for the moderators of bat@x: no member\r\n" },
  { .name = "the same twice", .replies = { ACCEPTED, HELD, ACCEPTED }, .want = "250 2.6.0 a1 accepted for ant@x; b2 held for the moderators of bat@x: no member\r\n" },
  { .name = "all refused: the first", .replies = { REFUSED, LOOP }, .want = REFUSED },
  { .name = "a refusal beside what was taken is not spoken of", .replies = { REFUSED, ACCEPTED }, .want = ACCEPTED },
  { .name = "trouble with one is trouble", .replies = { ACCEPTED, REFUSED, FULL, TROUBLE }, .want = FULL },
  { .name = "no reply is trouble", .replies = { ACCEPTED, "" }, .want = TROUBLE },
  { .name = "nobody at all", .want = TROUBLE },
  { .name = "and others", .replies = { ACCEPTED }, .also = "next hop: 2.0.0 ok", .want = "250 2.6.0 a1 accepted for ant@x; next hop: 2.0.0 ok\r\n" },
  { .name = "trouble, whatever others said", .replies = { TROUBLE }, .also = "next hop: ok", .want = TROUBLE },
  { .name = "others have it who refused it", .replies = { REFUSED }, .also = "next hop: ok", .want = "250 2.6.0 next hop: ok\r\n" },
  { .name = "others alone", .also = "next hop: ok", .want = "250 2.6.0 next hop: ok\r\n" },
  { .name = "without an enhanced code", .replies = { "250 fine\r\n", ACCEPTED }, .want = "250 2.6.0 fine; a1 accepted for ant@x\r\n" },
};

static void
recipient_free(void *data)
{
  g_string_free(((struct door_recipient *)data)->reply, TRUE);
  g_free(data);
}

static void
add(GPtrArray *recipients, const char *reply)
{
  struct door_recipient *recipient = g_new0(struct door_recipient, 1);
  recipient->reply = g_string_new(reply);
  g_ptr_array_add(recipients, recipient);
}

static void
test_rows(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GPtrArray) recipients = g_ptr_array_new_with_free_func(recipient_free);
    for (size_t n = 0; n < G_N_ELEMENTS(rows[i].replies) && rows[i].replies[n]; n++)
      add(recipients, rows[i].replies[n]);
    g_autoptr(GString) line = g_string_new(NULL);
    one_reply_render(recipients, rows[i].also, line);
    if (strcmp(line->str, rows[i].want) != 0)
      g_error("%s: %s", rows[i].name, line->str);
  }
}

/* What does not fit is counted: each list is in the line, or in the number at its end. */
static void
test_many(void)
{
  g_autoptr(GPtrArray) recipients = g_ptr_array_new_with_free_func(recipient_free);
  for (int i = 0; i < DOOR_RECIPIENTS_MAX; i++) {
    g_autofree char *reply = g_strdup_printf("250 2.6.0 id%d accepted for list%d@lists.example\r\n", i, i);
    add(recipients, reply);
  }
  g_autoptr(GString) line = g_string_new(NULL);
  one_reply_render(recipients, NULL, line);
  g_assert_cmpuint(line->len, <=, REPLY_LINE_MAX);
  int named = 0;
  gint64 more = 0;
  for (const char *p = line->str; (p = strstr(p, " accepted for ")); p++)
    named++;
  const char *end = strstr(line->str, "; and ");
  g_assert_nonnull(end);
  more = g_ascii_strtoll(end + strlen("; and "), NULL, 10);
  g_assert_cmpint(named + more, ==, DOOR_RECIPIENTS_MAX);
  g_assert_cmpint(named, >, 5);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/one_reply/rows", test_rows);
  g_test_add_func("/one_reply/many", test_many);
  return g_test_run();
}
