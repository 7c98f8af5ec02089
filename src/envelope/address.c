#include "envelope/address.h"
#include "envelope/domain.h"

/* Characters of an unquoted local part but letters and digits (RFC 5321 4.1.2 Atom, RFC 5322 3.2.3), and the dot. */
#define ATOM_SPECIALS "!#$%&'*+-/=?^_`{|}~."

static bool
is_atom_octet(char c)
{
  return g_ascii_isalnum(c) || (c != '\0' && strchr(ATOM_SPECIALS, c)) || (unsigned char)c > 127;
}

/* Characters that no address holds: controls, blanks but the space, and those that turn the direction of text, which make one address look
 * like another. */
static bool
is_forbidden(gunichar c)
{
  bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
  bool turns = c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  return control || turns || (c != ' ' && g_unichar_isspace(c));
}

static bool
is_clean_utf8(struct slice text)
{
  if (!text.n || !g_utf8_validate(text.p, (gssize)text.n, NULL))
    return false;
  for (const char *p = text.p; p < text.p + text.n; p = g_utf8_next_char(p))
    if (is_forbidden(g_utf8_get_char(p)))
      return false;
  return true;
}

/* Takes a quoted string without its quotes and backslashes. Returns what follows it; `p` is NULL if it does not end. */
static struct slice
take_quoted(struct slice text, GString *local)
{
  for (size_t i = 1; i < text.n; i++) {
    if (text.p[i] == '"')
      return slice_skip(text, i + 1);
    if (text.p[i] == '\\' && ++i == text.n)
      break;
    g_string_append_c(local, text.p[i]);
  }
  return (struct slice){ 0 };
}

static struct slice
take_atoms(struct slice text, GString *local)
{
  size_t n = 0;
  while (n < text.n && is_atom_octet(text.p[n]))
    n++;
  g_string_append_len(local, text.p, (gssize)n);
  return slice_skip(text, n);
}

static bool
is_only_dots(const char *local)
{
  return local[strspn(local, ".")] == '\0';
}

static bool
has_8bit(struct slice text)
{
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] > 127)
      return true;
  return false;
}

/* Lower case without regard to the locale, then NFC. Normalisation can bring up a capital and lower-casing something not normal, hence
 * twice. */
static char *
fold_local(const char *local)
{
  if (g_str_is_ascii(local))
    return g_ascii_strdown(local, -1);
  char *folded = g_utf8_normalize(local, -1, G_NORMALIZE_NFC);
  for (int turn = 0; turn < 2; turn++) {
    GString *lower = g_string_new(NULL);
    for (const char *p = folded; *p; p = g_utf8_next_char(p))
      g_string_append_unichar(lower, g_unichar_tolower(g_utf8_get_char(p)));
    g_free(folded);
    folded = g_utf8_normalize(lower->str, -1, G_NORMALIZE_NFC);
    g_string_free(lower, TRUE);
  }
  return folded;
}

/* As written, and as its key: folding can lengthen both parts. */
static bool
is_too_long(const char *local, struct slice domain, const char *domain_folded)
{
  g_autofree char *local_folded = fold_local(local);
  return MAX(strlen(local), strlen(local_folded)) + 1 + MAX(domain.n, strlen(domain_folded)) > ADDRESS_MAX;
}

enum res
address_parse(struct slice text, bool utf8, struct address **address, GError **error)
{
  /* A quoted local part may be twice as long as what it stands for. */
  if (text.n > 2 * ADDRESS_MAX || !is_clean_utf8(text))
    return refuse(error, REPLY_BAD_ADDRESS, "an address is empty, too long, or holds octets that no address has");
  bool eight = has_8bit(text);
  if (eight && !utf8)
    return refuse(error, REPLY_NEEDS_SMTPUTF8, "an address has octets above 127 outside SMTPUTF8");

  g_autoptr(GString) local = g_string_sized_new(text.n);
  bool quoted = text.p[0] == '"';
  struct slice rest = quoted ? take_quoted(text, local) : take_atoms(text, local);
  if (!rest.n || rest.p[0] != '@' || !local->len || (!quoted && is_only_dots(local->str)))
    return refuse(error, REPLY_BAD_ADDRESS, "\"%.*s\" is no address", SLICE_FMT(text));

  struct slice domain = slice_skip(rest, 1);
  g_autofree char *key = domain_key(domain);
  if (!key)
    return refuse(error, REPLY_BAD_ADDRESS, "\"%.*s\" has no valid domain", SLICE_FMT(text));
  if (is_too_long(local->str, domain, key))
    return refuse(error, REPLY_BAD_ADDRESS, "an address is longer than %d octets", ADDRESS_MAX);

  struct address *made = g_new(struct address, 1);
  *made = (struct address){ .local = g_string_free(g_steal_pointer(&local), FALSE), .domain = slice_dup(domain), .utf8 = eight };
  *address = made;
  return RES_OK;
}

