/* The hooks of each kind of door: questions, recipients, and what a message comes to. */
#include "server/posting_door.h"
#include "base/log.h"
#include "queue/fixture.h"
#include <string.h>
#include <unistd.h>

#define ANT "ant@example.com"
#define CLOSED "closed@example.com"
#define CALLOUT "127.0.0.1:8029"

struct bench {
  struct fixture fixture;
  struct posting_door door;
  struct door_hooks hooks[POSTING_DOOR_KINDS];
  int woken, kept;
};

static void
on_wake(void *ctx)
{
  ((struct bench *)ctx)->woken++;
}

static void
on_kept(void *ctx, enum role role)
{
  (void)role;
  ((struct bench *)ctx)->kept++;
}

static struct config *
config_new(void)
{
  g_autofree char *path = NULL;
  struct config *config = NULL;
  int fd = g_file_open_tmp("listward-posting-door-XXXXXX", &path, NULL);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  g_assert_true(g_file_set_contents(path, "[lmtp]\ncallout_listen = " CALLOUT "\n", -1, NULL));
  g_assert_cmpint(config_load(path, &config, NULL), ==, RES_OK);
  g_assert_cmpint(unlink(path), ==, 0);
  return config;
}

/* Everybody who is banned, refused by a record, unknown … on ANT; CLOSED conceals its members. */
static void
set_up(struct bench *bench)
{
  struct fixture *fixture = &bench->fixture;
  *bench = (struct bench){ 0 };
  fixture_set_up(fixture);
  fixture_list(fixture, ANT);
  fixture_list(fixture, CLOSED);
  fixture_set(fixture, CLOSED, "conceal_members", "yes");
  fixture_set(fixture, ANT, "max_message_size", "10");
  fixture_member(fixture, ANT, MEMBER_MEMBER, "bea@example.org", NULL);
  fixture_member(fixture, ANT, MEMBER_MEMBER, "bad@example.org", "reject");
  fixture_member(fixture, CLOSED, MEMBER_MEMBER, "bad@example.org", "reject");
  fixture_run(fixture, "UPDATE domain SET alias = 'alias.example'");
  fixture_run(fixture, "UPDATE meta SET number = number + 1");
  fixture_run(fixture, "INSERT INTO ban (list_id, pattern, created_at) VALUES (0, 'banned@example.net', 1), (0, '^.*@spam\\.example', 1), (0, '^double-bounce@spam\\.', 1)");
  bench->door = (struct posting_door){ .store = fixture->store, .index = fixture->index, .live = live_config_new(config_new()), .budget = &fixture->budget,
                                       .wake = on_wake, .kept = on_kept, .wake_ctx = bench };
  for (enum posting_door_kind kind = 0; kind < POSTING_DOOR_KINDS; kind++)
    bench->hooks[kind] = posting_door_hooks(&bench->door, kind);
}

static void
tear_down(struct bench *bench)
{
  live_config_free(bench->door.live);
  fixture_tear_down(&bench->fixture);
}

/* --- questions --- */

