#include "courier/parcel.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "courier/second_form.h"
#include "courier/slots.h"
#include "envelope/address.h"
#include "pipeline/pipeline.h"
#include "queue/posting.h"
#include <pthread.h>

/* Kept without a holder at most: the next chunk of the same delivery is often claimed a moment later. */
#define IDLE_MAX 8

enum state { LOADING, READY, FAILED };
enum form_state { UNMADE, MAKING, MADE };

struct shelved {
  struct parcel parcel; /* first: a parcel is its shelved */
  int holders;          /* this and `state` under the shelf's lock */
  enum state state;
  enum res failure;
  char *why;
  int64_t size;         /* octets counted in `held` */
  GBytes *octets, *header;
  GHashTable *named; /* folded addresses; NULL until somebody asks; under the shelf's lock */
  atomic_bool kept;
  bool wanted[SLOT_COUNT];
  enum form_state form_states[FORM_COUNT]; /* under the shelf's lock */
  struct second_form forms[FORM_COUNT];    /* that of FORM_AS_IS is not used */
};

struct parcel_shelf {
  struct store *store;
  int64_t max_octets;
  const char *hostname;
  pthread_mutex_t lock;
  pthread_cond_t changed; /* loaded, or room was made */
  GPtrArray *parcels;     /* struct shelved *, the one used last at the end */
  int64_t held;
};

static struct shelved *
shelved_of(const struct parcel *parcel)
{
  return (struct shelved *)parcel;
}

static void
shelved_free(struct shelved *shelved)
{
  g_free(shelved->why);
  g_clear_pointer(&shelved->octets, g_bytes_unref);
  g_clear_pointer(&shelved->header, g_bytes_unref);
  g_clear_pointer(&shelved->named, g_hash_table_unref);
  for (enum form form = 0; form < FORM_COUNT; form++)
    second_form_clear(&shelved->forms[form]);
  g_free(shelved);
}

struct parcel_shelf *
parcel_shelf_new(struct store *store, int64_t max_octets, const char *hostname)
{
  struct parcel_shelf *shelf = g_new0(struct parcel_shelf, 1);
  shelf->store = store;
  shelf->max_octets = max_octets;
  shelf->hostname = hostname;
  shelf->parcels = g_ptr_array_new();
  pthread_mutex_init(&shelf->lock, NULL);
  pthread_cond_init(&shelf->changed, NULL);
  return shelf;
}

/* Locked. Drops the parcels nobody holds, the longest unused first, until `keep` of them are left or, if `room` is not 0, so many octets are free. */
static void
drop_idle(struct parcel_shelf *shelf, int keep, int64_t room)
{
  int idle = 0;
  for (guint i = 0; i < shelf->parcels->len; i++)
    idle += ((struct shelved *)g_ptr_array_index(shelf->parcels, i))->holders == 0;
  for (guint i = 0; i < shelf->parcels->len && idle > keep;) {
    struct shelved *shelved = g_ptr_array_index(shelf->parcels, i);
    if (room > 0 && shelf->held + room <= shelf->max_octets)
      return;
    if (shelved->holders > 0) {
      i++;
      continue;
    }
    g_ptr_array_remove_index(shelf->parcels, i);
    shelf->held -= shelved->size;
    shelved_free(shelved);
    idle--;
  }
}

void
parcel_shelf_clear(struct parcel_shelf *shelf)
{
  pthread_mutex_lock(&shelf->lock);
  drop_idle(shelf, 0, 0);
  pthread_mutex_unlock(&shelf->lock);
}

void
parcel_shelf_free(struct parcel_shelf *shelf)
{
  if (shelf == NULL)
    return;
  drop_idle(shelf, 0, 0);
  g_assert(shelf->parcels->len == 0);
  g_ptr_array_unref(shelf->parcels);
  pthread_cond_destroy(&shelf->changed);
  pthread_mutex_destroy(&shelf->lock);
  g_free(shelf);
}

/* --- loading --- */

struct parcel_source {
  int64_t delivery_id, posting_id;
  struct posting *posting;
  struct list *list; /* NULL: gone, or there never was one */
  int64_t size;
  GBytes *header; /* as made before, or NULL */
  GBytes *octets; /* NULL: not read yet */
};

/* A message of this size is read at once, before there is room for it. */
#define SMALL_MAX (64 * 1024)

