#pragma once
/* What the ledger says of one recipient of a posting, made from a row of its own or from its chunk. */
#include "base/own.h"
#include "courier/chunk_replies.h"
#include "store/store.h"

struct ledger_line {
  char *address;
  int64_t member_id; /* 0: on no roster */
  const char *state; /* "sent", "deferred", "waiting", "sending", "failed", "left"; "passed over", "none": why, in `reply`. Static. */
  int64_t at;        /* sent, failed, left: when; 0 otherwise */
  int64_t next_at;   /* deferred, waiting: not tried before; 0: as soon as may be */
  int attempts;
  char *via;         /* who said it (struct transmission_reply), "" if nobody did */
  char *reply;       /* what the outlet said, "" if nothing */
  int64_t returned;  /* how often mail came back from it later */
};
void ledger_line_free(struct ledger_line *line);
OWN_DEFINE(ledger_line, ledger_line_free)

/* The texts are copied; NULL is "". */
struct ledger_line *ledger_line_new(const char *address, const char *state, const char *via, const char *reply);

/* Of a recipient's row. The query is to give these columns first. */
#define LEDGER_RECIPIENT_COLUMNS "id, member_id, address, state, attempts, next_at, done_at, reply, history, first_at"
struct ledger_line *ledger_line_of_recipient(struct rows *rows);

/* Of a member of a chunk, whose row begins with these columns. */
#define LEDGER_CHUNK_COLUMNS "id, state, attempts, not_before, done_at, members, replies, claimed_at"
struct ledger_line *ledger_line_of_chunk(struct rows *rows, const char *address, const struct chunk_reply *reply);
