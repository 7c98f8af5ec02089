#pragma once
/* What is made of a message for servers that can do less: once, and kept with it. */
#include "smtp/transmission.h"
#include <stdint.h>

struct second_form {
  struct copy_form form;
  GBytes *header, *body; /* what was made; NULL: as it is */
  char *refusal;         /* NULL: it was made; else why it cannot be */
  enum reply reply;      /* then */
};

/* Makes `form` (never FORM_AS_IS) of `as_is`, which must outlive it. One thread; takes time that is linear in the message. */
void second_form_make(struct second_form *second, const struct copy_form *as_is, const bool wanted[SLOT_COUNT], enum form form);
void second_form_clear(struct second_form *second);
/* Octets held. */
int64_t second_form_size(const struct second_form *second);
