#include "smtp/smtp_content.h"
#include "net/dot_encoder.h"

/* Written at once, within one deadline. */
#define BLOCK (256 * 1024)

bool
smtp_content_is_clean(struct slice octets)
{
  size_t at = 0;
  for (const char *cr; at < octets.n && (cr = memchr(octets.p + at, '\r', octets.n - at)) != NULL; at = (size_t)(cr - octets.p) + 2)
    if (cr + 1 == octets.p + octets.n || cr[1] != '\n' || memchr(octets.p + at, '\n', (size_t)(cr - octets.p) - at))
      return false;
  return at == octets.n;
}

enum res
smtp_content_data(struct smtp_peer *peer, struct smtp_transaction *t, bool empty, GError **error)
{
  struct slice pieces[COPY_PIECES_MAX];
  struct dot_encoder encoder;
  enum res res = RES_OK;
  size_t n = empty ? 0 : transmission_pieces(t->mail, t->form, t->recipients[0], pieces);
  smtp_flight_begin_content(peer, t);
  dot_encoder_init(&encoder);
  for (size_t i = 0; i < n; i++)
    for (struct slice left = pieces[i]; left.n > 0 && res == RES_OK;) {
      struct slice block = slice_head(left, BLOCK);
      left = slice_skip(left, block.n);
      smtp_flight_block(peer);
      res = smtp_flight_wrote(peer, dot_encoder_write(&encoder, peer->stream, block, error));
    }
  if (res == RES_OK)
    res = smtp_flight_wrote(peer, dot_encoder_end(&encoder, peer->stream, error));
  return res == RES_OK ? smtp_flight_end_content(peer, t, error) : res;
}

/* Writes slices as blocks, each as one. */
static enum res
write_blocks(struct smtp_peer *peer, struct slice *slices, size_t n, GError **error)
{
  size_t first = 0, sum = 0;
  for (size_t i = 0; i < n; i++) {
    while (sum + slices[i].n > BLOCK) {
      struct slice whole = slices[i];
      size_t fits = BLOCK - sum;
      slices[i] = slice_head(whole, fits);
      enum res res = smtp_flight_write(peer, slices + first, i - first + 1, error);
      if (res != RES_OK)
        return res;
      slices[i] = slice_skip(whole, fits);
      first = i;
      sum = 0;
    }
    sum += slices[i].n;
  }
  return smtp_flight_write(peer, slices + first, n - first, error);
}

enum res
smtp_content_bdat(struct smtp_peer *peer, struct smtp_transaction *t, GError **error)
{
  struct slice slices[1 + COPY_PIECES_MAX];
  char line[40];
  g_snprintf(line, sizeof(line), "BDAT %zu LAST\r\n", t->size);
  slices[0] = slice_of(line);
  size_t n = 1 + transmission_pieces(t->mail, t->form, t->recipients[0], slices + 1);
  smtp_flight_begin_content(peer, t);
  enum res res = write_blocks(peer, slices, n, error);
  return res == RES_OK ? smtp_flight_end_content(peer, t, error) : res;
}
