#include "envelope/domain.h"
#include <arpa/inet.h>
#include <idn2.h>

/* RFC 1035 2.3.4: octets of a label, and of a name written with dots. */
#define LABEL_MAX 63
#define NAME_MAX_OCTETS 253

/* Letters, digits and '-', and '_', which hosts and DKIM selectors really have; hyphens anywhere, since names that break that rule get
 * mail too. */
static bool
is_label(struct slice label)
{
  for (size_t i = 0; i < label.n; i++)
    if (!g_ascii_isalnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
      return false;
  return label.n >= 1 && label.n <= LABEL_MAX;
}

static bool
is_ascii_name(struct slice name)
{
  if (name.n > NAME_MAX_OCTETS)
    return false;
  for (;;) {
    struct slice label = slice_until(name, '.');
    if (!is_label(label))
      return false;
    if (label.n == name.n)
      return true;
    name = slice_skip(name, label.n + 1);
  }
}

static bool
is_ascii(struct slice text)
{
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] > 127)
      return false;
  return true;
}

/* U-labels become A-labels. What comes out is looked at again: the mapping of UTS 46 knows characters that become several ASCII ones
 * ("a/c"). */
static char *
name_of_u_labels(struct slice name)
{
  if (name.n > NAME_MAX_OCTETS || memchr(name.p, 0, name.n) || !g_utf8_validate(name.p, (gssize)name.n, NULL))
    return NULL;
  g_autofree char *text = slice_dup(name);
  char *mapped = NULL;
  if (idn2_to_ascii_8z(text, &mapped, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
    return NULL;
  char *key = is_ascii_name(slice_of(mapped)) ? g_ascii_strdown(mapped, -1) : NULL;
  idn2_free(mapped);
  return key;
}

char *
domain_name_key(struct slice domain)
{
  if (!domain.n)
    return NULL;
  if (!is_ascii(domain))
    return name_of_u_labels(domain);
  /* A-labels that decode to nothing valid are names of the DNS all the same: ASCII needs no libidn2. */
  return is_ascii_name(domain) ? g_ascii_strdown(domain.p, (gssize)domain.n) : NULL;
}

char *
domain_name_unicode(const char *name)
{
  char *decoded = NULL;
  if (idn2_to_unicode_8z8z(name, &decoded, 0) != IDN2_OK)
    return NULL;
  g_autofree char *key = domain_name_key(slice_of(decoded));
  char *unicode = !is_ascii(slice_of(decoded)) && g_strcmp0(key, name) == 0 ? g_strdup(decoded) : NULL;
  idn2_free(decoded);
  return unicode;
}

/* RFC 5321 4.1.3: "[192.0.2.1]" and "[IPv6:2001:db8::1]"; no other tags are registered. */
static char *
literal_key(struct slice literal)
{
  struct slice tag = SLICE("IPv6:");
  struct slice inside = slice_head(slice_skip(literal, 1), literal.n - 2);
  bool six = slice_starts_nocase(inside, tag);
  g_autofree char *text = slice_dup(six ? slice_skip(inside, tag.n) : inside);
  int family = six ? AF_INET6 : AF_INET;

  unsigned char binary[sizeof(struct in6_addr)];
  char written[INET6_ADDRSTRLEN];
  if (strlen(text) + (six ? tag.n : 0) != inside.n || inet_pton(family, text, binary) != 1)
    return NULL;
  return g_strdup_printf("[%s%s]", six ? "IPv6:" : "", inet_ntop(family, binary, written, sizeof written));
}

char *
domain_key(struct slice domain)
{
  bool literal = domain.n >= 2 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']';
  return literal ? literal_key(domain) : domain_name_key(domain);
}
