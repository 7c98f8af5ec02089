/* What each command of LMTP and SMTP does: RFC 2033, RFC 5321 4.1.1 and 4.1.4 (order of commands), RFC 3030. One function a verb, one table. */
#include "base/clock.h"
#include "base/log.h"
#include "door/lmtp_command.h"
#include "door/parameters.h"
#include "door/session.h"
#include "door/starttls.h"
#include "door/transaction.h"
#include "door/xforward.h"
#include "envelope/address.h"

static enum res
out_of_order(GError **error, const char *what)
{
  return refuse(error, REPLY_BAD_SEQUENCE, "%s", what);
}

/* ---- LHLO, EHLO, HELO, XFORWARD ---- */

static void
begin_anew(struct door_session *session, struct slice name)
{
  session_reset(session);
  g_free(session->peer.lhlo);
  session->peer.lhlo = peer_word_clean(name);
}

static enum res
do_helo(struct door_session *session, struct slice arg, GError **error)
{
  (void)error;
  begin_anew(session, arg);
  session_say(session, REPLY_HELLO, session->options->hostname);
  return RES_OK;
}

/* EHLO too. */
static enum res
do_lhlo(struct door_session *session, struct slice arg, GError **error)
{
  (void)error;
  begin_anew(session, arg);
  g_autofree char *size = g_strdup_printf("SIZE %" G_GINT64_FORMAT, session->options->size_max);
  const char *lines[] = {
    session->options->hostname, "PIPELINING", "8BITMIME", "SMTPUTF8", size, "ENHANCEDSTATUSCODES", "CHUNKING", "DSN", XFORWARD_KEYWORD, "STARTTLS",
  };
  session->tls_offered = starttls_may_be_offered(session);
  session_say_lines(session, REPLY_HELLO, lines, G_N_ELEMENTS(lines) - !session->tls_offered);
  return RES_OK;
}

static enum res
do_xforward(struct door_session *session, struct slice arg, GError **error)
{
  if (session->in_transaction)
    return out_of_order(error, "XFORWARD inside a transaction");
  enum res res = xforward_parse(arg, &session->xforward, error);
  if (res == RES_OK)
    session_say(session, REPLY_OK, NULL);
  return res;
}

/* ---- MAIL ---- */

/* An address for the envelope, as its address_text(). `reply`: what a malformed one is answered. */
static enum res
envelope_address(struct slice path, bool smtputf8, enum reply reply, char **text, GError **error)
{
  OWN(address) address = NULL;
  g_autoptr(GError) problem = NULL;
  enum res res = address_parse(path, smtputf8, &address, &problem);
  if (res == RES_OK) {
    *text = address_text(address);
    return RES_OK;
  }
  if (error_reply(problem, reply) == REPLY_BAD_ADDRESS)
    problem->code = (int)reply;
  g_propagate_error(error, g_steal_pointer(&problem));
  return res;
}

/* Grammar first, then the server's own limit, then the hook. */
static enum res
begin_transaction(struct door_session *session, struct slice arg, GError **error)
{
  struct slice path, rest;
  struct mail_parameters parameters = { 0 };
  g_autofree char *reverse_path = NULL;
  session->mail = g_strndup(arg.p, arg.n);
  enum res res = lmtp_command_path(slice_of(session->mail), SLICE("FROM:"), &path, &rest, error);
  if (res == RES_OK)
    res = mail_parameters_parse(rest, &parameters, error);
  if (res == RES_OK && path.n > 0)
    res = envelope_address(path, parameters.smtputf8, REPLY_BAD_SENDER, &reverse_path, error);
  if (res == RES_OK)
    res = transaction_check_size(session->options, parameters.size, error);
  if (res != RES_OK) {
    mail_parameters_clear(&parameters);
    return res;
  }
  session->transaction = (struct door_transaction){
    .peer = &session->peer,
    .xforward = &session->xforward,
    .reverse_path = reverse_path ? g_steal_pointer(&reverse_path) : g_strdup(""),
    .smtputf8 = parameters.smtputf8,
    .body = parameters.body,
    .ret = parameters.ret,
    .envid = parameters.envid,
    .size = parameters.size,
    .recipients = transaction_recipients_new(),
    .mail = { path, rest },
    .one_reply = protocols[session->protocol].one_reply,
    .reply = session->literal,
  };
  return session->hooks->mail(session->hooks->ctx, &session->transaction, error);
}

