#include "smtp/smtp_flight.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "smtp/smtp_answer.h"
#include <poll.h>

/* Replies that may be outstanding at first: if all recipients are refused, that is no trouble yet. A personal copy is refused by two replies of its
 * four, to RCPT and to BDAT. */
#define REPLIES_FIRST (SMTP_REFUSALS_MAX - 1)
#define REPLIES_FIRST_PERSONAL (2 * REPLIES_FIRST)

/* RFC 5321 4.5.3.2. A block is what is written at once. */
#define WAIT_COMMAND (5 * CLOCK_MINUTE)
#define WAIT_DATA (2 * CLOCK_MINUTE)
#define WAIT_BLOCK (3 * CLOCK_MINUTE)
#define WAIT_CONTENT (10 * CLOCK_MINUTE)
/* For what comes after a connection has become useless. */
#define WAIT_LAST_WORD (5 * CLOCK_SECOND)
/* For what was there before we looked. */
#define WAIT_UNASKED (CLOCK_SECOND / 10)
/* Behind a message, when so many octets were gathered they are written, so that the server can begin with it. */
#define FLUSH_FROM (16 * 1024)

static const int64_t waits[SMTP_COMMANDS] = {
  [SMTP_RSET] = WAIT_COMMAND, [SMTP_MAIL] = WAIT_COMMAND, [SMTP_RCPT] = WAIT_COMMAND, [SMTP_DATA] = WAIT_DATA, [SMTP_CONTENT] = WAIT_CONTENT,
};

enum res
smtp_flight_check(struct smtp_peer *peer, GError **error)
{
  struct pollfd p = { .fd = stream_fd(peer->stream), .events = POLLIN };
  if (p.fd < 0 || poll(&p, 1, 0) <= 0)
    return RES_OK;
  g_autoptr(GError) cause = NULL;
  stream_deadline(peer->stream, clock_monotonic() + WAIT_UNASKED);
  enum res res = stream_fill(peer->stream, &cause);
  if (res == RES_TEMP && error_reply(cause, REPLY_TROUBLE) == REPLY_TIMEOUT)
    return RES_OK; /* TLS had something to say */
  struct smtp_reply reply;
  if (res == RES_OK && smtp_reply_read(peer->stream, &reply, NULL) == RES_OK) {
    peer->congested = peer->congested || reply.code == 421;
    return trouble(error, REPLY_TROUBLE, "the server said unasked: %s", reply.text);
  }
  return trouble(error, REPLY_TROUBLE, "the server has closed the connection");
}

/* --- what is awaited --- */

static struct smtp_awaited *
awaited_at(struct smtp_peer *peer, size_t i)
{
  return &peer->awaited[(peer->first + i) % G_N_ELEMENTS(peer->awaited)];
}

static void
push(struct smtp_peer *peer, struct smtp_awaited awaited)
{
  g_assert(peer->n < G_N_ELEMENTS(peer->awaited));
  *awaited_at(peer, peer->n++) = awaited;
  peer->octets += awaited.octets;
  if (awaited.transaction) {
    smtp_transaction_ref(awaited.transaction);
    awaited.transaction->unanswered++;
  }
}

/* The oldest one. The caller owns its reference. */
static struct smtp_awaited
pop(struct smtp_peer *peer)
{
  struct smtp_awaited awaited = *awaited_at(peer, 0);
  peer->first = (peer->first + 1) % G_N_ELEMENTS(peer->awaited);
  peer->n--;
  peer->octets -= awaited.octets;
  if (awaited.transaction)
    awaited.transaction->unanswered--;
  return awaited;
}

static bool
content_left(const struct smtp_peer *peer, const struct smtp_transaction *t)
{
  return t != NULL && t->content_end != 0 && stream_octets(peer->stream).left >= t->content_end;
}

/* True: the server may be busy with a message that it has got. */
static bool
awaits_content(struct smtp_peer *peer)
{
  for (size_t i = 0; i < peer->n; i++)
    if (awaited_at(peer, i)->command == SMTP_CONTENT && awaited_at(peer, i)->transaction->content_end != 0)
      return true;
  return false;
}

/* --- replies --- */

static void
set_deadline(struct smtp_peer *peer, int64_t wait)
{
  int64_t at = clock_monotonic() + wait;
  stream_deadline(peer->stream, peer->last_word ? MIN(at, peer->last_word) : at);
}

/* What is still gathered leaves before a reply is waited for, so that it is known what the server may have got. */
static enum res
flush(struct smtp_peer *peer, GError **error)
{
  if (peer->write_failed)
    return RES_OK;
  smtp_flight_block(peer);
  return smtp_flight_wrote(peer, stream_flush(peer->stream, error));
}

static enum res
take_next(struct smtp_peer *peer, GError **error)
{
  struct smtp_reply reply;
  enum res res = flush(peer, error);
  if (res != RES_OK)
    return res;
  CRASH_POINT_IF(awaited_at(peer, 0)->command == SMTP_CONTENT, "dot-sent");
  set_deadline(peer, waits[awaited_at(peer, 0)->command]);
  if (smtp_reply_read(peer->stream, &reply, error) != RES_OK)
    return RES_TEMP;
  CRASH_POINT_IF(awaited_at(peer, 0)->command == SMTP_CONTENT, "dot-answered");
  CRASH_POISON_IF(awaited_at(peer, 0)->command == SMTP_CONTENT, "sent", awaited_at(peer, 0)->transaction->form->header);
  struct smtp_awaited awaited = pop(peer);
  res = smtp_answer_take(peer, &awaited, content_left(peer, awaited.transaction), &reply, error);
  smtp_transaction_unref(awaited.transaction);
  return res;
}

