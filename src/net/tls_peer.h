#pragma once
/* For tests: TLS servers in threads, with certificates made on the spot. */
#include "net/stream_pair.h"
#include "net/tls.h"
#include <openssl/ssl.h>
#include <pthread.h>

enum certificate {
  CERT_GOOD,        /* for PEER_NAME, 192.0.2.25 and 2001:db8::25, from the CA */
  CERT_WILDCARD,    /* for *.example.com, from the CA */
  CERT_OTHER_NAME,  /* for other.example.org, from the CA */
  CERT_EXPIRED,     /* for PEER_NAME, from the CA */
  CERT_FUTURE,      /* the same */
  CERT_SELF_SIGNED, /* for PEER_NAME, from itself */
  CERT_STRANGER,    /* for PEER_NAME, from a CA nobody knows, of the CA's name */
  CERT_CLIENT,      /* for client.example.com, from the CA, not for servers */
  CERT_N
};

#define PEER_NAME "mail.example.com"

/* Makes a CA and all the certificates in a temporary folder. */
void certificates_make(void);
void certificates_remove(void);
/* Files, PEM. Static. */
const char *certificate_file(enum certificate which);
const char *certificate_key(enum certificate which);
const char *certificate_ca(void);
/* Another file in the folder; owned by the caller. */
char *certificate_path(const char *name);

struct tls_peer {
  enum certificate certificate;
  bool ask;                       /* for the client's certificate, which must be from the CA */
  int version;                    /* TLS1_2_VERSION, …: this one only; 0: any */
  void (*talk)(SSL *ssl, int fd); /* after the handshake; then the socket is closed without a word. NULL: at once */
  pthread_t thread;
  SSL_CTX *ctx;
  int fd;
};

/* Starts a server on `fd`, a blocking socket, which it takes over. */
void tls_peer_start(struct tls_peer *peer, int fd);
void tls_peer_join(struct tls_peer *peer);
/* For `talk`: says what it hears, until it hears the end, and ends. */
void tls_peer_echo(SSL *ssl, int fd);

/* As stream_to, to a server that starts now. */
struct stream *stream_to_peer(struct tls_peer *peer);
/* A context that trusts the CA, verifies and has no certificate. */
struct tls_context *context_of_client(void);
/* Reads exactly that from the stream. */
void expect_octets(struct stream *stream, const char *want);
/* RES_BAD if `reply` is REPLY_COUNT, else RES_TEMP with that reply; and an error whose text has `part`. */
void expect_failure(enum res res, enum reply reply, const char *part, GError **error);
