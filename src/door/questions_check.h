#pragma once
/* For tests: whole dialogues of a service with the stub's lists (door/stub_hooks.h), as rows, each cut at every octet of its input. */
#include "door/service.h"

struct question_row {
  const char *name;
  struct slice input;
  const char *want; /* all that is answered */
  const char *log;  /* what the hooks were told of messages; NULL: nothing */
  bool stopping;
};

/* Runs the row uncut, cut in two at every octet (of the first 600), and in pieces of one. */
void questions_check(const struct service_ops *ops, const struct question_row *row);
/* One dialogue: what was answered, owned by the caller. The peer gives its octets with a cut at `split` and in pieces of `piece`, as struct memory_peer; `log`: if not NULL, gets
 * what the hooks were told. */
GString *questions_run(const struct service_ops *ops, struct slice input, size_t split, size_t piece, bool stopping, GString *log);
/* For fuzz targets: the dialogue uncut, cut by the first octet of the input, and in small pieces must be the same. Returns what was answered, owned by the caller. */
GString *questions_fuzz(const struct service_ops *ops, struct slice input, unsigned char cut);
