#include "message/header.h"
#include "message/kind.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is shown to people is UTF-8 on one line. */
static void
check_shown(const char *text, size_t max)
{
  g_assert_true(g_utf8_validate(text, -1, NULL));
  g_assert_cmpuint(strlen(text), <=, max);
  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    g_assert_false(g_unichar_iscntrl(c) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
  }
}

/* Header and body make up the message, the fields the header. */
static void
check_whole(const struct header_view *view)
{
  size_t gap = view->message.n - view->header.n - view->body.n;
  g_assert_true(view->header.p == view->message.p && (gap == 0 || gap == 2));
  g_assert_true(gap == 2 || view->body.n == 0);
  const char *p = view->header.p;
  for (size_t i = 0; i < view->n; i++) {
    const struct header_field *f = &view->fields[i];
    g_assert_true(f->whole.p == p);
    g_assert_true(f->value.p >= p && f->value.p + f->value.n <= p + f->whole.n);
    p += f->whole.n;
  }
  g_assert_true(p == view->header.p + view->header.n);
}

static void
check_addresses(const struct header_view *view, const char *name)
{
  g_autoptr(GPtrArray) mailboxes = header_addresses(view, name);
  g_assert_cmpuint(mailboxes->len, <=, 1000);
  for (guint i = 0; i < mailboxes->len; i++) {
    const struct mailbox *mailbox = g_ptr_array_index(mailboxes, i);
    check_shown(mailbox->name, 1000);
    g_assert_true(g_utf8_validate(mailbox->address, -1, NULL));
    g_assert_nonnull(strchr(mailbox->address, '@'));
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  OWN(header_view) view = NULL;
  if (header_view_new((struct slice){ (const char *)data, size }, &view, NULL) != RES_OK)
    return 0;
  check_whole(view);
  for (size_t i = 0; i < view->n; i++) {
    g_autofree char *text = header_text(&view->fields[i]);
    check_shown(text, 10000);
  }
  check_addresses(view, "From");
  check_addresses(view, "To");
  kind_automatic(view);
  kind_defect(view);
  g_assert_cmpuint(kind_hops(view), <=, view->n);
  return 0;
}
