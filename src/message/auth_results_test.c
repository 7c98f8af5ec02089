#include "message/auth_results.h"

static const char *const trusted[] = { "mx.example.net", "other.example.net", NULL };

#define ID "Authentication-Results: mx.example.net"

/* All ask for author.example.org. */
static const struct row { const char *name, *header; bool spf, dkim; } rows[] = {
  { "none there", "From: a@b\r\n" },
  { "spf, address", ID "; spf=pass smtp.mailfrom=joe@author.example.org\r\n", .spf = true },
  { "spf, domain", ID "; spf=pass smtp.mailfrom=author.example.org\r\n", .spf = true },
  { "spf, another host of the organisation", ID "; spf=pass smtp.mailfrom=bounce.example.org\r\n", .spf = true },
  { "spf, quoted", ID "; spf=pass smtp.mailfrom=\"joe@author.example.org\"\r\n", .spf = true },
  { "spf, quoted local part", ID "; spf=pass smtp.mailfrom=\"joe; x\"@author.example.org\r\n", .spf = true },
  { "spf, equals sign in the local part", ID "; spf=pass smtp.mailfrom=b+joe=x.test@author.example.org\r\n", .spf = true },
  { "spf, final dot", ID "; spf=pass smtp.mailfrom=author.example.org.\r\n", .spf = true },
  { "spf, capitals", ID "; SPF = Pass SMTP . MailFrom = Author.Example.ORG\r\n", .spf = true },
  { "spf, another domain", ID "; spf=pass smtp.mailfrom=example.com\r\n" },
  { "spf, only the suffix in common", ID "; spf=pass smtp.mailfrom=joe@evil.org\r\n" },
  { "spf, ends alike", ID "; spf=pass smtp.mailfrom=joe@evilexample.org\r\n" },
  { "spf fails", ID "; spf=fail smtp.mailfrom=joe@author.example.org\r\n" },
  { "spf softfail", ID "; spf=softfail smtp.mailfrom=joe@author.example.org\r\n" },
  { "spf of the helo", ID "; spf=pass smtp.helo=author.example.org\r\n" },
  { "spf of nobody", ID "; spf=pass\r\n" },
  { "spf, empty", ID "; spf=pass smtp.mailfrom=\r\n" },
  { "spf, two senders", ID "; spf=pass smtp.mailfrom=joe@author.example.org smtp.mailfrom=x@evil.test\r\n" },
  { "spf, sender smuggled into the local part", ID "; spf=pass smtp.mailfrom=\"joe@author.example.org\"@evil.test\r\n" },
  { "spf, blanks smuggled into the local part", ID "; spf=pass smtp.mailfrom=x smtp.mailfrom=joe@author.example.org@evil.test\r\n" },
  { "dkim, d", ID "; dkim=pass header.d=example.org\r\n", .dkim = true },
  { "dkim, i", ID "; dkim=pass header.i=@example.org header.s=sel header.b=\"a/b=\"\r\n", .dkim = true },
  { "dkim, d and i", ID "; dkim=pass header.d=example.org header.i=joe@author.example.org header.b=Ab/+c==\r\n", .dkim = true },
  { "dkim, d and i differ", ID "; dkim=pass header.d=evil.test header.i=joe@author.example.org\r\n" },
  { "dkim, another domain", ID "; dkim=pass header.d=evil.test\r\n" },
  { "dkim fails", ID "; dkim=fail header.d=example.org\r\n" },
  { "dkim, one of two passes", ID "; dkim=fail header.d=example.org; dkim=pass header.d=example.org\r\n", .dkim = true },
  { "dkim, the pass is another's", ID "; dkim=pass header.d=evil.test; dkim=fail header.d=example.org\r\n" },
  { "dkim proves no spf property", ID "; dkim=pass smtp.mailfrom=example.org\r\n" },
  { "both", ID "; spf=pass smtp.mailfrom=example.org; dkim=pass header.d=example.org\r\n", .spf = true, .dkim = true },
  { "in two fields", ID "; spf=pass smtp.mailfrom=example.org\r\n" ID "; dkim=pass header.d=example.org\r\n", .spf = true, .dkim = true },
  { "dmarc alone", ID "; dmarc=pass header.from=example.org header.d=example.org\r\n" },
  { "comments and folding", ID " (a \\( (b)) 1\r\n (c);\r\n\tspf (d;spf=fail) = (e) pass\r\n (f) smtp.mailfrom (g) = (h) joe@author.example.org (i)\r\n", .spf = true },
  { "reason", ID "; spf=pass reason=\"good; host\" smtp.mailfrom=example.org\r\n", .spf = true },
  { "as one provider writes it", ID ";\r\n       dkim=pass header.i=@example.org header.s=20230601 header.b=Ab/CdE;\r\n"
    "       spf=pass (example.net: domain of joe@example.org designates 192.0.2.1 as permitted sender) smtp.mailfrom=joe@example.org;\r\n"
    "       dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) header.from=example.org\r\n", .spf = true, .dkim = true },
  { "as another writes it", ID "; spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.org; dkim=pass (signature was verified)\r\n"
    " header.d=example.org;dmarc=pass action=none\r\n header.from=example.org;compauth=pass reason=100\r\n", .spf = true, .dkim = true },
  { "version 1", ID " 1; spf=pass smtp.mailfrom=example.org\r\n", .spf = true },
  { "version 2", ID " 2; spf=pass smtp.mailfrom=example.org\r\n" },
  { "method version 1", ID "; spf/1=pass smtp.mailfrom=example.org\r\n", .spf = true },
  { "method version 2", ID "; spf/2=pass smtp.mailfrom=example.org\r\n" },
  { "none", ID "; none\r\n" },
  { "none and more", ID "; spf=pass smtp.mailfrom=example.org; none\r\n" },
  { "none before more", ID "; none; spf=pass smtp.mailfrom=example.org\r\n" },
  { "final semicolon", ID "; spf=pass smtp.mailfrom=example.org;\r\n", .spf = true },
  { "no results", ID "\r\n" },
  { "empty field", "Authentication-Results:\r\n" },
  { "id in capitals", "Authentication-Results: MX.Example.Net; spf=pass smtp.mailfrom=example.org\r\n", .spf = true },
  { "quoted id", "Authentication-Results: \"mx.example.net\"; spf=pass smtp.mailfrom=example.org\r\n", .spf = true },
  { "second id", "Authentication-Results: other.example.net; spf=pass smtp.mailfrom=example.org\r\n", .spf = true },
  { "a stranger's id", "Authentication-Results: mx.evil.test; spf=pass smtp.mailfrom=example.org\r\n" },
  { "our id within a comment", "Authentication-Results: (mx.example.net) mx.evil.test; spf=pass smtp.mailfrom=example.org\r\n" },
  { "our id as a second word", "Authentication-Results: mx.evil.test mx.example.net; spf=pass smtp.mailfrom=example.org\r\n" },
  { "our id as a beginning", "Authentication-Results: mx.example.net.evil.test; spf=pass smtp.mailfrom=example.org\r\n" },
  { "a stranger's above ours", "Authentication-Results: mx.evil.test; spf=pass smtp.mailfrom=example.org\r\n" ID "; spf=fail smtp.mailfrom=example.org\r\n" },
  { "ours below a stranger's", "Authentication-Results: mx.evil.test; spf=fail smtp.mailfrom=example.org\r\n" ID "; spf=pass smtp.mailfrom=example.org\r\n", .spf = true },
  { "result within a comment", ID "; spf=fail (; spf=pass smtp.mailfrom=example.org) smtp.mailfrom=evil.test\r\n" },
  { "result within quotes", ID "; spf=fail reason=\"; spf=pass smtp.mailfrom=example.org\" smtp.mailfrom=evil.test\r\n" },
  { "open comment", ID "; spf=pass smtp.mailfrom=example.org (x\r\n" },
  { "open quote", ID "; spf=pass smtp.mailfrom=example.org; dkim=fail reason=\"x\r\n" },
  { "garbage behind", ID "; spf=pass smtp.mailfrom=example.org; %\r\n" },
  { "garbage as a property", ID "; spf=pass smtp.mailfrom=example.org x\r\n" },
  { "comma instead of semicolon", ID ", spf=pass smtp.mailfrom=example.org\r\n" },
  { "below one Received", "Received: x\r\n" ID "; spf=pass smtp.mailfrom=example.org\r\n", .spf = true },
  { "below two Received", "Received: x\r\nrecEIVED: y\r\n" ID "; spf=pass smtp.mailfrom=example.org\r\n" },
  { "another field", "X-Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.org\r\n" },
};

