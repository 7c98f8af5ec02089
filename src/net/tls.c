/* A layer of a stream: SSL_read and SSL_write above, a BIO of ours below that calls the layer beneath. OpenSSL never sees a descriptor, so that
 * nothing here can raise SIGPIPE and the stream's waiting, deadlines and tests hold for TLS too. */
#include "net/tls.h"
#include "base/clock.h"
#include "net/stream_ops.h"
#include "net/tls_context.h"
#include "net/tls_verify.h"
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>

/* RFC 8446 5.1: the most that one record holds. Small slices are put together up to that. */
#define RECORD_MAX (16 * 1024)
/* For a client to read why its handshake failed. */
#define LAST_WORDS (2 * CLOCK_SECOND)
/* Records without octets for the reader (tickets, new keys) that one read goes through. */
#define EMPTY_RECORDS_MAX 32

struct tls {
  struct stream_layer below;
  SSL *ssl;
  struct tls_objection objection;
  short read_wants, write_wants; /* what the layer beneath must be ready for before SSL_read, SSL_write get on */
  bool verified;                 /* the peer's certificate */
  bool ready;                    /* hands were shaken, and nothing has failed since */
  bool ended;                    /* the layer beneath has no more to read */
  bool waits;                    /* the layer beneath said EAGAIN in this call */
  int read_errno, write_errno;   /* of the layer beneath; 0: none */
  char why[160];                 /* "": errno tells */
  char *text;
  char record[RECORD_MAX];
};

/* ---- below: a BIO on the layer beneath ---- */

static int
bio_read(BIO *bio, char *into, int n)
{
  struct tls *tls = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  ssize_t got = tls->below.ops->read(tls->below.ctx, into, (size_t)n);
  if (got == 0)
    tls->ended = true;
  if (got < 0 && would_block()) {
    tls->waits = true;
    BIO_set_retry_read(bio);
  } else if (got < 0)
    tls->read_errno = errno;
  return (int)got;
}

