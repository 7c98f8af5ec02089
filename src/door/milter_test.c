/* Whole sessions against the stub's lists, cut at every octet. Packets are written as text: '|' ends one, '~' is NUL, "O6" is an offer of version 6 with all that it has. */
#include "base/counter.h"
#include "base/log.h"
#include "door/milter_packet.h"
#include "door/service.h"
#include "door/stub_hooks.h"
#include "net/memory_peer.h"

#define OFFER "O6|"
#define AGREED "O6 8 1e71c3|"
#define MAIL "M<a@x.example>~|"
#define RCPT "R<list@y.example>~|"
#define OTHER "R<bob@elsewhere.org>~|"
#define UNKNOWN "R<no-one@y.example>~|"
#define MESSAGE "LSubject~ s~|Bbody\r\n|E|"
#define OURS "mail(a@x.example) rcpt(list@y.example) "
#define OCTETS "[Subject: s\\r\\n\\r\\nbody\\r\\n] "
#define POSTED OURS "begin " OCTETS "end reset "
#define TO(name) "R<" name "@y.example>~|"
#define TAKEN(name) "rcpt(" name "@y.example) "
#define FIRST(name) "mail(a@x.example) rcpt(" name "@y.example) "
#define HELD_REASON "y550 5.7.1 the reason~|"
#define TROUBLE "y451 4.3.0 temporary trouble here, nothing was kept; please try again~|"

struct row {
  const char *name;
  const char *input;
  const char *want; /* answers */
  const char *log;  /* what the hooks were told */
  bool stopping;
};

/* ---- packets as text ---- */

static void
append_offer(GString *out, uint32_t version)
{
  static const uint32_t steps[] = { 0, 0x3f, 0x7f, 0x1ff, 0x3ff, 0x3ff, 0x1fffff, 0x1fffff };
  milter_offer_write(&(struct milter_offer){ version, version < 6 ? 0x3f : 0x1ff, steps[version] }, out);
}

static GString *
octets_of(const char *text)
{
  GString *out = g_string_new(NULL);
  g_auto(GStrv) packets = g_strsplit(text, "|", -1);
  for (char **packet = packets; *packet && **packet; packet++) {
    size_t n = strlen(*packet);
    g_strdelimit(*packet, "~", '\0');
    if (n == 2 && **packet == 'O')
      append_offer(out, (uint32_t)((*packet)[1] - '0'));
    else
      milter_packet_write(out, **packet, (struct slice){ *packet + 1, n - 1 });
  }
  return out;
}

static uint32_t
number_at(const char *p)
{
  uint32_t number;
  memcpy(&number, p, sizeof number);
  return GUINT32_FROM_BE(number);
}

/* Answers may be of no type that commands have, so they are read here. */
static char *
text_of(const GString *octets)
{
  GString *text = g_string_new(NULL);
  for (const char *p = octets->str, *end = p + octets->len; p < end;) {
    uint32_t length = number_at(p);
    g_assert_cmpuint(length, >, 0);
    g_assert_cmpint(length, <=, end - p - 4);
    if (p[4] == 'O')
      g_string_append_printf(text, "O%u %x %x", number_at(p + 5), number_at(p + 9), number_at(p + 13));
    else
      for (uint32_t i = 0; i < length; i++)
        g_string_append_c(text, p[4 + i] ? p[4 + i] : '~');
    g_string_append_c(text, '|');
    p += 4 + length;
  }
  return g_string_free(text, FALSE);
}

/* ---- sessions ---- */

static void
converse(struct stub *stub, struct memory_peer *peer)
{
  static const struct door_peer who = { .session = "s1", .listener = "test", .address = "unix", .unix_socket = true };
  const struct service service = { &milter_service, &stub->hooks, &stub->options };
  void *session = milter_service.session_new(&service, memory_peer_stream(peer), &who);
  milter_service.session_run(session);
  milter_service.session_free(session);
  g_assert_true(peer->closed);
}

static void
check_cut(const struct row *row, size_t split, size_t piece)
{
  OWN(stub) stub = stub_new();
  atomic_store(&stub->options.stopping, row->stopping);
  g_autoptr(GString) input = octets_of(row->input);
  struct memory_peer peer = { .input = { input->str, input->len }, .split = split, .piece = piece };
  converse(stub, &peer);
  g_autofree char *got = text_of(peer.output);
  if (strcmp(got, row->want) != 0)
    g_error("%s, split at %zu:\n%s\nnot\n%s", row->name, split, got, row->want);
  if (strcmp(stub->log->str, row->log ? row->log : "") != 0)
    g_error("%s, split at %zu: hooks were told\n%s\nnot\n%s", row->name, split, stub->log->str, row->log);
  g_string_free(peer.output, TRUE);
}

