/* The milter service: an MTA (Postfix, Sendmail) tells of each transaction of its clients, and is told the verdict before it answers them.
 *
 *   MAIL                      sender and SIZE are noted
 *   RCPT                      no address of ours: continue. Ours: into a transaction of the hooks, as LMTP's RCPT, or refused
 *   DATA                      no recipient of ours: accept, and the MTA sends nothing of the message
 *   fields, body, end         the message as it stood, octet by octet to the hooks; nothing is gathered here
 *   end                       one verdict for all (milter_conclude)
 *
 * A packet that comes when it makes no sense is taken as if nothing of ours were in hand, so the order of packets cannot do harm. With the versions that can do without, nothing that
 * cannot decide is answered. An MTA keeps a connection for as long as its client's, and may say nothing for long. */
#include "base/log.h"
#include "door/milter_session.h"
#include "envelope/address.h"

/* Octets of a recipient, as the MTA wrote it, that is kept with its transaction: a path of RFC 5321 4.5.3.1.3, and room. */
#define WRITTEN_MAX 1024

/* ---- packets ---- */

static enum res
on_offer(struct milter *milter, struct slice data, GError **error)
{
  struct milter_offer offer;
  if (milter->agreed.version != 0)
    return refuse(error, REPLY_BAD_SEQUENCE, "a second offer");
  enum res res = milter_offer_parse(data, &offer, error);
  if (res == RES_OK)
    res = milter_offer_agree(&offer, &milter->agreed, error);
  if (res != RES_OK)
    return res;
  g_string_truncate(milter->out, 0);
  milter_offer_write(&milter->agreed, milter->out);
  exchange_say(&milter->exchange, (struct slice){ milter->out->str, milter->out->len });
  return RES_OK;
}

static enum res
on_connect(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  milter_say_continue(milter, MILTER_MUTE_CONNECT);
  return RES_OK;
}

static enum res
on_helo(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  milter_say_continue(milter, MILTER_MUTE_HELO);
  return RES_OK;
}

static enum res
on_unknown(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  milter_say_continue(milter, MILTER_MUTE_UNKNOWN);
  return RES_OK;
}

static enum res
on_macro(struct milter *milter, struct slice data, GError **error)
{
  (void)milter, (void)data, (void)error;
  return RES_OK;
}

/* What the MTA itself took for a path: with brackets or without. */
static struct slice
path_of(struct slice written)
{
  struct slice path, parameters;
  return path_split(written, &path, &parameters, NULL) == RES_OK ? path : slice_trim(written);
}

/* MAIL's parameters, each a text of its own, as one line. */
static void
read_parameters(struct milter *milter, struct slice data)
{
  g_autoptr(GString) line = g_string_new(NULL);
  while (data.n > 0) {
    struct slice text = milter_text(&data);
    g_string_append_len(line, text.p, (gssize)text.n);
    g_string_append_c(line, ' ');
  }
  g_autoptr(GError) problem = NULL;
  if (mail_parameters_parse(slice_trim((struct slice){ line->str, line->len }), &milter->parameters, &problem) != RES_OK) {
    log_debug("parameters of MAIL passed over", log_err(problem));
    milter->parameters = (struct mail_parameters){ 0 };
  }
}

static enum res
on_mail(struct milter *milter, struct slice data, GError **error)
{
  (void)error;
  milter_reset(milter);
  struct slice path = path_of(milter_text(&data));
  OWN(address) address = NULL;
  milter->sender = slice_dup(path);
  if (path.n == 0)
    milter->reverse_path = g_strdup("");
  else if (address_parse(path, true, &address, NULL) == RES_OK)
    milter->reverse_path = address_text(address);
  read_parameters(milter, data);
  milter_say_continue(milter, MILTER_MUTE_MAIL);
  return RES_OK;
}

/* RES_MORE: none of ours. A sender that is no address becomes one before the message is delivered: until then nothing is said about it. What a sender may is the hook recipient's to
 * say. */
