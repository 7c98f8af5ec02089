#include "smtp/smtp_client.h"
#include "smtp/smtp_oracle.h"
#include "net/memory_peer.h"
#include "base/clock.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Any octets as what a server sends, from the greeting on, to a client that greets, maybe logs in, and sends a message. The first four octets are
 * choices of the client's and of the wire. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHOICE_CLIENT, CHOICE_RECIPIENTS, CHOICE_READS, CHOICE_WRITES, CHOICES };

/* Of CHOICE_CLIENT. */
enum { PERSONAL = 1, LOGIN = 2, EIGHT_BIT = 4, HEADER_UTF8 = 8, BIG = 16, UNCLEAN = 32, RESET = 64, NO_FORM = 128 };

/* Of CHOICE_READS: over a pair of sockets, all that the server says having been said. */
#define SOCKETS 0x80
/* What fits into a socket's buffer at once. */
#define SOCKET_INPUT_MAX 16384

#define RECIPIENTS 16

static const char *const addresses[RECIPIENTS] = {
  "a@x", "b@x", "c@x", "d@x", "\303\244@x", "f@x", "g@x", "h@x", "i@x", "j@x", "k@x", "l@x", "\303\266@x", "n@x", "o@x", "p@x",
};
static const char *const footers[] = { "--\r\n", "", "..\r\n", "\303\244\r\n", "a\nb", NULL };

static const struct copy_form ascii = { .header = { "Subject: y\r\n\r\n", 14 }, .body = { "ascii\r\n", 7 }, .has_slot = { [SLOT_FOOTER] = true },
                                        .slots = { [SLOT_FOOTER] = { .at = 21 } } };

static enum res
make_form(void *arg, enum form form, const struct copy_form **made, GError **error)
{
  const uint8_t *data = arg;
  (void)form;
  if (data[CHOICE_RECIPIENTS] & 0x80)
    return trouble(error, REPLY_FULL, "not now");
  if (data[CHOICE_RECIPIENTS] & 0x40)
    return refuse(error, REPLY_NO_CONVERSION, "signed");
  *made = &ascii;
  return RES_OK;
}

static void
fill(struct transmission *mail, const uint8_t *data, const struct copy_form *form)
{
  transmission_init(mail, data[CHOICE_CLIENT] & PERSONAL ? SHAPE_PERSONAL : SHAPE_BATCH, data[CHOICE_RECIPIENTS] % RECIPIENTS + 1u);
  mail->as_is = form;
  mail->envelope_id = "p1";
  mail->reverse_path = "ant-bounces@example.com";
  mail->make_form = data[CHOICE_CLIENT] & NO_FORM ? NULL : make_form;
  mail->make_form_arg = (void *)data;
  for (size_t i = 0; i < mail->n; i++) {
    mail->recipients[i].address = addresses[i];
    mail->recipients[i].own[SLOT_FOOTER] = slice_of(footers[i % G_N_ELEMENTS(footers)]);
  }
}

/* --- a pair of sockets --- */

static struct stream *
socket_stream(struct slice input, int *other)
{
  int fds[2], room = 1 << 20;
  g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  for (int i = 0; i < 2; i++)
    g_assert(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
  g_assert(write(fds[1], input.p, input.n) == (ssize_t)input.n && shutdown(fds[1], SHUT_WR) == 0);
  *other = fds[1];
  struct stream *stream = stream_new(fds[0]);
  stream_deadline(stream, clock_monotonic() + CLOCK_MINUTE);
  return stream;
}

/* What the client has written so far, added to the peer's output. */
static void
socket_drain(int other, GString *output)
{
  char octets[8192];
  ssize_t n;
  while ((n = recv(other, octets, sizeof octets, MSG_DONTWAIT)) > 0)
    g_string_append_len(output, octets, n);
}

/* --- the conversation --- */

static const struct copy_form *
form_of(const struct copy_form *as_is, const struct memory_peer *peer)
{
  return strstr(peer->output->str, "Subject: y") ? &ascii : as_is;
}

static void
send_one(struct smtp_client *client, const struct memory_peer *peer, int other, const uint8_t *data)
{
  static char lines[70000];
  memset(lines, 'z', sizeof(lines) - 2);
  memcpy(lines + sizeof(lines) - 2, "\r\n", 2);
  struct slice body = data[CHOICE_CLIENT] & BIG ? (struct slice){ lines, sizeof(lines) } : data[CHOICE_CLIENT] & UNCLEAN ? SLICE(".\nx") : SLICE("x\r\n.\r\n");
  const struct copy_form form = { .header = SLICE("Subject: x\r\n\r\n"), .body = body, .eight_bit = (data[CHOICE_CLIENT] & (EIGHT_BIT | HEADER_UTF8)) != 0,
                                  .header_utf8 = (data[CHOICE_CLIENT] & HEADER_UTF8) != 0, .has_slot = { [SLOT_FOOTER] = true },
                                  .slots = { [SLOT_FOOTER] = { .at = 14 + body.n } } };
  struct transmission mail;
  g_autoptr(GError) error = NULL;
  fill(&mail, data, &form);
  enum res res = smtp_client_send(client, &mail, &error);
  if (other >= 0)
    socket_drain(other, peer->output);
  g_assert(res == (error ? RES_TEMP : transmission_pending(&mail) > 0 ? RES_MORE : RES_OK));
  g_assert(res != RES_MORE || (smtp_client_worn(client) && transmission_pending(&mail) < mail.n));
  smtp_oracle_check(&mail, form_of(&form, peer), (struct slice){ peer->output->str, peer->output->len }, peer->input);
  transmission_clear(&mail);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < CHOICES)
    return 0;
  struct memory_peer peer = {
    .input = { (const char *)data + CHOICES, size - CHOICES }, .piece = data[CHOICE_READS] % 64, .write_piece = data[CHOICE_WRITES] % 64 * 16u,
    .window = data[CHOICE_WRITES] >= 64 ? data[CHOICE_WRITES] * 4u : 0, .read_errno = data[CHOICE_CLIENT] & RESET ? ECONNRESET : 0, .local = true,
  };
  bool login = data[CHOICE_CLIENT] & LOGIN;
  const struct smtp_client_options options = { .hostname = "lists.example.com", .name = "fuzz 1", .max_recipients = data[CHOICE_RECIPIENTS] / 16 + 1u,
                                               .user = login ? "joe" : NULL, .password = login ? "secret" : NULL };
  bool sockets = data[CHOICE_READS] & SOCKETS && peer.input.n <= SOCKET_INPUT_MAX;
  int other = -1;
  struct stream *stream = sockets ? socket_stream(peer.input, &other) : memory_peer_stream(&peer);
  if (sockets)
    peer.output = g_string_new(NULL);
  OWN(smtp_client) client = smtp_client_new(stream, &options);
  g_autoptr(GError) error = NULL;
  enum res res = smtp_client_hello(client, &error);
  g_assert((res == RES_OK) == (error == NULL) && res != RES_MORE);
  g_assert(error == NULL || !g_str_has_prefix(error->message, "login as ") || !strstr(error->message, "secret"));
  if (res == RES_OK)
    send_one(client, &peer, other, data);
  smtp_client_free(OWN_GIVE(client));
  if (other >= 0)
    close(other);
  g_string_free(peer.output, TRUE);
  return 0;
}
