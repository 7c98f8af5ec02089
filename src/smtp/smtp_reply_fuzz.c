#include "smtp/ehlo.h"
#include "net/memory_peer.h"

/* Any octets as what a server sends: a reply to EHLO, then further replies, until it is over. The first octet chooses where the input is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  struct memory_peer peer = { .input = { (const char *)data + 1, size - 1 }, .piece = data[0] % 64 };
  OWN(stream) stream = memory_peer_stream(&peer);
  struct smtp_reply reply;
  struct ehlo ehlo;
  enum res res = ehlo_read(stream, &ehlo, NULL, &reply, NULL);
  g_assert(res != RES_MORE);
  g_assert(ehlo.size_max >= 0 && (ehlo.size || ehlo.size_max == 0));
  while (res == RES_OK) {
    res = smtp_reply_read(stream, &reply, NULL);
    g_assert(res != RES_MORE && strlen(reply.text) <= SMTP_REPLY_TEXT_MAX);
    g_assert(res != RES_OK || (reply.code >= 200 && reply.code <= 599 && reply.lines > 0));
    g_assert(reply.enhanced[0] == '\0' || reply.enhanced[0] - '0' == reply.code / 100);
    g_autofree char *text = smtp_reply_text(&reply);
    g_assert(g_utf8_validate(text, -1, NULL));
  }
  g_string_free(peer.output, TRUE);
  return 0;
}
