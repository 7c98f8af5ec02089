#include "outlet/outlet.h"
#include "base/clock.h"
#include "base/log.h"
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server on the loopback. Each connection gets the next of `moods`, the last one ever after. */
enum mood {
  MOOD_GOOD,
  MOOD_BUSY,        /* 421 as greeting */
  MOOD_HANGS_UP,    /* takes one message and closes after that, without a word */
  MOOD_TEN_ERRORS,  /* 421 after ten refused recipients */
  MOOD_DROPS_DOT,   /* closes instead of answering the dot */
  MOOD_DROPS_RCPT,  /* closes at the first RCPT */
  MOOD_DROPS_MAIL,  /* greets, and closes at MAIL */
};

struct server {
  int listener, port;
  pthread_t thread;
  enum mood moods[8];
  size_t n_moods, connections;
  int messages, recipients; /* taken */
  GString *last;            /* the last message's octets, as they came over the wire */
};

struct peer {
  FILE *in, *out;
};

static void
answer(const struct peer *peer, const char *text)
{
  fprintf(peer->out, "%s\r\n", text);
  fflush(peer->out);
}

/* False: the connection is over. */
static bool
take_message(struct server *server, const struct peer *peer, enum mood mood, int accepted)
{
  char line[2048];
  answer(peer, "354 go");
  g_string_truncate(server->last, 0);
  while (fgets(line, sizeof(line), peer->in) && strcmp(line, ".\r\n") != 0)
    g_string_append(server->last, line);
  if (mood == MOOD_DROPS_DOT)
    return false;
  server->messages++;
  server->recipients += accepted;
  answer(peer, "250 2.0.0 queued");
  return mood != MOOD_HANGS_UP;
}

static void
converse(struct server *server, const struct peer *peer, enum mood mood)
{
  char line[2048];
  int accepted = 0, errors = 0;
  answer(peer, mood == MOOD_BUSY ? "421 4.3.2 busy" : "220 test ESMTP");
  if (mood == MOOD_BUSY)
    return;
  while (fgets(line, sizeof(line), peer->in)) {
    if (g_str_has_prefix(line, "EHLO"))
      answer(peer, "250-test\r\n250 PIPELINING");
    else if (g_str_has_prefix(line, "MAIL") && mood == MOOD_DROPS_MAIL)
      return;
    else if (g_str_has_prefix(line, "MAIL"))
      accepted = 0, answer(peer, "250 2.1.0 ok");
    else if (g_str_has_prefix(line, "RCPT") && mood == MOOD_DROPS_RCPT)
      return;
    else if (g_str_has_prefix(line, "RCPT TO:<bad") && mood == MOOD_TEN_ERRORS && ++errors > 10) {
      answer(peer, "421 4.7.0 too many errors");
      return;
    } else if (g_str_has_prefix(line, "RCPT TO:<bad"))
      answer(peer, "550 5.1.1 no such user");
    else if (g_str_has_prefix(line, "RCPT"))
      accepted++, answer(peer, "250 2.1.5 ok");
    else if (g_str_has_prefix(line, "DATA") && accepted == 0)
      answer(peer, "554 5.5.1 nobody");
    else if (g_str_has_prefix(line, "DATA")) {
      if (!take_message(server, peer, mood, accepted))
        return;
    } else if (g_str_has_prefix(line, "QUIT")) {
      answer(peer, "221 bye");
      return;
    } else
      answer(peer, "250 ok");
  }
}

static void *
serve(void *arg)
{
  struct server *server = arg;
  for (int fd = accept(server->listener, NULL, NULL); fd >= 0; fd = accept(server->listener, NULL, NULL)) {
    struct peer peer = { .in = fdopen(fd, "r"), .out = fdopen(dup(fd), "w") };
    converse(server, &peer, server->moods[MIN(server->connections, server->n_moods - 1)]);
    server->connections++;
    fclose(peer.out);
    fclose(peer.in);
  }
  return NULL;
}