static const struct question_row {
  const char *name;
  struct door_question question;
  enum res want;
  enum reply reply; /* if it is RES_BAD */
  const char *setting; /* verdict_at_rcpt of both lists; NULL: the default */
} question_rows[] = {
  { .name = "a list", .question = { ANT }, .want = RES_OK },
  { .name = "whatever its case", .question = { "ANT@Example.COM" }, .want = RES_OK },
  { .name = "in a domain's alias", .question = { "ant@alias.example" }, .want = RES_OK },
  { .name = "a role", .question = { "ant-owner@example.com" }, .want = RES_OK },
  { .name = "a bounce's address", .question = { "ant-bounces+joe=example.org@example.com" }, .want = RES_OK },
  { .name = "postmaster", .question = { "postmaster@example.com" }, .want = RES_OK },
  { .name = "postmaster alone", .question = { "Postmaster" }, .want = RES_OK },
  { .name = "no list there", .question = { "nobody@example.com" }, .want = RES_BAD, .reply = REPLY_UNKNOWN_LIST },
  { .name = "nor in the alias", .question = { "nobody@ALIAS.example" }, .want = RES_BAD, .reply = REPLY_UNKNOWN_LIST },
  { .name = "no address, in our domain", .question = { "a b\"c@example.com" }, .want = RES_BAD, .reply = REPLY_UNKNOWN_LIST },
  { .name = "no local part", .question = { "@example.com" }, .want = RES_BAD, .reply = REPLY_UNKNOWN_LIST },
  { .name = "elsewhere", .question = { "ant@example.org" }, .want = RES_MORE },
  { .name = "below our domain", .question = { "ant@sub.example.com" }, .want = RES_MORE },
  { .name = "no domain", .question = { "ant" }, .want = RES_MORE },
  { .name = "an empty domain", .question = { "ant@" }, .want = RES_MORE },
  { .name = "nothing", .question = { "" }, .want = RES_MORE },
  { .name = "octets", .question = { "\xff\xfe@\xff" }, .want = RES_MORE },

  { .name = "SIZE in doubt", .question = { ANT, .size = 10240 + 8192 }, .want = RES_OK },
  { .name = "SIZE beyond doubt", .question = { ANT, .size = 10240 + 8193 }, .want = RES_BAD, .reply = REPLY_TOO_LARGE },
  { .name = "SIZE to a role", .question = { "ant-request@example.com", .size = 1 << 30 }, .want = RES_OK },

  { .name = "a member", .question = { ANT, .sender = "bea@example.org" }, .want = RES_OK },
  { .name = "a stranger", .question = { ANT, .sender = "eve@example.net" }, .want = RES_OK },
  { .name = "null sender", .question = { ANT, .sender = "" }, .want = RES_OK },
  { .name = "no address for a sender", .question = { ANT, .sender = "a b@c d" }, .want = RES_OK },
  { .name = "banned", .question = { ANT, .sender = "Banned@Example.NET" }, .want = RES_BAD, .reply = REPLY_REFUSED },
  { .name = "banned, to a role", .question = { "ant-owner@example.com", .sender = "banned@example.net" }, .want = RES_OK },
  { .name = "banned, to nobody", .question = { "nobody@example.com", .sender = "banned@example.net" }, .want = RES_BAD, .reply = REPLY_UNKNOWN_LIST },
  { .name = "banned, elsewhere", .question = { "ant@example.org", .sender = "banned@example.net" }, .want = RES_MORE },
  { .name = "banned by a pattern", .question = { ANT, .sender = "any@spam.example" }, .want = RES_BAD, .reply = REPLY_REFUSED },
  { .name = "a probe's sender, banned", .question = { ANT, .sender = "Double-Bounce@spam.example" }, .want = RES_OK },
  { .name = "banned, where members are concealed", .question = { CLOSED, .sender = "banned@example.net" }, .want = RES_OK },
  { .name = "a record refuses", .question = { ANT, .sender = "bad@example.org" }, .want = RES_OK },

  { .name = "no: banned", .setting = "no", .question = { ANT, .sender = "banned@example.net" }, .want = RES_OK },
  { .name = "sure: banned", .setting = "sure", .question = { ANT, .sender = "banned@example.net" }, .want = RES_BAD, .reply = REPLY_REFUSED },
  { .name = "sure: a record refuses", .setting = "sure", .question = { ANT, .sender = "bad@example.org" }, .want = RES_BAD, .reply = REPLY_REFUSED },
  { .name = "sure: a stranger", .setting = "sure", .question = { ANT, .sender = "eve@example.net" }, .want = RES_OK },
  { .name = "sure: null sender", .setting = "sure", .question = { ANT, .sender = "" }, .want = RES_OK },
  { .name = "sure: a record refuses, where members are concealed", .setting = "sure", .question = { CLOSED, .sender = "bad@example.org" }, .want = RES_OK },
};

