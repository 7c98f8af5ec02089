#include "message/identity.h"
#include "message/digest.h"
#include <stdint.h>

/* Up to the '>' that ends an id; one within quotes does not (RFC 5322 4.5.4). All of it if none does. */
static struct slice
until_bracket(struct slice s)
{
  bool quoted = false;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] == '\\' && quoted)
      i++;
    else if (s.p[i] == '"')
      quoted = !quoted;
    else if (s.p[i] == '>' && !quoted)
      return slice_head(s, i);
  }
  return slice_until(s, '>');
}

char *
identity_message_id(const struct header_view *view)
{
  const struct header_field *field = header_first(view, "Message-ID");
  if (!field)
    return NULL;
  g_autofree char *unfolded = header_unfold(field);
  struct slice rest = header_skip_cfws(slice_of(unfolded));
  struct slice id = rest.n && rest.p[0] == '<' ? until_bracket(slice_skip(rest, 1)) : slice_head(rest, strcspn(rest.p, " \t("));
  id = slice_trim(id);
  if (id.n == 0 || id.n > MESSAGE_ID_MAX)
    return NULL;
  char *text = g_utf8_make_valid(id.p, (gssize)id.n);
  for (char *c = text; *c; c++)
    if (g_ascii_iscntrl(*c))
      *c = ' ';
  return text;
}

/* The parts are told apart by NULs, which no header holds. */
static void
feed_fields(struct digest *digest, const struct header_view *view, const char *name)
{
  digest_add_text(digest, name);
  for (const struct header_field *f = header_first(view, name); f; f = header_next(view, name, f)) {
    g_autofree char *value = header_unfold(f);
    digest_add_text(digest, value);
  }
}

void
identity_key(const struct header_view *view, unsigned char key[IDENTITY_KEY_SIZE])
{
  static const char *const names[] = { "Message-ID", "From", "Date", "Subject" };
  struct digest digest;
  digest_begin(&digest);
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    feed_fields(&digest, view, names[i]);
  digest_add(&digest, view->body);
  digest_end(&digest, key);
}

/* RFC 4648 section 6; `n` is a multiple of five, so that nothing is padded. */
static char *
base32(const unsigned char *octets, size_t n)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  GString *out = g_string_sized_new(n * 8 / 5);
  for (size_t i = 0; i + 5 <= n; i += 5) {
    uint64_t group = 0;
    for (size_t k = 0; k < 5; k++)
      group = group << 8 | octets[i + k];
    for (int shift = 35; shift >= 0; shift -= 5)
      g_string_append_c(out, letters[group >> shift & 31]);
  }
  return g_string_free(out, FALSE);
}

char *
identity_make_message_id(const struct header_view *view, const char *domain)
{
  unsigned char key[IDENTITY_KEY_SIZE];
  identity_key(view, key);
  g_autofree char *hash = base32(key, 20);
  g_autofree char *lower = g_ascii_strdown(hash, -1);
  return g_strdup_printf("%s@%s", lower, domain);
}

char *
identity_hash(const char *message_id)
{
  unsigned char digest[20];
  gsize size = sizeof digest;
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
  g_checksum_update(sum, (const guchar *)message_id, -1);
  g_checksum_get_digest(sum, digest, &size);
  return base32(digest, size);
}