static void
check_all(const struct row *rows, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    g_autoptr(GString) input = octets_of(rows[i].input);
    for (size_t split = 0; split <= input->len; split++)
      check_cut(&rows[i], split, 0);
    check_cut(&rows[i], 0, 1);
  }
}

static const struct row usual[] = {
  { .name = "nothing", .input = "", .want = "" },
  { .name = "an offer", .input = OFFER "Q|", .want = AGREED },
  { .name = "a posting", .input = OFFER MAIL RCPT "T|" MESSAGE "Q|", .want = AGREED "c|c|a|", .log = POSTED },
  { .name = "as Postfix sends it",
    .input = OFFER "DM{mail_addr}~a@x.example~|M<a@x.example>~SIZE=100~BODY=8BITMIME~|DRi~4Xy~|" RCPT "DT|T|DL|LSubject~ s~|DN|Bbody\r\n|DE|E|A|Q|",
    .want = AGREED "c|c|a|",
    .log = "mail(a@x.example size=100 8bit) rcpt(list@y.example) begin " OCTETS "end reset " },
  { .name = "the last octets of the body with its end", .input = OFFER MAIL RCPT "T|LSubject~ s~|Bbo|Edy\r\n|", .want = AGREED "c|c|a|", .log = POSTED },
  { .name = "no body", .input = OFFER MAIL RCPT "T|LSubject~ s~|E|", .want = AGREED "c|c|a|", .log = OURS "begin [Subject: s\\r\\n\\r\\n] end reset " },
  { .name = "no header", .input = OFFER MAIL RCPT "T|Bbody|E|", .want = AGREED "c|c|a|", .log = OURS "begin [\\r\\nbody] end reset " },
  { .name = "nothing at all", .input = OFFER MAIL RCPT "T|E|", .want = AGREED "c|c|a|", .log = OURS "begin [\\r\\n] end reset " },
  { .name = "a folded field, a stray CR", .input = OFFER MAIL RCPT "T|LSubject~ s\n\tt\ru~|E|", .want = AGREED "c|c|a|",
    .log = OURS "begin [Subject: s\\r\\n\\tt u\\r\\n\\r\\n] end stray=1 reset " },
  { .name = "a line end over two chunks, a stray LF", .input = OFFER MAIL RCPT "T|Ba\r|B\nb\n|E|", .want = AGREED "c|c|a|",
    .log = OURS "begin [\\r\\na\\r\\nb ] end stray=1 reset " },
  { .name = "dots are text", .input = OFFER MAIL RCPT "T|B.\r\n..a\r\n|E|", .want = AGREED "c|c|a|", .log = OURS "begin [\\r\\n.\\r\\n..a\\r\\n] end reset " },
  { .name = "two messages", .input = OFFER MAIL RCPT "T|" MESSAGE MAIL RCPT "T|" MESSAGE, .want = AGREED "c|c|a|c|c|a|", .log = POSTED POSTED },
  { .name = "an abort between", .input = OFFER MAIL RCPT "T|" MESSAGE "A|" MAIL RCPT "T|" MESSAGE, .want = AGREED "c|c|a|c|c|a|", .log = POSTED POSTED },
  { .name = "another client", .input = OFFER MAIL RCPT "K|" MAIL RCPT "T|" MESSAGE, .want = AGREED "c|c|c|a|", .log = OURS "reset " POSTED },
  { .name = "abort before the message", .input = OFFER MAIL RCPT "A|T|", .want = AGREED "c|a|", .log = OURS "reset " },
  { .name = "abort inside the message", .input = OFFER MAIL RCPT "T|LSubject~ s~|A|" MAIL RCPT "T|" MESSAGE, .want = AGREED "c|c|c|c|a|",
    .log = OURS "begin reset " POSTED },
  { .name = "closed inside the message", .input = OFFER MAIL RCPT "T|LSubject~ s~|", .want = AGREED "c|c|", .log = OURS "begin reset " },
  { .name = "MAIL again", .input = OFFER MAIL RCPT MAIL RCPT "T|" MESSAGE, .want = AGREED "c|c|c|a|", .log = OURS "reset " POSTED },
  { .name = "SMTPUTF8", .input = OFFER "M<\xc3\xa4@x.example>~SMTPUTF8~|" RCPT "A|", .want = AGREED "c|",
    .log = "mail(\xc3\xa4@x.example utf8) rcpt(list@y.example) reset " },
  { .name = "null sender", .input = OFFER "M<>~|" RCPT "A|", .want = AGREED "c|", .log = "mail() rcpt(list@y.example) reset " },
  { .name = "addresses without brackets", .input = OFFER "Ma@x.example~|Rlist@y.example~|A|", .want = AGREED "c|", .log = OURS "reset " },
  { .name = "a sender that is none: the delivery will tell", .input = OFFER "M<root>~|" RCPT "T|", .want = AGREED "c|a|" },
  { .name = "bad parameters are passed over", .input = OFFER "M<a@x.example>~SIZE=x~RET=x~|" RCPT "A|", .want = AGREED "c|", .log = OURS "reset " },
};

