#pragma once
/* Somebody a copy is to go to. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct target {
  int64_t member_id;    /* 0: on no roster */
  int64_t recipient_id; /* its row of its own; 0: none */
  int64_t first_at;     /* of that row: first refusal */
  int attempts;         /* of that row */
  char *address;        /* owned */
  bool no_copy;         /* does not want what is addressed to it directly as well */
};

/* An array of struct target that owns the addresses. */
GArray *targets_new(void);
/* `target`'s address is taken over. */
void targets_add(GArray *targets, struct target target);
/* The `i`th, borrowed. */
const struct target *targets_at(const GArray *targets, size_t i);