/* A write that failed for good looks to OpenSSL like one that must wait: it would read no more otherwise, and the peer's last words may be there. */
static int
bio_write(BIO *bio, const char *octets, int n)
{
  struct tls *tls = BIO_get_data(bio);
  struct iovec iov = { (void *)octets, (size_t)n };
  BIO_clear_retry_flags(bio);
  ssize_t put = tls->below.ops->writev(tls->below.ctx, &iov, 1);
  if (put >= 0)
    return (int)put;
  if (would_block())
    tls->waits = true;
  else
    tls->write_errno = errno;
  BIO_set_retry_write(bio);
  return -1;
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
  const struct tls *tls = BIO_get_data(bio);
  (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH || (command == BIO_CTRL_EOF && tls->ended);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *bio_method; /* for all streams until the end of the process */

static void
make_bio_method(void)
{
  bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream layer");
  g_assert(bio_method != NULL);
  BIO_meth_set_read(bio_method, bio_read);
  BIO_meth_set_write(bio_method, bio_write);
  BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

/* ---- above: the stream's functions ---- */

/* `text`: NULL where `why` tells. The first failure is what a later one comes from. */
static ssize_t
tls_failed(struct tls *tls, int why, const char *text)
{
  tls->ready = false;
  if (text != NULL && tls->why[0] == '\0')
    g_snprintf(tls->why, sizeof(tls->why), "TLS: %s", text);
  ERR_clear_error();
  errno = why;
  return -1;
}

/* What read(2) or write(2) would have returned, from what an SSL function did. */
static ssize_t
tls_result(struct tls *tls, int rc, size_t n, short *wants)
{
  int why = SSL_get_error(tls->ssl, rc);
  if (why == SSL_ERROR_NONE)
    return (ssize_t)n;
  if (why == SSL_ERROR_ZERO_RETURN)
    return 0;
  if (why == SSL_ERROR_WANT_READ || (why == SSL_ERROR_WANT_WRITE && tls->write_errno == 0)) {
    *wants = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    errno = EAGAIN;
    return -1;
  }
  if (why == SSL_ERROR_WANT_WRITE)
    return tls_failed(tls, tls->write_errno, NULL);
  if (tls->read_errno != 0)
    return tls_failed(tls, tls->read_errno, NULL);
  if (tls->ended)
    return tls_failed(tls, ECONNRESET, "the connection was cut");
  return tls_failed(tls, EPROTO, tls_reason());
}

static ssize_t
tls_read(void *ctx, char *into, size_t n)
{
  struct tls *tls = ctx;
  ssize_t result = -1;
  for (int i = 0; i < EMPTY_RECORDS_MAX; i++) {
    size_t got = 0;
    tls->waits = false;
    ERR_clear_error();
    int rc = SSL_read_ex(tls->ssl, into, n, &got);
    result = tls_result(tls, rc, got, &tls->read_wants);
    if (result >= 0 || tls->waits || !would_block())
      return result;
  }
  return result;
}

/* The octets of the next record: where they lie if there are enough together, else put together. */
static struct slice
next_record(struct tls *tls, const struct iovec *iov, int n)
{
  if (iov[0].iov_len >= RECORD_MAX || n == 1)
    return slice_head((struct slice){ iov[0].iov_base, iov[0].iov_len }, RECORD_MAX);
  size_t sum = 0;
  for (int i = 0; i < n && sum < RECORD_MAX; i++) {
    size_t take = MIN(iov[i].iov_len, RECORD_MAX - sum);
    memcpy(tls->record + sum, iov[i].iov_base, take);
    sum += take;
  }
  return (struct slice){ tls->record, sum };
}

static ssize_t
tls_writev(void *ctx, const struct iovec *iov, int n)
{
  struct tls *tls = ctx;
  size_t put = 0;
  struct slice record = next_record(tls, iov, n);
  ERR_clear_error();
  int rc = SSL_write_ex(tls->ssl, record.p, record.n, &put);
  ssize_t result = tls_result(tls, rc, put, &tls->write_wants);
  return result == 0 ? tls_failed(tls, EPIPE, NULL) : result;
}

static bool
tls_wait(void *ctx, short events, int64_t deadline)
{
  const struct tls *tls = ctx;
  int wanted = ((events & POLLIN) ? tls->read_wants : 0) | ((events & POLLOUT) ? tls->write_wants : 0);
  return tls->below.ops->wait(tls->below.ctx, (short)wanted, deadline);
}

/* close_notify (RFC 8446 6.1), if it goes out at once. */
static void
say_goodbye(struct tls *tls)
{
  if (!tls->ready || tls->write_errno != 0)
    return;
  ERR_clear_error();
  (void)SSL_shutdown(tls->ssl);
  ERR_clear_error();
}

static void
tls_shutdown(void *ctx, int how)
{
  struct tls *tls = ctx;
  if (how == SHUT_WR)
    say_goodbye(tls);
  tls->below.ops->shutdown(tls->below.ctx, how);
}

static const char *
tls_failure(void *ctx)
{
  const struct tls *tls = ctx;
  return tls->why[0] != '\0' ? tls->why : NULL;
}

static void
tls_close(void *ctx)
{
  struct tls *tls = ctx;
  say_goodbye(tls);
  SSL_free(tls->ssl);
  tls->below.ops->close(tls->below.ctx);
  g_free(tls->objection.certificate);
  g_free(tls->text);
  g_free(tls);
}

static const struct stream_ops tls_ops = {
  .read = tls_read,
  .writev = tls_writev,
  .wait = tls_wait,
  .shutdown = tls_shutdown,
  .failure = tls_failure,
  .close = tls_close,
};

/* ---- beginning ---- */

/* Puts a layer upon `stream`, which has it freed. */
static struct tls *
tls_upon(struct stream *stream, const struct tls_context *context)
{
  pthread_once(&once, make_bio_method);
  struct tls *tls = g_new0(struct tls, 1);
  tls->below = stream_top(stream);
  tls->read_wants = POLLIN;
  tls->write_wants = POLLOUT;
  stream_push(stream, (struct stream_layer){ &tls_ops, tls });
  tls->ssl = SSL_new(context->ctx);
  BIO *bio = tls->ssl ? BIO_new(bio_method) : NULL;
  if (bio == NULL)
    return NULL;
  BIO_set_data(bio, tls);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls->ssl, bio, bio);
  return tls;
}

/* `with`: the peer, in words. RES_TEMP: see tls->objection for a better reason. */
static enum res
shake_hands(struct tls *tls, const char *with, int64_t deadline, GError **error)
{
  short wants = 0;
  for (;;) {
    if (!deadline_passed(deadline)) {
      ERR_clear_error();
      if (tls_result(tls, SSL_do_handshake(tls->ssl), 1, &wants) > 0)
        return RES_OK;
      if (would_block() && tls->below.ops->wait(tls->below.ctx, wants, deadline))
        continue;
    }
    if (errno == ETIMEDOUT)
      return trouble(error, REPLY_TIMEOUT, "TLS handshake with %s: the peer was too slow", with);
    return trouble(error, REPLY_TROUBLE, "TLS handshake with %s: %s", with, tls->why[0] ? tls->why : g_strerror(errno));
  }
}

static void
now_ready(struct tls *tls, bool verified, const char *peer)
{
  tls->ready = true;
  tls->verified = verified;
  tls->text = g_strdup_printf("%s %s %s%s%s", SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl), verified ? "verified" : "unverified",
                              peer ? " " : "", peer ? peer : "");
}

static enum res
begin(struct stream *stream, const struct tls_context *context, const char *name, GError **error)
{
  ERR_clear_error();
  struct tls *tls = tls_upon(stream, context);
  if (tls == NULL || !tls_expect(tls->ssl, context, name, &tls->objection))
    return trouble(error, REPLY_TROUBLE, "TLS with \"%s\": %s", name, tls_reason());
  g_autofree char *with = g_strdup_printf("\"%s\"", name);
  g_autoptr(GError) problem = NULL;
  SSL_set_connect_state(tls->ssl);
  enum res res = shake_hands(tls, with, stream_deadline_at(stream), &problem);
  if (res != RES_OK && tls->objection.error != X509_V_OK)
    return tls_object(&tls->objection, name, error);
  if (res != RES_OK) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return res;
  }
  if (context->verify && SSL_get0_peer_certificate(tls->ssl) == NULL) /* some ciphers know none, and then nothing is verified */
    return refuse(error, REPLY_TROUBLE, "TLS with \"%s\": the server showed no certificate; give it one, or set tls_verify = no", name);
  now_ready(tls, context->verify, name);
  return RES_OK;
}

