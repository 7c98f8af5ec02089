/* Random edits of a random header: what is not named by an edit keeps its octets, and the result reads as what was asked for. The first
 * octets choose the edits, the rest is the message. */
#include "message/header_edit.h"

#include <stdint.h>

#define EDITS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct wish {
  bool removed;
  const char *value; /* replacement */
};

static const char *const values[] = { " new", "", " a\r\n b",
                                     " \xc3\xa4 long long long long long long long long long long long long long long long long" };
static const char *const names[] = { "List-Id", "Subject", "X", "DKIM-Signature" };

static void
edit_randomly(struct header_edit *edit, const struct header_view *view, const uint8_t *choice, struct wish *wishes, size_t *added)
{
  for (size_t i = 0; i < EDITS; i++) {
    size_t field = view->n ? choice[i] / 4 % view->n : 0;
    (void)header_edit_breaks_signature(edit, names[choice[i] % G_N_ELEMENTS(names)]);
    switch (choice[i] % 4) {
    case 0:
      header_edit_add(edit, names[choice[i] / 4 % G_N_ELEMENTS(names)], values[choice[i] / 4 % 2]);
      (*added)++;
      break;
    case 1:
      if (view->n) {
        header_edit_remove(edit, &view->fields[field]);
        wishes[field].removed = true;
      }
      break;
    case 2:
      if (view->n && view->fields[field].name.n) {
        wishes[field].value = values[choice[i] % G_N_ELEMENTS(values)];
        header_edit_replace(edit, &view->fields[field], wishes[field].value);
      }
      break;
    default:
      break;
    }
  }
}

static bool
is_stray_top(const struct header_field *field)
{
  char first = field->whole.p[0];
  return field->name.n == 0 && (first == ' ' || first == '\t' || slice_equal(slice_head(field->whole, 5), SLICE("From ")));
}

static void
check(const struct header_view *view, const struct wish *wishes, const struct header_view *after, size_t added)
{
  size_t k = added;
  for (size_t i = 0; i < view->n; i++) {
    const struct header_field *was = &view->fields[i];
    if (wishes[i].removed || (k == added && is_stray_top(was)))
      continue;
    g_assert(k < after->n);
    const struct header_field *is = &after->fields[k++];
    g_assert(slice_equal(was->name, is->name));
    if (wishes[i].value) {
      g_assert(slice_starts_nocase(is->whole, (struct slice){ was->whole.p, (size_t)(was->value.p - was->whole.p) }));
      g_assert(slice_equal(is->value, slice_of(wishes[i].value)));
    } else {
      g_assert(slice_equal(slice_head(is->whole, was->whole.n), was->whole));
      g_assert(is->whole.n == was->whole.n || (i == view->n - 1 && is->whole.n <= was->whole.n + 2));
    }
  }
  g_assert(k == after->n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < EDITS)
    return 0;
  OWN(header_view) view = NULL;
  if (header_view_new((struct slice){ (const char *)data + EDITS, size - EDITS }, &view, NULL) != RES_OK)
    return 0;
  OWN(header_edit) edit = header_edit_new(view);
  g_autofree struct wish *wishes = g_new0(struct wish, view->n + 1);
  size_t added = 0;
  edit_randomly(edit, view, data, wishes, &added);

  g_autoptr(GBytes) bytes = header_edit_apply(edit);
  struct slice text = slice_bytes(bytes);
  g_assert(text.n >= 2 && memcmp(text.p + text.n - 2, "\r\n", 2) == 0);
  OWN(header_view) after = NULL;
  if (text.n <= HEADER_MAX && view->n + added <= HEADER_FIELDS_MAX) {
    enum res res = header_view_new(text, &after, NULL);
    g_assert(res == RES_OK && after->body.n == 0 && after->header.n == text.n - 2);
    check(view, wishes, after, added);
  }

  g_autofree char *copy = g_strndup((const char *)data, size);
  g_autofree char *clean = header_clean(copy);
  g_autofree char *encoded = header_encode(copy);
  g_assert(!strpbrk(clean, "\r\n") && g_str_is_ascii(encoded) && !strpbrk(encoded, "\r\n"));
  return 0;
}
