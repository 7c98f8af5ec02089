#include "net/line_reader.h"
#include "net/memory_peer.h"

/* The first octet says how the rest is cut. However it is cut, the lines must be the same. */
static uint64_t
read_all(struct slice input, size_t split, size_t piece)
{
  struct memory_peer peer = { .input = input, .split = split, .piece = piece };
  OWN(stream) stream = memory_peer_stream(&peer);
  uint64_t sum = 0;
  for (;;) {
    struct slice line = { NULL, 0 };
    g_autoptr(GError) error = NULL;
    enum res res = line_reader_next(stream, &line, &error);
    sum = sum * 31 + (uint64_t)res;
    if (res == RES_OK) {
      g_assert(line.n <= LINE_MAX_OCTETS);
      for (size_t i = 0; i < line.n; i++) {
        g_assert(line.p[i] != '\r' && line.p[i] != '\n' && line.p[i] != '\0');
        sum = sum * 31 + (uint64_t)(unsigned char)line.p[i];
      }
    } else if (error_reply(error, REPLY_OK) != REPLY_LINE_TOO_LONG)
      break;
  }
  g_string_free(peer.output, TRUE);
  return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  struct slice input = { (const char *)data + 1, size - 1 };
  uint64_t whole = read_all(input, 0, 0);
  g_assert(whole == read_all(input, data[0], 0));
  g_assert(whole == read_all(input, 0, data[0] % 7 + 1));
  return 0;
}
