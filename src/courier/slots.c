#include "courier/slots.h"
#include "message/header.h"

/* Fields, and what may stand right below and belongs to them. */
static const struct {
  const char *field, *more;
} fields[SLOT_COUNT] = {
  [SLOT_UNSUBSCRIBE] = { "List-Unsubscribe", "List-Unsubscribe-Post" },
  [SLOT_TO] = { "To", NULL },
};

static bool
find_field(const struct header_view *view, enum slot slot, struct slot_place *place)
{
  const struct header_field *field = header_first(view, fields[slot].field);
  if (field == NULL || header_next(view, fields[slot].field, field))
    return false;
  const struct header_field *next = field + 1;
  *place = (struct slot_place){ .at = (size_t)(field->whole.p - view->header.p), .n = field->whole.n };
  if (fields[slot].more && next < view->fields + view->n && slice_equal_nocase(next->name, slice_of(fields[slot].more)))
    place->n += next->whole.n;
  return true;
}

/* The end of a body that ends with a line end. */
static bool
find_end(const struct copy_form *form, struct slot_place *place)
{
  struct slice body = form->body;
  *place = (struct slot_place){ .at = form->header.n + body.n };
  return body.n == 0 || body.p[body.n - 1] == '\n';
}

void
slots_find(struct copy_form *form, const bool wanted[SLOT_COUNT])
{
  OWN(header_view) view = NULL;
  size_t end = 0;
  bool readable = form->header.n > 0 && header_view_new(form->header, &view, NULL) == RES_OK;
  for (enum slot slot = 0; slot < SLOT_COUNT; slot++) {
    struct slot_place place = { 0 };
    bool found = wanted[slot] && readable && (fields[slot].field ? find_field(view, slot, &place) : find_end(form, &place));
    form->has_slot[slot] = found && place.at >= end;
    if (!form->has_slot[slot])
      continue;
    form->slots[slot] = place;
    end = place.at + place.n;
  }
}
