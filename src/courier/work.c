#include "courier/work.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "envelope/address.h"

/* --- sending --- */

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
  g_ptr_array_add(work->ascii, ascii);
  return ascii;
}

static void
address_copies(struct work *work)
{
  work->ascii = g_ptr_array_new_with_free_func(g_free);
  transmission_init(&work->mail, SHAPE_BATCH, work->claim->targets->len);
  work->mail.reverse_path = work->claim->reverse_path;
  for (size_t i = 0; i < work->mail.n; i++)
    work->mail.recipients[i].address = to_send(work, targets_at(work->claim->targets, i)->address);
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

void
work_send(struct work *work, const struct work_tools *tools, struct claim *claim)
{
  g_autoptr(GError) error = NULL;
  *work = (struct work){ .claim = claim };
  log_posting(claim->code);
  address_copies(work);
  enum res res = parcel_get(tools->shelf, claim->delivery_id, claim->posting_id, &work->parcel, &error);
  if (res != RES_OK) {
    without_parcel(work, res, error);
    return;
  }
  work->mail.as_is = &work->parcel->as_is;
  skip_direct_recipients(work);
  if (transmission_pending(&work->mail) == 0)
    return;
  work->reached = true;
  work->result = outlet_send(tools->outlet, &work->mail, &error);
  work->why = g_strdup(error ? error->message : "");
  if (work->mail.refused >= 0)
    log_alarm("the outlet refuses a message", log_str("outlet", tools->outlet->name),
              log_str("reply", ((struct transmission_reply *)g_ptr_array_index(work->mail.replies, (guint)work->mail.refused))->text));
}

void
work_clear(struct work *work)
{
  parcel_put(work->parcel);
  transmission_clear(&work->mail);
  g_clear_pointer(&work->ascii, g_ptr_array_unref);
  claim_free(work->claim);
  g_free(work->why);
  *work = (struct work){ .claim = NULL };
}

/* --- recording --- */

struct step {
  const struct work_tools *tools;
  const struct work *work;
  bool claim, suspects;
  int64_t now;
  struct record_counts counts;
  struct claim *next;
  int64_t next_at;
};

static enum res
record_work(struct tx *tx, struct step *step, GError **error)
{
  const struct work *work = step->work;
  struct record record = {
    .claim = work->claim,
    .mail = &work->mail,
    .result = work->result,
    .why = work->why ? work->why : "",
    .header = work->parcel ? parcel_header_to_keep(work->parcel) : (struct slice){ "", 0 },
    .retry = &step->tools->retry,
    .now = step->now,
  };
  return record_outcomes(tx, &record, &step->counts, error);
}

static enum res
write_step(struct tx *tx, void *arg, GError **error)
{
  struct step *step = arg;
  g_clear_pointer(&step->next, claim_free);
  enum res res = step->work ? record_work(tx, step, error) : RES_OK;
  if (res == RES_OK && step->claim)
    res = claim_next(tx, &(struct claim_options){ .chunk_size = step->tools->chunk_size, .now = step->now, .suspects = step->suspects }, &step->next,
                     &step->next_at, error);
  return res;
}

static void
tell(const struct work *work, const struct record_counts *counts)
{
  counter_add(COUNTER_SENT, counts->sent);
  counter_add(COUNTER_DEFERRED, counts->deferred);
  counter_add(COUNTER_FAILED, counts->failed + counts->expired);
  if (work->result != OUTLET_DOWN || counts->sent + counts->deferred + counts->failed > 0)
    log_note("copies handed over", log_int("sent", counts->sent), log_int("deferred", counts->deferred), log_int("failed", counts->failed),
             log_int("expired", counts->expired), log_int("skipped", counts->skipped), log_int("again", counts->again),
             log_str("trouble", work->why ? work->why : ""));
}

enum res
work_step(const struct work_tools *tools, const struct work *work, bool suspects, struct claim **next, int64_t *next_at, GError **error)
{
  struct step step = { .tools = tools, .work = work, .claim = next != NULL, .suspects = suspects, .now = clock_now(), .next_at = INT64_MAX };
  enum res res = store_write(tools->store, write_step, &step, error);
  if (res != RES_OK) {
    claim_free(step.next);
    return RES_TEMP;
  }
  if (work) {
    tell(work, &step.counts);
    if (work->parcel)
      parcel_header_kept(work->parcel);
  }
  if (next) {
    *next = step.next;
    *next_at = step.next_at;
  }
  return RES_OK;
}