void
address_free(struct address *address)
{
  if (!address)
    return;
  g_free(address->local);
  g_free(address->domain);
  g_free(address);
}

/* RFC 5321 4.1.2 Dot-string: atoms with single dots between them. */
static bool
is_dot_string(const char *local)
{
  bool in_atom = false;
  for (const char *p = local; *p; p++) {
    if (!is_atom_octet(*p) || (*p == '.' && !in_atom))
      return false;
    in_atom = *p != '.';
  }
  return in_atom;
}

static char *
join(const char *local, const char *domain)
{
  if (is_dot_string(local))
    return g_strconcat(local, "@", domain, NULL);

  GString *text = g_string_new("\"");
  for (const char *p = local; *p; p++) {
    if (*p == '"' || *p == '\\')
      g_string_append_c(text, '\\');
    g_string_append_c(text, *p);
  }
  g_string_append_printf(text, "\"@%s", domain);
  return g_string_free(text, FALSE);
}

char *
address_text(const struct address *address)
{
  return join(address->local, address->domain);
}

char *
address_key(const struct address *address)
{
  g_autofree char *local = fold_local(address->local);
  g_autofree char *domain = domain_key(slice_of(address->domain));
  g_assert(domain);
  return join(local, domain);
}

char *
address_domain_key(struct slice domain)
{
  return domain_name_key(domain);
}

char *
address_key_of(struct slice text)
{
  OWN(address) address = NULL;
  return address_parse(text, true, &address, NULL) == RES_OK ? address_key(address) : NULL;
}

char *
address_ascii(struct slice text)
{
  OWN(address) address = NULL;
  if (address_parse(text, true, &address, NULL) != RES_OK || !address->utf8 || !g_str_is_ascii(address->local))
    return NULL;
  g_autofree char *domain = domain_key(slice_of(address->domain));
  g_assert(domain);
  return join(address->local, domain);
}

/* RFC 5321 4.1.1.3 and C: "@one,@two:mailbox" means the mailbox. */
static struct slice
without_source_route(struct slice path)
{
  if (!path.n || path.p[0] != '@')
    return path;
  bool in_literal = false;
  for (size_t i = 0; i < path.n; i++) {
    if (path.p[i] == '[' || path.p[i] == ']')
      in_literal = path.p[i] == '[';
    else if (path.p[i] == ':' && !in_literal)
      return slice_skip(path, i + 1);
  }
  return path;
}

/* Offset of the '>' that ends the path: not one in a quoted string. */
static size_t
path_end(struct slice text)
{
  bool quoted = false;
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] == '"')
      quoted = !quoted;
    else if (text.p[i] == '\\')
      i++;
    else if (text.p[i] == '>' && !quoted)
      return i;
  }
  return text.n;
}

enum res
path_split(struct slice argument, struct slice *path, struct slice *parameters, GError **error)
{
  struct slice text = slice_trim(argument);
  if (!text.n || text.p[0] != '<')
    return refuse(error, REPLY_SYNTAX, "an address without '<'");
  size_t end = path_end(text);
  if (end == text.n)
    return refuse(error, REPLY_SYNTAX, "an address without '>'");
  struct slice rest = slice_skip(text, end + 1);
  if (rest.n && rest.p[0] != ' ' && rest.p[0] != '\t')
    return refuse(error, REPLY_SYNTAX, "no blank between the address and its parameters");

  *path = without_source_route(slice_skip(slice_head(text, end), 1));
  *parameters = slice_trim(rest);
  return RES_OK;
}
