#include "courier/work.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "courier/personal.h"
#include "envelope/address.h"

/* A message that cannot be had is not the outlet's fault: it is tried again like one whose connection broke. One whose list is gone is not
 * sent any more. */
static void
without_parcel(struct work *work, enum res res, const GError *error)
{
  if (res == RES_MORE) {
    transmission_settle(&work->mail, OUTCOME_SKIPPED, transmission_reply(&work->mail, g_strdup("the list was removed")));
    work->result = OUTLET_DONE;
    return;
  }
  log_error("a message cannot be sent", log_err(error));
  work->why = g_strdup(error ? error->message : "the message cannot be loaded");
  work->result = OUTLET_BROKEN;
}

/* An outlet that has no SMTPUTF8, and the MTAs after it, take an internationalised domain all the same: as A-labels. */
static const char *
to_send(struct work *work, const char *address)
{
  char *ascii = g_str_is_ascii(address) ? NULL : address_ascii(slice_of(address));
  if (!ascii)
    return address;
  g_ptr_array_add(work->texts, ascii);
  return ascii;
}

static void
address_copies(struct work *work)
{
  const struct claim *claim = work->claim;
  work->texts = g_ptr_array_new_with_free_func(g_free);
  transmission_init(&work->mail, claim->shape, claim->targets->len);
  work->mail.envelope_id = claim->code;
  for (size_t i = 0; i < work->mail.n; i++) {
    const char *address = targets_at(claim->targets, i)->address;
    work->mail.recipients[i].address = to_send(work, address);
    work->mail.recipients[i].original = address;
  }
  personal_senders(&work->mail, claim, work->texts);
}

/* Members who stand in To or Cc and do not want a second copy. */
static void
skip_direct_recipients(struct work *work)
{
  for (size_t i = 0; i < work->mail.n; i++) {
    const struct target *target = targets_at(work->claim->targets, i);
    if (target->no_copy && parcel_names(work->parcel, target->address))
      work->mail.recipients[i].outcome = OUTCOME_SKIPPED;
  }
}

/* The message's octets, and what is each member's own. */
static enum res
load(struct work *work, const struct work_tools *tools, GError **error)
{
  const struct claim *claim = work->claim;
  enum res res = parcel_get(tools->shelf, claim->delivery_id, claim->posting_id, claim->source, &work->parcel, error);
  if (res != RES_OK)
    return res;
  work->mail.as_is = &work->parcel->as_is;
  work->mail.make_form = parcel_form;
  work->mail.make_form_arg = work->parcel;
  return personal_fields(&work->mail, claim, tools->store, work->texts, error);
}

void
work_send(struct work *work, const struct work_tools *tools, struct outlet *outlet, struct claim *claim)
{
  g_autoptr(GError) error = NULL;
  *work = (struct work){ .claim = claim };
  log_posting(claim->code);
  address_copies(work);
  enum res res = load(work, tools, &error);
  if (res != RES_OK) {
    without_parcel(work, res, error);
    return;
  }
  skip_direct_recipients(work);
  if (transmission_pending(&work->mail) == 0)
    return;
  work->reached = true;
  CRASH_POINT("parcel-made");
  work->result = outlet_send(outlet, &work->mail, &error);
  CRASH_POINT("sent-not-recorded");
  work->why = g_strdup(error ? error->message : "");
  if (work->mail.refused >= 0)
    log_alarm("the outlet refuses a message", log_str("outlet", outlet->name),
              log_str("reply", ((struct transmission_reply *)g_ptr_array_index(work->mail.replies, (guint)work->mail.refused))->text));
}

void
work_clear(struct work *work)
{
  parcel_put(work->parcel);
  transmission_clear(&work->mail);
  g_clear_pointer(&work->texts, g_ptr_array_unref);
  claim_free(work->claim);
  g_free(work->why);
  *work = (struct work){ .claim = NULL };
}
