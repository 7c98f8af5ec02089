#pragma once
/* A posting's copies in memory: loaded once for a delivery and shared by all connections that send it. Any thread. */
#include "base/own.h"
#include "list/list.h"
#include "smtp/transmission.h"
#include "store/store.h"
#include <glib.h>

struct parcel_shelf;

/* Read-only for those who hold it, but for parcel_header_kept. */
struct parcel {
  int64_t delivery_id;
  struct copy_form as_is; /* header as the pipeline made it */
  struct parcel_shelf *shelf;
};

/* `max_octets`: held at a time, but for a single larger one. `hostname`: ours, for the pipeline. Both the store and the text must outlive
 * the shelf. */
struct parcel_shelf *parcel_shelf_new(struct store *store, int64_t max_octets, const char *hostname);
/* Nobody may hold a parcel. NULL is allowed. */
void parcel_shelf_free(struct parcel_shelf *shelf);
OWN_DEFINE(parcel_shelf, parcel_shelf_free)
/* Drops what nobody holds: called when there is nothing to send. */
void parcel_shelf_clear(struct parcel_shelf *shelf);

/* What the copies of a delivery are made of. A thread's own. */
struct parcel_source;
/* Inside a store_fn, for a delivery of which nothing was sent yet, to a list that is there. NULL: it could not be read. */
struct parcel_source *parcel_source_read(struct tx *tx, int64_t delivery_id, int64_t posting_id, struct list *list);
/* NULL is allowed. */
void parcel_source_free(struct parcel_source *source);
OWN_DEFINE(parcel_source, parcel_source_free)

/* Makes it of `source`, which stays the caller's, or if that is NULL of what it reads; or joins whoever does. Waits while there is no room. RES_MORE: its list
 * is gone, and no copies had been made. RES_TEMP: trouble. */
enum res parcel_get(struct parcel_shelf *shelf, int64_t delivery_id, int64_t posting_id, struct parcel_source *source, struct parcel **parcel, GError **error) MUST_CHECK;
/* NULL is allowed. */
void parcel_put(struct parcel *parcel);
OWN_DEFINE(parcel, parcel_put)

/* Another form of the copies, for struct transmission: `parcel` is the struct parcel, `form` is not FORM_AS_IS. Made once; whoever asks meanwhile waits. It lives
 * as long as the parcel is held. RES_BAD: it cannot be made; the error says what to tell about all recipients. */
enum res parcel_form(void *parcel, enum form form, const struct copy_form **made, GError **error) MUST_CHECK;

/* The header if it must still be stored with the delivery, else empty. Once it is, say so. */
struct slice parcel_header_to_keep(struct parcel *parcel);
void parcel_header_kept(struct parcel *parcel);
/* True: To, Cc, Resent-To or Resent-Cc name this address. */
bool parcel_names(const struct parcel *parcel, const char *address);
