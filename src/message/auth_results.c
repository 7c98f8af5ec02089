/* Comments nest, but nothing here recurses: the value is read left to right once, and a counter skips them. Reading fails as a
 * whole or not at all, and only then is what was read believed, so that text which its author smuggled into a broken field proves nothing.
 * MTAs write more than the grammar has (properties without a dot: "action=none"); that is read, and means nothing. */
#include "message/auth_results.h"

#include <idn2.h>
#include <libpsl.h>
#include <stdlib.h>

struct cursor {
  struct slice rest;
  bool bad;
};

static char
peek(const struct cursor *at)
{
  return at->rest.n ? at->rest.p[0] : '\0';
}

static void
skip(struct cursor *at)
{
  at->rest = slice_skip(at->rest, 1);
}

static bool
is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* RFC 5322 3.2.2. An open comment is bad. */
static void
skip_cfws(struct cursor *at)
{
  size_t depth = 0;
  while (at->rest.n && (depth || is_space(peek(at)) || peek(at) == '(')) {
    char c = peek(at);
    if (c == '\\')
      skip(at);
    else if (c == '(')
      depth++;
    else if (c == ')')
      depth--;
    skip(at);
  }
  at->bad = at->bad || depth > 0;
}

static bool
take(struct cursor *at, char c)
{
  skip_cfws(at);
  if (at->rest.n == 0 || peek(at) != c)
    return false;
  skip(at);
  return true;
}

static void
read_quoted(struct cursor *at, GString *out)
{
  skip(at);
  while (at->rest.n && peek(at) != '"') {
    if (peek(at) == '\\')
      skip(at);
    if (at->rest.n)
      g_string_append_c(out, peek(at));
    skip(at);
  }
  if (at->rest.n == 0)
    at->bad = true;
  skip(at);
}

/* A keyword: letters, digits, '-' and '_'. Empty is bad. */
static void
read_keyword(struct cursor *at, GString *out)
{
  g_string_truncate(out, 0);
  skip_cfws(at);
  while (g_ascii_isalnum(peek(at)) || peek(at) == '-' || peek(at) == '_') {
    g_string_append_c(out, g_ascii_tolower(peek(at)));
    skip(at);
  }
  at->bad = at->bad || out->len == 0;
}

/* A value (RFC 8601 2.2 pvalue), quoted or bare, or both in a row ("a b"@example.com). May be empty. */
static void
read_value(struct cursor *at, GString *out)
{
  g_string_truncate(out, 0);
  skip_cfws(at);
  while (at->rest.n && !is_space(peek(at)) && peek(at) != ';' && peek(at) != '(') {
    if (peek(at) == '"') {
      read_quoted(at, out);
      continue;
    }
    g_string_append_c(out, peek(at));
    skip(at);
  }
}

static char *
domain_key(const char *address)
{
  const char *at = strrchr(address, '@');
  g_autofree char *domain = g_ascii_strdown(at ? at + 1 : address, -1);
  size_t n = strlen(domain);
  if (n && domain[n - 1] == '.')
    domain[n - 1] = '\0';
  if (g_str_is_ascii(domain))
    return g_steal_pointer(&domain);
  char *ace = NULL;
  if (idn2_to_ascii_8z(domain, &ace, IDN2_NONTRANSITIONAL) != IDN2_OK)
    return g_strdup("");
  char *copy = g_strdup(ace);
  idn2_free(ace);
  return copy;
}

/* Address literals and numbers have no organisational domain. */
static bool
is_name(const char *domain)
{
  const char *dot = strrchr(domain, '.');
  return domain[0] != '[' && dot && !g_ascii_isdigit(dot[1]);
}

bool
auth_domains_align(const char *a, const char *b)
{
  if (a[0] == '\0' || b[0] == '\0')
    return false;
  if (g_ascii_strcasecmp(a, b) == 0)
    return true;
  const psl_ctx_t *psl = psl_builtin();
  if (!psl || !is_name(a) || !is_name(b))
    return false;
  const char *org_a = psl_registrable_domain(psl, a);
  const char *org_b = psl_registrable_domain(psl, b);
  return org_a && org_b && g_ascii_strcasecmp(org_a, org_b) == 0;
}