static void
test_usual(void)
{
  check_all(usual, G_N_ELEMENTS(usual));
}

/* ---- recipients ---- */

static const struct row recipients[] = {
  { .name = "not for us: the MTA keeps the message", .input = OFFER MAIL OTHER "T|A|", .want = AGREED "c|a|" },
  { .name = "not for us, and sent nevertheless", .input = OFFER MAIL OTHER "T|" MESSAGE, .want = AGREED "c|a|a|" },
  { .name = "unknown, and perhaps somebody else's", .input = OFFER MAIL UNKNOWN "T|", .want = AGREED "c|a|" },
  { .name = "refused", .input = OFFER MAIL "R<closed-a@y.example>~|", .want = AGREED "y550 5.7.1 members only~|" },
  { .name = "too large for the list", .input = OFFER "M<a@x.example>~SIZE=600~|" RCPT,
    .want = AGREED "y552 5.3.4 the message is too large: the list's limit is 500 octets~|" },
  { .name = "trouble", .input = OFFER MAIL TO("trouble-a"), .want = AGREED TROUBLE },
  { .name = "trouble at the first, then fine", .input = OFFER MAIL TO("trouble-a") RCPT "T|" MESSAGE, .want = AGREED TROUBLE "c|c|a|", .log = POSTED },
  { .name = "the sender is refused", .input = OFFER "M<refused@x.example>~|" RCPT RCPT "T|", .want = AGREED "y550 5.7.1 you may not post~|y550 5.7.1 you may not post~|a|",
    .log = "mail(refused@x.example) mail(refused@x.example) " },
  { .name = "RCPT without MAIL", .input = OFFER RCPT "T|", .want = AGREED "c|a|" },
  { .name = "RCPT inside the message", .input = OFFER MAIL RCPT "T|LSubject~ s~|" RCPT "Bbody\r\n|E|", .want = AGREED "c|c|c|a|",
    .log = OURS "begin " OCTETS "end reset " },
  { .name = "what is no address", .input = OFFER MAIL "R<>~|R|R<~|R@~|R<list@y.example|A|", .want = AGREED "c|c|c|c|c|" },
};

static void
test_recipients(void)
{
  check_all(recipients, G_N_ELEMENTS(recipients));
}

/* ---- one verdict for all ---- */

#define BODY "T|" MESSAGE
#define JUDGED "begin " OCTETS "end reset "