static enum res
judge_recipient(struct milter *milter, struct slice written, GError **error)
{
  OWN(address) address = NULL;
  if (written.n > WRITTEN_MAX || address_parse(path_of(written), true, &address, NULL) != RES_OK)
    return RES_MORE;
  g_autofree char *text = address_text(address);
  const struct door_question question = { .recipient = text, .size = milter->parameters.size };
  enum res res = milter_hooks(milter)->ask(milter_hooks(milter)->ctx, &question, error);
  if (res != RES_OK)
    return res;
  return milter->reverse_path && !milter->message.begun ? milter_take_recipient(milter, text, written, error) : RES_MORE;
}

static enum res
on_rcpt(struct milter *milter, struct slice data, GError **error)
{
  (void)error;
  g_autoptr(GError) refusal = NULL;
  struct slice written = milter_text(&data);
  enum res res = judge_recipient(milter, written, &refusal);
  bool not_ours = res == RES_MORE || (res == RES_BAD && error_reply(refusal, REPLY_TROUBLE) == REPLY_UNKNOWN_LIST);
  milter->others |= not_ours;
  if (res == RES_OK || not_ours)
    milter_say(milter, MILTER_CONTINUE, SLICE(""));
  else
    milter_say_error(milter, refusal);
  return RES_OK;
}

/* The answer to a part of the message that is not its end. A message of no concern to us is accepted at once: the MTA sends nothing more of it. */
static void
answer_part(struct milter *milter, uint32_t mute)
{
  if (milter->agreed.steps & mute)
    return;
  if (!milter_has_ours(milter)) {
    milter_reset(milter);
    milter_say(milter, MILTER_ACCEPT, SLICE(""));
  } else if (milter->message.arrival.failure)
    milter_conclude(milter);
  else
    milter_say(milter, MILTER_CONTINUE, SLICE(""));
}

static enum res
on_data(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  milter_begin_message(milter);
  answer_part(milter, 0);
  return RES_OK;
}

static enum res
on_field(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  milter_field_done(milter);
  answer_part(milter, MILTER_MUTE_FIELD);
  return RES_OK;
}

static enum res
on_eoh(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  answer_part(milter, MILTER_MUTE_EOH);
  return RES_OK;
}

static enum res
on_body(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  answer_part(milter, MILTER_MUTE_BODY);
  return RES_OK;
}

static enum res
on_end(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  if (milter_has_ours(milter)) {
    milter_body_piece(milter, (struct slice){ 0 });
    milter_end_message(milter);
    milter_conclude(milter);
  } else
    milter_say(milter, MILTER_ACCEPT, SLICE(""));
  milter_reset(milter);
  return RES_OK;
}

static enum res
on_abort(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  milter_reset(milter);
  return RES_OK;
}

static enum res
on_quit(struct milter *milter, struct slice data, GError **error)
{
  (void)data, (void)error;
  milter->over = true;
  return RES_OK;
}

static const struct packet {
  enum milter_command command;
  enum res (*serve)(struct milter *milter, struct slice data, GError **error);
  void (*piece)(struct milter *milter, struct slice piece); /* data may come in pieces, and is all taken when `serve` is called */
} packets[] = {
  { MILTER_ABORT, on_abort, NULL },
  { MILTER_BODY, on_body, milter_body_piece },
  { MILTER_CONNECT, on_connect, NULL },
  { MILTER_MACRO, on_macro, NULL },
  { MILTER_END, on_end, milter_body_piece },
  { MILTER_HELO, on_helo, NULL },
  { MILTER_QUIT_NEW, on_abort, NULL },
  { MILTER_FIELD, on_field, milter_field_piece },
  { MILTER_MAIL, on_mail, NULL },
  { MILTER_EOH, on_eoh, NULL },
  { MILTER_OFFER, on_offer, NULL },
  { MILTER_QUIT, on_quit, NULL },
  { MILTER_RCPT, on_rcpt, NULL },
  { MILTER_DATA, on_data, NULL },
  { MILTER_UNKNOWN, on_unknown, NULL },
};

static const struct packet *
packet_of(enum milter_command command)
{
  for (size_t i = 0; i < G_N_ELEMENTS(packets); i++)
    if (packets[i].command == command)
      return &packets[i];
  g_assert_not_reached();
}

