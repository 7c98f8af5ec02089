/* What a message says by itself: its senders in order, bounded, and its defects. */
#include "verdict/facts.h"
#include <string.h>

/* "address source" of each sender, '+' before those who prove membership. */
static char *
senders_text(const struct content *content)
{
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < content->senders->len; i++) {
    const struct sender *sender = g_ptr_array_index(content->senders, i);
    g_string_append_printf(text, "%s%s%s %s", text->len ? ", " : "", sender->proves_membership ? "+" : "-", sender->key, sender->source);
  }
  return g_string_free(text, FALSE);
}

static const struct row {
  const char *name, *message, *reverse_path, *senders, *automatic;
} rows[] = {
  { .name = "Mailman's order", .message = "Sender: d@x.org\r\nReply-To: c@x.org\r\nFrom: a@x.org\r\n\r\n", .reverse_path = "b@x.org",
    .senders = "+a@x.org From, +b@x.org envelope, -c@x.org Reply-To, +d@x.org Sender" },
  { .name = "an address once", .message = "From: A@x.org\r\nReply-To: a@X.org\r\n\r\n", .reverse_path = "a@x.org", .senders = "+a@x.org From" },
  { .name = "Sender proves what Reply-To only named", .message = "From: a@x.org\r\nReply-To: c@x.org\r\nSender: c@x.org\r\n\r\n", .reverse_path = "a@x.org",
    .senders = "+a@x.org From, +c@x.org Sender" },
  { .name = "several authors", .message = "From: a@x.org, B <b@x.org>\r\n\r\n", .reverse_path = "b@x.org", .senders = "+a@x.org From, +b@x.org From" },
  { .name = "no author", .message = "Subject: x\r\n\r\n", .reverse_path = "b@x.org", .senders = "+b@x.org envelope" },
  { .name = "nobody", .message = "From: nobody\r\n\r\n", .reverse_path = "", .senders = "", .automatic = "the null reverse-path" },
  { .name = "automatic", .message = "From: a@x.org\r\nAuto-Submitted: auto-replied\r\n\r\n", .reverse_path = "a@x.org", .senders = "+a@x.org From",
    .automatic = "auto-replied" },
};

static void
test_senders(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    OWN(content) content = content_read(slice_of(rows[i].message), rows[i].reverse_path);
    g_autofree char *senders = senders_text(content);
    g_test_message("%s: %s", rows[i].name, senders);
    g_assert_cmpstr(senders, ==, rows[i].senders);
    g_assert_nonnull(strstr(content->automatic, rows[i].automatic ? rows[i].automatic : ""));
    g_assert_cmpint(content->automatic[0] != '\0', ==, rows[i].automatic != NULL);
    g_assert_null(content->defect);
  }
}

static void
test_bounded(void)
{
  static const char *const fields[] = { "From", "Reply-To", "Sender" };
  g_autoptr(GString) message = g_string_new(NULL);
  for (size_t f = 0; f < G_N_ELEMENTS(fields); f++) {
    g_string_append_printf(message, "%s: first@x.org", fields[f]);
    for (int i = 0; i < 500; i++)
      g_string_append_printf(message, ",\r\n %c%d@x.org", fields[f][0], i);
    g_string_append(message, "\r\n");
  }
  g_string_append(message, "\r\nhello\r\n");
  OWN(content) content = content_read((struct slice){ message->str, message->len }, "me@x.org");
  g_assert_cmpuint(content->senders->len, <=, SENDERS_MAX);
  g_assert_cmpuint(content->senders->len, >, SENDERS_MAX / 2);
  g_assert_cmpstr(content_sender(content), ==, "first@x.org");
}

static void
test_unreadable(void)
{
  static const char message[] = "From: a@x.org\r\nSubject: a\0b\r\n\r\nhello\r\n";
  OWN(content) content = content_read((struct slice){ message, sizeof message - 1 }, "b@x.org");
  g_assert_nonnull(content->defect);
  g_assert_null(content->header);
  g_assert_cmpstr(content_sender(content), ==, "b@x.org");

  OWN(content) empty = content_read((struct slice){ NULL, 0 }, "");
  g_assert_cmpuint(empty->senders->len, ==, 0);
  g_assert_cmpstr(content_sender(empty), ==, "");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/content/senders", test_senders);
  g_test_add_func("/content/bounded", test_bounded);
  g_test_add_func("/content/unreadable", test_unreadable);
  return g_test_run();
}
