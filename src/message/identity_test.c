#include "message/identity.h"
#include "message/test_view.h"

static const struct { const char *name, *value, *want; } id_rows[] = {
  { "plain", " <a@b>", "a@b" },
  { "folded", "\r\n <a@b>", "a@b" },
  { "no brackets", " a@b", "a@b" },
  { "comments nest", " (x (y) \\) <c@d>) <a@b> (z)", "a@b" },
  { "comment behind, no brackets", " a@b(z)", "a@b" },
  { "open comment", " (x <a@b>", NULL },
  { "empty", "", NULL },
  { "blanks", "  \t ", NULL },
  { "empty brackets", " <>", NULL },
  { "blank brackets", " < >", NULL },
  { "no closing bracket", " <a@b", "a@b" },
  { "open quote", " <\"a@b>", "\"a@b" },
  { "bracket within quotes", " <\"a>\"@b>", "\"a>\"@b" },
  { "two ids", " <a@b> <c@d>", "a@b" },
  { "blanks inside", " < a@b >", "a@b" },
  { "not UTF-8", " <\xff@b>", "\xef\xbf\xbd@b" },
  { "control", " <a\x01@b>", "a @b" },
};

static void
test_message_id(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(id_rows); i++) {
    g_autofree char *text = g_strdup_printf("From: x\r\nmessage-ID:%s\r\nMessage-ID: <no>\r\n\r\n", id_rows[i].value);
    OWN(header_view) view = view_of(text);
    g_autofree char *got = identity_message_id(view);
    if (g_strcmp0(got, id_rows[i].want) != 0)
      g_error("%s: %s", id_rows[i].name, got ? got : "NULL");
  }
}

static void
test_message_id_absent(void)
{
  OWN(header_view) view = view_of("From: x\r\n\r\nMessage-ID: <a@b>\r\n");
  g_assert_null(identity_message_id(view));
}

static void
test_message_id_long(void)
{
  for (size_t n = MESSAGE_ID_MAX; n <= MESSAGE_ID_MAX + 1; n++) {
    g_autofree char *id = g_strnfill(n, 'i');
    g_autofree char *text = g_strdup_printf("Message-ID: <%s>\r\n\r\n", id);
    OWN(header_view) view = view_of(text);
    g_autofree char *got = identity_message_id(view);
    g_assert_cmpstr(got, ==, n <= MESSAGE_ID_MAX ? id : NULL);
  }
}

static void
test_hash(void)
{
  /* The example of Mailman's documentation of Message-ID-Hash. */
  g_autofree char *first = identity_hash("first");
  g_assert_cmpstr(first, ==, "4CMWUN6BHVCMHMDAOSJZ2Q72G5M32MWB");
  g_autofree char *empty = identity_hash("");
  g_assert_cmpstr(empty, ==, "3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ");
}

#define BASE "Message-ID: <a@b>\r\nFrom: x@y\r\nDate: now\r\nSubject: hello there\r\n"

static const struct { const char *name, *input; bool same; } key_rows[] = {
  { "itself", BASE "\r\nbody\r\n", true },
  { "trace fields on top", "Received: by x\r\nX-Y: z\r\n" BASE "\r\nbody\r\n", true },
  { "folded", "Message-ID:\r\n <a@b>\r\nFrom: x@y\r\nDate: now\r\nSubject: hello\r\n there\r\n\r\nbody\r\n", true },
  { "another order", "Subject: hello there\r\nDate: now\r\nFrom: x@y\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n", true },
  { "another id", "Message-ID: <a@c>\r\nFrom: x@y\r\nDate: now\r\nSubject: hello there\r\n\r\nbody\r\n", false },
  { "another author", "Message-ID: <a@b>\r\nFrom: x@z\r\nDate: now\r\nSubject: hello there\r\n\r\nbody\r\n", false },
  { "another date", "Message-ID: <a@b>\r\nFrom: x@y\r\nDate: then\r\nSubject: hello there\r\n\r\nbody\r\n", false },
  { "another subject", "Message-ID: <a@b>\r\nFrom: x@y\r\nDate: now\r\nSubject: hello\r\n\r\nbody\r\n", false },
  { "no subject", "Message-ID: <a@b>\r\nFrom: x@y\r\nDate: now\r\n\r\nbody\r\n", false },
  { "value moved to another field", "Message-ID: <a@b>\r\nFrom: x@y\r\nFrom: now\r\nSubject: hello there\r\n\r\nbody\r\n", false },
  { "a second subject", BASE "Subject: x\r\n\r\nbody\r\n", false },
  { "another body", BASE "\r\nbody2\r\n", false },
  { "no body", BASE "\r\n", false },
  { "body moved into the header", BASE "body\r\n", false },
};

static void
test_key(void)
{
  OWN(header_view) base = view_of(BASE "\r\nbody\r\n");
  unsigned char want[IDENTITY_KEY_SIZE];
  identity_key(base, want);
  for (size_t i = 0; i < G_N_ELEMENTS(key_rows); i++) {
    OWN(header_view) view = view_of(key_rows[i].input);
    unsigned char got[IDENTITY_KEY_SIZE];
    identity_key(view, got);
    if ((memcmp(got, want, sizeof got) == 0) != key_rows[i].same)
      g_error("%s", key_rows[i].name);
    g_autofree char *a = identity_make_message_id(base, "example.com");
    g_autofree char *b = identity_make_message_id(view, "example.com");
    if (g_str_equal(a, b) != key_rows[i].same)
      g_error("made id, %s", key_rows[i].name);
  }
}

static void
test_made(void)
{
  OWN(header_view) view = view_of("From: x@y\r\n\r\nbody\r\n");
  g_autofree char *id = identity_make_message_id(view, "lists.example.com");
  g_assert_true(g_str_has_suffix(id, "@lists.example.com"));
  g_assert_cmpuint(strspn(id, "abcdefghijklmnopqrstuvwxyz234567"), ==, 32);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/identity/message-id", test_message_id);
  g_test_add_func("/identity/message-id absent", test_message_id_absent);
  g_test_add_func("/identity/message-id long", test_message_id_long);
  g_test_add_func("/identity/hash", test_hash);
  g_test_add_func("/identity/key", test_key);
  g_test_add_func("/identity/made", test_made);
  return g_test_run();
}
