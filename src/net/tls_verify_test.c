#include "net/tls_verify.h"
#include "net/tls_peer.h"
#include <openssl/pem.h>

/* ---- who is accepted ---- */

static const struct {
  const char *name;
  enum certificate certificate;
  const char *host;
  const char *want; /* part of the error; NULL: accepted */
  const char *advice;
  enum { TRUST_CA, TRUST_SYSTEM, TRUST_ITSELF, TRUST_ANYBODY } trust;
} rows[] = {
  { .name = "good", .certificate = CERT_GOOD, .host = PEER_NAME },
  { .name = "dot at the end", .certificate = CERT_GOOD, .host = PEER_NAME "." },
  { .name = "other case", .certificate = CERT_GOOD, .host = "MAIL.example.COM" },
  { .name = "IPv4 address", .certificate = CERT_GOOD, .host = "192.0.2.25" },
  { .name = "IPv6 address", .certificate = CERT_GOOD, .host = "2001:DB8:0::25" },
  { .name = "wildcard", .certificate = CERT_WILDCARD, .host = PEER_NAME },
  { .name = "wildcard is one label", .certificate = CERT_WILDCARD, .host = "a.mail.example.com", .want = "hostname mismatch", .advice = "tls_name" },
  { .name = "other name", .certificate = CERT_OTHER_NAME, .host = PEER_NAME, .want = "for other.example.org,", .advice = "tls_name" },
  { .name = "other address", .certificate = CERT_GOOD, .host = "192.0.2.26", .want = "for mail.example.com, 192.0.2.25, 2001:db8::25,",
    .advice = "tls_name" },
  { .name = "name for an address", .certificate = CERT_WILDCARD, .host = "192.0.2.25", .want = "IP address mismatch", .advice = "tls_name" },
  { .name = "no name", .certificate = CERT_GOOD, .host = "", .want = "no name", .advice = "tls_name" },
  { .name = "expired", .certificate = CERT_EXPIRED, .host = PEER_NAME, .want = "expired", .advice = "renewed" },
  { .name = "future", .certificate = CERT_FUTURE, .host = PEER_NAME, .want = "not yet valid", .advice = "clock" },
  { .name = "self-signed", .certificate = CERT_SELF_SIGNED, .host = PEER_NAME, .want = "self-signed", .advice = "put it into tls_ca_file" },
  { .name = "unknown CA", .certificate = CERT_STRANGER, .host = PEER_NAME, .want = "issued by CN=Test CA", .advice = NULL },
  { .name = "not for servers", .certificate = CERT_CLIENT, .host = "client.example.com", .want = "purpose", .advice = NULL },
  { .name = "the system does not know it", .certificate = CERT_GOOD, .host = PEER_NAME, .want = "issuer", .advice = "into tls_ca_file", .trust = TRUST_SYSTEM },
  { .name = "named itself", .certificate = CERT_GOOD, .host = PEER_NAME, .trust = TRUST_ITSELF },
  { .name = "self-signed, named itself", .certificate = CERT_SELF_SIGNED, .host = PEER_NAME, .trust = TRUST_ITSELF },
  { .name = "named itself, other name", .certificate = CERT_SELF_SIGNED, .host = "a.example", .trust = TRUST_ITSELF, .want = "hostname mismatch",
    .advice = "tls_name" },
  { .name = "named itself, expired", .certificate = CERT_EXPIRED, .host = PEER_NAME, .trust = TRUST_ITSELF, .want = "expired" },
  { .name = "anybody: self-signed", .certificate = CERT_SELF_SIGNED, .host = PEER_NAME, .trust = TRUST_ANYBODY },
  { .name = "anybody: other name, no name", .certificate = CERT_OTHER_NAME, .host = "", .trust = TRUST_ANYBODY },
  { .name = "anybody: expired", .certificate = CERT_EXPIRED, .host = PEER_NAME, .trust = TRUST_ANYBODY },
};

static struct tls_context *
context_of_row(size_t row)
{
  const char *const trusted[] = { [TRUST_CA] = certificate_ca(), [TRUST_SYSTEM] = "",
                                  [TRUST_ITSELF] = certificate_file(rows[row].certificate), [TRUST_ANYBODY] = "" };
  const struct tls_options options = { .ca_file = trusted[rows[row].trust], .certificate = "", .key = "",
                                       .verify = rows[row].trust != TRUST_ANYBODY };
  struct tls_context *context = NULL;
  g_assert_cmpint(tls_context_new(&options, &context, NULL), ==, RES_OK);
  return context;
}

