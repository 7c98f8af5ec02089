#include "server/status.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/slice.h"
#include "queue/set_aside.h"
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

/* Resident memory in KiB, 0 if the system does not say. */
static int64_t
resident_memory(void)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL))
    return 0;
  g_auto(GStrv) fields = g_strsplit(text, " ", 3);
  return fields[0] && fields[1] ? g_ascii_strtoll(fields[1], NULL, 10) * sysconf(_SC_PAGESIZE) / 1024 : 0;
}

/* "hop" and a JSON object. */
static void
append_hop(GString *out, const struct hop_state *hop)
{
  g_autofree char *error = g_utf8_make_valid(hop->error, -1);
  json_t *object = json_pack("{s:s, s:s, s:b, s:I, s:I, s:s, s:i, s:i}", "outlet", hop->outlet, "hop", hop->name, "up", hop->down_since == 0, "down_since",
                             (json_int_t)hop->down_since, "next_try", (json_int_t)hop->next_try, "error", error, "window", hop->window, "connections", hop->open);
  char *text = json_dumps(object, JSON_COMPACT);
  if (text)
    g_string_append_printf(out, "hop %s\r\n", text);
  free(text);
  json_decref(object);
}

char *
status_confinement(const struct status_sources *sources)
{
  pid_t pid = sources->helper ? helper_pid(sources->helper) : 0;
  g_autofree char *helper = pid ? g_strdup_printf("%d", (int)pid) : g_strdup(sources->helper ? "gone" : "none");
  return g_strdup_printf("%s, helper %s", sandbox_state(sources->sandbox), helper);
}

static enum res
count_set_aside(struct tx *tx, void *arg, GError **error)
{
  return set_aside_count(tx, arg, error);
}

int64_t
status_set_aside(struct store *store)
{
  struct set_aside_counts counts;
  g_autoptr(GError) error = NULL;
  return store_read(store, count_set_aside, &counts, &error) == RES_OK ? counts.deliveries + counts.messages + counts.jobs : -1;
}

void
status_write(const struct status_sources *sources, GString *out)
{
  struct courier_state courier;
  courier_host_state(sources->courier, &courier);
  const struct { const char *name; int64_t value; } rows[] = {
    { "pid", getpid() },
    { "uptime_seconds", (clock_monotonic() - sources->started) / CLOCK_SECOND },
    { "memory_kib", resident_memory() },
    { "message_memory_octets", atomic_load(&sources->budget->used) },
    { "open_sessions", (int64_t)listeners_sessions(sources->listeners) },
    { "lists", (int64_t)list_index_count(sources->index) },
    { "courier_in_flight", courier.in_flight },
    { "set_aside", status_set_aside(sources->store) },
    { "outlet_down_seconds", courier.down_since ? (clock_now() - courier.down_since) / CLOCK_SECOND : 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    g_string_append_printf(out, "%s %" G_GINT64_FORMAT "\r\n", rows[i].name, rows[i].value);
  g_autofree char *around = status_confinement(sources);
  g_string_append_printf(out, "sandbox %s\r\n", around);
  for (enum counter counter = 0; counter < COUNTER_COUNT; counter++)
    g_string_append_printf(out, "%s %" G_GINT64_FORMAT "\r\n", counter_label(counter), counter_read(counter));
  for (guint i = 0; i < courier.hops->len; i++)
    append_hop(out, &g_array_index(courier.hops, struct hop_state, i));
  courier_state_clear(&courier);
}
