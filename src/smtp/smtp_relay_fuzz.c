/* A next hop that says anything: a dialogue with it ends, says whole commands alone, and believes a 2xx of its own command alone. */
#include "smtp/smtp_relay.h"
#include "base/clock.h"
#include "net/memory_peer.h"

static enum res
run(struct smtp_relay *relay)
{
  static const struct smtp_attribute attributes[] = { { "NAME", "a b" }, { "ADDR", "192.0.2.1" }, { "HELO", NULL } };
  enum res res = smtp_relay_hello(relay, NULL);
  if (res == RES_OK)
    res = smtp_relay_xforward(relay, attributes, G_N_ELEMENTS(attributes), NULL);
  if (res == RES_OK)
    res = smtp_relay_mail(relay, SLICE("a@x"), SLICE("SIZE=1 BODY=8BITMIME RET=HDRS"), NULL);
  for (int i = 0; i < 3 && res == RES_OK; i++)
    res = smtp_relay_rcpt(relay, SLICE("b@y"), SLICE("NOTIFY=NEVER"), NULL);
  if (res == RES_OK)
    res = smtp_relay_data(relay, NULL);
  if (res == RES_OK)
    res = smtp_relay_octets(relay, SLICE("Subject: s\r\n\r\n.x\r\n"), NULL);
  return res == RES_OK ? smtp_relay_end(relay, NULL) : res;
}

/* What is passed back is a reply of whole lines, each with the code of the first, never a 421. */
static void
check_reply(struct slice reply, enum res res)
{
  char class = reply.n > 0 ? reply.p[0] : '0';
  g_assert(res != RES_OK || class == '2');
  g_assert(reply.n <= SMTP_RELAY_REPLY_MAX && (reply.n == 0 || (reply.n >= 5 && memcmp(reply.p, "421", 3) != 0)));
  for (struct slice rest = reply; rest.n > 0;) {
    struct slice line = slice_line(rest);
    g_assert(line.n >= 5 && memcmp(line.p, reply.p, 3) == 0 && line.p[line.n - 1] == '\n' && line.p[line.n - 2] == '\r');
    rest = slice_skip(rest, line.n);
    g_assert(line.n == 5 || line.p[3] == (rest.n > 0 ? '-' : ' '));
  }
}

static void
check_said(const GString *said)
{
  g_assert(said->len == 0 || g_str_has_suffix(said->str, "\r\n"));
  for (struct slice rest = { said->str, said->len }; rest.n > 0;) {
    struct slice line = slice_line(rest);
    g_assert(line.n <= 512);
    rest = slice_skip(rest, line.n);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const struct smtp_relay_options options = { .hostname = "lists.example.com", .reply_timeout = CLOCK_MINUTE, .taken_timeout = CLOCK_MINUTE };
  struct memory_peer peer = { .input = { (const char *)data, size }, .piece = 1 };
  struct smtp_relay *relay = smtp_relay_new(memory_peer_stream(&peer), &options);
  enum res res = run(relay);
  check_reply(smtp_relay_reply(relay), res);
  smtp_relay_free(relay);
  check_said(peer.output);
  g_string_free(peer.output, TRUE);
  return 0;
}
