#include "courier/transmission.h"

void
transmission_init(struct transmission *transmission, size_t n)
{
  *transmission = (struct transmission){ .n = n, .refused = -1 };
  transmission->recipients = g_new0(struct transmission_recipient, n);
  for (size_t i = 0; i < n; i++)
    transmission->recipients[i].reply = -1;
  transmission->replies = g_ptr_array_new_with_free_func(g_free);
}

void
transmission_clear(struct transmission *transmission)
{
  g_free(transmission->recipients);
  if (transmission->replies)
    g_ptr_array_unref(transmission->replies);
  *transmission = (struct transmission){ .n = 0 };
}

int
transmission_reply(struct transmission *transmission, char *text)
{
  g_ptr_array_add(transmission->replies, text);
  return (int)transmission->replies->len - 1;
}

int
transmission_own_reply(struct transmission *transmission, enum reply reply, const char *detail)
{
  g_autoptr(GString) line = g_string_new(NULL);
  reply_render(reply, &(struct reply_words){ .detail = detail }, line);
  return transmission_reply(transmission, slice_dup(slice_trim((struct slice){ line->str, line->len })));
}

const char *
transmission_reply_of(const struct transmission *transmission, size_t recipient)
{
  int reply = transmission->recipients[recipient].reply;
  return reply < 0 ? "" : g_ptr_array_index(transmission->replies, (guint)reply);
}

size_t
transmission_pending(const struct transmission *transmission)
{
  size_t n = 0;
  for (size_t i = 0; i < transmission->n; i++)
    n += transmission->recipients[i].outcome == OUTCOME_PENDING;
  return n;
}

void
transmission_settle(struct transmission *transmission, bool accepted_only, enum outcome outcome, int reply)
{
  for (size_t i = 0; i < transmission->n; i++) {
    struct transmission_recipient *recipient = &transmission->recipients[i];
    if (recipient->outcome != OUTCOME_PENDING || (accepted_only && !recipient->accepted))
      continue;
    recipient->outcome = outcome;
    recipient->reply = reply;
  }
}

int64_t
transmission_size(const struct transmission *transmission)
{
  return (int64_t)transmission->header.n + (int64_t)transmission->body.n;
}

bool
octets_are_8bit(struct slice octets)
{
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= octets.n; i += sizeof(uint64_t)) {
    uint64_t eight;
    memcpy(&eight, octets.p + i, sizeof(eight));
    if (eight & UINT64_C(0x8080808080808080))
      return true;
  }
  for (; i < octets.n; i++)
    if (octets.p[i] & 0x80)
      return true;
  return false;
}