static void
set_lists(struct bench *bench, const char *setting)
{
  fixture_set(&bench->fixture, ANT, "verdict_at_rcpt", setting ? setting : "banned");
  fixture_set(&bench->fixture, CLOSED, "verdict_at_rcpt", setting ? setting : "banned");
}

static void
test_questions(void)
{
  struct bench bench;
  set_up(&bench);
  const char *setting = "";
  for (size_t i = 0; i < G_N_ELEMENTS(question_rows); i++) {
    const struct question_row *row = &question_rows[i];
    if (g_strcmp0(row->setting, setting) != 0)
      set_lists(&bench, setting = row->setting);
    for (enum posting_door_kind kind = 0; kind < POSTING_DOOR_KINDS; kind++) {
      g_autoptr(GError) error = NULL;
      g_test_message("%s", row->name);
      g_assert_cmpint(bench.hooks[kind].ask(bench.hooks[kind].ctx, &row->question, &error), ==, row->want);
      g_assert_cmpint(error ? error_reply(error, REPLY_OK) : REPLY_COUNT, ==, row->want == RES_BAD ? row->reply : REPLY_COUNT);
      g_assert_cmpint(bench.hooks[kind].ask(bench.hooks[kind].ctx, &row->question, NULL), ==, row->want);
    }
  }
  tear_down(&bench);
}

static void
test_domains(void)
{
  static const struct { const char *domain; enum res want; } table[] = {
    { "example.com", RES_OK }, { "EXAMPLE.com", RES_OK }, { "alias.example", RES_OK }, { "example.org", RES_MORE }, { "", RES_MORE }, { "a b", RES_MORE },
  };
  struct bench bench;
  set_up(&bench);
  const struct door_hooks *hooks = &bench.hooks[POSTING_DOOR_JUDGE];
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autoptr(GError) error = NULL;
    g_test_message("%s", table[i].domain);
    g_assert_cmpint(hooks->ask_domain(hooks->ctx, table[i].domain, &error), ==, table[i].want);
    g_assert_no_error(error);
  }
  tear_down(&bench);
}

/* A list that a command has just made is known, and the database's trouble is not "no such list". */
static void
test_what_is_new(void)
{
  struct bench bench;
  set_up(&bench);
  const struct door_hooks *hooks = &bench.hooks[POSTING_DOOR_JUDGE];
  const struct door_question question = { "new@new.example" };
  g_assert_cmpint(hooks->ask(hooks->ctx, &question, NULL), ==, RES_MORE);
  fixture_list(&bench.fixture, "new@new.example");
  g_assert_cmpint(hooks->ask(hooks->ctx, &question, NULL), ==, RES_OK);
  g_assert_cmpint(hooks->ask_domain(hooks->ctx, "new.example", NULL), ==, RES_OK);

  fixture_run(&bench.fixture, "ALTER TABLE ban RENAME TO nab");
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(hooks->ask(hooks->ctx, &(struct door_question){ ANT, .sender = "eve@example.net" }, &error), ==, RES_TEMP);
  g_assert_cmpint(error_reply(error, REPLY_OK), ==, REPLY_TROUBLE);
  fixture_run(&bench.fixture, "ALTER TABLE nab RENAME TO ban");
  tear_down(&bench);
}

/* --- transactions --- */

static void
recipient_free(void *data)
{
  struct door_recipient *recipient = data;
  g_free(recipient->address);
  g_string_free(recipient->reply, TRUE);
  g_free(recipient);
}

struct visit {
  struct bench *bench;
  const struct door_hooks *hooks;
  struct door_xforward xforward;
  struct door_peer peer;
  struct door_transaction transaction;
};

static void
visit_begin(struct visit *visit, struct bench *bench, enum posting_door_kind kind, const char *sender)
{
  *visit = (struct visit){ .bench = bench, .hooks = &bench->hooks[kind] };
  visit->peer = (struct door_peer){ .session = "s", .listener = "127.0.0.1:8024", .address = "127.0.0.1:4711" };
  visit->transaction = (struct door_transaction){ .peer = &visit->peer, .xforward = &visit->xforward, .reverse_path = (char *)sender,
                                                  .recipients = g_ptr_array_new_with_free_func(recipient_free) };
  g_assert_cmpint(visit->hooks->mail(visit->hooks->ctx, &visit->transaction, NULL), ==, RES_OK);
}

