#include "cli/outlet_setting.h"
#include "queue/delivery.h"
#include <string.h>

static bool
is_outlet(const char *name)
{
  return strcmp(name, "outlet") == 0;
}

enum res
outlet_setting_check(const struct config *config, const char *name, const char *value, GError **error)
{
  if (!is_outlet(name) || config_outlet_find(config, value))
    return RES_OK;
  g_autoptr(GString) sections = g_string_new(NULL);
  for (size_t i = 1; i < config->n_outlets; i++)
    g_string_append_printf(sections, "%s[outlet %s]", i > 1 ? ", " : "", config->outlets[i].name);
  return refuse(error, REPLY_SYNTAX, "outlet: %s has no section [outlet %s]; %s%s", config->file ? config->file : "the default configuration", value,
                sections->len ? "it has " : "it has none but [outlet], whose name is empty", sections->str);
}

enum res
outlet_setting_follow(struct tx *tx, int64_t list_id, const char *name, const char *value, GError **error)
{
  return is_outlet(name) ? delivery_route(tx, list_id, value, error) : RES_OK;
}
