#include "pipeline/copy.h"

/* Fields that do not reach a list's members. README.md holds the same table for readers. */
static const struct {
  const char *name;
  bool prefix; /* all fields whose names start so */
} table[] = {
  { .name = "Approved" }, /* these four may hold a moderator's password */
  { .name = "Approve" },
  { .name = "X-Approved" },
  { .name = "X-Approve" },
  { .name = "Urgent" },
  { .name = "Return-Receipt-To" }, /* each member's program would answer these to the author */
  { .name = "Disposition-Notification-To" },
  { .name = "X-Confirm-Reading-To" },
  { .name = "X-PMRQC" },
  { .name = "Return-Path" },          /* only the last MTA of all may add one (RFC 5321 4.4) */
  { .name = "List-", .prefix = true }, /* another list's (RFC 2369 5, 2919 2): ours replace them */
  { .name = "Message-ID-Hash" },
  { .name = "X-Message-ID-Hash" },
};

static bool
is_named(struct slice name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
    if (table[i].prefix ? slice_starts_nocase(name, slice_of(table[i].name)) : slice_equal_nocase(name, slice_of(table[i].name)))
      return true;
  return false;
}

/* Takes out what must not reach the members. */
void
cleanse(struct copy *copy)
{
  const struct header_view *view = copy->input->message;
  for (size_t i = 0; i < view->n; i++)
    if (is_named(view->fields[i].name))
      header_edit_remove(copy->edit, &view->fields[i]);
}