enum res
smtp_flight_drain(struct smtp_peer *peer, size_t most, GError **error)
{
  enum res res = RES_OK;
  while (peer->n > most && res == RES_OK)
    res = take_next(peer, error);
  return res;
}

/* More with each reply that agrees, fewer after refusals: so that it is seen in time when they become too many. */
static size_t
replies_max(const struct smtp_peer *peer)
{
  size_t first = peer->personal ? REPLIES_FIRST_PERSONAL : REPLIES_FIRST;
  size_t most = peer->short_flights ? first : SMTP_REPLIES_MAX;
  return MIN(first + peer->agreed, most) / (1 + peer->refusals);
}

/* When too much is outstanding, half of it is taken, so that the next writes can be large ones. */
enum res
smtp_flight_room(struct smtp_peer *peer, size_t octets, GError **error)
{
  enum res res = RES_OK;
  if (peer->n <= replies_max(peer) && peer->octets + octets <= SMTP_OCTETS_MAX)
    return RES_OK;
  while (res == RES_OK && peer->n > 0 && (peer->n > replies_max(peer) / 2 || peer->octets > SMTP_OCTETS_MAX / 2))
    res = take_next(peer, error);
  return res;
}

/* --- commands --- */

/* A server that is busy with a message may read on only when that is done. */
void
smtp_flight_block(struct smtp_peer *peer)
{
  set_deadline(peer, awaits_content(peer) ? WAIT_CONTENT : WAIT_BLOCK);
}

enum res
smtp_flight_wrote(struct smtp_peer *peer, enum res res)
{
  peer->write_failed = peer->write_failed || res != RES_OK;
  return res;
}

enum res
smtp_flight_write(struct smtp_peer *peer, const struct slice *slices, size_t n, GError **error)
{
  smtp_flight_block(peer);
  return smtp_flight_wrote(peer, stream_writev(peer->stream, slices, n, error));
}

enum res
smtp_flight_say(struct smtp_peer *peer, enum smtp_command command, struct smtp_transaction *transaction, size_t recipient, struct slice line, GError **error)
{
  enum res res = smtp_flight_room(peer, line.n, error);
  if (res != RES_OK)
    return res;
  push(peer, (struct smtp_awaited){ command, transaction, recipient, line.n });
  res = smtp_flight_write(peer, &line, 1, error);
  return res == RES_OK && !peer->ehlo.pipelining ? smtp_flight_drain(peer, 0, error) : res;
}

void
smtp_flight_begin_content(struct smtp_peer *peer, struct smtp_transaction *transaction)
{
  CRASH_POISON("send", transaction->form->header);
  push(peer, (struct smtp_awaited){ .command = SMTP_CONTENT, .transaction = transaction, .octets = transaction->size });
}

enum res
smtp_flight_end_content(struct smtp_peer *peer, struct smtp_transaction *transaction, GError **error)
{
  struct stream_octets octets = stream_octets(peer->stream);
  transaction->content_end = octets.given;
  if (!peer->ehlo.pipelining)
    return smtp_flight_drain(peer, 0, error);
  return octets.given - octets.left >= FLUSH_FROM ? flush(peer, error) : RES_OK;
}

/* --- the end of a connection --- */

static bool
nobody_knows(struct smtp_peer *peer, const struct smtp_awaited *awaited)
{
  return awaited->command == SMTP_CONTENT && content_left(peer, awaited->transaction);
}

static bool
is_uncertain(struct smtp_peer *peer)
{
  for (size_t i = 0; i < peer->n; i++)
    if (nobody_knows(peer, awaited_at(peer, i)))
      return true;
  return false;
}

/* Reads on after a write failed, or after a reply that made the connection useless, if that leaves something open. `error` becomes what the server
 * said, if that says why. True: it said such a thing and then closed, having taken nothing more. */
static bool
last_words(struct smtp_peer *peer, GError **error)
{
  bool told = peer->gone_astray;
  peer->last_word = clock_monotonic() + WAIT_LAST_WORD;
  while (peer->n > 0 && (peer->write_failed || (peer->gone_astray && is_uncertain(peer)))) {
    g_autoptr(GError) said = NULL;
    size_t before = peer->n;
    if (take_next(peer, &said) == RES_OK)
      continue;
    if (peer->n == before)
      return peer->gone_astray && error_reply(said, REPLY_TROUBLE) == REPLY_TROUBLE;
    if (!told) {
      g_clear_error(error);
      g_propagate_error(error, g_steal_pointer(&said));
      told = true;
    }
  }
  return false;
}

void
smtp_flight_abandon(struct smtp_peer *peer, GError **error)
{
  bool closed = last_words(peer, error);
  for (size_t i = 0; i < peer->n && !closed; i++) {
    struct smtp_transaction *t = awaited_at(peer, i)->transaction;
    if (nobody_knows(peer, awaited_at(peer, i))) {
      char *text = g_strdup_printf("no reply to the message (%s): it may arrive twice", (*error)->message);
      smtp_transaction_settle_all(t, OUTCOME_DEFERRED, smtp_transaction_reply(t, peer, text));
    }
  }
  while (peer->n > 0)
    smtp_transaction_unref(pop(peer).transaction);
}
