#include "cli/next_hops.h"
#include <string.h>

#define PREFIX "hop "

static const char *
text_of(const json_t *hop, const char *key)
{
  const char *text = json_string_value(json_object_get(hop, key));
  return text ? text : "";
}

static void
make_time(json_t *hop, const char *key, bool json)
{
  json_int_t at = json_integer_value(json_object_get(hop, key));
  g_autofree char *text = at ? cli_time(at, json) : g_strdup("");
  json_object_set_new(hop, key, json_string(text));
}

json_t *
next_hops_of(const GPtrArray *lines, bool json)
{
  json_t *hops = json_array();
  for (guint i = 0; i < lines->len; i++) {
    const char *line = g_ptr_array_index(lines, i);
    json_t *hop = g_str_has_prefix(line, PREFIX) ? json_loads(line + strlen(PREFIX), 0, NULL) : NULL;
    if (!json_is_object(hop)) {
      json_decref(hop);
      continue;
    }
    make_time(hop, "down_since", json);
    make_time(hop, "next_try", json);
    json_array_append_new(hops, hop);
  }
  return hops;
}

char *
next_hop_name(const json_t *hop)
{
  const char *outlet = text_of(hop, "outlet");
  return g_strdup_printf("%s of [outlet%s%s]", text_of(hop, "hop"), *outlet ? " " : "", outlet);
}

char *
next_hop_text(const json_t *hop)
{
  if (json_is_true(json_object_get(hop, "up")))
    return g_strdup_printf("up, window %d, connections %d", (int)json_integer_value(json_object_get(hop, "window")),
                           (int)json_integer_value(json_object_get(hop, "connections")));
  g_autofree char *text = g_strdup_printf("down since %s, next try %s: %s", text_of(hop, "down_since"), text_of(hop, "next_try"), text_of(hop, "error"));
  return cli_clean(text);
}
