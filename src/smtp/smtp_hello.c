#include "smtp/smtp_hello.h"
#include "base/clock.h"
#include "smtp/smtp_auth.h"
#include "net/tls.h"

/* RFC 5321 4.5.3.2.1, for each step. */
#define WAIT_STEP (5 * CLOCK_MINUTE)

/* What the replies here have in common: 2xx goes on, 5xx needs a person, everything else is for later. */
static enum res
welcome(struct smtp_peer *peer, const char *what, const struct smtp_reply *reply, GError **error)
{
  peer->congested = peer->congested || reply->code / 100 == 4;
  if (reply->code / 100 == 2)
    return RES_OK;
  if (reply->code / 100 == 5)
    return refuse(error, REPLY_TROUBLE, "%s: the server said: %s", what, reply->text);
  return trouble(error, REPLY_TROUBLE, "%s: the server said: %s", what, reply->text);
}

static void
begin_step(struct smtp_peer *peer)
{
  stream_deadline(peer->stream, clock_monotonic() + WAIT_STEP);
}

static enum res
say(struct smtp_peer *peer, const char *verb, const char *argument, GError **error)
{
  const struct slice line[] = { slice_of(verb), slice_of(argument), SLICE("\r\n") };
  begin_step(peer);
  return stream_writev(peer->stream, line, G_N_ELEMENTS(line), error);
}

static enum res
greeting(struct smtp_peer *peer, GError **error)
{
  struct smtp_reply reply;
  begin_step(peer);
  enum res res = smtp_reply_read(peer->stream, &reply, error);
  return res == RES_OK ? welcome(peer, "greeting", &reply, error) : res;
}

/* RFC 5321 3.2: a server that does not know EHLO (500, 502 and the like) is greeted with HELO. */
static enum res
hello(struct smtp_peer *peer, const struct smtp_client_options *options, GError **error)
{
  struct smtp_reply reply;
  enum res res = say(peer, "EHLO ", options->hostname, error);
  if (res == RES_OK)
    res = ehlo_read(peer->stream, &peer->ehlo, options->ignore_keywords, &reply, error);
  if (res != RES_OK || reply.code / 100 != 5)
    return res == RES_OK ? welcome(peer, "EHLO", &reply, error) : res;

  peer->ehlo = (struct ehlo){ .size_max = 0 };
  res = say(peer, "HELO ", options->hostname, error);
  if (res == RES_OK)
    res = smtp_reply_read(peer->stream, &reply, error);
  return res == RES_OK ? welcome(peer, "HELO", &reply, error) : res;
}

/* RFC 3207. What the server said before is forgotten: anybody may have said it. */
static enum res
start_tls(struct smtp_peer *peer, const struct smtp_client_options *options, GError **error)
{
  struct smtp_reply reply;
  if (!peer->ehlo.starttls)
    return refuse(error, REPLY_TROUBLE, "the server offers no STARTTLS: set tls = implicit if that port speaks TLS from the start, or tls = no");
  enum res res = say(peer, "STARTTLS", "", error);
  if (res == RES_OK)
    res = smtp_reply_read(peer->stream, &reply, error);
  if (res == RES_OK)
    res = welcome(peer, "STARTTLS", &reply, error);
  if (res == RES_OK)
    res = stream_start_tls(peer->stream, options->tls, options->tls_name, error);
  return res == RES_OK ? hello(peer, options, error) : res;
}

enum res
smtp_hello_run(struct smtp_peer *peer, const struct smtp_client_options *options, GError **error)
{
  enum res res = RES_OK;
  begin_step(peer);
  if (options->tls && options->tls_implicit)
    res = stream_start_tls(peer->stream, options->tls, options->tls_name, error);
  if (res == RES_OK)
    res = greeting(peer, error);
  if (res == RES_OK)
    res = hello(peer, options, error);
  if (res == RES_OK && options->tls && !options->tls_implicit)
    res = start_tls(peer, options, error);
  if (res != RES_OK || options->user == NULL)
    return res;
  begin_step(peer);
  return smtp_auth_run(peer->stream, &peer->ehlo, options->user, options->password, error);
}
