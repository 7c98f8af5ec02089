#include "queue/repeat.h"
#include "envelope/address.h"
#include "message/digest.h"
#include <string.h>

void
repeat_identity(const struct content *content, unsigned char identity[IDENTITY_KEY_SIZE])
{
  if (content->header) {
    identity_key(content->header, identity);
    return;
  }
  struct digest digest;
  digest_begin(&digest);
  digest_add(&digest, content->message);
  digest_end(&digest, identity);
}

void
repeat_key(const struct list_target *target, const char *reverse_path, const unsigned char identity[IDENTITY_KEY_SIZE], unsigned char key[REPEAT_KEY])
{
  unsigned char whole[DIGEST_SIZE];
  char meaning[48];
  struct digest digest;
  g_autofree char *folded = address_key_of(slice_of(reverse_path));
  g_snprintf(meaning, sizeof meaning, "%d %" G_GINT64_FORMAT, (int)target->role, target->domain_id);
  digest_begin(&digest);
  digest_add_text(&digest, meaning);
  digest_add_text(&digest, target->argument ? target->argument : "");
  digest_add_text(&digest, folded ? folded : reverse_path);
  digest_add(&digest, (struct slice){ (const char *)identity, IDENTITY_KEY_SIZE });
  digest_end(&digest, whole);
  memcpy(key, whole, REPEAT_KEY);
}

enum res
repeat_find(struct tx *tx, int64_t list_id, const unsigned char key[REPEAT_KEY], int64_t since, struct repeat *repeat, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx,
                           "SELECT role, state, code FROM posting WHERE repeat_key = $2 AND list_id = $1 AND received_at >= $3 ORDER BY id DESC LIMIT 1",
                           SQL_ARGS(sql_int(list_id), sql_bytes((struct slice){ (const char *)key, REPEAT_KEY }), sql_int(since)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res != RES_OK)
    return res;
  repeat->role = (enum role)row_int(rows, 0);
  repeat->state = (enum posting_state)row_int(rows, 1);
  g_strlcpy(repeat->code, row_text(rows, 2), sizeof repeat->code);
  return RES_OK;
}

/* A held one that a moderator has dealt with in the meantime was held when it came, and stays so for its sender, unless it was accepted. */
enum reply
repeat_reply(const struct repeat *repeat)
{
  if (repeat->role != ROLE_POST)
    return REPLY_TAKEN;
  return repeat->state == POSTING_ACCEPTED ? REPLY_ALREADY_ACCEPTED : REPLY_ALREADY_HELD;
}
