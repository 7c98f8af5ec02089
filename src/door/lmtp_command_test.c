#include "door/lmtp_command.h"

static const struct {
  const char *name, *line, *arg;
  enum res want;
  enum lmtp_verb verb;
  enum reply reply;
} rows[] = {
  { .name = "plain verb", .line = "DATA", .verb = LMTP_DATA, .arg = "" },
  { .name = "lower case", .line = "rset", .verb = LMTP_RSET, .arg = "" },
  { .name = "trailing blanks", .line = "QUIT  ", .verb = LMTP_QUIT, .arg = "" },
  { .name = "argument", .line = "LHLO  mta.example ", .verb = LMTP_LHLO, .arg = "mta.example" },
  { .name = "argument kept", .line = "MAIL FROM:<a@b> SIZE=1", .verb = LMTP_MAIL, .arg = "FROM:<a@b> SIZE=1" },
  { .name = "argument allowed", .line = "NOOP x", .verb = LMTP_NOOP, .arg = "x" },
  { .name = "argument refused", .line = "RSET x", .want = RES_BAD, .reply = REPLY_SYNTAX },
  { .name = "argument missing", .line = "RCPT", .want = RES_BAD, .reply = REPLY_SYNTAX },
  { .name = "empty", .line = "", .want = RES_BAD, .reply = REPLY_UNKNOWN_COMMAND },
  { .name = "blank first", .line = " DATA", .want = RES_BAD, .reply = REPLY_UNKNOWN_COMMAND },
  { .name = "tab is no blank", .line = "LHLO\tx", .want = RES_BAD, .reply = REPLY_UNKNOWN_COMMAND },
  { .name = "prefix of a verb", .line = "DAT", .want = RES_BAD, .reply = REPLY_UNKNOWN_COMMAND },
  { .name = "longer than a verb", .line = "DATAX", .want = RES_BAD, .reply = REPLY_UNKNOWN_COMMAND },
  { .name = "SMTP's greeting", .line = "EHLO x", .want = RES_BAD, .reply = REPLY_UNKNOWN_COMMAND },
  { .name = "an HTTP client", .line = "GET / HTTP/1.1", .want = RES_BAD, .reply = REPLY_UNKNOWN_COMMAND },
};

static void
test_verbs(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct lmtp_command command = { .verb = LMTP_VERBS };
    g_autoptr(GError) error = NULL;
    enum res res = lmtp_command_parse(PROTOCOL_LMTP, slice_of(rows[i].line), &command, &error);
    bool same = res == RES_OK ? command.verb == rows[i].verb && slice_equal(command.arg, slice_of(rows[i].arg))
                              : error_reply(error, REPLY_OK) == rows[i].reply;
    if (res != rows[i].want || !same)
      g_error("%s: %d, verb %d, \"%.*s\"", rows[i].name, (int)res, (int)command.verb, SLICE_FMT(command.arg));
  }
}

static const struct {
  const char *name, *arg, *path, *parameters;
  enum res want;
} paths[] = {
  { .name = "plain", .arg = "FROM:<a@b>", .path = "a@b", .parameters = "" },
  { .name = "any case", .arg = "From:<a@b> SIZE=1", .path = "a@b", .parameters = "SIZE=1" },
  { .name = "blank after the colon", .arg = "FROM: <a@b>", .path = "a@b", .parameters = "" },
  { .name = "null", .arg = "FROM:<>", .path = "", .parameters = "" },
  { .name = "quoted", .arg = "FROM:<\"a> b\"@c> X", .path = "\"a> b\"@c", .parameters = "X" },
  { .name = "other keyword", .arg = "TO:<a@b>", .want = RES_BAD },
  { .name = "no colon", .arg = "FROM<a@b>", .want = RES_BAD },
  { .name = "no brackets", .arg = "FROM:a@b", .want = RES_BAD },
  { .name = "nothing", .arg = "FROM:", .want = RES_BAD },
};

static void
test_paths(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
    struct slice path = { 0 }, parameters = { 0 };
    enum res res = lmtp_command_path(slice_of(paths[i].arg), SLICE("FROM:"), &path, &parameters, NULL);
    if (res != paths[i].want ||
        (res == RES_OK && (!slice_equal(path, slice_of(paths[i].path)) || !slice_equal(parameters, slice_of(paths[i].parameters)))))
      g_error("%s: %d, \"%.*s\", \"%.*s\"", paths[i].name, (int)res, SLICE_FMT(path), SLICE_FMT(parameters));
  }
}

static const struct {
  const char *name, *arg;
  enum res want;
  int64_t octets;
  bool last;
} chunks[] = {
  { .name = "chunk", .arg = "10", .octets = 10 },
  { .name = "last", .arg = "10 LAST", .octets = 10, .last = true },
  { .name = "any case", .arg = "0   last", .last = true },
  { .name = "18 digits", .arg = "999999999999999999", .octets = 999999999999999999 },
  { .name = "19 digits", .arg = "1999999999999999999", .want = RES_BAD },
  { .name = "nothing", .arg = "", .want = RES_BAD },
  { .name = "no number", .arg = "LAST", .want = RES_BAD },
  { .name = "sign", .arg = "+1", .want = RES_BAD },
  { .name = "hexadecimal", .arg = "0x10", .want = RES_BAD },
  { .name = "other word", .arg = "10 FIRST", .want = RES_BAD },
  { .name = "more than LAST", .arg = "10 LAST LAST", .want = RES_BAD },
};

static void
test_chunks(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(chunks); i++) {
    int64_t octets;
    bool last;
    enum res res = lmtp_command_chunk(slice_of(chunks[i].arg), &octets, &last, NULL);
    if (res != chunks[i].want || (res == RES_OK && (octets != chunks[i].octets || last != chunks[i].last)))
      g_error("%s: %d", chunks[i].name, (int)res);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/lmtp-command/verbs", test_verbs);
  g_test_add_func("/lmtp-command/paths", test_paths);
  g_test_add_func("/lmtp-command/chunks", test_chunks);
  return g_test_run();
}
