#include "courier/personal.h"
#include "pipeline/pipeline.h"

/* The delivery's reverse-path with the tag of the posting and, if it is not 0, the member. */
static const char *
sender(const struct claim *claim, int64_t member_id, GPtrArray *texts)
{
  char tag[TAG_MAX + 1];
  tag_make(&claim->key, claim->list_id, &(struct tag){ .posting_id = claim->posting_id, .member_id = member_id }, tag);
  char *made = tag_reverse_path(claim->reverse_path, tag);
  g_ptr_array_add(texts, made);
  return made;
}

void
personal_senders(struct transmission *mail, const struct claim *claim, GPtrArray *texts)
{
  mail->reverse_path = claim->reverse_path;
  if (claim->list_id == 0)
    return;
  mail->reverse_path = sender(claim, 0, texts);
  for (size_t i = 0; mail->shape == SHAPE_PERSONAL && i < mail->n; i++)
    mail->recipients[i].reverse_path = sender(claim, targets_at(claim->targets, i)->member_id, texts);
}

/* --- To --- */

struct naming {
  const GArray *targets;
  GPtrArray *names; /* char *: of each target, "" if none */
};

static enum res
load_names(struct tx *tx, void *arg, GError **error)
{
  struct naming *naming = arg;
  enum res res = RES_OK;
  g_ptr_array_set_size(naming->names, 0);
  for (guint i = 0; i < naming->targets->len && (res == RES_OK || res == RES_MORE); i++) {
    char *name = NULL;
    res = sql_text_of(tx, "SELECT address.name FROM member JOIN address ON address.id = member.address_id WHERE member.id = $1",
                      SQL_ARGS(sql_int(targets_at(naming->targets, i)->member_id)), &name, error);
    g_ptr_array_add(naming->names, name ? name : g_strdup(""));
  }
  return res == RES_MORE ? RES_OK : res;
}

enum res
personal_fields(struct transmission *mail, const struct claim *claim, struct store *store, GPtrArray *texts, GError **error)
{
  if (mail->shape != SHAPE_PERSONAL || !mail->as_is->has_slot[SLOT_TO])
    return RES_OK;
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  struct naming naming = { .targets = claim->targets, .names = names };
  enum res res = store_read(store, load_names, &naming, error);
  for (size_t i = 0; res == RES_OK && i < mail->n; i++) {
    char *field = pipeline_to(g_ptr_array_index(names, (guint)i), mail->recipients[i].address);
    g_ptr_array_add(texts, field);
    mail->recipients[i].own[SLOT_TO] = slice_of(field);
  }
  return res == RES_OK ? RES_OK : RES_TEMP;
}