static enum res
do_mail(struct door_session *session, struct slice arg, GError **error)
{
  if (session->in_transaction)
    return out_of_order(error, "MAIL inside a transaction");
  enum res res = begin_transaction(session, arg, error);
  session->in_transaction = res == RES_OK;
  session->pace = (struct pace){ 0 };
  if (res == RES_OK)
    session_say(session, REPLY_SENDER_OK, NULL);
  else
    session_reset(session);
  return res;
}

/* ---- RCPT ---- */

/* RFC 5321 4.5.1: <postmaster> without a domain means this server's. */
static enum res
forward_path(struct door_session *session, struct slice path, char **address, GError **error)
{
  if (slice_equal_nocase(path, SLICE("postmaster"))) {
    *address = g_strconcat("postmaster@", session->options->hostname, NULL);
    return RES_OK;
  }
  return envelope_address(path, session->transaction.smtputf8, REPLY_BAD_ADDRESS, address, error);
}

/* Takes over what `parameters` owns. */
static enum res
take_recipient(struct door_session *session, struct slice path, const struct rcpt_parameters *parameters, GError **error)
{
  g_autofree char *address = NULL;
  struct door_recipient *recipient;
  enum res res = forward_path(session, path, &address, error);
  if (res == RES_OK)
    res = transaction_recipient(session->hooks, &session->transaction, address, &recipient, error);
  if (res != RES_OK)
    return res;
  recipient->notify = parameters->notify;
  recipient->orcpt = parameters->orcpt;
  return RES_OK;
}

static enum res
do_rcpt(struct door_session *session, struct slice arg, GError **error)
{
  if (!session->in_transaction)
    return out_of_order(error, "RCPT before MAIL");
  if (session->transfer.open)
    return out_of_order(error, "RCPT after BDAT");
  struct slice path, rest;
  struct rcpt_parameters parameters = { 0 };
  enum res res = lmtp_command_path(arg, SLICE("TO:"), &path, &rest, error);
  if (res == RES_OK)
    res = rcpt_parameters_parse(rest, &parameters, error);
  session->transaction.rcpt = (struct door_written){ path, rest };
  if (res == RES_OK)
    res = take_recipient(session, path, &parameters, error);
  if (res != RES_OK)
    rcpt_parameters_clear(&parameters);
  else if (!session_say_literal(session))
    session_say(session, REPLY_RECIPIENT_OK, NULL);
  return res;
}

/* ---- DATA, BDAT ---- */

/* The connection was lost in the middle of a message: nobody is there to be told. */
static enum res
lost(struct door_session *session, enum res res, const GError *problem)
{
  if (res == RES_OK)
    return RES_OK;
  log_note("connection lost inside a message", log_str("from", session->transaction.reverse_path), log_int("octets", session->transfer.message.octets),
           log_err(problem));
  session->over = true;
  return RES_OK;
}

static enum res
check_order(struct door_session *session, GError **error)
{
  if (!session->in_transaction)
    return out_of_order(error, "no MAIL was accepted");
  session->transaction.attempted = true;
  if (session->transaction.recipients->len == 0)
    return out_of_order(error, "no RCPT was accepted");
  return RES_OK;
}

static enum res
do_data(struct door_session *session, struct slice arg, GError **error)
{
  (void)arg;
  enum res res = check_order(session, error);
  if (res == RES_OK && session->transfer.open)
    res = out_of_order(error, "DATA after BDAT");
  if (res != RES_OK)
    return res;
  res = session->hooks->message_begin(session->hooks->ctx, &session->transaction, error);
  if (res != RES_OK) {
    transfer_count_failure(error ? *error : NULL);
    session_reset(session);
    return res;
  }
  session_say(session, REPLY_SEND_DATA, NULL);
  transfer_begin(session, false);
  g_autoptr(GError) problem = NULL;
  res = transfer_data(session, &problem);
  return lost(session, res, problem);
}

static void
begin_chunks(struct door_session *session)
{
  transfer_begin(session, true);
  arrival_begin(&session->transfer.message);
}

