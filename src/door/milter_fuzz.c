/* The whole session over hooks that know no lists. However the input is cut, answers and what the hooks were told must be the same, and every answer a packet. The first octet says
 * whether the rest is the octets of the wire, or commands, each with an octet that says how long its data is, which are framed here. */
#include "base/log.h"
#include "door/milter_packet.h"
#include "door/service.h"
#include "door/stub_hooks.h"
#include "net/memory_peer.h"

static GString *
converse(struct slice input, size_t split, size_t piece)
{
  static const struct door_peer who = { .session = "s", .listener = "fuzz", .address = "unix", .unix_socket = true };
  OWN(stub) stub = stub_new();
  const struct service service = { &milter_service, &stub->hooks, &stub->options };
  struct memory_peer peer = { .input = input, .split = split, .piece = piece };
  void *session = milter_service.session_new(&service, memory_peer_stream(&peer), &who);
  milter_service.session_run(session);
  milter_service.session_free(session);
  g_assert(peer.closed);
  for (size_t at = 0; at < peer.output->len;) {
    uint32_t length;
    g_assert(at + MILTER_HEAD <= peer.output->len);
    memcpy(&length, peer.output->str + at, sizeof length);
    g_assert(strchr("Oacdy-", peer.output->str[at + 4]));
    at += sizeof length + GUINT32_FROM_BE(length);
    g_assert(at <= peer.output->len);
  }
  g_string_append_len(peer.output, stub->log->str, (gssize)stub->log->len);
  return peer.output;
}

static GString *
framed(struct slice input)
{
  GString *out = g_string_new(NULL);
  milter_offer_write(&(struct milter_offer){ 6, 0x1ff, 0x1fffff }, out);
  while (input.n >= 2) {
    struct slice data = slice_head(slice_skip(input, 2), (unsigned char)input.p[1]);
    milter_packet_write(out, input.p[0], data);
    input = slice_skip(input, 2 + data.n);
  }
  return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  struct slice input = { (const char *)data + 2, size - 2 };
  g_autoptr(GString) packets = data[0] & 1 ? framed(input) : NULL;
  if (packets)
    input = (struct slice){ packets->str, packets->len };
  g_autoptr(GString) whole = converse(input, 0, 0);
  g_autoptr(GString) cut = converse(input, data[1], 0);
  g_autoptr(GString) pieces = converse(input, 0, data[1] % 7 + 1);
  g_assert(g_string_equal(whole, cut) && g_string_equal(whole, pieces));
  return 0;
}
