#include "smtp/smtp_auth.h"
#include "net/tls.h"

/* RFC 4954 4: a longer command has no initial response. */
#define COMMAND_MAX 512

static void
wipe(char *secret)
{
  explicit_bzero(secret, strlen(secret));
  g_free(secret);
}

/* RFC 4616: no authorization identity, the user, the password; in base64, to be wiped. */
static char *
plain_response(const char *user, const char *password)
{
  size_t n_user = strlen(user), n_password = strlen(password), n = n_user + n_password + 2;
  char *raw = g_malloc0(n + 1);
  memcpy(raw + 1, user, n_user);
  memcpy(raw + n_user + 2, password, n_password);
  char *response = g_base64_encode((const guchar *)raw, n);
  explicit_bzero(raw, n);
  g_free(raw);
  return response;
}

static enum res
say(struct stream *stream, const char *words, const char *response, struct smtp_reply *reply, GError **error)
{
  const struct slice line[] = { slice_of(words), slice_of(response), SLICE("\r\n") };
  enum res res = stream_writev(stream, line, G_N_ELEMENTS(line), error);
  return res == RES_OK ? smtp_reply_read(stream, reply, error) : res;
}

/* Says what the server asked for; anything but its question is left for the end. */
static enum res
answer(struct stream *stream, const char *response, struct smtp_reply *reply, GError **error)
{
  return reply->code == 334 ? say(stream, "", response, reply, error) : RES_OK;
}

static enum res
plain(struct stream *stream, const char *user, const char *password, struct smtp_reply *reply, GError **error)
{
  char *response = plain_response(user, password);
  bool fits = strlen("AUTH PLAIN ") + strlen(response) + strlen("\r\n") <= COMMAND_MAX;
  enum res res = say(stream, fits ? "AUTH PLAIN " : "AUTH PLAIN", fits ? response : "", reply, error);
  if (res == RES_OK && !fits)
    res = answer(stream, response, reply, error);
  wipe(response);
  return res;
}

static enum res
login(struct stream *stream, const char *user, const char *password, struct smtp_reply *reply, GError **error)
{
  char *name = g_base64_encode((const guchar *)user, strlen(user)), *secret = g_base64_encode((const guchar *)password, strlen(password));
  enum res res = say(stream, "AUTH LOGIN", "", reply, error);
  if (res == RES_OK)
    res = answer(stream, name, reply, error);
  if (res == RES_OK)
    res = answer(stream, secret, reply, error);
  g_free(name);
  wipe(secret);
  return res;
}

/* A server may repeat what it was told. */
static bool
repeats(const char *text, const char *user, const char *password)
{
  char *secret = g_base64_encode((const guchar *)password, strlen(password)), *both = plain_response(user, password);
  bool found = *password && (strstr(text, password) || strstr(text, secret) || strstr(text, both));
  wipe(secret);
  wipe(both);
  return found;
}

/* RES_OK: the server said 235. */
static enum res
log_in(struct stream *stream, const struct ehlo *ehlo, const char *user, const char *password, GError **error)
{
  struct smtp_reply reply;
  enum res res = (ehlo->auth_plain ? plain : login)(stream, user, password, &reply, error);
  if (res != RES_OK || reply.code == 235)
    return res;
  if (reply.code / 100 == 4)
    return trouble(error, REPLY_TROUBLE, "the server said: %s", reply.text);
  return refuse(error, REPLY_TROUBLE, "the server said: %s", reply.text);
}

enum res
smtp_auth_run(struct stream *stream, const struct ehlo *ehlo, const char *user, const char *password, GError **error)
{
  if (stream_tls_text(stream) == NULL && !stream_is_local(stream))
    return refuse(error, REPLY_TROUBLE, "login as %s: will not send the password in clear: use tls = starttls or implicit", user);
  if (!ehlo->auth_plain && !ehlo->auth_login)
    return refuse(error, REPLY_TROUBLE, "login as %s: the server offers neither AUTH PLAIN nor LOGIN", user);
  g_autoptr(GError) cause = NULL;
  enum res res = log_in(stream, ehlo, user, password, &cause);
  if (res == RES_OK)
    return RES_OK;
  bool hide = repeats(cause->message, user, password);
  g_set_error(error, LISTWARD_ERROR, cause->code, "login as %s: %s", user, hide ? "the server said something that holds the password" : cause->message);
  return res;
}