static struct auth_proof
proof_of(const char *text, const char *domain, const char *const *ids)
{
  OWN(header_view) view = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = header_view_new(slice_of(text), &view, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return auth_results_proof(view, domain, ids);
}

static void
test_row(gconstpointer data)
{
  const struct row *row = data;
  struct auth_proof proof = proof_of(row->header, "author.example.org", trusted);
  g_assert_cmpint(proof.spf, ==, row->spf);
  g_assert_cmpint(proof.dkim, ==, row->dkim);
}

static void
test_nobody_trusted(void)
{
  static const char *const nobody[] = { NULL };
  const char *header = ID "; spf=pass smtp.mailfrom=example.org; dkim=pass header.d=example.org\r\n";
  struct auth_proof proof = proof_of(header, "example.org", nobody);
  g_assert_false(proof.spf || proof.dkim);
  proof = proof_of(header, "example.org", NULL);
  g_assert_false(proof.spf || proof.dkim);
  proof = proof_of(header, "", trusted);
  g_assert_false(proof.spf || proof.dkim);
}

static void
test_international(void)
{
  struct auth_proof proof = proof_of(ID "; spf=pass smtp.mailfrom=joe@B\xc3\xbc" "cher.example.org\r\n", "xn--bcher-kva.example.org", trusted);
  g_assert_true(proof.spf);
  proof = proof_of(ID "; spf=pass smtp.mailfrom=joe@\xff.example.org\r\n", "author.example.org", trusted);
  g_assert_false(proof.spf);
}

/* A field cut anywhere proves no more than the whole one, and nothing before its result is complete. */
static void
test_cut(void)
{
  const char *whole = ID "; spf=fail (x) smtp.mailfrom=joe@author.example.org; dkim=pass header.d=evil.test";
  for (size_t n = 0; n <= strlen(whole); n++) {
    g_autofree char *text = g_strdup_printf("%.*s\r\n", (int)n, whole);
    struct auth_proof proof = proof_of(text, "author.example.org", trusted);
    g_assert_false(proof.spf || proof.dkim);
  }
}

static const struct { const char *a, *b; bool align; } pairs[] = {
  { "example.org", "example.org", true },       { "a.example.org", "b.c.example.org", true },
  { "example.org", "example.com", false },      { "a.co.uk", "b.co.uk", false },
  { "x.a.co.uk", "a.co.uk", true },             { "co.uk", "co.uk", true },
  { "co.uk", "uk", false },                     { "org", "example.org", false },
  { "a.github.io", "b.github.io", false },      { "[192.0.2.1]", "[192.0.2.1]", true },
  { "[192.0.2.1]", "[192.0.2.2]", false },      { "1.192.0.2", "2.192.0.2", false },
  { "", "", false },                            { "localhost", "localhost", true },
  { "x.localhost", "localhost", false },        { "a.host.invalid-tld", "b.host.invalid-tld", true },
  { "xn--bcher-kva.example.org", "example.org", true },
};

static void
test_align(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
    if (auth_domains_align(pairs[i].a, pairs[i].b) != pairs[i].align || auth_domains_align(pairs[i].b, pairs[i].a) != pairs[i].align)
      g_error("%s and %s", pairs[i].a, pairs[i].b);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/auth_results/", rows[i].name, NULL);
    g_test_add_data_func(path, &rows[i], test_row);
  }
  g_test_add_func("/auth_results/nobody trusted", test_nobody_trusted);
  g_test_add_func("/auth_results/international", test_international);
  g_test_add_func("/auth_results/cut", test_cut);
  g_test_add_func("/auth_results/align", test_align);
  return g_test_run();
}