static const struct row verdicts[] = {
  { .name = "held", .input = OFFER MAIL TO("held-a") BODY, .want = AGREED "c|c|a|", .log = FIRST("held-a") JUDGED },
  { .name = "refused", .input = OFFER MAIL TO("reject-a") BODY, .want = AGREED "c|c|" HELD_REASON, .log = FIRST("reject-a") JUDGED },
  { .name = "all refused", .input = OFFER MAIL TO("reject-a") TO("reject-b") BODY, .want = AGREED "c|c|c|" HELD_REASON,
    .log = FIRST("reject-a") TAKEN("reject-b") JUDGED },
  { .name = "one of two refused", .input = OFFER MAIL TO("reject-a") RCPT BODY, .want = AGREED "c|c|c|a|", .log = FIRST("reject-a") TAKEN("list") JUDGED },
  { .name = "refused, but not all are ours", .input = OFFER MAIL TO("reject-a") OTHER BODY, .want = AGREED "c|c|c|a|", .log = FIRST("reject-a") JUDGED },
  { .name = "refused, but one is perhaps somebody else's", .input = OFFER MAIL UNKNOWN TO("reject-a") BODY, .want = AGREED "c|c|c|a|",
    .log = FIRST("reject-a") JUDGED },
  { .name = "refused, one was so before", .input = OFFER MAIL TO("closed-a") TO("reject-a") BODY, .want = AGREED "y550 5.7.1 members only~|c|c|" HELD_REASON,
    .log = FIRST("reject-a") JUDGED },
  { .name = "discarded", .input = OFFER MAIL TO("discard-a") TO("discard-b") BODY, .want = AGREED "c|c|c|d|", .log = FIRST("discard-a") TAKEN("discard-b") JUDGED },
  { .name = "one of two discarded", .input = OFFER MAIL TO("discard-a") RCPT BODY, .want = AGREED "c|c|c|-<discard-a@y.example>~|a|",
    .log = FIRST("discard-a") TAKEN("list") JUDGED },
  { .name = "discarded, as the MTA wrote it", .input = OFFER MAIL "Rdiscard-a@Y.example~|" OTHER BODY, .want = AGREED "c|c|c|-discard-a@Y.example~|a|",
    .log = "mail(a@x.example) rcpt(discard-a@Y.example) " JUDGED },
  { .name = "discarded and refused", .input = OFFER MAIL TO("discard-a") TO("reject-a") BODY, .want = AGREED "c|c|c|" HELD_REASON,
    .log = FIRST("discard-a") TAKEN("reject-a") JUDGED },
  { .name = "trouble", .input = OFFER MAIL TO("late-a") BODY, .want = AGREED "c|c|" TROUBLE, .log = FIRST("late-a") JUDGED },
  { .name = "no reply at all", .input = OFFER MAIL TO("silent-a") BODY, .want = AGREED "c|c|" TROUBLE, .log = FIRST("silent-a") JUDGED },
  { .name = "trouble and refused: all again", .input = OFFER MAIL TO("reject-a") TO("late-a") BODY, .want = AGREED "c|c|c|" TROUBLE,
    .log = FIRST("reject-a") TAKEN("late-a") JUDGED },
  { .name = "trouble for one of two: the delivery tries again", .input = OFFER MAIL TO("late-a") RCPT BODY, .want = AGREED "c|c|c|a|",
    .log = FIRST("late-a") TAKEN("list") JUDGED },
  { .name = "trouble, but not all are ours", .input = OFFER MAIL TO("late-a") OTHER BODY, .want = AGREED "c|c|c|a|", .log = FIRST("late-a") JUDGED },
  { .name = "the server stops meanwhile", .input = OFFER MAIL RCPT "T|BSTOP NOW|E|",
    .want = AGREED "c|c|y451 4.3.2 the server is stopping, nothing was kept; please try again~|", .log = OURS "begin reset " },
};

static void
test_verdicts(void)
{
  check_all(verdicts, G_N_ELEMENTS(verdicts));
}

/* ---- messages that cannot be judged ---- */

#define FULL "y452 4.3.1 no room for the message now, nothing was kept; please try again~|"

static const struct row failures[] = {
  { .name = "cannot be begun", .input = OFFER MAIL TO("full-a") BODY, .want = AGREED "c|" FULL FULL, .log = FIRST("full-a") "begin reset " },
  { .name = "cannot be begun, but not all are ours", .input = OFFER MAIL TO("full-a") OTHER "T|A|", .want = AGREED "c|c|a|", .log = FIRST("full-a") "begin reset " },
  { .name = "cannot be kept", .input = OFFER MAIL RCPT "T|LSubject~ OUT OF DISK~|Bmore|E|", .want = AGREED "c|c|" FULL, .log = OURS "begin drop reset " },
  { .name = "cannot be kept, but not all are ours", .input = OFFER MAIL RCPT OTHER "T|LSubject~ OUT OF DISK~|Bmore|E|", .want = AGREED "c|c|c|a|",
    .log = OURS "begin drop reset " },
};

static void
test_failures(void)
{
  check_all(failures, G_N_ELEMENTS(failures));
}

/* ---- older versions, and MTAs that leave nothing out ---- */

