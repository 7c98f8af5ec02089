#include "courier/lane.h"
#include "base/clock.h"
#include "courier/roster_chunk.h"

void
lane_init(struct lane *lane, struct outlet *outlet, struct store *store, const struct courier_options *options, size_t n, const char *hostname,
          char **personal_domains)
{
  const struct retry_schedule usual = { .first = 5 * CLOCK_MINUTE, .max = 4 * CLOCK_HOUR, .lifetime = 5 * CLOCK_DAY };
  int64_t octets = options->max_octets > 0 ? options->max_octets : 64 * 1024 * 1024;
  *lane = (struct lane){ .outlet = outlet };
  lane->tools = (struct work_tools){
    .store = store,
    .shelf = parcel_shelf_new(store, octets / (int64_t)n, hostname),
    .retry = options->retry.first > 0 ? options->retry : usual,
    .personal_domains = personal_domains,
    .chunk_size = options->chunk_size > 0 ? (size_t)MIN(options->chunk_size, ROSTER_CHUNK_MAX) : ROSTER_CHUNK_MAX,
  };
}

void
lane_clear(struct lane *lane)
{
  parcel_shelf_free(lane->tools.shelf);
  outlet_free(lane->outlet);
}

int
lane_room(const struct lane *lane, int64_t *again)
{
  return outlet_room(lane->outlet, clock_monotonic(), again) - lane->in_flight;
}

void
lanes_forget_messages(struct lane *lanes, size_t n)
{
  for (size_t i = 0; i < n; i++)
    parcel_shelf_clear(lanes[i].tools.shelf);
}

int64_t
lanes_expire(struct lane *lanes, size_t n)
{
  int64_t next = INT64_MAX;
  for (size_t i = 0; i < n; i++) {
    int64_t at = outlet_expire(lanes[i].outlet, clock_monotonic());
    next = MIN(next, at);
  }
  return next;
}

void
lanes_cut(struct lane *lanes, size_t n, bool cut)
{
  for (size_t i = 0; i < n; i++)
    outlet_cut(lanes[i].outlet, cut);
}

/* Since when none of the hops from `first` on is reached; 0: one is. */
static int64_t
down_since(const GArray *hops, guint first)
{
  int64_t since = 0;
  for (guint i = first; i < hops->len; i++) {
    int64_t at = g_array_index(hops, struct hop_state, i).down_since;
    if (at == 0)
      return 0;
    since = MAX(since, at);
  }
  return since;
}

int64_t
lanes_state(struct lane *lanes, size_t n, GArray *hops)
{
  int64_t earliest = 0;
  for (size_t i = 0; i < n; i++) {
    guint first = hops->len;
    outlet_state(lanes[i].outlet, hops);
    int64_t since = down_since(hops, first);
    if (since != 0 && (earliest == 0 || since < earliest))
      earliest = since;
  }
  return earliest;
}
