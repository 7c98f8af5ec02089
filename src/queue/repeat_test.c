/* Keys stand in the database: what a former version has stored must be found by the next one. The wanted ones are made by another program
 * (Python's hashlib). */
#include "queue/repeat.h"

#define HEADER                                                                                                          \
  "Received: by mx.example.org\r\nMessage-ID: <1@example.org>\r\nFrom: Joe <joe@example.org>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n" \
  "Subject: a\r\n long one\r\n"

static const struct row {
  const char *name, *message;
  size_t n;
  enum role role;
  const char *argument, *reverse_path, *want;
} rows[] = {
#define MESSAGE(octets) .message = octets, .n = sizeof(octets) - 1
  { .name = "posting", MESSAGE(HEADER "\r\nHello\r\n"), .argument = "", .reverse_path = "joe@example.org", .want = "12e5ba20f2fcc48186f8b5c3df94a138" },
  { .name = "as an MTA sends it again", MESSAGE("Received: by mx2.example.org\r\n" HEADER "\r\nHello\r\n"), .argument = "", .reverse_path = "Joe@Example.ORG",
    .want = "12e5ba20f2fcc48186f8b5c3df94a138" },
  { .name = "bounce", MESSAGE(HEADER "\r\nHello\r\n"), .role = ROLE_BOUNCES, .argument = "abc", .reverse_path = "", .want = "c98856b68e2ff258129a9f364bc5b09a" },
  { .name = "header that cannot be viewed", MESSAGE("\0no header\r\n"), .argument = "", .reverse_path = "joe@example.org", .want = "2430dafc64acb5f29539db1e3ff39f4a" },
};

static void
test_keys(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const struct row *row = &rows[i];
    const struct list_target target = { .role = row->role, .domain_id = 1, .argument = (char *)row->argument };
    unsigned char identity[IDENTITY_KEY_SIZE], key[REPEAT_KEY];
    char text[2 * REPEAT_KEY + 1];
    g_test_message("%s", row->name);
    OWN(content) content = content_read((struct slice){ row->message, row->n }, row->reverse_path);
    repeat_identity(content, identity);
    repeat_key(&target, row->reverse_path, identity, key);
    for (size_t j = 0; j < sizeof key; j++)
      g_snprintf(text + 2 * j, 3, "%02x", key[j]);
    g_assert_cmpstr(text, ==, row->want);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/repeat/keys", test_keys);
  return g_test_run();
}
