#pragma once
/* A piece of work: the next chunk of a roster, a chunk that waits to be tried again, or recipients whose time has come, all of one
 * delivery. Inside a store_fn. */
#include "courier/parcel.h"
#include "courier/target.h"
#include "smtp/transmission.h"
#include "envelope/tag.h"
#include "envelope/role.h"
#include "queue/suspect.h"
#include "store/store.h"

struct claim {
  int64_t delivery_id, posting_id, list_id;
  int64_t chunk_id; /* 0: the targets have rows of their own */
  int attempts;     /* of the chunk: transactions that broke */
  enum shape shape;
  char *code;         /* the posting's id as shown */
  char *reverse_path; /* the delivery's, without a tag */
  char *outlet;       /* name; "" is the default one */
  int64_t size;       /* of the message, octets */
  struct tag_key key; /* for tags, if list_id is not 0 */
  GArray *targets;    /* struct target; at least one */
  struct parcel_source *source; /* read along if this is the whole delivery, and the message small; else NULL */
};
void claim_free(struct claim *claim);
OWN_DEFINE(claim, claim_free)

struct claim_options {
  size_t chunk_size;    /* targets at most, up to ROSTER_CHUNK_MAX */
  const char *outlet;   /* only deliveries for the outlet of that name */
  char *const *personal_domains; /* keys; NULL after the last; NULL: none */
  const int64_t *lists; /* not of these lists, which have enough in flight */
  size_t n_lists;       /* CLAIM_LISTS_MAX at most */
  int64_t now;
  bool suspects; /* only deliveries that were in progress at two crashes; else only the others */
};

#define CLAIM_LISTS_MAX 8
/* Targets of a claim of personal copies at most: what may arrive twice after a crash. */
#define CLAIM_PERSONAL_MAX 50

/* Octets of a message that is read along with the claim of a whole delivery at most: what is not read a second time, on another connection. */
#define CLAIM_READ_ALONG_MAX (16 * 1024)

/* Takes the next piece of work, of the delivery least recently served. RES_OK: `claim` is owned by the caller, or NULL: nothing is due;
 * `next_at` then says when something will be: `now` or before: call again (in a new transaction), INT64_MAX: not before something new comes. */
enum res claim_next(struct tx *tx, const struct claim_options *options, struct claim **claim, int64_t *next_at, GError **error) MUST_CHECK;

/* Marks a delivery as done if nothing of it is left to do; its header is not needed any more then. sql_changes() tells: 1 or 0. */
enum res claim_finish_delivery(struct tx *tx, int64_t delivery_id, int64_t now, GError **error) MUST_CHECK;
