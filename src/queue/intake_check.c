/* What is answered at RCPT. */
#include "envelope/address.h"
#include "list/ban.h"
#include "queue/intake.h"
#include "verdict/moderation.h"

/* SIZE is an estimate (RFC 1870 6.1): only what is too large beyond doubt is refused by it. */
#define SIZE_DOUBT 8192

enum res
intake_check_size(const struct list_target *target, int64_t size, GError **error)
{
  if (target->role != ROLE_POST || !target->list)
    return RES_OK;
  const struct settings *settings = &target->list->settings;
  if (settings->max_message_size == 0 || settings->max_message_size_action != OVERSIZE_REJECT || size <= settings->max_message_size * 1024 + SIZE_DOUBT)
    return RES_OK;
  return refuse(error, REPLY_TOO_LARGE, "%s takes up to %" G_GINT64_FORMAT " KiB", target->list->posting, settings->max_message_size);
}

struct sender_check {
  const struct list *list;
  const char *key;
  bool refused; /* result */
};

/* True if the record that counts for this address, as in the chain, says so. */
static enum res
own_record_refuses(struct tx *tx, const struct sender_check *check, bool *refuses, GError **error)
{
  OWN(member) member = NULL;
  enum res res = sender_record(tx, check->list->id, check->key, &member, error);
  *refuses = res == RES_OK && member->moderation == MODERATION_REJECT;
  return res == RES_MORE ? RES_OK : res;
}

static enum res
sender_check(struct tx *tx, void *arg, GError **error)
{
  struct sender_check *check = arg;
  const struct settings *settings = &check->list->settings;
  g_autofree char *ban = NULL;
  enum res res = ban_match(tx, check->list->id, check->key, &ban, error);
  check->refused = res == RES_OK;
  if (res != RES_MORE)
    return res;
  if (settings->verdict_at_rcpt != VERDICT_AT_RCPT_SURE)
    return RES_OK;
  return own_record_refuses(tx, check, &check->refused, error);
}

enum res
intake_check_sender(struct store *store, const struct list_target *target, const char *reverse_path, GError **error)
{
  if (target->role != ROLE_POST || !target->list || !*reverse_path)
    return RES_OK;
  const struct settings *settings = &target->list->settings;
  if (settings->verdict_at_rcpt == VERDICT_AT_RCPT_NO || settings->conceal_members)
    return RES_OK;
  g_autofree char *key = address_key_of(slice_of(reverse_path));
  if (!key)
    return RES_OK;
  struct sender_check check = { .list = target->list, .key = key };
  enum res res = store_read(store, sender_check, &check, error);
  if (res != RES_OK || !check.refused)
    return res;
  struct verdict verdict;
  moderation_refuse_author(&(struct facts){ .list = target->list }, &verdict);
  res = refuse(error, verdict.reply, "%s", verdict.reason);
  verdict_clear(&verdict);
  return res;
}