static const struct row versions[] = {
  { .name = "version 1", .input = "O1|" MAIL, .want = "" },
  { .name = "version 7", .input = "O7|" MAIL RCPT BODY, .want = AGREED "c|c|a|", .log = POSTED },
  { .name = "version 2: all is answered, but connection and HELO are left out", .input = "O2|" MAIL RCPT "LSubject~s~|Bbody\r\n|E|", .want = "O2 8 43|c|c|c|c|a|", .log = POSTED },
  { .name = "version 2, not for us", .input = "O2|" MAIL OTHER "LSubject~s~|", .want = "O2 8 43|c|c|a|" },
  { .name = "version 2, fails in the header", .input = "O2|" MAIL RCPT "LSubject~OUT OF DISK~|A|", .want = "O2 8 43|c|c|" FULL, .log = OURS "begin drop reset " },
  { .name = "version 4", .input = "O4|" MAIL RCPT "T|LSubject~s~|Bbody\r\n|E|", .want = "O4 8 1c3|c|c|c|c|a|", .log = POSTED },
  { .name = "nothing can be left out", .input = "O~~~\6~~~~~~~~|Chost~4~\x19" "127.0.0.1~|Hx~|" MAIL RCPT "UNOOP~|T|LSubject~s~|N|Bbody\r\n|E|",
    .want = "O6 0 0|c|c|c|c|c|c|c|c|c|a|", .log = POSTED },
  { .name = "nobody can be deleted", .input = "O~~~\6~~~~~~~~|" MAIL TO("discard-a") RCPT "T|E|", .want = "O6 0 0|c|c|c|c|a|",
    .log = FIRST("discard-a") TAKEN("list") "begin [\\r\\n] end reset " },
};

static void
test_versions(void)
{
  check_all(versions, G_N_ELEMENTS(versions));
}

/* ---- what is no milter protocol ---- */

static const struct row strict[] = {
  { .name = "no offer", .input = MAIL RCPT, .want = "" },
  { .name = "a short offer", .input = "O~~~\6~~~~~~~|" MAIL, .want = "" },
  { .name = "a second offer", .input = OFFER OFFER MAIL RCPT, .want = AGREED },
  { .name = "unknown packet", .input = OFFER MAIL RCPT "Zx|" RCPT, .want = AGREED "c|", .log = OURS "reset " },
  { .name = "data where none may be", .input = OFFER "Tx|" RCPT, .want = AGREED },
  { .name = "nothing is read after Q", .input = OFFER "Q|" MAIL RCPT, .want = AGREED },
  { .name = "Q first", .input = "Q|", .want = "" },
  { .name = "parts of a message without MAIL", .input = OFFER "LSubject~s~|Bbody|N|E|T|", .want = AGREED "a|a|" },
  { .name = "the server stops", .input = OFFER MAIL RCPT, .want = "", .stopping = true },
};

static void
test_strict(void)
{
  check_all(strict, G_N_ELEMENTS(strict));
}

/* ---- sizes ---- */

static char *
answers_to(const GString *input, struct stub *stub)
{
  struct memory_peer peer = { .input = { input->str, input->len }, .piece = 5000 };
  converse(stub, &peer);
  char *text = text_of(peer.output);
  g_string_free(peer.output, TRUE);
  return text;
}

#define TOO_LARGE "y552 5.3.4 the message is too large: the limit is 1000 octets~|"

static void
test_size(void)
{
  static const struct { const char *name; size_t n; char packet; const char *want; } sizes[] = {
    { .name = "at the limit", .n = 998, .packet = 'B', .want = AGREED "c|c|a|" },
    { .name = "over the limit", .n = 999, .packet = 'B', .want = AGREED "c|c|" TOO_LARGE },
    { .name = "far over the limit", .n = 65535, .packet = 'B', .want = AGREED "c|c|" TOO_LARGE },
    { .name = "with the end", .n = 999, .packet = 'E', .want = AGREED "c|c|" TOO_LARGE },
    { .name = "a long field", .n = 60000, .packet = 'L', .want = AGREED "c|c|" TOO_LARGE },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    OWN(stub) stub = stub_new();
    int64_t refused = counter_read(COUNTER_REFUSED);
    g_autofree char *filler = g_strnfill(sizes[i].n, 'x');
    g_autofree char *text = g_strdup_printf(OFFER MAIL RCPT "T|%c%s|%s", sizes[i].packet, filler, sizes[i].packet == 'E' ? "" : "E|");
    g_autoptr(GString) input = octets_of(text);
    g_autofree char *got = answers_to(input, stub);
    if (strcmp(got, sizes[i].want) != 0)
      g_error("%s: %s", sizes[i].name, got);
    g_assert_cmpint(counter_read(COUNTER_REFUSED) - refused, ==, g_str_has_suffix(sizes[i].want, TOO_LARGE));
  }
  OWN(stub) stub = stub_new();
  stub->options.size_max = 300;
  g_autoptr(GString) input = octets_of(OFFER "M<a@x.example>~SIZE=400~|" RCPT);
  g_autofree char *got = answers_to(input, stub);
  g_assert_cmpstr(got, ==, AGREED "y552 5.3.4 the message is too large: the limit is 300 octets~|");
}

