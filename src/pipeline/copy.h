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
