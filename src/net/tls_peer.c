#include "net/tls_peer.h"
#include "base/thread.h"
#include <glib/gstdio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#define DAY (24 * 60 * 60L)

struct identity {
  X509 *certificate;
  EVP_PKEY *key;
};

static const struct {
  const char *file, *names, *purpose;
  int first_day, last_day; /* from today */
  enum { FROM_CA, FROM_ITSELF, FROM_STRANGER } issuer;
} recipes[CERT_N] = {
  [CERT_GOOD] = { .file = "good", .names = "DNS:" PEER_NAME ",IP:192.0.2.25,IP:2001:db8::25" },
  [CERT_WILDCARD] = { .file = "wildcard", .names = "DNS:*.example.com" },
  [CERT_OTHER_NAME] = { .file = "other", .names = "DNS:other.example.org" },
  [CERT_EXPIRED] = { .file = "expired", .names = "DNS:" PEER_NAME, .first_day = -9, .last_day = -2 },
  [CERT_FUTURE] = { .file = "future", .names = "DNS:" PEER_NAME, .first_day = 2, .last_day = 9 },
  [CERT_SELF_SIGNED] = { .file = "self", .names = "DNS:" PEER_NAME, .issuer = FROM_ITSELF },
  [CERT_STRANGER] = { .file = "stranger", .names = "DNS:" PEER_NAME, .issuer = FROM_STRANGER },
  [CERT_CLIENT] = { .file = "client", .names = "DNS:client.example.com", .purpose = "clientAuth" },
};

static char *folder, *ca_file, *files[CERT_N], *keys[CERT_N];

/* ---- certificates ---- */

static void
extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  g_assert_nonnull(extension);
  g_assert_cmpint(X509_add_ext(certificate, extension, -1), ==, 1);
  X509_EXTENSION_free(extension);
}

/* An unsigned certificate with a key of its own. */
static struct identity
identity_new(const char *subject, int first_day, int last_day)
{
  static long serial;
  struct identity made = { .certificate = X509_new(), .key = EVP_EC_gen("P-256") };
  g_assert_true(made.certificate != NULL && made.key != NULL);
  X509_set_version(made.certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.certificate), first_day * DAY);
  X509_gmtime_adj(X509_getm_notAfter(made.certificate), last_day * DAY);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.certificate), "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0);
  X509_set_pubkey(made.certificate, made.key);
  return made;
}

static void
sign(struct identity *identity, const struct identity *issuer)
{
  X509_set_issuer_name(identity->certificate, X509_get_subject_name(issuer->certificate));
  g_assert_cmpint(X509_sign(identity->certificate, issuer->key, EVP_sha256()), >, 0);
}

static struct identity
authority_new(void)
{
  struct identity made = identity_new("Test CA", -10, 10);
  extend(made.certificate, made.certificate, NID_basic_constraints, "critical,CA:TRUE");
  sign(&made, &made);
  return made;
}

static void
identity_free(struct identity *identity)
{
  X509_free(identity->certificate);
  EVP_PKEY_free(identity->key);
}

static char *
write_certificate(const char *name, X509 *certificate)
{
  char *path = certificate_path(name);
  FILE *file = fopen(path, "we");
  g_assert_nonnull(file);
  g_assert_cmpint(PEM_write_X509(file, certificate), ==, 1);
  fclose(file);
  return path;
}

static void
make_one(enum certificate which, const struct identity *ca, const struct identity *stranger)
{
  bool dated = recipes[which].first_day != 0;
  g_autofree char *cert_name = g_strconcat(recipes[which].file, ".pem", NULL);
  g_autofree char *key_name = g_strconcat(recipes[which].file, ".key", NULL);
  struct identity made = identity_new(recipes[which].file, dated ? recipes[which].first_day : -1, dated ? recipes[which].last_day : 9);
  const struct identity *issuers[] = { [FROM_CA] = ca, [FROM_ITSELF] = &made, [FROM_STRANGER] = stranger };
  const struct identity *issuer = issuers[recipes[which].issuer];
  extend(made.certificate, issuer->certificate, NID_subject_alt_name, recipes[which].names);
  if (recipes[which].purpose != NULL)
    extend(made.certificate, issuer->certificate, NID_ext_key_usage, recipes[which].purpose);
  sign(&made, issuer);

  files[which] = write_certificate(cert_name, made.certificate);
  keys[which] = certificate_path(key_name);
  FILE *file = fopen(keys[which], "we");
  g_assert_nonnull(file);
  g_assert_cmpint(PEM_write_PrivateKey(file, made.key, NULL, NULL, 0, NULL, NULL), ==, 1);
  fclose(file);
  identity_free(&made);
}

