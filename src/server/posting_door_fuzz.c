/* The spine over a pair of sockets: session, hooks, lists, rules, queue and database, as the server has them. Every line said must be a reply, every posting that a
 * 250 speaks of must be stored whole, and nothing else may be. */
#include "base/log.h"
#include "queue/fixture.h"
#include "server/posting_door.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What fits into a socket's buffer at once, replies to it included. */
#define INPUT_MAX 16384
/* The database is emptied after so many sessions. */
#define SESSIONS 500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fixture fixture;
static struct posting_door door;
static struct door_hooks hooks[POSTING_DOOR_KINDS];
static struct door_options options = {
  .hostname = "lists.example.com", .size_max = 8192, .command_timeout = 60000000, .data_timeout = 60000000, .message_timeout = 60000000,
};

static void
nobody_wakes(void *ctx)
{
  (void)ctx;
}

static void
nobody_reads(void *ctx, enum role role)
{
  (void)ctx, (void)role;
}

static void
set_up(void)
{
  g_setenv("TMPDIR", "/dev/shm", FALSE);
  fixture_set_up(&fixture);
  fixture_list(&fixture, "ant@example.com");
  fixture_set(&fixture, "ant@example.com", "default_nonmember_action", "accept");
  fixture_list(&fixture, "bee@example.com");
  fixture_set(&fixture, "bee@example.com", "default_nonmember_action", "hold");
  fixture_member(&fixture, "ant@example.com", MEMBER_MEMBER, "joe@example.org", NULL);
  fixture_member(&fixture, "ant@example.com", MEMBER_OWNER, "eve@example.org", NULL);
  GError *error = NULL;
  struct config *config = NULL;
  if (config_load(NULL, &config, &error) != RES_OK)
    g_error("%s", error->message);
  door = (struct posting_door){ .store = fixture.store, .index = fixture.index, .live = live_config_new(config), .budget = &fixture.budget,
                                .wake = nobody_wakes, .kept = nobody_reads };
  for (enum posting_door_kind kind = 0; kind < POSTING_DOOR_KINDS; kind++)
    hooks[kind] = posting_door_hooks(&door, kind);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
}

static void
empty_database(void)
{
  static const char *const sentences[] = {
    "DELETE FROM recipient", "DELETE FROM chunk", "DELETE FROM delivery", "DELETE FROM job", "DELETE FROM posting",
    "DELETE FROM message_piece", "DELETE FROM message", "DELETE FROM front_verdict",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(sentences); i++)
    fixture_run(&fixture, sentences[i]);
}

/* SMTP's door takes the message, with one reply for all; what a milter's keeps is tried over LMTP, too. */
static void
converse(enum posting_door_kind kind, int fd)
{
  static const struct door_peer who = { .session = "s", .listener = "fuzz", .address = "unix", .unix_socket = true };
  enum door_protocol protocol = kind == POSTING_DOOR_FRONT ? PROTOCOL_SMTP : PROTOCOL_LMTP;
  struct door_session *session = door_session_new(protocol, stream_new(fd), &hooks[kind], &options, &who);
  door_session_run(session);
  door_session_free(session);
}

/* All that the other side was told. */
static GString *
talk(enum posting_door_kind kind, struct slice input)
{
  int fds[2], room = 1 << 20;
  char octets[4096];
  GString *said = g_string_new(NULL);
  g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  for (int i = 0; i < 2; i++)
    g_assert(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
  g_assert(write(fds[1], input.p, input.n) == (ssize_t)input.n && shutdown(fds[1], SHUT_WR) == 0);
  converse(kind, fds[0]);
  ssize_t n;
  while ((n = read(fds[1], octets, sizeof octets)) > 0)
    g_string_append_len(said, octets, n);
  close(fds[1]);
  return said;
}

static enum res
find_posting(struct tx *tx, void *arg, GError **error)
{
  int64_t id;
  return sql_int_of(tx,
                    "SELECT posting.id FROM posting JOIN message ON message.id = posting.message_id WHERE code = $1 AND accepted = 1 AND size = "
                    "COALESCE(LENGTH(octets), 0) + (SELECT COALESCE(SUM(LENGTH(octets)), 0) FROM message_piece WHERE message_id = message.id)",
                    SQL_ARGS(sql_text(arg)), &id, error);
}

/* "ID accepted for …", "… held for …", also with "already". */
static bool
speaks_of_posting(const char *verdict)
{
  g_auto(GStrv) words = g_strsplit(verdict, " ", 4);
  if (g_strv_length(words) < 4)
    return false;
  const char *deed = g_str_equal(words[1], "already") ? words[2] : words[1];
  if (!g_str_equal(deed, "accepted") && !g_str_equal(deed, "held"))
    return false;
  g_autoptr(GError) error = NULL;
  if (store_read(fixture.store, find_posting, words[0], &error) != RES_OK)
    g_error("not stored: %s", verdict);
  return deed == words[1];
}

/* Over SMTP a line may speak of several. */
static int64_t
postings_in(const char *line)
{
  if (!g_str_has_prefix(line, "250 2.6.0 "))
    return 0;
  int64_t postings = 0;
  g_auto(GStrv) verdicts = g_strsplit(line + strlen("250 2.6.0 "), "; ", -1);
  for (char **verdict = verdicts; *verdict; verdict++)
    postings += speaks_of_posting(*verdict);
  return postings;
}

static int64_t
check_replies(const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
  int64_t postings = 0;
  size_t n = g_strv_length(lines);
  g_assert(n > 0 && lines[n - 1][0] == '\0');
  for (size_t i = 0; i + 1 < n; i++) {
    const char *line = lines[i];
    g_assert(strlen(line) >= 4 && strlen(line) <= REPLY_LINE_MAX - 2 && line[0] >= '2' && line[0] <= '5' && (line[3] == ' ' || line[3] == '-'));
    postings += postings_in(line);
  }
  return postings;
}

/* The first octet may say which kind of door it is: 0, 1, 2. */
static enum posting_door_kind
take_kind(struct slice *input)
{
  if (input->n == 0 || input->p[0] < '0' || input->p[0] >= '0' + POSTING_DOOR_KINDS)
    return POSTING_DOOR_DELIVERY;
  enum posting_door_kind kind = (enum posting_door_kind)(input->p[0] - '0');
  *input = slice_skip(*input, 1);
  return kind;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static int sessions;
  if (size > INPUT_MAX)
    return -1;
  if (sessions++ == 0)
    set_up();
  struct slice input = { (const char *)data, size };
  enum posting_door_kind kind = take_kind(&input);
  int64_t before = fixture_int(&fixture, "SELECT COUNT(*) FROM posting WHERE role = 0"), all = fixture_int(&fixture, "SELECT COUNT(*) FROM posting");
  g_autoptr(GString) said = talk(kind, input);
  int64_t promised = check_replies(said->str), kept = fixture_int(&fixture, "SELECT COUNT(*) FROM posting WHERE role = 0") - before;
  g_assert(kept <= promised && (kept > 0) == (promised > 0)); /* recipients that mean the same share a posting */
  g_assert(kind != POSTING_DOOR_JUDGE || fixture_int(&fixture, "SELECT COUNT(*) FROM posting") == all);
  g_assert(fixture_int(&fixture, "SELECT COUNT(*) FROM message WHERE accepted = 0") == 0 && fixture.budget.used == 0);
  if (sessions % SESSIONS == 0)
    empty_database();
  return 0;
}