/* The reply, REPLY_RECIPIENT_OK if it is taken. */
static enum reply
visit_recipient(struct visit *visit, const char *address)
{
  void *target = NULL;
  g_autoptr(GError) error = NULL;
  if (visit->hooks->recipient(visit->hooks->ctx, &visit->transaction, address, &target, &error) != RES_OK)
    return error_reply(error, REPLY_TROUBLE);
  struct door_recipient *recipient = g_new0(struct door_recipient, 1);
  *recipient = (struct door_recipient){ .address = g_strdup(address), .target = target, .reply = g_string_new(NULL) };
  g_ptr_array_add(visit->transaction.recipients, recipient);
  return REPLY_RECIPIENT_OK;
}

static void
visit_message(struct visit *visit, const char *message)
{
  const struct door_hooks *hooks = visit->hooks;
  visit->transaction.attempted = true;
  g_assert_cmpint(hooks->message_begin(hooks->ctx, &visit->transaction, NULL), ==, RES_OK);
  g_assert_cmpint(hooks->message_data(hooks->ctx, &visit->transaction, slice_of(message), NULL), ==, RES_OK);
  struct slice octets = posting_door_octets(&visit->transaction);
  g_assert_true(slice_equal(octets, slice_of(message)));
  hooks->message_end(hooks->ctx, &visit->transaction);
}

static void
visit_end(struct visit *visit)
{
  visit->hooks->reset(visit->hooks->ctx, &visit->transaction);
  g_ptr_array_unref(visit->transaction.recipients);
}

/* Over a delivery listener the answer depends on the recipient alone, in front of the queue on the sender, too; a probe's never does. */
static const struct recipient_row {
  const char *name;
  enum posting_door_kind kind;
  bool callout;
  const char *sender;
  struct door_xforward xforward;
  enum reply want;
} recipient_rows[] = {
  { .name = "delivery", .kind = POSTING_DOOR_DELIVERY, .sender = "banned@example.net", .want = REPLY_RECIPIENT_OK },
  { .name = "call-out", .kind = POSTING_DOOR_DELIVERY, .callout = true, .sender = "banned@example.net", .want = REPLY_REFUSED },
  { .name = "SMTP", .kind = POSTING_DOOR_FRONT, .sender = "banned@example.net", .want = REPLY_REFUSED },
  { .name = "milter", .kind = POSTING_DOOR_JUDGE, .sender = "banned@example.net", .want = REPLY_REFUSED },
  { .name = "milter, not banned", .kind = POSTING_DOOR_JUDGE, .sender = "eve@example.net", .want = REPLY_RECIPIENT_OK },
  { .name = "call-out, null", .kind = POSTING_DOOR_DELIVERY, .callout = true, .sender = "", .want = REPLY_RECIPIENT_OK },
  { .name = "call-out, a probe's sender", .kind = POSTING_DOOR_DELIVERY, .callout = true, .sender = "double-bounce@spam.example", .want = REPLY_RECIPIENT_OK },
  { .name = "call-out, a probe by its XFORWARD", .kind = POSTING_DOOR_DELIVERY, .callout = true, .sender = "banned@example.net", .xforward = { .source = (char *)"LOCAL" },
    .want = REPLY_RECIPIENT_OK },
  { .name = "call-out, mail from this host", .kind = POSTING_DOOR_DELIVERY, .callout = true, .sender = "banned@example.net",
    .xforward = { .source = (char *)"LOCAL", .name = (char *)"localhost" }, .want = REPLY_REFUSED },
  { .name = "call-out, from elsewhere", .kind = POSTING_DOOR_DELIVERY, .callout = true, .sender = "banned@example.net", .xforward = { .source = (char *)"REMOTE" },
    .want = REPLY_REFUSED },
};