/* Which result and property prove what. */
static const struct kind {
  const char *method, *properties[3];
  size_t offset;
} kinds[] = {
  { "spf", { "smtp.mailfrom" }, offsetof(struct auth_proof, spf) },
  { "dkim", { "header.d", "header.i" }, offsetof(struct auth_proof, dkim) },
};

static const struct kind *
kind_of(const char *method)
{
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (strcmp(method, kinds[i].method) == 0)
      return &kinds[i];
  return NULL;
}

/* A property's name, "header.d" or without a dot, and its value. */
static void
read_property(struct cursor *at, GString *name, GString *value)
{
  g_autoptr(GString) property = g_string_new(NULL);
  read_keyword(at, name);
  if (take(at, '.')) {
    read_keyword(at, property);
    g_string_append_printf(name, ".%s", property->str);
  }
  at->bad = at->bad || !take(at, '=');
  read_value(at, value);
}

/* One result up to its ';' or the end. `proof` gets what it says. */
static void
read_result(struct cursor *at, const char *domain, struct auth_proof *proof)
{
  g_autoptr(GString) word = g_string_new(NULL);
  g_autoptr(GString) value = g_string_new(NULL);
  read_keyword(at, word);
  const struct kind *kind = kind_of(word->str);
  if (take(at, '/')) {
    read_keyword(at, word);
    kind = strcmp(word->str, "1") == 0 ? kind : NULL;
  }
  if (!take(at, '=')) {
    at->bad = true; /* "none" proves nothing either */
    return;
  }
  read_keyword(at, word);
  bool pass = strcmp(word->str, "pass") == 0;

  size_t aligned = 0, others = 0;
  for (skip_cfws(at); !at->bad && at->rest.n && peek(at) != ';'; skip_cfws(at)) {
    read_property(at, word, value);
    if (!kind || !g_strv_contains(kind->properties, word->str))
      continue;
    g_autofree char *about = domain_key(value->str);
    if (auth_domains_align(about, domain))
      aligned++;
    else
      others++;
  }
  if (kind && pass && aligned && !others)
    G_STRUCT_MEMBER(bool, proof, kind->offset) = true;
}

static bool
is_trusted(const char *id, const char *const *trusted)
{
  for (size_t i = 0; trusted && trusted[i]; i++)
    if (g_ascii_strcasecmp(id, trusted[i]) == 0)
      return true;
  return false;
}

/* RFC 8601 2.2. */
static struct auth_proof
read_field(struct slice value, const char *domain, const char *const *trusted)
{
  struct cursor at = { .rest = value };
  struct auth_proof proof = { 0 };
  g_autoptr(GString) word = g_string_new(NULL);
  read_value(&at, word);
  if (at.bad || word->len == 0 || !is_trusted(word->str, trusted))
    return proof;

  read_value(&at, word); /* the version */
  if (word->len && strcmp(word->str, "1") != 0)
    return proof;
  while (!at.bad && take(&at, ';')) {
    skip_cfws(&at);
    if (at.rest.n)
      read_result(&at, domain, &proof);
  }
  skip_cfws(&at);
  return at.bad || at.rest.n ? (struct auth_proof){ 0 } : proof;
}

struct auth_proof
auth_results_proof(const struct header_view *view, const char *domain, const char *const *trusted)
{
  struct auth_proof proof = { 0 };
  size_t received = 0;
  for (size_t i = 0; i < view->n; i++) {
    const struct header_field *field = &view->fields[i];
    if (slice_equal_nocase(field->name, SLICE("Received")) && ++received == 2)
      break;
    if (!slice_equal_nocase(field->name, SLICE("Authentication-Results")))
      continue;
    struct auth_proof found = read_field(field->value, domain, trusted);
    proof.spf = proof.spf || found.spf;
    proof.dkim = proof.dkim || found.dkim;
  }
  return proof;
}
