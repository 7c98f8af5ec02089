#include "smtp/smtp_client.h"
#include "smtp/smtp_answer.h"
#include "smtp/smtp_dialogue.h"
#include "smtp/smtp_form.h"
#include "smtp/smtp_hello.h"

struct smtp_client {
  struct smtp_client_options options;
  struct smtp_peer peer;
};

struct smtp_client *
smtp_client_new(struct stream *stream, const struct smtp_client_options *options)
{
  struct smtp_client *client = g_new0(struct smtp_client, 1);
  client->options = *options;
  client->peer.stream = stream;
  client->peer.name = options->name;
  client->peer.max_recipients = MAX(options->max_recipients, 1);
  return client;
}

enum res
smtp_client_hello(struct smtp_client *client, GError **error)
{
  enum res res = smtp_hello_run(&client->peer, &client->options, error);
  stream_duplex(client->peer.stream, true);
  return res;
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
smtp_client_quit(struct smtp_client *client, int64_t deadline)
{
  struct smtp_reply reply;
  stream_deadline(client->peer.stream, deadline);
  if (stream_write(client->peer.stream, SLICE("QUIT\r\n"), NULL) == RES_OK)
    (void)!smtp_reply_read(client->peer.stream, &reply, NULL);
  smtp_client_free(client);
}

enum res
smtp_client_send(struct smtp_client *client, struct transmission *transmission, GError **error)
{
  const struct copy_form *form;
  client->peer.answered = false;
  client->peer.congested = false;
  enum res res = smtp_form_choose(&client->peer.ehlo, transmission, &form, error);
  if (res != RES_OK || transmission_pending(transmission) == 0)
    return res;
  return smtp_dialogue_run(&client->peer, transmission, form, error);
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

bool
smtp_client_worn(const struct smtp_client *client)
{
  return smtp_answer_is_worn(&client->peer);
}

void
smtp_client_cut(const struct smtp_client *client)
{
  stream_shutdown(client->peer.stream);
}