static void
test_recipients(void)
{
  struct bench bench;
  set_up(&bench);
  for (size_t i = 0; i < G_N_ELEMENTS(recipient_rows); i++) {
    const struct recipient_row *row = &recipient_rows[i];
    struct visit visit;
    visit_begin(&visit, &bench, row->kind, row->sender);
    visit.xforward = row->xforward;
    if (row->callout)
      visit.peer.listener = CALLOUT;
    g_test_message("%s", row->name);
    g_assert_cmpint(visit_recipient(&visit, ANT), ==, row->want);
    g_assert_cmpint(visit_recipient(&visit, "ant-owner@example.com"), ==, REPLY_RECIPIENT_OK);
    g_assert_cmpint(visit_recipient(&visit, "nobody@example.com"), ==, REPLY_UNKNOWN_LIST);
    visit_end(&visit);
  }
  tear_down(&bench);
}

/* --- messages --- */

static const struct message_row {
  const char *name, *sender;
  enum posting_door_kind kind;
  const char *setting; /* default_nonmember_action */
  enum door_outcome want;
  const char *reply; /* how it begins */
  int postings, verdicts, woken;
} message_rows[] = {
  { "accepted over LMTP", "bea@example.org", POSTING_DOOR_DELIVERY, "reject", DOOR_ACCEPTED, "250 2.6.0 ", 1, 0, 1 },
  { "held over LMTP", "eve@example.net", POSTING_DOOR_DELIVERY, "reject", DOOR_HELD, "250 2.6.0 ", 1, 0, 0 },
  { "discarded over LMTP", "eve@example.net", POSTING_DOOR_DELIVERY, "discard", DOOR_DISCARDED, "250 2.6.0 ", 0, 0, 0 },
  { "accepted over SMTP", "bea@example.org", POSTING_DOOR_FRONT, "reject", DOOR_ACCEPTED, "250 2.6.0 ", 1, 0, 1 },
  { "refused over SMTP", "eve@example.net", POSTING_DOOR_FRONT, "reject", DOOR_REFUSED, "550 5.7.1 you are not a member of ant@example.com; to become one", 0, 0, 0 },
  { "accepted by a milter", "bea@example.org", POSTING_DOOR_JUDGE, "reject", DOOR_ACCEPTED, "250 2.0.0 ok", 0, 1, 0 },
  { "held by a milter", "eve@example.net", POSTING_DOOR_JUDGE, "hold", DOOR_HELD, "250 2.6.0 it will wait for the moderators of ant@example.com: ", 0, 1, 0 },
  { "discarded by a milter", "eve@example.net", POSTING_DOOR_JUDGE, "discard", DOOR_DISCARDED, "250 2.6.0 ", 0, 1, 0 },
  { "refused by a milter", "eve@example.net", POSTING_DOOR_JUDGE, "reject", DOOR_REFUSED, "550 5.7.1 you are not a member of ant@example.com; to become one", 0, 1, 0 },
};

static void
check_message(const struct message_row *row)
{
  struct bench bench;
  struct visit visit;
  set_up(&bench);
  fixture_set(&bench.fixture, ANT, "default_nonmember_action", row->setting);
  g_autofree char *message = g_strdup_printf("From: %s\r\nSubject: hello\r\n\r\nhello\r\n", row->sender);
  visit_begin(&visit, &bench, row->kind, row->sender);
  g_assert_cmpint(visit_recipient(&visit, ANT), ==, REPLY_RECIPIENT_OK);
  visit_message(&visit, message);
  const struct door_recipient *recipient = g_ptr_array_index(visit.transaction.recipients, 0);
  g_test_message("%s: %d %s", row->name, recipient->outcome, recipient->reply->str);
  g_assert_cmpint(recipient->outcome, ==, row->want);
  g_assert_true(g_str_has_prefix(recipient->reply->str, row->reply) && g_str_has_suffix(recipient->reply->str, "\r\n"));
  visit_end(&visit);
  g_assert_cmpint(fixture_int(&bench.fixture, "SELECT count(*) FROM posting"), ==, row->postings);
  g_assert_cmpint(fixture_int(&bench.fixture, "SELECT count(*) FROM front_verdict"), ==, row->verdicts);
  g_assert_cmpint(bench.woken, ==, row->woken);
  g_assert_cmpint(bench.kept, ==, row->postings + row->verdicts);
  tear_down(&bench);
}