/* ---- the loop ---- */

/* Until `n` octets are there. Between packets the MTA may be waiting for its client, or for another milter. */
static enum res
wait_for(struct milter *milter, size_t n, enum exchange_phase phase, GError **error)
{
  while (stream_pending(milter->exchange.stream).n < n) {
    enum res res = exchange_wait(&milter->exchange, phase, error);
    if (res != RES_OK)
      return res;
  }
  return RES_OK;
}

/* Data that may be long, as it comes. */
static enum res
read_pieces(struct milter *milter, const struct packet *packet, size_t octets, GError **error)
{
  milter_begin_message(milter);
  milter->message.fed = milter_has_ours(milter);
  while (octets > 0) {
    enum res res = wait_for(milter, 1, EXCHANGE_MESSAGE, error);
    if (res != RES_OK)
      return res;
    struct slice piece = slice_head(stream_pending(milter->exchange.stream), octets);
    packet->piece(milter, piece);
    stream_consume(milter->exchange.stream, piece.n);
    octets -= piece.n;
  }
  return packet->serve(milter, (struct slice){ 0 }, error);
}

static enum res
read_whole(struct milter *milter, const struct packet *packet, size_t octets, enum exchange_phase phase, GError **error)
{
  enum res res = wait_for(milter, octets, phase, error);
  if (res != RES_OK)
    return res;
  struct slice data = slice_head(stream_pending(milter->exchange.stream), octets);
  res = packet->serve(milter, data, error);
  stream_consume(milter->exchange.stream, octets);
  return res;
}

static enum res
serve_packet(struct milter *milter, GError **error)
{
  struct stream *stream = milter->exchange.stream;
  enum exchange_phase phase = milter->message.fed ? EXCHANGE_PART : milter->sender ? EXCHANGE_OPEN : EXCHANGE_IDLE;
  struct milter_head head;
  enum res res = wait_for(milter, MILTER_HEAD, phase, error);
  if (res == RES_OK)
    res = milter_head_parse(stream_pending(stream), &head, error);
  if (res == RES_OK && milter->agreed.version == 0 && head.command != MILTER_OFFER && head.command != MILTER_QUIT)
    res = refuse(error, REPLY_BAD_SEQUENCE, "the first packet is no offer");
  if (res != RES_OK)
    return res;
  stream_consume(stream, MILTER_HEAD);
  const struct packet *packet = packet_of(head.command);
  return packet->piece ? read_pieces(milter, packet, head.data, error) : read_whole(milter, packet, head.data, phase, error);
}

static void
milter_run(void *session)
{
  struct milter *milter = session;
  enum res res = RES_OK;
  g_autoptr(GError) error = NULL;
  while (res == RES_OK && !milter->over) {
    if (!milter->message.fed)
      exchange_next(&milter->exchange);
    res = serve_packet(milter, &error);
  }
  if (res == RES_BAD)
    log_note("session ended", log_err(error));
  else if (milter->message.fed)
    log_note("connection lost inside a message", log_str("from", milter->transaction.reverse_path), log_int("octets", milter->message.arrival.octets), log_err(error));
  milter_reset(milter);
  exchange_finish(&milter->exchange, res == RES_BAD);
}

static void *
milter_new(const struct service *service, struct stream *stream, const struct door_peer *peer)
{
  struct milter *milter = g_new0(struct milter, 1);
  exchange_init(&milter->exchange, service, stream, peer);
  milter->out = g_string_new(NULL);
  return milter;
}

static void
milter_free(void *session)
{
  struct milter *milter = session;
  if (milter == NULL)
    return;
  milter_reset(milter);
  exchange_clear(&milter->exchange);
  g_string_free(milter->out, TRUE);
  g_free(milter);
}

const struct service_ops milter_service = {
  .name = "milter",
  .session_new = milter_new,
  .session_run = milter_run,
  .session_free = milter_free,
  .session_idle = exchange_idle,
  .session_overdue = exchange_overdue,
  .session_end = exchange_end,
  .turn_away = exchange_turn_away,
};