void
certificates_make(void)
{
  folder = g_dir_make_tmp("tls-XXXXXX", NULL);
  g_assert_nonnull(folder);
  struct identity ca = authority_new(), stranger = authority_new();
  ca_file = write_certificate("ca.pem", ca.certificate);
  for (enum certificate which = 0; which < CERT_N; which++)
    make_one(which, &ca, &stranger);
  identity_free(&ca);
  identity_free(&stranger);
}

void
certificates_remove(void)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = certificate_path(name);
    g_unlink(path);
  }
  g_rmdir(folder);
  for (enum certificate which = 0; which < CERT_N; which++) {
    g_free(files[which]);
    g_free(keys[which]);
  }
  g_free(ca_file);
  g_free(folder);
}

const char *
certificate_file(enum certificate which)
{
  return files[which];
}

const char *
certificate_key(enum certificate which)
{
  return keys[which];
}

const char *
certificate_ca(void)
{
  return ca_file;
}

char *
certificate_path(const char *name)
{
  return g_build_filename(folder, name, NULL);
}

/* ---- the server ---- */

static void *
serve(void *data)
{
  struct tls_peer *peer = data;
  SSL *ssl = SSL_new(peer->ctx);
  g_assert_cmpint(SSL_set_fd(ssl, peer->fd), ==, 1);
  if (SSL_accept(ssl) == 1 && peer->talk != NULL)
    peer->talk(ssl, peer->fd);
  SSL_free(ssl);
  close(peer->fd);
  ERR_clear_error();
  return NULL;
}

void
tls_peer_start(struct tls_peer *peer, int fd)
{
  peer->fd = fd;
  peer->ctx = SSL_CTX_new(TLS_server_method());
  g_assert_nonnull(peer->ctx);
  if (peer->version != 0) {
    SSL_CTX_set_security_level(peer->ctx, 0);
    SSL_CTX_set_min_proto_version(peer->ctx, peer->version);
    SSL_CTX_set_max_proto_version(peer->ctx, peer->version);
  }
  g_assert_cmpint(SSL_CTX_use_certificate_chain_file(peer->ctx, files[peer->certificate]), ==, 1);
  g_assert_cmpint(SSL_CTX_use_PrivateKey_file(peer->ctx, keys[peer->certificate], SSL_FILETYPE_PEM), ==, 1);
  if (peer->ask) {
    g_assert_cmpint(SSL_CTX_load_verify_file(peer->ctx, ca_file), ==, 1);
    SSL_CTX_set_verify(peer->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  }
  g_assert_true(thread_start(&peer->thread, serve, peer));
}

void
tls_peer_join(struct tls_peer *peer)
{
  pthread_join(peer->thread, NULL);
  SSL_CTX_free(peer->ctx);
}

void
tls_peer_echo(SSL *ssl, int fd)
{
  char octets[1000];
  (void)fd;
  for (int n; (n = SSL_read(ssl, octets, sizeof(octets))) > 0;)
    if (SSL_write(ssl, octets, n) <= 0)
      return;
  (void)SSL_shutdown(ssl);
}

/* ---- the client ---- */

struct stream *
stream_to_peer(struct tls_peer *peer)
{
  int other;
  struct stream *stream = stream_to(&other);
  tls_peer_start(peer, other);
  return stream;
}

struct tls_context *
context_of_client(void)
{
  const struct tls_options options = { .ca_file = certificate_ca(), .certificate = "", .key = "", .verify = true };
  struct tls_context *context = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(tls_context_new(&options, &context, &error), ==, RES_OK);
  g_assert_no_error(error);
  return context;
}

void
expect_octets(struct stream *stream, const char *want)
{
  g_autoptr(GError) error = NULL;
  while (stream_pending(stream).n < strlen(want))
    if (stream_fill(stream, &error) != RES_OK)
      g_error("waiting for \"%.40s\": %s", want, error ? error->message : "closed");
  g_assert_true(slice_equal(stream_pending(stream), slice_of(want)));
  stream_consume(stream, strlen(want));
}

void
expect_failure(enum res res, enum reply reply, const char *part, GError **set)
{
  const GError *error = *set;
  g_assert_cmpint(res, ==, reply == REPLY_COUNT ? RES_BAD : RES_TEMP);
  g_assert_nonnull(error);
  if (reply != REPLY_COUNT)
    g_assert_cmpint(error_reply(error, REPLY_OK), ==, reply);
  if (strstr(error->message, part) == NULL)
    g_error("\"%s\" is not in: %s", part, error->message);
  g_assert_cmpuint(ERR_peek_error(), ==, 0);
}
