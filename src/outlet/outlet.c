#include "outlet/outlet.h"
#include "base/clock.h"
#include "base/log.h"

static const struct {
  const char *type;
  struct outlet *(*make)(const struct outlet_options *options, GError **error);
} types[] = {
  { "smtp", outlet_smtp_new },
  { "maildir", outlet_maildir_new },
};

enum res
outlet_new(const struct outlet_options *options, struct outlet **outlet, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
    if (strcmp(types[i].type, options->type) == 0) {
      *outlet = types[i].make(options, error);
      return *outlet ? RES_OK : RES_BAD;
    }
  g_autofree char *section = outlet_section(options->section);
  return refuse(error, REPLY_TROUBLE, "%s type: \"%s\" is no type of outlet: smtp and maildir are", section, options->type);
}

void
outlet_free(struct outlet *outlet)
{
  if (outlet == NULL)
    return;
  g_free(outlet->section);
  g_free(outlet->name);
  outlet->ops->free(outlet);
}

enum outlet_result
outlet_send(struct outlet *outlet, struct transmission *transmission, GError **error)
{
  return outlet->ops->send(outlet, transmission, error);
}

int
outlet_room(struct outlet *outlet, int64_t now, int64_t *again)
{
  return outlet->ops->room(outlet, now, again);
}

void
outlet_retry(struct outlet *outlet)
{
  outlet->ops->retry(outlet);
}

void
outlet_refresh(struct outlet *outlet)
{
  if (outlet->ops->refresh)
    outlet->ops->refresh(outlet);
}

void
outlet_state(struct outlet *outlet, GArray *hops)
{
  outlet->ops->state(outlet, hops);
}

int64_t
outlet_expire(struct outlet *outlet, int64_t now)
{
  return outlet->ops->expire ? outlet->ops->expire(outlet, now) : INT64_MAX;
}

void
outlet_cut(struct outlet *outlet, bool cut)
{
  if (outlet->ops->cut)
    outlet->ops->cut(outlet, cut);
}

/* --- for outlets --- */

void
outlet_init(struct outlet *outlet, const struct outlet_ops *ops, const struct outlet_options *options, const char *place)
{
  const char *section = options->section ? options->section : "";
  *outlet = (struct outlet){ .ops = ops,
                             .section = g_strdup(section),
                             .name = *section ? g_strdup(section) : g_strdup_printf("%s %s", options->type, place),
                             .connections = MAX(options->connections, 1) };
}

char *
outlet_section(const char *section)
{
  return section && *section ? g_strdup_printf("[outlet %s]", section) : g_strdup("[outlet]");
}

void
outlet_tell_unreached(const struct outlet *outlet, const char *hop, const struct backoff *backoff)
{
  int64_t pause = backoff->pause / CLOCK_SECOND;
  if (hop)
    log_warn("next hop not reached", log_str("outlet", outlet->name), log_str("hop", hop), log_str("error", backoff->error), log_int("again_after_s", pause));
  else
    log_warn("outlet not reached", log_str("outlet", outlet->name), log_str("error", backoff->error), log_int("again_after_s", pause));
}

void
outlet_tell_reached(const struct outlet *outlet, const char *hop, int64_t after)
{
  if (hop)
    log_note("next hop reached again", log_str("outlet", outlet->name), log_str("hop", hop), log_int("after_s", after / CLOCK_SECOND));
  else
    log_note("outlet reached again", log_str("outlet", outlet->name), log_int("after_s", after / CLOCK_SECOND));
}

struct hop_state
outlet_hop_state(const struct outlet *outlet, const char *name, const struct backoff *backoff)
{
  return (struct hop_state){ .outlet = g_strdup(outlet->section),
                             .name = g_strdup(name),
                             .down_since = backoff->since,
                             .next_try = backoff_next_try(backoff, clock_now(), clock_monotonic()),
                             .error = g_strdup(backoff->error) };
}

static void
hop_state_clear(void *data)
{
  struct hop_state *state = data;
  g_free(state->outlet);
  g_free(state->name);
  g_free(state->error);
}

GArray *
hop_states_new(void)
{
  GArray *states = g_array_new(FALSE, FALSE, sizeof(struct hop_state));
  g_array_set_clear_func(states, hop_state_clear);
  return states;
}
