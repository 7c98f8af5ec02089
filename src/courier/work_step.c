#include "courier/work_step.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"

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
    res = claim_next(tx,
                     &(struct claim_options){ .chunk_size = step->tools->chunk_size,
                                              .personal_domains = step->tools->personal_domains,
                                              .now = step->now,
                                              .suspects = step->suspects },
                     &step->next, &step->next_at, error);
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
