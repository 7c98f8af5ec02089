#include "net/tls_verify.h"
#include <arpa/inet.h>
#include <openssl/x509v3.h>

#define NAMES_SHOWN 4
#define NAME_SHOWN_MAX 100

static const struct {
  int error;
  const char *advice; /* before "set tls_verify = no" */
} advices[] = {
  { X509_V_ERR_HOSTNAME_MISMATCH, "set tls_name to a name it is for, or " },
  { X509_V_ERR_IP_ADDRESS_MISMATCH, "set tls_name to a name it is for, or " },
  { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "put its issuer's certificate into tls_ca_file, or " },
  { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "put its issuer's certificate into tls_ca_file, or " },
  { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "put its issuer's certificate into tls_ca_file, or " },
  { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "put its issuer's certificate into tls_ca_file, or " },
  { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "put it into tls_ca_file, or " },
  { X509_V_ERR_CERT_HAS_EXPIRED, "have it renewed, or " },
  { X509_V_ERR_CERT_NOT_YET_VALID, "set the clock, or " },
};

/* ---- what a certificate says of itself ---- */

/* A stranger wrote it: the log gets printable ASCII of it. */
static void
append_shown(GString *text, const unsigned char *octets, int n)
{
  for (int i = 0; i < MIN(n, NAME_SHOWN_MAX); i++)
    g_string_append_c(text, g_ascii_isgraph((gchar)octets[i]) ? (gchar)octets[i] : '?');
}

/* False: a kind of name that no server is known by. */
static bool
append_name(GString *text, const GENERAL_NAME *name)
{
  char address[INET6_ADDRSTRLEN];
  int kind;
  const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
  const unsigned char *octets = kind == GEN_DNS || kind == GEN_IPADD ? ASN1_STRING_get0_data(value) : NULL;
  if (kind == GEN_DNS) {
    append_shown(text, octets, ASN1_STRING_length(value));
    return true;
  }
  if (kind != GEN_IPADD || (ASN1_STRING_length(value) != 4 && ASN1_STRING_length(value) != 16))
    return false;
  g_string_append(text, inet_ntop(ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6, octets, address, sizeof(address)));
  return true;
}

static void
append_names(GString *text, const X509 *certificate)
{
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  int shown = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown < NAMES_SHOWN; i++) {
    gsize before = text->len;
    g_string_append(text, shown > 0 ? ", " : "");
    if (append_name(text, sk_GENERAL_NAME_value(names, i)))
      shown++;
    else
      g_string_truncate(text, before);
  }
  if (shown == 0)
    g_string_append(text, "no name");
  GENERAL_NAMES_free(names);
}

static void
append_issuer(GString *text, const X509 *certificate)
{
  BIO *memory = BIO_new(BIO_s_mem());
  char *octets;
  if (memory != NULL && X509_NAME_print_ex(memory, X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
    long n = BIO_get_mem_data(memory, &octets);
    for (long i = 0; i < MIN(n, NAME_SHOWN_MAX); i++)
      g_string_append_c(text, g_ascii_isprint(octets[i]) ? octets[i] : '?');
  }
  BIO_free(memory);
}

static char *
describe(const X509 *leaf, const X509 *at_fault)
{
  GString *text = g_string_new("for ");
  append_names(text, leaf);
  g_string_append(text, ", issued by ");
  append_issuer(text, at_fault);
  return g_string_free(text, FALSE);
}

/* ---- checks ---- */

/* OpenSSL's verify callback: notes the first thing that is wrong, and changes nothing. */
static int
note_objection(int ok, X509_STORE_CTX *store)
{
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  struct tls_objection *objection = SSL_get_app_data(ssl);
  if (ok || objection->error != X509_V_OK)
    return ok;
  const X509 *leaf = X509_STORE_CTX_get0_cert(store), *at_fault = X509_STORE_CTX_get_current_cert(store);
  objection->error = X509_STORE_CTX_get_error(store);
  if (leaf != NULL)
    objection->certificate = describe(leaf, at_fault ? at_fault : leaf);
  return ok;
}

bool
tls_expect(SSL *ssl, const struct tls_context *context, const char *name, struct tls_objection *objection)
{
  unsigned char address[sizeof(struct in6_addr)];
  bool is_address = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
  g_autofree char *host = g_strdup(name);
  if (g_str_has_suffix(host, "."))
    host[strlen(host) - 1] = '\0';
  if (!is_address && host[0] != '\0' && SSL_set_tlsext_host_name(ssl, host) != 1)
    return false;
  if (!context->verify)
    return true;

  SSL_set_app_data(ssl, objection);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, note_objection);
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 : SSL_set1_host(ssl, host) == 1;
}

void
tls_demand(SSL *ssl, struct tls_objection *objection)
{
  SSL_set_app_data(ssl, objection);
  SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, note_objection);
}

char *
tls_client_text(SSL *ssl)
{
  const X509 *certificate = SSL_get0_peer_certificate(ssl);
  return certificate ? describe(certificate, certificate) : NULL;
}

enum res
tls_object_to_client(const struct tls_objection *objection, GError **error)
{
  return refuse(error, REPLY_TROUBLE, "the client's certificate is not acceptable: %s (it is %s); tls_client_ca says who may have signed it",
                X509_verify_cert_error_string(objection->error), objection->certificate ? objection->certificate : "not there");
}

enum res
tls_object(const struct tls_objection *objection, const char *name, GError **error)
{
  const char *advice = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(advices) && advice == NULL; i++)
    if (advices[i].error == objection->error)
      advice = advices[i].advice;
  return refuse(error, REPLY_TROUBLE, "the certificate of \"%s\" is not acceptable: %s (it is %s); %sset tls_verify = no", name,
                X509_verify_cert_error_string(objection->error), objection->certificate ? objection->certificate : "not there",
                advice ? advice : "");
}