static void
check_accepted(size_t row, struct stream *stream, int version)
{
  const char *word = rows[row].trust == TRUST_ANYBODY ? "unverified" : "verified";
  g_autofree char *ending = g_strdup_printf(" %s %s", word, rows[row].host);
  const char *text = stream_tls_text(stream);
  if (!g_str_has_prefix(text, version == TLS1_2_VERSION ? "TLSv1.2 " : "TLSv1.3 ") || !g_str_has_suffix(text, ending))
    g_error("%s: %s", rows[row].name, text);
  g_assert_cmpint(stream_write(stream, SLICE("NOOP\r\n"), NULL), ==, RES_OK);
  expect_octets(stream, "NOOP\r\n");
}

static void
check_row(size_t row, int version)
{
  struct tls_peer peer = { .certificate = rows[row].certificate, .version = version, .talk = tls_peer_echo };
  OWN(stream) stream = stream_to_peer(&peer);
  OWN(tls_context) context = context_of_row(row);
  g_autoptr(GError) error = NULL;
  enum res res = stream_start_tls(stream, context, rows[row].host, &error);
  if (res != (rows[row].want ? RES_BAD : RES_OK))
    g_error("%s: %d, %s", rows[row].name, res, error ? error->message : "");
  if (res == RES_OK)
    check_accepted(row, stream, version);
  else {
    g_test_message("%s: %s", rows[row].name, error->message);
    expect_failure(res, REPLY_COUNT, rows[row].want, &error);
    expect_failure(res, REPLY_COUNT, rows[row].advice ? rows[row].advice : "", &error);
    g_assert_cmpint(stream_write(stream, SLICE("secret"), NULL), ==, RES_TEMP);
    g_assert_cmpint(stream_fill(stream, NULL), ==, RES_TEMP);
  }
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
}

static void
verify_matrix(void)
{
  for (size_t row = 0; row < G_N_ELEMENTS(rows); row++) {
    check_row(row, TLS1_2_VERSION);
    check_row(row, TLS1_3_VERSION);
  }
}

static void
old_versions_are_refused(void)
{
  struct tls_peer peer = { .version = TLS1_1_VERSION };
  OWN(stream) stream = stream_to_peer(&peer);
  OWN(tls_context) context = context_of_client();
  g_autoptr(GError) error = NULL;
  enum res res = stream_start_tls(stream, context, PEER_NAME, &error);
  expect_failure(res, REPLY_TROUBLE, "TLS handshake with \"mail.example.com\"", &error);
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
}

/* A system that allows ciphers without certificates (in its openssl.cnf) does not get unverified servers by that. */
static void
anonymous_server(void)
{
  g_autoptr(GError) error = NULL;
  if (!g_test_subprocess()) {
    g_autofree char *path = certificate_path("openssl.cnf");
    const char *text = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nCipherString = aNULL:@SECLEVEL=0\n";
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_setenv("OPENSSL_CONF", path, TRUE); /* read when a process starts with OpenSSL */
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_unsetenv("OPENSSL_CONF");
    g_test_trap_assert_passed();
    return;
  }
  struct tls_peer peer = { .version = TLS1_2_VERSION };
  OWN(stream) stream = stream_to_peer(&peer);
  OWN(tls_context) context = context_of_client();
  enum res res = stream_start_tls(stream, context, PEER_NAME, &error);
  expect_failure(res, REPLY_COUNT, "showed no certificate", &error);
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
}

/* ---- our own certificate ---- */

static void
own_certificate(bool given, int version)
{
  struct tls_peer peer = { .version = version, .ask = true, .talk = tls_peer_echo };
  OWN(stream) stream = stream_to_peer(&peer);
  OWN(tls_context) context = NULL;
  g_autoptr(GError) error = NULL;
  const struct tls_options options = { .ca_file = certificate_ca(), .verify = true, .certificate = given ? certificate_file(CERT_CLIENT) : "",
                                       .key = given ? certificate_key(CERT_CLIENT) : "" };
  g_assert_cmpint(tls_context_new(&options, &context, NULL), ==, RES_OK);
  enum res res = stream_start_tls(stream, context, PEER_NAME, &error);
  if (res == RES_OK && stream_write(stream, SLICE("NOOP\r\n"), NULL) == RES_OK && !given)
    res = stream_fill(stream, &error); /* TLS 1.3: the client is ready before the server has looked */
  if (given)
    expect_octets(stream, "NOOP\r\n");
  else
    expect_failure(res, REPLY_TROUBLE, version == TLS1_3_VERSION ? "certificate required" : "handshake failure", &error);
  g_clear_pointer(&stream, stream_free);
  tls_peer_join(&peer);
}

