#include "queue/owners.h"
#include "envelope/address.h"
#include "queue/delivery.h"
#include <string.h>

/* Rows read at most: one person may own many lists. */
#define ROWS_MAX 400

struct owners {
  struct delivery_recipient recipients[OWNERS_MAX];
  size_t n, limit;
};

static void
owners_clear(struct owners *owners)
{
  for (size_t i = 0; i < owners->n; i++)
    g_free((char *)owners->recipients[i].address);
  owners->n = 0;
}

/* Everybody once: `address` is compared as the database gives it, one spelling an address. */
static void
owners_add(struct owners *owners, int64_t member_id, const char *address)
{
  for (size_t i = 0; i < owners->n; i++)
    if (strcmp(owners->recipients[i].address, address) == 0)
      return;
  if (owners->n < owners->limit)
    owners->recipients[owners->n++] = (struct delivery_recipient){ .member_id = member_id, .address = g_strdup(address) };
}

static enum res
owners_read(struct tx *tx, const char *sql, int64_t id, struct owners *owners, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, sql, SQL_ARGS(sql_int(id), sql_int(ROWS_MAX)), &rows, error);
  if (res != RES_OK)
    return res;
  while ((res = rows_next(rows, error)) == RES_OK)
    owners_add(owners, row_int(rows, 0), row_text(rows, 1));
  return res == RES_MORE ? RES_OK : res;
}

/* Roles and status: MEMBER_OWNER, MEMBER_MODERATOR, STATUS_ENABLED of list/member.h. */
static enum res
owners_of_list(struct tx *tx, int64_t list_id, struct owners *owners, GError **error)
{
  return owners_read(tx,
                     "SELECT m.id, a.email FROM member m JOIN address a ON a.id = m.address_id "
                     "WHERE m.list_id = $1 AND m.role IN (1, 2) AND m.left_at IS NULL AND m.status = 0 ORDER BY m.role, m.join_number LIMIT $2",
                     list_id, owners, error);
}

static enum res
owners_of_domain(struct tx *tx, int64_t domain_id, struct owners *owners, GError **error)
{
  return owners_read(tx,
                     "SELECT m.id, a.email FROM list l JOIN member m ON m.list_id = l.id JOIN address a ON a.id = m.address_id "
                     "WHERE l.domain_id = $1 AND l.removed_at IS NULL AND m.role = 1 AND m.left_at IS NULL AND m.status = 0 LIMIT $2",
                     domain_id, owners, error);
}

/* The envelope sender is the list's -bounces, or the domain's noreply. RES_MORE: the list is gone. Both texts are owned by the caller. */
static enum res
envelope_of(struct tx *tx, const struct posting *posting, char **sender, char **outlet, GError **error)
{
  if (posting->list_id == 0) {
    const char *at = strrchr(posting->address, '@');
    *sender = g_strconcat("noreply", at ? at : "", NULL);
    *outlet = g_strdup("");
    return RES_OK;
  }
  OWN(list) list = NULL;
  enum res res = list_load_id(tx, posting->list_id, &list, error);
  if (res == RES_OK) {
    *sender = list_role_address(list, "bounces");
    *outlet = g_strdup(list->settings.outlet);
  }
  return res;
}

enum res
owners_deliver(struct tx *tx, const struct posting *posting, const char *site_owner, int64_t now, GError **error)
{
  struct owners owners = { .limit = posting->list_id ? OWNERS_MAX : OWNERS_OF_DOMAIN_MAX };
  g_autofree char *sender = NULL, *outlet = NULL;
  enum res res = envelope_of(tx, posting, &sender, &outlet, error);
  if (res == RES_OK)
    res = posting->list_id ? owners_of_list(tx, posting->list_id, &owners, error) : owners_of_domain(tx, posting->domain_id, &owners, error);
  if (res == RES_OK && owners.n == 0 && *site_owner)
    owners_add(&owners, 0, site_owner);
  const struct delivery_new delivery = { .posting_id = posting->id, .list_id = posting->list_id, .outlet = outlet, .reverse_path = sender, .now = now };
  if (res == RES_OK)
    res = owners.n ? delivery_create_addresses(tx, &delivery, owners.recipients, owners.n, error) : RES_MORE;
  owners_clear(&owners);
  return res;
}