static struct server *
server_new(const enum mood *moods, size_t n)
{
  struct server *server = g_new0(struct server, 1);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t length = sizeof(address);
  memcpy(server->moods, moods, n * sizeof(*moods));
  server->n_moods = n;
  server->last = g_string_new(NULL);
  server->listener = socket(AF_INET, SOCK_STREAM, 0);
  g_assert_cmpint(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
  g_assert_cmpint(listen(server->listener, 8), ==, 0);
  g_assert_cmpint(getsockname(server->listener, (struct sockaddr *)&address, &length), ==, 0);
  server->port = ntohs(address.sin_port);
  g_assert_cmpint(pthread_create(&server->thread, NULL, serve, server), ==, 0);
  return server;
}

/* Only when nobody is connected any more: after that the numbers hold. */
static void
server_stop(struct server *server)
{
  shutdown(server->listener, SHUT_RDWR);
  pthread_join(server->thread, NULL);
}

static void
server_free(struct server *server)
{
  close(server->listener);
  g_string_free(server->last, TRUE);
  g_free(server);
}

static struct outlet *
outlet_to(int port)
{
  struct outlet *outlet = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = outlet_new(&(struct outlet_options){ .type = "smtp", .hosts = (const char *const[]){ "127.0.0.1", NULL }, .port = port, .connections = 4, .hostname = "lists.example.com", .max_recipients = 100 },
                            &outlet, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return outlet;
}

/* Sends to `bad` addresses that will be refused and `good` others; gives what became of each as letters PSDFB. */
static enum outlet_result
send_to(struct outlet *outlet, int bad, int good, char *letters)
{
  struct transmission mail;
  const struct copy_form form = { .header = SLICE("Subject: x\r\n\r\n"), .body = SLICE(".\r\nlast\r\n") };
  transmission_init(&mail, SHAPE_BATCH, (size_t)(bad + good));
  mail.as_is = &form;
  mail.reverse_path = "ant-bounces@example.com";
  for (size_t i = 0; i < mail.n; i++)
    mail.recipients[i].address = (int)i < bad ? "bad@example.net" : "good@example.net";
  g_autoptr(GError) error = NULL;
  enum outlet_result result = outlet_send(outlet, &mail, &error);
  for (size_t i = 0; i < mail.n; i++)
    letters[i] = "PSDFBK"[mail.recipients[i].outcome];
  letters[mail.n] = '\0';
  g_assert_true((result == OUTLET_DONE) == (error == NULL));
  transmission_clear(&mail);
  return result;
}

/* `n` messages one after the other over one outlet: what became of the recipients of all, and what the server saw. */
static const struct row {
  const char *name;
  enum mood moods[4];
  size_t n_moods;
  int sends, bad, good;
  const char *letters; /* of the last one */
  enum outlet_result result;
  size_t connections;
  int messages, recipients;
} rows[] = {
  { .name = "one connection for three messages", .moods = { MOOD_GOOD }, .n_moods = 1, .sends = 3, .good = 2, .letters = "SS", .connections = 1, .messages = 3, .recipients = 6 },
  { .name = "a stale connection", .moods = { MOOD_HANGS_UP }, .n_moods = 1, .sends = 3, .good = 1, .letters = "S", .connections = 3, .messages = 3, .recipients = 3 },
  { .name = "busy", .moods = { MOOD_BUSY, MOOD_GOOD }, .n_moods = 2, .sends = 1, .good = 1, .letters = "P", .result = OUTLET_DOWN, .connections = 1 },
  { .name = "busy, then not", .moods = { MOOD_BUSY, MOOD_GOOD }, .n_moods = 2, .sends = 2, .good = 1, .letters = "S", .connections = 2, .messages = 1, .recipients = 1 },
  { .name = "hangs up on errors", .moods = { MOOD_TEN_ERRORS }, .n_moods = 1, .sends = 1, .bad = 25, .good = 2, .letters = "BBBBBBBBBBBBBBBBBBBBBBBBBSS", .connections = 3,
    .messages = 1, .recipients = 2 },
  { .name = "lost after the dot", .moods = { MOOD_DROPS_DOT }, .n_moods = 1, .sends = 1, .bad = 1, .good = 2, .letters = "BDD", .connections = 1 },
  { .name = "lost before anything", .moods = { MOOD_DROPS_RCPT }, .n_moods = 1, .sends = 1, .good = 2, .letters = "PP", .result = OUTLET_BROKEN, .connections = 1 },
};

static void
test_smtp(gconstpointer data)
{
  const struct row *row = data;
  struct server *server = server_new(row->moods, row->n_moods);
  struct outlet *outlet = outlet_to(server->port);
  enum outlet_result result = OUTLET_DONE;
  char letters[64] = "";
  g_test_message("%s", row->name);
  for (int i = 0; i < row->sends; i++) {
    result = send_to(outlet, row->bad, row->good, letters);
    outlet_retry(outlet);
  }
  outlet_free(outlet);
  g_assert_cmpint(result, ==, row->result);
  g_assert_cmpstr(letters, ==, row->letters);
  server_stop(server);
  if (row->messages > 0)
    g_assert_cmpstr(server->last->str, ==, "Subject: x\r\n\r\n..\r\nlast\r\n");
  g_assert_cmpuint(server->connections, ==, row->connections);
  g_assert_cmpint(server->messages, ==, row->messages);
  g_assert_cmpint(server->recipients, ==, row->recipients);
  server_free(server);
}

static void
test_nobody_listens(void)
{
  static const enum mood good[] = { MOOD_GOOD };
  struct server *server = server_new(good, 1);
  OWN(outlet) outlet = outlet_to(server->port);
  server_stop(server);
  server_free(server);
  char letters[8];
  g_assert_cmpint(send_to(outlet, 0, 1, letters), ==, OUTLET_DOWN);
  g_assert_cmpstr(letters, ==, "P");
}

/* Greetings alone are of no use: after three connections a pause begins, and only one that is of use ends it. */
static void
test_useless(void)
{
  static const enum mood moods[] = { MOOD_DROPS_MAIL, MOOD_DROPS_MAIL, MOOD_DROPS_MAIL, MOOD_DROPS_MAIL, MOOD_GOOD };
  struct server *server = server_new(moods, G_N_ELEMENTS(moods));
  OWN(outlet) outlet = outlet_to(server->port);
  char letters[8];
  int64_t again = 0;
  for (int i = 0; i < 3; i++) {
    g_assert_cmpint(outlet_room(outlet, clock_monotonic(), &again), >, 0);
    g_assert_cmpint(send_to(outlet, 0, 1, letters), ==, OUTLET_BROKEN);
    g_assert_cmpstr(letters, ==, "P");
  }
  int64_t now = clock_monotonic();
  g_assert_cmpint(outlet_room(outlet, now - CLOCK_SECOND, &again), ==, 0);
  g_assert_cmpint(again, <=, now + CLOCK_SECOND);
  outlet_retry(outlet);
  now = clock_monotonic();
  g_assert_cmpint(send_to(outlet, 0, 1, letters), ==, OUTLET_BROKEN);
  g_assert_cmpint(outlet_room(outlet, now, &again), ==, 0);
  outlet_retry(outlet);
  g_assert_cmpint(outlet_room(outlet, clock_monotonic(), &again), ==, 1);
  g_assert_cmpint(send_to(outlet, 0, 1, letters), ==, OUTLET_DONE);
  g_assert_cmpint(outlet_room(outlet, clock_monotonic(), &again), ==, 2);
  outlet_cut(outlet, true);
  (void)outlet_expire(outlet, INT64_MAX);
  server_stop(server);
  g_assert_cmpuint(server->connections, ==, 5);
  server_free(server);
}

/* An idle connection is closed after a few seconds, not before; a cut outlet opens none and uses none. */
static void
test_idle(void)
{
  static const enum mood good[] = { MOOD_GOOD };
  struct server *server = server_new(good, 1);
  OWN(outlet) outlet = outlet_to(server->port);
  char letters[8];
  g_assert_cmpint(outlet_expire(outlet, clock_monotonic()), ==, INT64_MAX);
  g_assert_cmpint(send_to(outlet, 0, 1, letters), ==, OUTLET_DONE);
  int64_t next = outlet_expire(outlet, clock_monotonic());
  g_assert_cmpint(next, <=, clock_monotonic() + 5 * CLOCK_SECOND);
  g_assert_cmpint(outlet_expire(outlet, next - 1), ==, next);
  g_assert_cmpint(outlet_expire(outlet, next), ==, INT64_MAX);
  outlet_cut(outlet, true);
  g_assert_cmpint(send_to(outlet, 0, 1, letters), ==, OUTLET_DOWN);
  outlet_cut(outlet, false);
  g_assert_cmpint(send_to(outlet, 0, 1, letters), ==, OUTLET_DONE);
  outlet_cut(outlet, true);
  g_assert_cmpint(send_to(outlet, 0, 1, letters), ==, OUTLET_DOWN);
  (void)outlet_expire(outlet, INT64_MAX);
  server_stop(server);
  g_assert_cmpuint(server->connections, ==, 2);
  server_free(server);
}

/* --- Maildir --- */

static char *
only_file(const char *folder)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  g_assert_nonnull(dir);
  const char *name = g_dir_read_name(dir);
  g_assert_nonnull(name);
  g_autofree char *path = g_build_filename(folder, name, NULL);
  char *text;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_assert_null(g_dir_read_name(dir));
  return text;
}

/* Empties and removes a Maildir and the folder that it is in. */
static void
remove_maildir(const char *path)
{
  static const char *const folders[] = { "tmp", "new", "cur", "." };
  for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *folder = g_build_filename(path, folders[i], NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir)) {
      g_autofree char *file = g_build_filename(folder, name, NULL);
      g_remove(file);
    }
    g_rmdir(i + 1 < G_N_ELEMENTS(folders) ? folder : path);
  }
  g_autofree char *above = g_path_get_dirname(path), *top = g_path_get_dirname(above);
  g_rmdir(above);
  g_rmdir(top);
}