static void
own_certificates(void)
{
  own_certificate(true, TLS1_2_VERSION);
  own_certificate(true, TLS1_3_VERSION);
  own_certificate(false, TLS1_2_VERSION);
  own_certificate(false, TLS1_3_VERSION);
}

static const struct {
  const char *name, *ca_file, *certificate, *key, *want;
} bad_options[] = {
  { .name = "no such ca_file", .ca_file = "none.pem", .want = "none.pem: No such file or directory" },
  { .name = "ca_file without a certificate", .ca_file = "good.key", .want = "the tls_ca_file" },
  { .name = "no such certificate", .certificate = "none.pem", .key = "good.key", .want = "none.pem: No such file or directory" },
  { .name = "a key for a certificate", .certificate = "good.key", .key = "good.key", .want = "good.key: no start line" },
  { .name = "no such key", .certificate = "good.pem", .key = "none.key", .want = "the tls_key" },
  { .name = "key of another", .certificate = "good.pem", .key = "other.key", .want = "other.key: key values mismatch" },
  { .name = "no key", .certificate = "good.pem", .want = "good.pem: there is no private key" },
  { .name = "no certificate", .key = "good.key", .want = "no certificate" },
  { .name = "passphrase", .certificate = "good.pem", .key = "locked.key", .want = "locked.key: it needs a passphrase" },
  { .name = "passphrase of a certificate", .certificate = "locked.pem", .want = "locked.pem: it needs a passphrase" },
};

/* PEM of something that a passphrase locks. */
static void
write_locked(const char *name, i2d_of_void *form, const char *kind, const void *what)
{
  g_autofree char *path = certificate_path(name);
  FILE *file = fopen(path, "we");
  g_assert_nonnull(file);
  g_assert_cmpint(PEM_ASN1_write(form, kind, file, what, EVP_aes_128_cbc(), (const unsigned char *)"x", 1, NULL, NULL), ==, 1);
  fclose(file);
}

static int
key_form(const void *key, unsigned char **out)
{
  return i2d_PrivateKey(key, out);
}

static int
certificate_form(const void *certificate, unsigned char **out)
{
  return i2d_X509(certificate, out);
}

static void
write_locked_files(void)
{
  EVP_PKEY *key = EVP_EC_gen("P-256");
  FILE *file = fopen(certificate_file(CERT_GOOD), "re");
  X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
  fclose(file);
  write_locked("locked.key", key_form, PEM_STRING_ECPRIVATEKEY, key);
  write_locked("locked.pem", certificate_form, PEM_STRING_X509, certificate);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

static void
bad_files(void)
{
  write_locked_files();
  for (size_t i = 0; i < G_N_ELEMENTS(bad_options); i++) {
    g_autofree char *ca_file = bad_options[i].ca_file ? certificate_path(bad_options[i].ca_file) : g_strdup("");
    g_autofree char *certificate = bad_options[i].certificate ? certificate_path(bad_options[i].certificate) : g_strdup("");
    g_autofree char *key = bad_options[i].key ? certificate_path(bad_options[i].key) : g_strdup("");
    const struct tls_options options = { .ca_file = ca_file, .certificate = certificate, .key = key, .verify = true };
    OWN(tls_context) context = NULL;
    g_autoptr(GError) error = NULL;
    g_test_message("%s", bad_options[i].name);
    enum res res = tls_context_new(&options, &context, &error);
    if (res != RES_BAD)
      g_error("%s: %d", bad_options[i].name, res);
    expect_failure(res, REPLY_COUNT, bad_options[i].want, &error);
    g_test_message("%s", error->message);
    g_assert_null(context);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  certificates_make();
  g_test_add_func("/tls-verify/matrix", verify_matrix);
  g_test_add_func("/tls-verify/old-versions", old_versions_are_refused);
  g_test_add_func("/tls-verify/anonymous-server", anonymous_server);
  g_test_add_func("/tls-verify/own-certificate", own_certificates);
  g_test_add_func("/tls-verify/bad-files", bad_files);
  int rc = g_test_run();
  certificates_remove();
  return rc;
}