static void
source_clear(struct parcel_source *source)
{
  g_clear_pointer(&source->posting, posting_free);
  g_clear_pointer(&source->list, list_unref);
  g_clear_pointer(&source->header, g_bytes_unref);
  g_clear_pointer(&source->octets, g_bytes_unref);
}

void
parcel_source_free(struct parcel_source *source)
{
  if (source == NULL)
    return;
  source_clear(source);
  g_free(source);
}

static enum res
read_posting(struct tx *tx, struct parcel_source *source, GError **error)
{
  enum res res = posting_load(tx, source->posting_id, &source->posting, error);
  if (res == RES_OK)
    res = sql_int_of(tx, "SELECT size FROM message WHERE id = $1", SQL_ARGS(sql_int(source->posting->message_id)), &source->size, error);
  return res == RES_MORE ? trouble(error, REPLY_TROUBLE, "the posting or its message is not there any more") : res;
}

static enum res
read_octets(struct tx *tx, void *arg, GError **error)
{
  struct parcel_source *source = arg;
  g_clear_pointer(&source->octets, g_bytes_unref);
  return posting_octets(tx, source->posting->message_id, &source->octets, error);
}

struct parcel_source *
parcel_source_read(struct tx *tx, int64_t delivery_id, int64_t posting_id, struct list *list)
{
  OWN(parcel_source) source = g_new(struct parcel_source, 1);
  *source = (struct parcel_source){ .delivery_id = delivery_id, .posting_id = posting_id, .list = list_ref(list) };
  enum res res = read_posting(tx, source, NULL);
  if (res == RES_OK)
    res = read_octets(tx, source, NULL);
  return res == RES_OK ? OWN_GIVE(source) : NULL;
}

static enum res
read_header(struct tx *tx, struct parcel_source *source, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT header FROM delivery WHERE id = $1", SQL_ARGS(sql_int(source->delivery_id)), &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_OK && !row_is_null(rows, 0)) {
    struct slice header = row_bytes(rows, 0);
    source->header = g_bytes_new(header.p, header.n);
  }
  return res == RES_MORE ? RES_OK : res;
}

/* All but the octets of a large message. */
static enum res
read_source(struct tx *tx, void *arg, GError **error)
{
  struct parcel_source *source = arg;
  source_clear(source);
  enum res res = read_posting(tx, source, error);
  if (res == RES_OK)
    res = read_header(tx, source, error);
  if (res == RES_OK && source->posting->list_id != 0)
    res = list_load_id(tx, source->posting->list_id, &source->list, error);
  if (res == RES_MORE)
    res = RES_OK;
  return res == RES_OK && source->size <= SMALL_MAX ? read_octets(tx, source, error) : res;
}

/* Locked. Waits until `size` more octets may be held. */
static void
wait_for_room(struct parcel_shelf *shelf, int64_t size)
{
  drop_idle(shelf, 0, size);
  while (shelf->held > 0 && shelf->held + size > shelf->max_octets) {
    pthread_cond_wait(&shelf->changed, &shelf->lock);
    drop_idle(shelf, 0, size);
  }
  shelf->held += size;
}

/* --- making the copies --- */

static GBytes *
make_header(const struct parcel_shelf *shelf, const struct parcel_source *source, const struct header_view *view)
{
  /* Mail to the postmaster of a domain has no list: the pipeline needs its address only. */
  struct list nobody = { .posting = source->posting->address, .local = (char *)"", .domain = (char *)"", .list_id = (char *)"", .style = (char *)"" };
  struct pipeline_input input = {
    .list = source->list ? source->list : &nobody,
    .message = view,
    .posting = source->posting->code,
    .number = source->posting->number,
    .received_at = source->posting->received_at,
    .hostname = shelf->hostname,
    .peer = source->posting->peer,
    .smtputf8 = source->posting->smtputf8,
    .smtp = source->posting->smtp,
  };
  return source->posting->role == ROLE_POST ? pipeline_posting(&input) : pipeline_owner(&input);
}

/* Mail to the owners is the same for all of them. */
static void
want_slots(bool wanted[SLOT_COUNT], const struct parcel_source *source)
{
  bool posting = source->posting->role == ROLE_POST;
  wanted[SLOT_UNSUBSCRIBE] = posting && source->list && source->list->settings.include_rfc2369_headers;
  wanted[SLOT_TO] = posting && source->list && source->list->settings.personalize == PERSONALIZE_FULL;
  wanted[SLOT_FOOTER] = posting;
}

