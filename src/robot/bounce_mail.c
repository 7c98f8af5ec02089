#include "robot/bounce_mail.h"
#include "base/crash_point.h"
#include "courier/ledger.h"
#include "envelope/address.h"
#include "list/tag_key.h"

void
bounce_mail_clear(struct bounce_mail *mail)
{
  g_free(mail->address);
  g_free(mail->code);
  *mail = (struct bounce_mail){ .address = NULL };
}

/* --- the address --- */

/* RES_MORE: the argument holds no tag of this list. `xverp` is owned by the caller. */
static enum res
read_tag(struct tx *tx, const struct posting *posting, struct tag *tag, char **xverp, GError **error)
{
  struct slice text;
  g_autoptr(GArray) keys = NULL;
  enum res res = tag_key_all(tx, &keys, error);
  if (res != RES_OK)
    return res;
  tag_argument(slice_of(posting->argument), &text, xverp);
  res = tag_read((const struct tag_key *)(const void *)keys->data, keys->len, posting->list_id, text, tag, NULL);
  return res == RES_OK ? RES_OK : RES_MORE;
}

/* --- the member --- */

/* The posting's delivery to the roster of its list, to which the member must belong, or have belonged. RES_MORE: they are not known (any more). */
static enum res
find_own_copy(struct tx *tx, const struct tag *tag, int64_t list_id, struct bounce *bounce, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT delivery.id FROM delivery JOIN posting ON posting.id = delivery.posting_id JOIN member ON member.list_id = posting.list_id "
                           "WHERE delivery.posting_id = $1 AND posting.list_id = $2 AND member.id = $3 ORDER BY delivery.roster DESC, delivery.id LIMIT 1",
                           SQL_ARGS(sql_int(tag->posting_id), sql_int(list_id), sql_int(tag->member_id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res != RES_OK)
    return res;
  bounce->kind = BOUNCE_RETURNED;
  bounce->member_id = tag->member_id;
  bounce->delivery_id = row_int(rows, 0);
  return RES_OK;
}

/* Whoever got a copy of a batch knows its tag, but not who else got one: the address counts only if the ledger has it. */
static enum res
find_in_ledger(struct tx *tx, const struct tag *tag, const char *xverp, struct bounce *bounce, GError **error)
{
  g_autofree char *key = xverp ? address_key_of(slice_of(xverp)) : NULL;
  if (key == NULL)
    return RES_MORE;
  bounce->kind = BOUNCE_RETURNED_XVERP;
  return ledger_find_member(tx, tag->posting_id, key, &bounce->member_id, &bounce->delivery_id, error);
}

static enum res
judge(struct tx *tx, const struct posting *posting, struct bounce_mail *mail, GError **error)
{
  struct tag tag;
  g_autofree char *xverp = NULL;
  enum res res = read_tag(tx, posting, &tag, &xverp, error);
  if (res == RES_OK)
    res = tag.member_id ? find_own_copy(tx, &tag, posting->list_id, &mail->bounce, error) : find_in_ledger(tx, &tag, xverp, &mail->bounce, error);
  if (res == RES_OK)
    res = sql_text_of(tx, "SELECT address.email FROM member JOIN address ON address.id = member.address_id WHERE member.id = $1",
                      SQL_ARGS(sql_int(mail->bounce.member_id)), &mail->address, error);
  return res;
}

enum res
bounce_mail_judge(struct tx *tx, const struct job *job, struct bounce_mail *mail, GError **error)
{
  OWN(posting) posting = NULL;
  struct bounce_mail found = { .job = *job };
  enum res res = posting_load(tx, job->posting_id, &posting, error);
  CRASH_POISON_IF(res == RES_OK, "bounce", slice_of(posting->sender));
  if (res == RES_OK)
    res = judge(tx, posting, &found, error);
  if (res != RES_OK) {
    bounce_mail_clear(&found);
    return res;
  }
  found.code = g_strdup(posting->code);
  found.bounce.list_id = posting->list_id;
  found.bounce.address = found.address;
  found.bounce.said = found.code;
  *mail = found;
  return RES_OK;
}

enum res
bounce_mail_record(struct tx *tx, const struct bounce_mail *mail, int64_t now, bool *kept, GError **error)
{
  struct bounce bounce = mail->bounce;
  bounce.at = now;
  enum res res = job_end(tx, &mail->job, POSTING_ACCEPTED, now, error);
  CRASH_POINT("bounce-noting");
  return res == RES_OK ? bounce_create(tx, &bounce, kept, error) : res;
}