static void
test_maildir(void)
{
  g_autofree char *scratch = g_dir_make_tmp("outlet-XXXXXX", NULL), *path = g_build_filename(scratch, "deep", "Maildir", NULL);
  OWN(outlet) outlet = NULL;
  g_assert_cmpint(outlet_new(&(struct outlet_options){ .type = "maildir", .path = path, .hostname = "lists.example.com" }, &outlet, NULL), ==, RES_OK);
  char letters[8];
  g_assert_cmpint(send_to(outlet, 0, 1, letters), ==, OUTLET_DONE);
  g_assert_cmpstr(letters, ==, "S");
  g_autofree char *new = g_build_filename(path, "new", NULL), *tmp = g_build_filename(path, "tmp", NULL), *text = only_file(new);
  g_assert_cmpstr(text, ==, "Return-Path: <ant-bounces@example.com>\nDelivered-To: good@example.net\nSubject: x\n\n.\nlast\n");
  g_assert_cmpint(send_to(outlet, 1, 2, letters), ==, OUTLET_DONE);
  g_autoptr(GDir) dir = g_dir_open(new, 0, NULL);
  int n = 0;
  while (g_dir_read_name(dir))
    n++;
  g_assert_cmpint(n, ==, 4);
  g_assert_cmpint(g_rmdir(tmp), ==, 0); /* is empty */
  remove_maildir(path);
}