/* A message that was accepted but cannot be viewed now is a fault of ours: it goes out as it came. */
static void
make_copies(struct shelved *shelved, struct parcel_source *source)
{
  OWN(header_view) view = NULL;
  g_autoptr(GError) error = NULL;
  shelved->octets = g_bytes_ref(source->octets);
  CRASH_POISON("make", slice_bytes(shelved->octets));
  shelved->kept = source->header != NULL;
  shelved->header = source->header ? g_bytes_ref(source->header) : NULL;
  if (header_view_new(slice_bytes(shelved->octets), &view, &error) == RES_OK) {
    if (shelved->header == NULL)
      shelved->header = make_header(shelved->parcel.shelf, source, view);
    shelved->parcel.as_is.body = view->body;
  } else {
    log_alarm("an accepted message cannot be read: it is sent as it came", log_err(error));
    shelved->kept = true;
    g_clear_pointer(&shelved->header, g_bytes_unref);
    shelved->header = g_bytes_new_static("", 0);
    shelved->parcel.as_is.body = slice_bytes(shelved->octets);
  }
  struct copy_form *form = &shelved->parcel.as_is;
  form->header = slice_bytes(shelved->header);
  bool header_8bit = octets_are_8bit(form->header);
  form->eight_bit = header_8bit || octets_are_8bit(form->body);
  form->header_utf8 = header_8bit && source->posting->smtputf8;
  want_slots(shelved->wanted, source);
  slots_find(form, shelved->wanted);
}

/* Makes the copies of what was read; waits until there is room for them. */
static enum res
fill_parcel(struct parcel_shelf *shelf, struct shelved *shelved, struct parcel_source *source, GError **error)
{
  if (source->list == NULL && source->header == NULL && source->posting->role == ROLE_POST)
    return RES_MORE;
  pthread_mutex_lock(&shelf->lock);
  wait_for_room(shelf, source->size);
  shelved->size = source->size;
  pthread_mutex_unlock(&shelf->lock);
  enum res res = source->octets ? RES_OK : store_read(shelf->store, read_octets, source, error);
  if (res == RES_OK)
    make_copies(shelved, source);
  return res;
}

static enum res
load_parcel(struct parcel_shelf *shelf, struct shelved *shelved, int64_t posting_id, GError **error)
{
  struct parcel_source source = { .delivery_id = shelved->parcel.delivery_id, .posting_id = posting_id };
  enum res res = store_read(shelf->store, read_source, &source, error);
  if (res == RES_OK)
    res = fill_parcel(shelf, shelved, &source, error);
  source_clear(&source);
  return res;
}

/* --- the shelf --- */

/* Locked. What is there, also while it is being loaded; a failed one is left to those who wait for it. */
static struct shelved *
find(const struct parcel_shelf *shelf, int64_t delivery_id)
{
  for (guint i = 0; i < shelf->parcels->len; i++) {
    struct shelved *shelved = g_ptr_array_index(shelf->parcels, i);
    if (shelved->parcel.delivery_id == delivery_id && shelved->state != FAILED)
      return shelved;
  }
  return NULL;
}

/* Locked. */
static void
release(struct shelved *shelved)
{
  struct parcel_shelf *shelf = shelved->parcel.shelf;
  g_assert(shelved->holders > 0);
  if (--shelved->holders > 0)
    return;
  g_ptr_array_remove(shelf->parcels, shelved);
  if (shelved->state == READY) {
    g_ptr_array_add(shelf->parcels, shelved);
    drop_idle(shelf, IDLE_MAX, 0);
  } else {
    shelf->held -= shelved->size;
    shelved_free(shelved);
  }
  pthread_cond_broadcast(&shelf->changed);
}

static enum res
outcome(const struct shelved *shelved, GError **error)
{
  if (shelved->state == READY)
    return RES_OK;
  return shelved->failure == RES_MORE ? RES_MORE : trouble(error, REPLY_TROUBLE, "%s", shelved->why);
}

/* Locked, but not while loading. */
static void
fill(struct parcel_shelf *shelf, struct shelved *shelved, int64_t posting_id, struct parcel_source *source)
{
  g_autoptr(GError) cause = NULL;
  pthread_mutex_unlock(&shelf->lock);
  enum res res = source ? fill_parcel(shelf, shelved, source, &cause) : load_parcel(shelf, shelved, posting_id, &cause);
  pthread_mutex_lock(&shelf->lock);
  shelved->state = res == RES_OK ? READY : FAILED;
  shelved->failure = res;
  shelved->why = g_strdup(cause ? cause->message : "it could not be loaded");
  pthread_cond_broadcast(&shelf->changed);
}

