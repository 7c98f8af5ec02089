/* The dialogue with the mail server, as the outside has it: does it take what the outlets hand it, does it refuse what it must, and does a message to us come back over LMTP? */
#include "base/clock.h"
#include "base/token.h"
#include "envelope/role.h"
#include "mta/doctor.h"
#include "net/endpoint.h"
#include "smtp/smtp_reply.h"
#include <arpa/inet.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

/* For one step of the dialogue. */
#define STEP_TIME (20 * CLOCK_SECOND)
#define PROBE_LOOK (CLOCK_SECOND / 5)

struct dialogue {
  struct stream *stream;
  struct smtp_reply reply; /* the last one */
};

/* Reads a reply. RES_BAD: it is no 2xx or 3xx; the error is what it says. */
static enum res
hear(struct dialogue *dialogue, GError **error)
{
  enum res res = smtp_reply_read(dialogue->stream, &dialogue->reply, error);
  if (res != RES_OK || dialogue->reply.code < 400)
    return res;
  g_autofree char *text = smtp_reply_text(&dialogue->reply);
  return refuse(error, REPLY_TROUBLE, "%s", text);
}

static enum res say(struct dialogue *dialogue, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* One command and its reply. */
static enum res
say(struct dialogue *dialogue, GError **error, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *line = g_strdup_vprintf(format, args);
  va_end(args);
  stream_deadline(dialogue->stream, clock_monotonic() + STEP_TIME);
  enum res res = stream_write(dialogue->stream, slice_of(line), error);
  if (res == RES_OK)
    res = stream_write(dialogue->stream, slice_of("\r\n"), error);
  return res == RES_OK ? hear(dialogue, error) : res;
}

/* From whom the connection seems to come. A mail server asks its own machine, for which it relays, less than it asks the world. */
enum origin { FROM_HERE, FROM_OUTSIDE };

/* Nobody's address on the loopback interface, and on no list of spammers, as 127.0.0.2 and its neighbours are for the sake of tests. */
#define OUTSIDE "127.100.0.1"

/* -1: that does not work, for instance since the mail server is beyond the loopback interface. */
static int
connect_from_outside(const struct endpoint *endpoint)
{
  struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
  const struct timeval patience = { .tv_sec = STEP_TIME / CLOCK_SECOND };
  if (endpoint->path || inet_pton(AF_INET, endpoint->host, &to.sin_addr) != 1 || ntohl(to.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET || inet_pton(AF_INET, OUTSIDE, &from.sin_addr) != 1)
    return -1;
  to.sin_port = htons((in_port_t)endpoint->port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 && bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
      connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && g_unix_set_fd_nonblocking(fd, TRUE, NULL))
    return fd;
  if (fd >= 0)
    close(fd);
  return -1;
}

static enum res
open_dialogue(const struct doctor *doctor, const char *place, enum origin origin, struct dialogue *dialogue, GError **error)
{
  OWN(endpoint) endpoint = NULL;
  enum res res = endpoint_parse(place, &endpoint, error);
  int fd = res == RES_OK && origin == FROM_OUTSIDE ? connect_from_outside(endpoint) : -1;
  if (res == RES_OK && fd < 0)
    res = endpoint_connect(endpoint, clock_monotonic() + STEP_TIME, &fd, error);
  if (res != RES_OK)
    return res;
  dialogue->stream = stream_new(fd);
  stream_deadline(dialogue->stream, clock_monotonic() + STEP_TIME);
  res = hear(dialogue, error);
  return res == RES_OK ? say(dialogue, error, "EHLO %s", doctor->installation->hostname) : res;
}

static void
close_dialogue(struct dialogue *dialogue)
{
  g_autoptr(GError) error = NULL;
  if (dialogue->stream)
    (void)!say(dialogue, &error, "QUIT");
  stream_free(dialogue->stream);
  dialogue->stream = NULL;
}

/* "host:port" of an outlet's host; owned by the caller. */
static char *
place_of(const struct config_outlet *outlet, const char *host)
{
  OWN(endpoint) endpoint = NULL;
  if (endpoint_parse(host, &endpoint, NULL) == RES_OK)
    return g_strdup(host);
  return g_strdup_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, (int)outlet->port);
}

/* --- the outlets --- */

static enum res
some_member(struct tx *tx, void *arg, GError **error)
{
  OWN(rows) rows = NULL;
  enum res res = sql_query(tx, "SELECT a.email FROM member m JOIN address a ON a.id = m.address_id WHERE m.left_at IS NULL ORDER BY m.id LIMIT 1", SQL_NO_ARGS, &rows, error);
  if (res == RES_OK)
    res = rows_next(rows, error);
  if (res == RES_OK)
    *(char **)arg = g_strdup(row_text(rows, 0));
  return res;
}

/* To whom a copy could go; NULL: nobody is a member. Owned by the caller. */
static char *
find_member(const struct doctor *doctor)
{
  g_autoptr(GError) error = NULL;
  char *address = NULL;
  if (doctor->store)
    (void)!store_read(doctor->store, some_member, &address, &error);
  return address;
}

/* As far as a copy would come; nothing is sent. RES_MORE: no further than EHLO, since it wants TLS or a password first, or nobody is a member. */
static enum res
offer_copy(const struct doctor *doctor, const struct config_outlet *outlet, struct dialogue *dialogue, GError **error)
{
  g_autofree char *member = find_member(doctor);
  if (outlet->tls != CONFIG_TLS_NO || *outlet->user || member == NULL || !g_str_is_ascii(member))
    return RES_MORE;
  enum res res = say(dialogue, error, "MAIL FROM:<>");
  if (res == RES_OK)
    res = say(dialogue, error, "RCPT TO:<%s>", member);
  if (res != RES_BAD || strstr((*error)->message, " 5.1.1 ") == NULL)
    return res;
  g_clear_error(error); /* that mailbox is gone; others' need not be */
  return RES_OK;
}

static void
check_host(struct doctor *doctor, const struct config_outlet *outlet, const char *host)
{
  g_autofree char *place = place_of(outlet, host), *section = g_strdup_printf("[outlet%s%s] host, port", *outlet->name ? " " : "", outlet->name);
  struct dialogue dialogue = { .stream = NULL };
  g_autoptr(GError) error = NULL;
  if (outlet->tls == CONFIG_TLS_IMPLICIT) {
    doctor_say(doctor, DOCTOR_NOTE, "outlet", "`listward status`: next_hop says how it is", "%s speaks TLS from the first octet, and was not asked", place);
    return;
  }
  enum res res = open_dialogue(doctor, place, FROM_HERE, &dialogue, &error);
  bool reached = res == RES_OK;
  if (reached)
    res = offer_copy(doctor, outlet, &dialogue, &error);
  if (res == RES_OK || res == RES_MORE)
    doctor_say(doctor, DOCTOR_OK, "outlet", NULL, res == RES_OK ? "%s takes copies" : "%s answers", place);
  else if (!reached)
    doctor_say(doctor, DOCTOR_PROBLEM, "outlet", section, "copies cannot leave: %s", error->message);
  else
    doctor_say(doctor, DOCTOR_PROBLEM, "outlet", "let the mail server take mail from this machine (mynetworks, +relay_from_hosts, RELAY in the access map)", "%s does not take copies: %s", place,
               error->message);
  close_dialogue(&dialogue);
}

void
doctor_check_outlets(struct doctor *doctor)
{
  for (size_t i = 0; i < doctor->config->n_outlets; i++) {
    const struct config_outlet *outlet = &doctor->config->outlets[i];
    for (char **host = outlet->hosts; outlet->type == CONFIG_OUTLET_SMTP && *host; host++)
      check_host(doctor, outlet, *host);
  }
}

/* --- the mail server in front of us --- */

/* Owned by the caller. NULL: no mail is to be sent. */
static char *
front_place(const struct doctor *doctor)
{
  return doctor->no_mail ? NULL : g_strdup(doctor->smtp ? doctor->smtp : "127.0.0.1:25");
}

static guint
domains_to_ask(const struct doctor *doctor)
{
  return MIN(doctor->installation->domains->len, DOCTOR_DOMAINS_MAX);
}

static const char *
domain_of(const struct doctor *doctor, guint i)
{
  return g_ptr_array_index(doctor->installation->domains, i);
}

/* False: there is no point in asking about other domains. */
static bool
check_refusal(struct doctor *doctor, const char *place, const char *domain)
{
  struct dialogue dialogue = { .stream = NULL };
  g_autoptr(GError) error = NULL;
  char token[TOKEN_ID + 1];
  token_random(token, TOKEN_ID);
  enum res res = open_dialogue(doctor, place, FROM_OUTSIDE, &dialogue, &error);
  if (res == RES_OK)
    res = say(&dialogue, &error, "MAIL FROM:<>");
  bool begun = res == RES_OK;
  if (begun)
    res = say(&dialogue, &error, "RCPT TO:<no-such-list-%s@%s>", token, domain);
  if (!begun)
    doctor_say(doctor, DOCTOR_PROBLEM, "refusal", "--smtp HOST:PORT, if the mail server is elsewhere", "%s cannot be asked: %s", place, error->message);
  else if (res == RES_OK)
    doctor_say(doctor, DOCTOR_PROBLEM, "refusal", "listward mta postfix (or exim, sendmail) prints a set-up that knows the addresses",
               "%s takes mail for lists of %s that there are not: each would become a bounce to somebody", place, domain);
  else if (res != RES_BAD || dialogue.reply.code < 500)
    doctor_say(doctor, DOCTOR_NOTE, "refusal", "is Listward within the mail server's reach? Postfix with reject_unverified_recipient: unverified_recipient_reject_code = 550",
               "an unknown list of %s is answered for now, not for good: %s", domain, error->message);
  else
    doctor_say(doctor, DOCTOR_OK, "refusal", NULL, "an unknown list of %s is refused in the dialogue", domain);
  close_dialogue(&dialogue);
  return begun;
}

/* Who asks for a list that there is not must hear it at once: else the mail server bounces to whoever was named as the sender. */
void
doctor_check_refusal(struct doctor *doctor)
{
  g_autofree char *place = front_place(doctor);
  for (guint i = 0; place && i < domains_to_ask(doctor); i++)
    if (!check_refusal(doctor, place, domain_of(doctor, i)))
      return;
}

/* A message to an address of ours that exists in each domain. */
static enum res
send_probe(const struct doctor *doctor, const char *place, const char *domain, const char *token, GError **error)
{
  struct dialogue dialogue = { .stream = NULL };
  g_autofree char *to = g_strdup_printf(ROLE_DOCTOR_LOCAL "+%s@%s", token, domain);
  enum res res = open_dialogue(doctor, place, FROM_OUTSIDE, &dialogue, error);
  if (res == RES_OK)
    res = say(&dialogue, error, "MAIL FROM:<>");
  if (res == RES_OK)
    res = say(&dialogue, error, "RCPT TO:<%s>", to);
  if (res == RES_OK)
    res = say(&dialogue, error, "DATA");
  if (res == RES_OK)
    res = say(&dialogue, error,
              "From: <%s>\r\nTo: <%s>\r\nSubject: probe of listward doctor\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n\r\nIt is dropped when it arrives.\r\n.", to, to, token,
              doctor->installation->hostname);
  close_dialogue(&dialogue);
  return res;
}

/* The server has seen the token come in over LMTP. */
static bool
has_come(struct doctor *doctor, const char *token)
{
  g_autoptr(GPtrArray) lines = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *question = g_strdup_printf("probe %s", token);
  return doctor->ask(doctor->ask_ctx, question, &lines, &error) == RES_OK && lines->len > 0 && strcmp(g_ptr_array_index(lines, 0), "seen") == 0;
}

/* Waits for it until the doctor's patience is over, which is counted from `begun`. */
static bool
await_probe(struct doctor *doctor, const char *token, int64_t begun)
{
  bool come;
  while (!(come = has_come(doctor, token)) && clock_monotonic() - begun < doctor->wait)
    g_usleep(PROBE_LOOK);
  return come;
}

static void
check_probe(struct doctor *doctor, const char *place, const char *domain)
{
  g_autoptr(GError) error = NULL;
  char token[TOKEN_ID + 1];
  token_random(token, TOKEN_ID);
  int64_t begun = clock_monotonic();
  if (send_probe(doctor, place, domain, token, &error) != RES_OK)
    doctor_say(doctor, DOCTOR_PROBLEM, "probe", "listward mta postfix (or exim, sendmail) prints the set-up", "%s does not take a message to %s: %s", place, domain, error->message);
  else if (await_probe(doctor, token, begun))
    doctor_say(doctor, DOCTOR_OK, "probe", NULL, "a message through %s to %s came in over LMTP after %" G_GINT64_FORMAT " ms", place, domain, (clock_monotonic() - begun) / 1000);
  else
    doctor_say(doctor, DOCTOR_PROBLEM, "probe", "look into the mail server's log and queue; `listward mta` prints the set-up",
               "%s took a message to %s, but it did not come in over LMTP within %d seconds", place, domain, (int)(doctor->wait / CLOCK_SECOND));
}

void
doctor_check_probe(struct doctor *doctor)
{
  g_autofree char *place = front_place(doctor);
  if (place && doctor->installation->domains->len == 0)
    doctor_say(doctor, DOCTOR_NOTE, "probe", "listward create LIST@DOMAIN", "there is no domain yet");
  for (guint i = 0; place && i < domains_to_ask(doctor); i++)
    check_probe(doctor, place, domain_of(doctor, i));
}
