#pragma once
/* -d of `addmembers` and `syncmembers`. */
#include "list/member.h"

struct delivery_choice {
  const char *name;
  enum delivery_mode mode;
  enum delivery_status status;
};

/* The names, for help and messages. */
#define DELIVERY_CHOICES "regular, mime, plain, summary or disabled"
/* A row of a command's options; `variable` is a static char *. */
#define DELIVERY_OPTION(variable) { "delivery", 'd', 0, G_OPTION_ARG_STRING, &(variable), DELIVERY_CHOICES " (regular if not given)", "MODE" }

/* "regular" if `name` is NULL. NULL: no such choice. */
const struct delivery_choice *delivery_choice_find(const char *name);
