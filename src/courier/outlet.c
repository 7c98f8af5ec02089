#include "courier/outlet.h"

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
  return refuse(error, REPLY_TROUBLE, "\"%s\" is no type of outlet: smtp and maildir are", options->type);
}

void
outlet_free(struct outlet *outlet)
{
  if (outlet == NULL)
    return;
  g_free(outlet->name);
  outlet->ops->free(outlet);
}

enum outlet_result
outlet_send(struct outlet *outlet, struct transmission *transmission, GError **error)
{
  return outlet->ops->send(outlet, transmission, error);
}

int64_t
outlet_expire(struct outlet *outlet, int64_t now)
{
  return outlet->ops->expire(outlet, now);
}

void
outlet_cut(struct outlet *outlet, bool cut)
{
  outlet->ops->cut(outlet, cut);
}