static void
test_messages(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(message_rows); i++)
    check_message(&message_rows[i]);
}

/* Trouble is no verdict, and leaves nothing; a milter's message is never written to the database, however long. */
static void
test_trouble(void)
{
  struct bench bench;
  struct visit visit;
  set_up(&bench);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR + 1);
  fixture_set(&bench.fixture, ANT, "max_message_size", "0");
  fixture_run(&bench.fixture, "CREATE TRIGGER broken BEFORE INSERT ON front_verdict BEGIN SELECT RAISE(ABORT, 'no'); END");
  fixture_run(&bench.fixture, "CREATE TRIGGER unwanted BEFORE INSERT ON message_piece BEGIN SELECT RAISE(ABORT, 'no'); END");
  g_autofree char *filling = g_strnfill(600000, 'x');
  for (char *c = filling + 1000; c < filling + 600000; c += 1000)
    memcpy(c - 2, "\r\n", 2);
  g_autofree char *message = g_strconcat("From: bea@example.org\r\n\r\n", filling, "\r\n", NULL);
  for (int i = 0; i < 2; i++) {
    visit_begin(&visit, &bench, POSTING_DOOR_JUDGE, "bea@example.org");
    g_assert_cmpint(visit_recipient(&visit, ANT), ==, REPLY_RECIPIENT_OK);
    visit_message(&visit, message);
    const struct door_recipient *recipient = g_ptr_array_index(visit.transaction.recipients, 0);
    g_assert_cmpint(recipient->outcome, ==, i == 0 ? DOOR_TROUBLE : DOOR_ACCEPTED);
    g_assert_true(g_str_has_prefix(recipient->reply->str, i == 0 ? "451 4.3.0 " : "250 "));
    visit_end(&visit);
    if (i == 0)
      fixture_run(&bench.fixture, "DROP TRIGGER broken");
  }
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_WARNING);
  tear_down(&bench);
}

/* A transaction that ends without a message, or after message_drop, leaves nothing. */
static void
test_no_message(void)
{
  struct bench bench;
  set_up(&bench);
  for (enum posting_door_kind kind = 0; kind < POSTING_DOOR_KINDS; kind++) {
    struct visit visit;
    visit_begin(&visit, &bench, kind, "bea@example.org");
    for (int i = 0; i < 30; i++)
      g_assert_cmpint(visit_recipient(&visit, "nobody@example.com"), ==, REPLY_UNKNOWN_LIST);
    visit_end(&visit);

    visit_begin(&visit, &bench, kind, "bea@example.org");
    g_assert_cmpint(visit_recipient(&visit, ANT), ==, REPLY_RECIPIENT_OK);
    g_assert_cmpint(visit.hooks->message_begin(visit.hooks->ctx, &visit.transaction, NULL), ==, RES_OK);
    g_assert_cmpint(visit.hooks->message_data(visit.hooks->ctx, &visit.transaction, SLICE("From: x\r\n"), NULL), ==, RES_OK);
    visit.hooks->message_drop(visit.hooks->ctx, &visit.transaction);
    visit_end(&visit);
  }
  g_assert_cmpint(fixture_int(&bench.fixture, "SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM front_verdict)"), ==, 0);
  tear_down(&bench);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_WARNING);
  g_test_add_func("/posting-door/questions", test_questions);
  g_test_add_func("/posting-door/domains", test_domains);
  g_test_add_func("/posting-door/what-is-new", test_what_is_new);
  g_test_add_func("/posting-door/recipients", test_recipients);
  g_test_add_func("/posting-door/messages", test_messages);
  g_test_add_func("/posting-door/trouble", test_trouble);
  g_test_add_func("/posting-door/no-message", test_no_message);
  return g_test_run();
}