static void
test_large(void)
{
  OWN(stub) stub = stub_new();
  stub->options.size_max = 10 * 1024 * 1024;
  g_autofree char *chunk = g_strnfill(65535, 'x'), *long_field = g_strnfill(700 * 1024, 'y');
  g_autofree char *text = g_strdup_printf(OFFER MAIL RCPT "T|LX~ %s~|B%s|B%s|E|", long_field, chunk, chunk);
  g_autoptr(GString) input = octets_of(text);
  g_autofree char *got = answers_to(input, stub);
  g_assert_cmpstr(got, ==, AGREED "c|c|a|");
  g_assert_cmpuint(stub->data->len, ==, 4 + 700 * 1024 + 2 + 2 + 2 * 65535 - 1); /* "X: " … */
}

static void
test_long_line(void)
{
  OWN(stub) stub = stub_new();
  stub->options.size_max = 10 * 1024 * 1024;
  g_autofree char *chunk = g_strnfill(65535, 'x');
  g_autoptr(GString) text = g_string_new(OFFER MAIL RCPT "T|");
  for (int i = 0; i < 17; i++)
    g_string_append_printf(text, "B%s|", chunk);
  g_string_append(text, "E|");
  g_autoptr(GString) input = octets_of(text->str);
  g_autofree char *got = answers_to(input, stub);
  g_assert_cmpstr(got, ==, AGREED "c|c|y550 5.6.0 the message cannot be read: a line has more than 1048576 octets~|");
}

static void
test_many_recipients(void)
{
  OWN(stub) stub = stub_new();
  g_autoptr(GString) text = g_string_new(OFFER MAIL);
  for (int i = 0; i < DOOR_RECIPIENTS_MAX + 1; i++)
    g_string_append(text, RCPT);
  g_autoptr(GString) input = octets_of(text->str);
  g_autofree char *got = answers_to(input, stub);
  g_assert_true(g_str_has_suffix(got, "c|c|y452 4.5.3 too many recipients in one transaction~|"));
}

/* What is kept of each recipient is bounded: the rest of the message is nobody's concern. */
static void
test_long_recipient(void)
{
  static const struct { const char *name; size_t blanks; const char *want; } lengths[] = {
    { .name = "blanks that are passed over", .blanks = 900, .want = AGREED "c|c|" },
    { .name = "too many", .blanks = 2000, .want = AGREED "c|a|" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    OWN(stub) stub = stub_new();
    g_autofree char *blanks = g_strnfill(lengths[i].blanks, ' ');
    g_autofree char *text = g_strdup_printf(OFFER MAIL "R<ant@lists.example>%s~|T|", blanks);
    g_autoptr(GString) input = octets_of(text);
    g_autofree char *got = answers_to(input, stub);
    if (strcmp(got, lengths[i].want) != 0)
      g_error("%s: %s", lengths[i].name, got);
  }
}

/* What needs no answer costs no write: the verdict leaves alone. */
static void
test_writes(void)
{
  OWN(stub) stub = stub_new();
  g_autoptr(GString) input = octets_of(OFFER MAIL RCPT "T|LSubject~ s~|LTo~ t~|Bbody|Bbody|E|");
  struct memory_peer peer = { .input = { input->str, input->len } };
  converse(stub, &peer);
  g_assert_cmpint(peer.writes, ==, 1);
  g_string_free(peer.output, TRUE);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/milter/usual", test_usual);
  g_test_add_func("/milter/recipients", test_recipients);
  g_test_add_func("/milter/verdicts", test_verdicts);
  g_test_add_func("/milter/failures", test_failures);
  g_test_add_func("/milter/versions", test_versions);
  g_test_add_func("/milter/strict", test_strict);
  g_test_add_func("/milter/size", test_size);
  g_test_add_func("/milter/large", test_large);
  g_test_add_func("/milter/long-line", test_long_line);
  g_test_add_func("/milter/many-recipients", test_many_recipients);
  g_test_add_func("/milter/long-recipient", test_long_recipient);
  g_test_add_func("/milter/writes", test_writes);
  return g_test_run();
}
