#pragma once
/* The keys of the tags in envelope senders (envelope/tag.h). All inside a store_fn. */
#include "envelope/tag.h"
#include "store/store.h"
#include <glib.h>

/* Keys that are kept; the oldest goes when there are more. */
#define TAG_KEYS_MAX 16

/* The newest, which makes tags; one is made if there is none. */
enum res tag_key_newest(struct tx *tx, int64_t now, struct tag_key *key, GError **error) MUST_CHECK;
/* All, the newest first: an array of struct tag_key. */
enum res tag_key_all(struct tx *tx, GArray **keys, GError **error) MUST_CHECK;
/* A new key makes the tags from now on; those made before are believed as long as their keys are kept. */
enum res tag_key_rotate(struct tx *tx, int64_t now, GError **error) MUST_CHECK;

/* For those who list them. */
struct tag_key_info {
  int64_t id, created_at;
};
/* The newest first: an array of struct tag_key_info. */
enum res tag_key_list(struct tx *tx, GArray **infos, GError **error) MUST_CHECK;
