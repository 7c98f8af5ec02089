#include "smtp/transmission.h"
#include "base/clock.h"

static void
reply_free(void *arg)
{
  struct transmission_reply *reply = arg;
  g_free(reply->text);
  g_free(reply->via);
  g_free(reply);
}

void
transmission_init(struct transmission *transmission, enum shape shape, size_t n)
{
  *transmission = (struct transmission){ .shape = shape, .reverse_path = "", .n = n, .refused = -1 };
  transmission->recipients = g_new0(struct transmission_recipient, n);
  for (size_t i = 0; i < n; i++)
    transmission->recipients[i].reply = -1;
  transmission->replies = g_ptr_array_new_with_free_func(reply_free);
}

void
transmission_clear(struct transmission *transmission)
{
  g_free(transmission->recipients);
  if (transmission->replies)
    g_ptr_array_unref(transmission->replies);
  *transmission = (struct transmission){ .n = 0 };
}

static int
add_reply(struct transmission *transmission, char *text, const char *via)
{
  struct transmission_reply *reply = g_new(struct transmission_reply, 1);
  *reply = (struct transmission_reply){ .text = text, .via = g_strdup(via), .at = clock_now() };
  g_ptr_array_add(transmission->replies, reply);
  return (int)transmission->replies->len - 1;
}

int
transmission_reply(struct transmission *transmission, char *text)
{
  return add_reply(transmission, text, transmission->via);
}

int
transmission_own_reply(struct transmission *transmission, enum reply reply, const char *detail)
{
  g_autoptr(GString) line = g_string_new(NULL);
  reply_render(reply, &(struct reply_words){ .detail = detail }, line);
  return add_reply(transmission, slice_dup(slice_trim((struct slice){ line->str, line->len })), "");
}

const struct transmission_reply *
transmission_reply_of(const struct transmission *transmission, size_t recipient)
{
  int reply = transmission->recipients[recipient].reply;
  return reply < 0 ? NULL : g_ptr_array_index(transmission->replies, (guint)reply);
}

const char *
transmission_text_of(const struct transmission *transmission, size_t recipient)
{
  const struct transmission_reply *reply = transmission_reply_of(transmission, recipient);
  return reply ? reply->text : "";
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
transmission_settle(struct transmission *transmission, enum outcome outcome, int reply)
{
  for (size_t i = 0; i < transmission->n; i++) {
    struct transmission_recipient *recipient = &transmission->recipients[i];
    if (recipient->outcome != OUTCOME_PENDING)
      continue;
    recipient->outcome = outcome;
    recipient->reply = reply;
  }
}

const char *
transmission_sender(const struct transmission *transmission, size_t recipient)
{
  const char *own = transmission->recipients[recipient].reverse_path;
  return own ? own : transmission->reverse_path;
}

/* Adds the shared octets from `at` to `to`: of the header, of the body, or of both. */
static size_t
add_shared(const struct copy_form *form, size_t at, size_t to, struct slice *pieces)
{
  size_t n = 0, header = form->header.n;
  if (at < MIN(to, header))
    pieces[n++] = (struct slice){ form->header.p + at, MIN(to, header) - at };
  if (to > MAX(at, header))
    pieces[n++] = (struct slice){ form->body.p + (MAX(at, header) - header), to - MAX(at, header) };
  return n;
}

size_t
transmission_pieces(const struct transmission *transmission, const struct copy_form *form, size_t recipient, struct slice pieces[COPY_PIECES_MAX])
{
  const struct slice *own = transmission->recipients[recipient].own;
  size_t n = 0, at = 0;
  for (enum slot slot = 0; transmission->shape == SHAPE_PERSONAL && slot < SLOT_COUNT; slot++) {
    if (!form->has_slot[slot] || own[slot].p == NULL)
      continue;
    n += add_shared(form, at, form->slots[slot].at, pieces + n);
    if (own[slot].n > 0)
      pieces[n++] = own[slot];
    at = form->slots[slot].at + form->slots[slot].n;
  }
  return n + add_shared(form, at, form->header.n + form->body.n, pieces + n);
}

int64_t
transmission_size(const struct transmission *transmission, const struct copy_form *form, size_t recipient)
{
  struct slice pieces[COPY_PIECES_MAX];
  int64_t size = 0;
  for (size_t i = 0, n = transmission_pieces(transmission, form, recipient, pieces); i < n; i++)
    size += (int64_t)pieces[i].n;
  return size;
}

bool
transmission_own_is_8bit(const struct transmission *transmission, const struct copy_form *form, size_t recipient, enum slot slot)
{
  return transmission->shape == SHAPE_PERSONAL && form->has_slot[slot] && octets_are_8bit(transmission->recipients[recipient].own[slot]);
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
