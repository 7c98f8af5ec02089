#include "courier/smtp_client.h"
#include "base/clock.h"
#include "courier/smtp_transaction.h"
#include <sys/socket.h>

/* RFC 5321 4.5.3.2.1 */
#define WAIT_GREETING (5 * CLOCK_MINUTE)
#define WAIT_QUIT CLOCK_SECOND

struct smtp_client {
  struct smtp_client_options options;
  struct smtp_peer peer;
};

/* What greeting, EHLO and HELO have in common: 2xx goes on, 5xx needs a person, everything else is for later. */
static enum res
welcome(const char *what, const struct smtp_reply *reply, GError **error)
{
  if (reply->code / 100 == 2)
    return RES_OK;
  if (reply->code / 100 == 5)
    return refuse(error, REPLY_TROUBLE, "%s: the server said: %s", what, reply->text);
  return trouble(error, REPLY_TROUBLE, "%s: the server said: %s", what, reply->text);
}

static enum res
greeting(struct smtp_client *client, GError **error)
{
  struct smtp_reply reply;
  stream_deadline(client->peer.stream, clock_monotonic() + WAIT_GREETING);
  enum res res = smtp_reply_read(client->peer.stream, &reply, error);
  return res == RES_OK ? welcome("greeting", &reply, error) : res;
}

static enum res
say(struct smtp_client *client, const char *verb, const char *argument, GError **error)
{
  g_autofree char *line = g_strdup_printf("%s%s%s\r\n", verb, *argument ? " " : "", argument);
  return stream_write(client->peer.stream, slice_of(line), error);
}

/* RFC 5321 3.2: a server that does not know EHLO (500, 502 and the like) is greeted with HELO. */
static enum res
hello(struct smtp_client *client, const char *hostname, GError **error)
{
  struct smtp_reply reply;
  stream_deadline(client->peer.stream, clock_monotonic() + WAIT_GREETING);
  enum res res = say(client, "EHLO", hostname, error);
  if (res == RES_OK)
    res = ehlo_read(client->peer.stream, &client->peer.ehlo, &reply, error);
  if (res != RES_OK || reply.code / 100 != 5)
    return res == RES_OK ? welcome("EHLO", &reply, error) : res;

  client->peer.ehlo = (struct ehlo){ .size_max = 0 };
  res = say(client, "HELO", hostname, error);
  if (res == RES_OK)
    res = smtp_reply_read(client->peer.stream, &reply, error);
  return res == RES_OK ? welcome("HELO", &reply, error) : res;
}

struct smtp_client *
smtp_client_new(struct stream *stream, const struct smtp_client_options *options)
{
  struct smtp_client *client = g_new0(struct smtp_client, 1);
  client->options = *options;
  client->peer.stream = stream;
  client->peer.max_recipients = MAX(options->max_recipients, 1);
  return client;
}

enum res
smtp_client_hello(struct smtp_client *client, GError **error)
{
  enum res res = greeting(client, error);
  return res == RES_OK ? hello(client, client->options.hostname, error) : res;
}

void
smtp_client_free(struct smtp_client *client)
{
  if (client == NULL)
    return;
  stream_free(client->peer.stream);
  g_free(client);
}

void
smtp_client_quit(struct smtp_client *client)
{
  struct smtp_reply reply;
  stream_deadline(client->peer.stream, clock_monotonic() + WAIT_QUIT);
  if (say(client, "QUIT", "", NULL) == RES_OK)
    (void)!smtp_reply_read(client->peer.stream, &reply, NULL);
  smtp_client_free(client);
}

/* --- what the server cannot take --- */

/* All that is pending fails with a reply of ours. */
static void
fail_all(struct transmission *transmission, enum reply reply, const char *detail)
{
  if (transmission_pending(transmission) == 0)
    return;
  transmission->refused = transmission_own_reply(transmission, reply, detail);
  transmission_settle(transmission, OUTCOME_FAILED, transmission->refused);
}

static void
fail_utf8_recipients(struct transmission *transmission)
{
  int reply = -1;
  for (size_t i = 0; i < transmission->n; i++) {
    struct transmission_recipient *recipient = &transmission->recipients[i];
    if (recipient->outcome != OUTCOME_PENDING || !octets_are_8bit(slice_of(recipient->address)))
      continue;
    if (reply < 0)
      reply = transmission_own_reply(transmission, REPLY_NO_SMTPUTF8, "the outlet has no SMTPUTF8, which this address needs");
    recipient->outcome = OUTCOME_FAILED;
    recipient->reply = reply;
  }
}

static void
check_abilities(const struct ehlo *ehlo, struct transmission *transmission)
{
  if (ehlo->size_max > 0 && transmission_size(transmission, transmission->as_is, 0) > ehlo->size_max) {
    g_autofree char *detail = g_strdup_printf("the outlet takes %" G_GINT64_FORMAT " octets", ehlo->size_max);
    fail_all(transmission, REPLY_TOO_LARGE, detail);
  }
  if (!ehlo->smtputf8 && (transmission->as_is->header_utf8 || octets_are_8bit(slice_of(transmission->reverse_path))))
    fail_all(transmission, REPLY_NO_SMTPUTF8, "the outlet has no SMTPUTF8, which this message needs");
  if (!ehlo->smtputf8)
    fail_utf8_recipients(transmission);
  if (!ehlo->eight_bit && transmission->as_is->eight_bit)
    fail_all(transmission, REPLY_NO_CONVERSION, "the outlet has no 8BITMIME, which this message needs");
}

enum res
smtp_client_send(struct smtp_client *client, struct transmission *transmission, GError **error)
{
  client->peer.answered = false;
  check_abilities(&client->peer.ehlo, transmission);
  while (transmission_pending(transmission) > 0) {
    enum res res = smtp_transaction_run(&client->peer, transmission, error);
    if (res != RES_OK)
      return RES_TEMP;
  }
  return RES_OK;
}

bool
smtp_client_answered(const struct smtp_client *client)
{
  return client->peer.answered;
}

bool
smtp_client_congested(const struct smtp_client *client)
{
  return client->peer.congested;
}

void
smtp_client_cut(const struct smtp_client *client)
{
  int fd = stream_fd(client->peer.stream);
  if (fd >= 0)
    (void)shutdown(fd, SHUT_RDWR);
}
