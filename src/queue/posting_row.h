#pragma once
/* Reading a posting's row: for the files of this folder. */
#include "queue/posting.h"

/* For a SELECT from posting without an alias. */
#define POSTING_COLUMNS                                                                                              \
  "id, code, list_id, domain_id, role, address, argument, message_id, state, number, reverse_path, sender, subject, rule, reason, proven, smtputf8, " \
  "peer, xforward, received_at, decided_at, smtp"
/* The row as a posting; owned by the caller. */
struct posting *posting_read(struct rows *rows);
