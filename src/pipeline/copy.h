#pragma once
/* A posting on its way through the handlers, and what they share. Only pipeline/ includes this. */
#include "message/header_edit.h"
#include "pipeline/pipeline.h"

struct copy {
  const struct pipeline_input *input;
  struct header_edit *edit; /* of input->message */
};

/* Puts a field on top, unless that would break a signature (RFC 6376 5.4.2); then it is logged and left out. */
void copy_add(struct copy *copy, const char *name, const char *value);

/* The handlers; what each does stands above its definition. */
void cleanse(struct copy *copy);
void identify(struct copy *copy);
void prefix_subject(struct copy *copy);
void direct_replies(struct copy *copy);
void personalize(struct copy *copy);
void set_precedence(struct copy *copy);
void add_list_fields(struct copy *copy);
void add_hop(struct copy *copy);
void add_received(struct copy *copy);

/* True: the view has no such field, or a blank one. `blank` (may be NULL) gets that blank one, or NULL. */
bool copy_lacks(const struct copy *copy, const char *name, const struct header_field **blank);
/* True: letters, digits and what else a domain or an address literal may hold; not empty. */
bool copy_is_host(const char *text);
/* Our host name for fields that strangers see. */
const char *copy_hostname(const struct copy *copy);
/* `text` (UTF-8) as a phrase (RFC 5322 3.2.5): atoms, a quoted string or encoded words; owned by the caller. */
char *copy_phrase(const char *text);
/* "Name <address>" for a header field, or the address alone if `name` is ""; owned by the caller. */
char *copy_mailbox(const char *name, const char *address);

/* Addresses for a field that we write, each once. */
struct copy_addresses {
  GString *value;  /* as they stand in the field */
  GPtrArray *keys; /* char *: their folded forms, in order */
};
/* None yet. */
void copy_addresses_init(struct copy_addresses *addresses);
/* Frees what is in it. */
void copy_addresses_clear(struct copy_addresses *addresses);
/* Adds an address unless it is there already, is none, or there are `max`. NULL is none. */
void copy_addresses_add(struct copy_addresses *addresses, const char *name, const char *address, guint max);
/* Adds those of all fields of the message called `field`. */
void copy_addresses_add_all(struct copy_addresses *addresses, const struct header_view *view, const char *field, guint max);
/* True: the message's only field called `field` names just these, in this order. */
bool copy_addresses_stand_in(const struct copy_addresses *addresses, const struct header_view *view, const char *field);
