/* The whole engine over hooks that know no lists. However the input is cut, replies and what the hooks were told must be the same, and every
 * line said must be a reply. */
#include "base/log.h"
#include "door/stub_hooks.h"
#include "net/memory_peer.h"

static GString *
converse(struct slice input, size_t split, size_t piece)
{
  static const struct door_peer who = { .session = "s", .listener = "fuzz", .address = "unix", .unix_socket = true };
  OWN(stub) stub = stub_new();
  struct memory_peer peer = { .input = input, .split = split, .piece = piece };
  struct door_session *session = door_session_new(PROTOCOL_LMTP, memory_peer_stream(&peer), &stub->hooks, &stub->options, &who);
  door_session_run(session);
  door_session_free(session);
  g_assert(peer.closed);
  g_string_append(peer.output, "\n--\n");
  g_string_append_len(peer.output, stub->log->str, (gssize)stub->log->len);
  return peer.output;
}

/* No strstr(): under AddressSanitizer it reads all that follows, for every line. */
static void
check_replies(const char *text)
{
  for (const char *line = text; *line != '\n';) {
    const char *end = strchr(line, '\r');
    g_assert(end && end[1] == '\n' && end - line >= 4 && end - line <= REPLY_LINE_MAX - 2);
    g_assert(line[0] >= '2' && line[0] <= '5' && g_ascii_isdigit(line[1]) && g_ascii_isdigit(line[2]) && (line[3] == ' ' || line[3] == '-'));
    for (const char *p = line; p < end; p++)
      g_assert(g_ascii_isprint(*p));
    line = end + 2;
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  struct slice input = { (const char *)data + 1, size - 1 };
  g_autoptr(GString) whole = converse(input, 0, 0);
  g_autoptr(GString) cut = converse(input, data[0], 0);
  g_autoptr(GString) pieces = converse(input, 0, data[0] % 7 + 1);
  g_assert(g_string_equal(whole, cut) && g_string_equal(whole, pieces));
  check_replies(whole->str);
  return 0;
}