enum res
parcel_get(struct parcel_shelf *shelf, int64_t delivery_id, int64_t posting_id, struct parcel_source *source, struct parcel **parcel, GError **error)
{
  pthread_mutex_lock(&shelf->lock);
  struct shelved *shelved = find(shelf, delivery_id);
  if (shelved) {
    shelved->holders++;
    while (shelved->state == LOADING)
      pthread_cond_wait(&shelf->changed, &shelf->lock);
  } else {
    shelved = g_new0(struct shelved, 1);
    shelved->parcel = (struct parcel){ .delivery_id = delivery_id, .shelf = shelf };
    shelved->holders = 1;
    g_ptr_array_add(shelf->parcels, shelved);
    fill(shelf, shelved, posting_id, source);
  }
  enum res res = outcome(shelved, error);
  if (res == RES_OK)
    *parcel = &shelved->parcel;
  else
    release(shelved);
  pthread_mutex_unlock(&shelf->lock);
  return res;
}

void
parcel_put(struct parcel *parcel)
{
  if (parcel == NULL)
    return;
  struct parcel_shelf *shelf = parcel->shelf;
  pthread_mutex_lock(&shelf->lock);
  release(shelved_of(parcel));
  pthread_mutex_unlock(&shelf->lock);
}

/* Locked, but not while it is made. What was made is counted, but nobody waits for room with a parcel in hand: others might wait for him. */
static void
make_form(struct shelved *shelved, enum form form)
{
  struct parcel_shelf *shelf = shelved->parcel.shelf;
  shelved->form_states[form] = MAKING;
  pthread_mutex_unlock(&shelf->lock);
  second_form_make(&shelved->forms[form], &shelved->parcel.as_is, shelved->wanted, form);
  pthread_mutex_lock(&shelf->lock);
  shelved->form_states[form] = MADE;
  shelved->size += second_form_size(&shelved->forms[form]);
  shelf->held += second_form_size(&shelved->forms[form]);
  drop_idle(shelf, 0, 1);
  pthread_cond_broadcast(&shelf->changed);
}

enum res
parcel_form(void *parcel, enum form form, const struct copy_form **made, GError **error)
{
  struct shelved *shelved = shelved_of(parcel);
  struct parcel_shelf *shelf = shelved->parcel.shelf;
  g_assert(form != FORM_AS_IS && form < FORM_COUNT);
  pthread_mutex_lock(&shelf->lock);
  while (shelved->form_states[form] == MAKING)
    pthread_cond_wait(&shelf->changed, &shelf->lock);
  if (shelved->form_states[form] == UNMADE)
    make_form(shelved, form);
  pthread_mutex_unlock(&shelf->lock);
  const struct second_form *second = &shelved->forms[form];
  if (second->refusal)
    return refuse(error, second->reply, "%s", second->refusal);
  *made = &second->form;
  return RES_OK;
}

struct slice
parcel_header_to_keep(struct parcel *parcel)
{
  return shelved_of(parcel)->kept ? (struct slice){ "", 0 } : parcel->as_is.header;
}

void
parcel_header_kept(struct parcel *parcel)
{
  shelved_of(parcel)->kept = true;
}

static void
add_names(GHashTable *named, const struct header_view *view, const char *field)
{
  g_autoptr(GPtrArray) addresses = header_addresses(view, field);
  for (guint i = 0; i < addresses->len; i++) {
    const struct mailbox *mailbox = g_ptr_array_index(addresses, i);
    char *key = address_key_of(slice_of(mailbox->address));
    if (key)
      g_hash_table_add(named, key);
  }
}

/* Locked. */
static GHashTable *
find_named(struct shelved *shelved)
{
  static const char *const fields[] = { "To", "Cc", "Resent-To", "Resent-Cc" };
  OWN(header_view) view = NULL;
  if (shelved->named)
    return shelved->named;
  shelved->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (header_view_new(slice_bytes(shelved->octets), &view, NULL) == RES_OK)
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
      add_names(shelved->named, view, fields[i]);
  return shelved->named;
}

bool
parcel_names(const struct parcel *parcel, const char *address)
{
  g_autofree char *key = address_key_of(slice_of(address));
  pthread_mutex_lock(&parcel->shelf->lock);
  bool names = key && g_hash_table_contains(find_named(shelved_of(parcel)), key);
  pthread_mutex_unlock(&parcel->shelf->lock);
  return names;
}