static enum res
begin_as_server(struct stream *stream, const struct tls_context *context, GError **error)
{
  ERR_clear_error();
  bool asks = context->verify && !stream_is_local(stream);
  struct tls *tls = tls_upon(stream, context);
  if (tls == NULL)
    return trouble(error, REPLY_TROUBLE, "TLS with the client: %s", tls_reason());
  SSL_set_accept_state(tls->ssl);
  if (asks)
    tls_demand(tls->ssl, &tls->objection);
  g_autoptr(GError) problem = NULL;
  enum res res = shake_hands(tls, "the client", stream_deadline_at(stream), &problem);
  if (res != RES_OK && tls->objection.error != X509_V_OK)
    return tls_object_to_client(&tls->objection, error);
  if (res != RES_OK) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return res;
  }
  g_autofree char *client = asks ? tls_client_text(tls->ssl) : NULL;
  now_ready(tls, client != NULL, client);
  return RES_OK;
}

enum res
stream_start_tls(struct stream *stream, struct tls_context *context, const char *name, GError **error)
{
  enum res res = stream_flush(stream, error);
  if (res == RES_OK && stream_pending(stream).n > 0)
    res = refuse(error, REPLY_TROUBLE, "TLS with \"%s\": %zu octets came in before it began; somebody on the way may have put them there", name,
                 stream_pending(stream).n);
  else if (res == RES_OK && context->verify && name[0] == '\0')
    res = refuse(error, REPLY_TROUBLE, "TLS: there is no name that the certificate could be for; set tls_name");
  else if (res == RES_OK)
    res = begin(stream, context, name, error);
  if (res != RES_OK)
    stream_break(stream);
  return res;
}

enum res
stream_accept_tls(struct stream *stream, const struct tls_context *context, GError **error)
{
  enum res res = stream_flush(stream, error);
  if (res == RES_OK && stream_pending(stream).n > 0)
    res = refuse(error, REPLY_TROUBLE, "TLS with the client: %zu octets came in before it began; somebody on the way may have put them there",
                 stream_pending(stream).n);
  else if (res == RES_OK)
    res = begin_as_server(stream, context, error);
  if (res == RES_OK)
    return RES_OK;
  stream_linger(stream, MIN(stream_deadline_at(stream), clock_monotonic() + LAST_WORDS)); /* the alert arrives, and can be read in the client's log */
  stream_break(stream);
  return res;
}

bool
stream_tls_verified(const struct stream *stream)
{
  const struct stream_layer top = stream_top(stream);
  return top.ops == &tls_ops && ((const struct tls *)top.ctx)->verified;
}

const char *
stream_tls_text(const struct stream *stream)
{
  const struct stream_layer top = stream_top(stream);
  return top.ops == &tls_ops ? ((const struct tls *)top.ctx)->text : NULL;
}