/* A chunk that no transaction wants: its octets follow the command in any case, so they are read before it is refused. */
static enum res
unwanted_chunk(struct door_session *session, int64_t octets, enum res refusal, GError **error)
{
  g_autoptr(GError) problem = NULL;
  enum res res = transfer_swallow(session, octets, &problem);
  if (res == RES_OK)
    return refusal;
  g_clear_error(error);
  return lost(session, res, problem);
}

/* After a chunk of unknown length nobody knows where the next command begins: the session ends. */
static enum res
do_bdat(struct door_session *session, struct slice arg, GError **error)
{
  int64_t octets;
  bool last;
  enum res res = lmtp_command_chunk(arg, &octets, &last, error);
  if (res != RES_OK) {
    session->over = session->linger = true;
    return res;
  }
  res = check_order(session, error);
  if (res != RES_OK)
    return unwanted_chunk(session, octets, res, error);
  if (!session->transfer.open)
    begin_chunks(session);
  g_autoptr(GError) problem = NULL;
  res = transfer_chunk(session, octets, last, &problem);
  return lost(session, res, problem);
}

/* ---- the rest ---- */

static enum res
do_rset(struct door_session *session, struct slice arg, GError **error)
{
  (void)arg, (void)error;
  session_reset(session);
  session_say(session, REPLY_OK, NULL);
  return RES_OK;
}

static enum res
do_noop(struct door_session *session, struct slice arg, GError **error)
{
  (void)arg, (void)error;
  session_say(session, REPLY_OK, NULL);
  return RES_OK;
}

static enum res
do_vrfy(struct door_session *session, struct slice arg, GError **error)
{
  (void)arg, (void)error;
  session_say(session, REPLY_VRFY, NULL);
  return RES_OK;
}

static enum res
do_help(struct door_session *session, struct slice arg, GError **error)
{
  (void)arg, (void)error;
  session_say(session, REPLY_HELP, lmtp_command_verbs(session->protocol));
  return RES_OK;
}

static enum res
do_quit(struct door_session *session, struct slice arg, GError **error)
{
  (void)arg, (void)error;
  session_say(session, REPLY_BYE, NULL);
  session->over = true;
  return RES_OK;
}

static enum res
do_starttls(struct door_session *session, struct slice arg, GError **error)
{
  (void)arg;
  return starttls_begin(session, error);
}

static const struct {
  enum res (*serve)(struct door_session *session, struct slice arg, GError **error);
  bool needs_hello;
  bool before_tls; /* served even where a certificate is needed first: RFC 3207 section 4 */
} verbs[LMTP_VERBS] = {
  [LMTP_LHLO] = { do_lhlo, .before_tls = true },
  [LMTP_EHLO] = { do_lhlo, .before_tls = true },
  [LMTP_HELO] = { do_helo },
  [LMTP_MAIL] = { do_mail, .needs_hello = true },
  [LMTP_RCPT] = { do_rcpt, .needs_hello = true },
  [LMTP_DATA] = { do_data, .needs_hello = true },
  [LMTP_BDAT] = { do_bdat, .before_tls = true }, /* its octets must be read in any case; without a hello, or TLS, there was no MAIL */
  [LMTP_RSET] = { do_rset },
  [LMTP_NOOP] = { do_noop, .before_tls = true },
  [LMTP_VRFY] = { do_vrfy },
  [LMTP_HELP] = { do_help },
  [LMTP_QUIT] = { do_quit, .before_tls = true },
  [LMTP_XFORWARD] = { do_xforward, .needs_hello = true },
  [LMTP_STARTTLS] = { do_starttls, .before_tls = true },
};

enum res
lmtp_dialogue_command(struct door_session *session, struct slice line, GError **error)
{
  struct lmtp_command command;
  enum res res = lmtp_command_parse(session->protocol, line, &command, error);
  if (res != RES_OK)
    return res;
  if (!verbs[command.verb].before_tls && starttls_is_due(session))
    return refuse(error, REPLY_TLS_FIRST, "no certificate was shown yet");
  if (verbs[command.verb].needs_hello && session->peer.lhlo == NULL)
    return out_of_order(error, protocols[session->protocol].hello_first);
  return verbs[command.verb].serve(session, command.arg, error);
}
