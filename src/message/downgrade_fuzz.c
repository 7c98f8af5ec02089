/* A random message is 7 bit once made so, and then needs nothing more; unstructured fields read as before; and a leaf of random octets in
 * a multipart decodes to these octets. */
#include "message/downgrade.h"
#include "message/encoded_word.h"
#include "message/header.h"
#include "message/transfer_encoding.h"

#include <gmime/gmime.h>
#include <stdint.h>

#define TEXT_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
text_of(const struct header_field *field)
{
  unsigned conversions = 10000;
  g_autofree char *unfolded = header_unfold(field);
  return encoded_words_decode_within(slice_of(unfolded), TEXT_MAX, &conversions);
}

static void
check_fields(struct slice before, struct slice after)
{
  OWN(header_view) was = NULL;
  OWN(header_view) is = NULL;
  g_assert_cmpint(header_view_new(before, &was, NULL), ==, RES_OK);
  if (header_view_new(after, &is, NULL) != RES_OK)
    return;
  const struct header_field *old = NULL, *new = NULL;
  while ((old = header_next(was, "Subject", old)) != NULL) {
    new = header_next(is, "Subject", new);
    g_assert_nonnull(new);
    /* Words of "unknown-8bit", or of no charset, that were there run together with ours, and then octets are guessed together. */
    if (old->value.n && (memmem(old->value.p, old->value.n, "8bit", 4) || memmem(old->value.p, old->value.n, "=?*", 3)))
      continue;
    g_autofree char *old_text = text_of(old);
    g_autofree char *new_text = text_of(new);
    g_assert_cmpstr(old_text, ==, new_text);
  }
}

static void
check_message(struct slice header, struct slice body, enum downgrade how)
{
  g_autoptr(GBytes) new_header = NULL;
  g_autoptr(GBytes) new_body = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = message_downgrade(header, body, how, &new_header, &new_body, &error);
  if (res != RES_OK) {
    enum reply reply = error_reply(error, REPLY_COUNT);
    g_assert(res == RES_BAD && !new_header && !new_body && (reply == REPLY_NO_CONVERSION || reply == REPLY_NO_SMTPUTF8));
    return;
  }
  struct slice made = slice_bytes(new_header), made_body = new_body ? slice_bytes(new_body) : body;
  g_assert(transfer_encoding_is_seven_bit(made) && slice_ends_nocase(made, SLICE("\r\n")));
  g_assert(how == DOWNGRADE_SEVEN_BIT ? transfer_encoding_is_seven_bit(made_body) : !new_body);
  g_assert_cmpuint(made_body.n, <=, DOWNGRADE_GROWTH * body.n + DOWNGRADE_SLACK + 2 * HEADER_MAX);
  check_fields(header, made);

  g_autoptr(GBytes) same_header = NULL;
  g_autoptr(GBytes) same_body = NULL;
  if (made.n > HEADER_MAX)
    return;
  g_assert_cmpint(message_downgrade(made, made_body, how, &same_header, &same_body, NULL), ==, RES_OK);
  g_assert(slice_equal(slice_bytes(same_header), made));
  if (how == DOWNGRADE_SEVEN_BIT)
    g_assert_null(same_body);
}

#define LEAF_START "--b\r\nContent-Type: text/plain\r\n"
#define LEAF_END "\r\n--b--\r\n"

static void
check_leaf(struct slice content)
{
  if (!content.n || memmem(content.p, content.n, "--b", 3))
    return;
  g_autoptr(GString) body = g_string_new(LEAF_START "\r\n");
  g_string_append_len(body, content.p, (gssize)content.n);
  g_string_append(body, LEAF_END);
  struct slice header = SLICE("Content-Type: multipart/x; boundary=b\r\n\r\n");
  g_autoptr(GBytes) new_header = NULL;
  g_autoptr(GBytes) new_body = NULL;
  struct slice text = { body->str, body->len };
  g_assert_cmpint(message_downgrade(header, text, DOWNGRADE_SEVEN_BIT, &new_header, &new_body, NULL), ==, RES_OK);
  if (!new_body)
    return;

  struct slice made = slice_skip(slice_bytes(new_body), strlen(LEAF_START));
  g_assert(slice_ends_nocase(made, SLICE(LEAF_END)));
  made.n -= strlen(LEAF_END);
  bool base64 = slice_starts_nocase(made, SLICE("Content-Transfer-Encoding: base64\r\n\r\n"));
  made = slice_skip(made, (size_t)((const char *)memmem(made.p, made.n, "\r\n\r\n", 4) + 4 - made.p));
  g_assert(!memmem(made.p, made.n, "--b", 3));

  GMimeEncoding decoder;
  g_mime_encoding_init_decode(&decoder, base64 ? GMIME_CONTENT_ENCODING_BASE64 : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
  g_autofree char *decoded = g_malloc(g_mime_encoding_outlen(&decoder, made.n) + 1);
  size_t n = made.n ? g_mime_encoding_flush(&decoder, made.p, made.n, decoded) : 0;
  g_assert(slice_equal((struct slice){ decoded, n }, content));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct slice message = { (const char *)data, size };
  OWN(header_view) view = NULL;
  if (header_view_new(message, &view, NULL) == RES_OK) {
    struct slice header = slice_head(message, size - view->body.n);
    check_message(header, view->body, DOWNGRADE_HEADER);
    check_message(header, view->body, DOWNGRADE_SEVEN_BIT);
  }
  check_leaf(message);
  return 0;
}