static void
test_maildir_impossible(void)
{
  g_autofree char *scratch = g_dir_make_tmp("outlet-XXXXXX", NULL), *file = g_build_filename(scratch, "file", NULL), *path = g_build_filename(file, "Maildir", NULL);
  g_assert_true(g_file_set_contents(file, "", 0, NULL));
  OWN(outlet) outlet = NULL;
  g_assert_cmpint(outlet_new(&(struct outlet_options){ .type = "maildir", .path = path, .hostname = "x" }, &outlet, NULL), ==, RES_OK);
  char letters[8];
  g_assert_cmpint(send_to(outlet, 0, 2, letters), ==, OUTLET_DOWN);
  g_assert_cmpstr(letters, ==, "PP");
  g_remove(file);
  g_rmdir(scratch);
}

static void
test_options(void)
{
  const struct outlet_options bad[] = {
    { .type = "pigeon", .hosts = (const char *const[]){ "x", NULL }, .hostname = "x" },
    { .type = "maildir", .path = "", .hostname = "x" },
    { .type = "smtp", .port = 25, .hostname = "x" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    OWN(outlet) outlet = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(outlet_new(&bad[i], &outlet, &error), ==, RES_BAD);
    g_assert_nonnull(error);
  }
  OWN(outlet) outlet = NULL;
  g_assert_cmpint(outlet_new(&(struct outlet_options){ .type = "smtp", .hosts = (const char *const[]){ "::1", NULL }, .port = 25, .hostname = "x" }, &outlet, NULL), ==, RES_OK);
  g_assert_cmpstr(outlet->name, ==, "smtp [::1]:25");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/outlet/smtp/%s", rows[i].name);
    g_test_add_data_func(path, &rows[i], test_smtp);
  }
  g_test_add_func("/outlet/smtp/nobody listens", test_nobody_listens);
  g_test_add_func("/outlet/smtp/useless", test_useless);
  g_test_add_func("/outlet/smtp/idle", test_idle);
  g_test_add_func("/outlet/maildir", test_maildir);
  g_test_add_func("/outlet/maildir impossible", test_maildir_impossible);
  g_test_add_func("/outlet/options", test_options);
  return g_test_run();
}
