#pragma once
/* Members who join one list in one transaction: what is the same for all of them is looked up once. All inside a store_fn; one thread.
 *
 *   member_batch_begin, member_batch_add as often as wanted, member_batch_end. */
#include "list/member.h"

struct member_batch;

/* RES_OK: `batch` is to be freed before the store_fn returns; meanwhile nobody else in it changes the list's name, members or bans.
 * RES_BAD (REPLY_UNKNOWN_LIST): there is no such list. RES_TEMP: the database. */
enum res member_batch_begin(struct tx *tx, int64_t list_id, struct member_batch **batch, GError **error) MUST_CHECK;
void member_batch_free(struct member_batch *batch);
OWN_DEFINE(member_batch, member_batch_free)

/* As member_check; `add->list_id` is the batch's. */
enum res member_batch_check(struct member_batch *batch, const struct member_new *add, GError **error) MUST_CHECK;
/* As member_add; `add->list_id` is the batch's. */
enum res member_batch_add(struct member_batch *batch, const struct member_new *add, bool *added, GError **error) MUST_CHECK;
/* Writes down how many join numbers were given out: without it nothing may be committed. RES_TEMP: the database. */
enum res member_batch_end(struct member_batch *batch, GError **error) MUST_CHECK;
