#include "verdict/facts.h"
#include "list/ban.h"
#include "list/domain.h"
#include "message/hop.h"

static struct sender *
sender_copy(const struct sender *from)
{
  struct sender *sender = g_new(struct sender, 1);
  *sender = *from;
  sender->address = g_strdup(from->address);
  sender->key = g_strdup(from->key);
  sender->roster = "";
  return sender;
}

/* Where a sender may stand; the first that has it counts, so that who runs a list may post to it, whatever its members may. */
static const enum member_role rosters[] = { MEMBER_OWNER, MEMBER_MODERATOR, MEMBER_MEMBER, MEMBER_NONMEMBER };

enum res
sender_record(struct tx *tx, int64_t list_id, const char *key, struct member **member, GError **error)
{
  bool roles[MEMBER_ROLES];
  enum res res = member_roles(tx, list_id, key, roles, error);
  for (size_t i = 0; i < G_N_ELEMENTS(rosters) && res == RES_OK; i++)
    if (roles[rosters[i]])
      return member_find(tx, list_id, rosters[i], key, member, error);
  return res == RES_OK ? RES_MORE : res;
}

static enum res
sender_find_roster(struct tx *tx, const struct list *list, struct sender *sender, GError **error)
{
  OWN(member) member = NULL;
  enum res res = sender_record(tx, list->id, sender->key, &member, error);
  if (res != RES_OK)
    return res == RES_MORE ? RES_OK : res;
  sender->roster = member_role_name(member->role);
  sender->is_nonmember = member->role == MEMBER_NONMEMBER;
  sender->is_member = !sender->is_nonmember;
  sender->moderation = member->moderation;
  return RES_OK;
}

static enum res
sender_look_up(struct tx *tx, struct facts *facts, struct sender *sender, GError **error)
{
  enum res res = sender_find_roster(tx, facts->list, sender, error);
  if (res != RES_OK || facts->banned)
    return res;
  res = ban_match(tx, facts->list->id, sender->key, &facts->banned, error);
  return res == RES_MORE ? RES_OK : res;
}

/* What stands between the last angle brackets, or all of it (RFC 2919 3). */
static struct slice
list_id_of(struct slice value)
{
  const char *open = value.n ? memrchr(value.p, '<', value.n) : NULL;
  if (!open)
    return slice_trim(value);
  struct slice inside = slice_skip(value, (size_t)(open - value.p) + 1);
  return slice_trim(slice_until(inside, '>'));
}

static bool
has_own_list_id(const struct header_view *header, const struct list *list)
{
  for (const struct header_field *field = header_first(header, "List-Id"); field; field = header_next(header, "List-Id", field)) {
    g_autofree char *value = header_unfold(field);
    if (slice_equal_nocase(list_id_of(slice_of(value)), slice_of(list->list_id)))
      return true;
  }
  return false;
}

static bool
has_own_hop(const struct header_view *header, const struct list *list)
{
  for (const struct header_field *field = header_first(header, HOP_HEADER); field; field = header_next(header, HOP_HEADER, field)) {
    g_autofree char *value = header_unfold(field);
    if (slice_equal_nocase(slice_of(value), slice_of(list->posting)))
      return true;
  }
  return false;
}

enum res
facts_gather(struct tx *tx, const struct list *list, const struct content *content, struct facts **facts, GError **error)
{
  OWN(facts) made = g_new0(struct facts, 1);
  made->list = list;
  made->content = content;
  made->senders = g_ptr_array_new_with_free_func((GDestroyNotify)sender_free);
  made->own_list_id = content->header && has_own_list_id(content->header, list);
  made->own_hop = content->header && has_own_hop(content->header, list);
  for (guint i = 0; i < content->senders->len; i++) {
    struct sender *sender = sender_copy(g_ptr_array_index(content->senders, i));
    g_ptr_array_add(made->senders, sender);
    enum res res = sender_look_up(tx, made, sender, error);
    if (res != RES_OK)
      return res;
  }
  if (list->settings.require_explicit_destination) {
    enum res res = domain_alias(tx, list->domain_id, &made->domain_alias, error);
    if (res == RES_TEMP || res == RES_BAD)
      return res;
  }
  *facts = OWN_GIVE(made);
  return RES_OK;
}

void
facts_free(struct facts *facts)
{
  if (!facts)
    return;
  g_ptr_array_unref(facts->senders);
  g_free(facts->banned);
  g_free(facts->domain_alias);
  g_free(facts);
}
