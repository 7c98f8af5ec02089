#include "envelope/tag.h"
#include "envelope/address.h"

/* A tag, from the left:
 *   one letter: a to m for a posting's tag, n to z for a member's; the number of the posting id's digits (1 to 13) is its place from a or n;
 *   the posting id, then the member id if there is one, in base 32 without leading zeros;
 *   the MAC, always MAC_DIGITS long: the first 80 bits of the HMAC-SHA256 over MAC_CONTEXT, the list's id and all that stands before it. */
#define MAC_OCTETS 10
#define MAC_DIGITS 16
#define MAC_CONTEXT "listward bounce tag 1\n"

/* Of the 63 bits of an id, in base 32. */
#define ID_DIGITS 13

static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

/* Writes `id` and gives the number of digits. */
static size_t
write_id(int64_t id, char *out)
{
  size_t n = 1;
  for (int64_t rest = id >> 5; rest > 0; rest >>= 5)
    n++;
  for (size_t i = n; i-- > 0; id >>= 5)
    out[i] = digits[id & 31];
  return n;
}

/* All of `text` as an id above 0, written as write_id does. */
static bool
read_id(struct slice text, int64_t *id)
{
  uint64_t sum = 0;
  if (text.n == 0 || text.n > ID_DIGITS || text.p[0] == '0' || (text.n == ID_DIGITS && text.p[0] > '7'))
    return false;
  for (size_t i = 0; i < text.n; i++) {
    const char *digit = memchr(digits, text.p[i], sizeof digits - 1);
    if (digit == NULL)
      return false;
    sum = sum << 5 | (uint64_t)(digit - digits);
  }
  *id = (int64_t)sum;
  return true;
}

static void
write_mac(const struct tag_key *key, int64_t list_id, struct slice payload, char out[MAC_DIGITS])
{
  unsigned char octets[32];
  gsize n = sizeof octets;
  char list[32];
  int list_n = g_snprintf(list, sizeof list, "%" G_GINT64_FORMAT "\n", list_id);
  GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key->secret, sizeof key->secret);
  g_hmac_update(hmac, (const guchar *)MAC_CONTEXT, sizeof MAC_CONTEXT - 1);
  g_hmac_update(hmac, (const guchar *)list, list_n);
  g_hmac_update(hmac, (const guchar *)payload.p, (gssize)payload.n);
  g_hmac_get_digest(hmac, octets, &n);
  g_hmac_unref(hmac);
  for (size_t half = 0; half < MAC_OCTETS / 5; half++) {
    uint64_t bits = 0;
    for (size_t i = 0; i < 5; i++)
      bits = bits << 8 | octets[half * 5 + i];
    for (size_t i = 8; i-- > 0; bits >>= 5)
      out[half * 8 + i] = digits[bits & 31];
  }
}

void
tag_make(const struct tag_key *key, int64_t list_id, const struct tag *tag, char out[TAG_MAX + 1])
{
  g_assert(tag->posting_id > 0 && tag->member_id >= 0);
  size_t posting = write_id(tag->posting_id, out + 1);
  out[0] = (char)((tag->member_id ? 'n' : 'a') + (int)posting - 1);
  size_t n = 1 + posting;
  if (tag->member_id)
    n += write_id(tag->member_id, out + n);
  write_mac(key, list_id, (struct slice){ out, n }, out + n);
  out[n + MAC_DIGITS] = '\0';
}

/* What stands before the MAC. */
static bool
read_payload(struct slice payload, struct tag *tag)
{
  char first = payload.p[0];
  if (first < 'a' || first > 'z')
    return false;
  bool personal = first >= 'n';
  size_t posting = (size_t)(first - (personal ? 'n' : 'a')) + 1;
  struct slice ids = slice_skip(payload, 1), member = slice_skip(ids, posting);
  *tag = (struct tag){ .posting_id = 0 };
  if (ids.n < posting || !read_id(slice_head(ids, posting), &tag->posting_id))
    return false;
  return personal ? read_id(member, &tag->member_id) : member.n == 0;
}

enum res
tag_read(const struct tag_key *keys, size_t n_keys, int64_t list_id, struct slice text, struct tag *tag, GError **error)
{
  char folded[TAG_MAX];
  if (text.n <= MAC_DIGITS || text.n > TAG_MAX)
    return refuse(error, REPLY_BAD_ADDRESS, "a tag has more than %d and at most %d characters", MAC_DIGITS, TAG_MAX);
  for (size_t i = 0; i < text.n; i++)
    folded[i] = g_ascii_tolower(text.p[i]);
  struct slice payload = { folded, text.n - MAC_DIGITS }, mac = { folded + payload.n, MAC_DIGITS };

  bool ours = false;
  for (size_t i = 0; i < n_keys; i++) {
    char made[MAC_DIGITS];
    write_mac(&keys[i], list_id, payload, made);
    ours |= slice_equal_secret(mac, (struct slice){ made, sizeof made });
  }
  if (!ours || !read_payload(payload, tag))
    return refuse(error, REPLY_BAD_ADDRESS, "the tag was not made for this list");
  return RES_OK;
}

static size_t
last_of(struct slice text, char c)
{
  const char *hit = text.n ? memrchr(text.p, c, text.n) : NULL;
  return hit ? (size_t)(hit - text.p) : text.n;
}

/* "user=domain" as an address; NULL if it is none. */
static char *
read_xverp(struct slice text)
{
  size_t at = last_of(text, '=');
  struct slice local = slice_head(text, at), domain = slice_skip(text, at + 1);
  if (local.n == 0 || domain.n == 0 || memchr(text.p, '\0', text.n))
    return NULL;
  g_autofree char *local_text = slice_dup(local);
  g_autofree char *domain_text = slice_dup(domain);
  g_autofree char *written = address_text(&(struct address){ .local = local_text, .domain = domain_text });
  OWN(address) address = NULL;
  return address_parse(slice_of(written), true, &address, NULL) == RES_OK ? g_steal_pointer(&written) : NULL;
}

void
tag_argument(struct slice argument, struct slice *tag, char **address)
{
  *tag = slice_until(argument, '+');
  *address = tag->n < argument.n ? read_xverp(slice_skip(argument, tag->n + 1)) : NULL;
}

char *
tag_reverse_path(const char *reverse_path, const char *tag)
{
  size_t local = last_of(slice_of(reverse_path), '@');
  if (reverse_path[local] == '\0' || local + 1 + strlen(tag) > ADDRESS_LOCAL_MAX)
    return g_strdup(reverse_path);
  return g_strdup_printf("%.*s+%s%s", (int)local, reverse_path, tag, reverse_path + local);
}
