#include "courier/work_step.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "queue/delivery.h"

struct step {
  const struct work_tools *tools;
  const struct work *work;
  struct next_work *next;
  int64_t now;
  struct record_counts counts;
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

static void
next_work_clear(struct next_work *next)
{
  g_clear_pointer(&next->claim, claim_free);
  g_clear_pointer(&next->strays, g_ptr_array_unref);
  next->next_at = INT64_MAX;
}

/* Of the outlets that are asked for, the first that has something due. */
static enum res
claim_work(struct tx *tx, const struct step *step, GError **error)
{
  struct next_work *next = step->next;
  enum res res = RES_OK;
  for (next->outlet = 0; next->outlet < next->n_outlets && res == RES_OK; next->outlet++) {
    const struct claim_options options = {
      .chunk_size = step->tools->chunk_size,
      .personal_domains = step->tools->personal_domains,
      .outlet = next->outlets[next->outlet],
      .lists = next->lists,
      .n_lists = next->n_lists,
      .now = step->now,
      .suspects = next->suspects,
    };
    int64_t next_at;
    res = claim_next(tx, &options, &next->claim, &next_at, error);
    if (res != RES_OK || next->claim)
      return res;
    next->next_at = MIN(next->next_at, next_at);
  }
  return res;
}

/* May run more than once, if a transaction fails. */
static enum res
write_step(struct tx *tx, void *arg, GError **error)
{
  struct step *step = arg;
  struct next_work *next = step->next;
  enum res res = step->work ? record_work(tx, step, error) : RES_OK;
  CRASH_POINT_IF(step->work, "record-written");
  if (next == NULL)
    return res;
  next_work_clear(next);
  if (res == RES_OK && next->configured) {
    next->strays = g_ptr_array_new_with_free_func(g_free);
    res = delivery_route_strays(tx, next->configured, next->n_configured, next->strays, error);
  }
  return res == RES_OK ? claim_work(tx, step, error) : res;
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
work_step(const struct work_tools *tools, const struct work *work, struct next_work *next, GError **error)
{
  struct step step = { .tools = tools, .work = work, .next = next, .now = clock_now() };
  enum res res = store_write(tools->store, write_step, &step, error);
  if (res != RES_OK) {
    if (next)
      next_work_clear(next);
    return RES_TEMP;
  }
  CRASH_POINT_IF(next && next->claim, "claim-committed");
  if (work) {
    CRASH_POINT("record-committed");
    tell(work, &step.counts);
    if (work->parcel)
      parcel_header_kept(work->parcel);
  }
  return RES_OK;
}
