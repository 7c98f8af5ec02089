/* LMTP. What both protocols have in common is looked at here alone; smtp_door_test.c has what SMTP has not. */
#include "base/counter.h"
#include "base/log.h"
#include "door/dialogue_check.h"
#include "net/dot_decoder.h"

#define HELLO "LHLO mta.example\r\n"
#define MAIL "MAIL FROM:<a@x.example>\r\n"
#define RCPT "RCPT TO:<list@y.example>\r\n"
#define MESSAGE "Subject: s\r\n\r\nbody\r\n"
#define OPENED "220|250|"
#define BEGUN OPENED "250 2.1.0|250 2.1.5|"
#define LOG_BEGUN "mail(a@x.example) rcpt(list@y.example) "
#define LOG_POSTED LOG_BEGUN "begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end reset "
#define TEN_RSET "RSET\r\nRSET\r\nRSET\r\nRSET\r\nRSET\r\nRSET\r\nRSET\r\nRSET\r\nRSET\r\nRSET\r\n"
#define FIVE_BAD "X\r\nX\r\nX\r\nX\r\nX\r\n"
#define FIVE_500 "500 5.5.2|500 5.5.2|500 5.5.2|500 5.5.2|500 5.5.2|"

/* ---- one posting, and what surrounds it ---- */

static const struct dialogue usual[] = {
  { .name = "nothing", .input = "", .want = "220|" },
  { .name = "a posting", .input = HELLO MAIL RCPT "DATA\r\n" MESSAGE ".\r\nQUIT\r\n", .want = BEGUN "354|250 2.6.0|221 2.0.0|", .log = LOG_POSTED },
  { .name = "empty message", .input = HELLO MAIL RCPT "DATA\r\n.\r\n", .want = BEGUN "354|250 2.6.0|", .log = LOG_BEGUN "begin [] end reset " },
  { .name = "dots are unstuffed",
    .input = HELLO MAIL RCPT "DATA\r\n..a\r\n.\r\n",
    .want = BEGUN "354|250 2.6.0|",
    .log = LOG_BEGUN "begin [.a\\r\\n] end reset " },
  { .name = "two postings, the second without RSET",
    .input = HELLO MAIL RCPT "DATA\r\n" MESSAGE ".\r\n" MAIL RCPT "DATA\r\n" MESSAGE ".\r\n",
    .want = BEGUN "354|250 2.6.0|250 2.1.0|250 2.1.5|354|250 2.6.0|",
    .log = LOG_POSTED LOG_POSTED },
  { .name = "two postings, RSET between",
    .input = HELLO MAIL RCPT "DATA\r\n" MESSAGE ".\r\nRSET\r\n" MAIL RCPT "DATA\r\n" MESSAGE ".\r\n",
    .want = BEGUN "354|250 2.6.0|250 2.0.0|250 2.1.0|250 2.1.5|354|250 2.6.0|",
    .log = LOG_POSTED LOG_POSTED },
  { .name = "DSN",
    .input = HELLO "MAIL FROM:<a@x.example> RET=FULL ENVID=q+2Bq\r\nRCPT TO:<list@y.example> NOTIFY=SUCCESS ORCPT=rfc822;o@x\r\nDATA\r\n" MESSAGE ".\r\n",
    .want = BEGUN "354|250 2.6.0|", .log = "mail(a@x.example full envid=q+q) rcpt(list@y.example) begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end dsn(2 rfc822;o@x) reset " },
  { .name = "DSN parameters that are none",
    .input = HELLO "MAIL FROM:<a@x.example> RET=ALL\r\nMAIL FROM:<a@x.example> ENVID=a ENVID=b\r\n" MAIL
             "RCPT TO:<list@y.example> NOTIFY=NEVER,DELAY\r\nRCPT TO:<list@y.example> ORCPT=o@x\r\n",
    .want = OPENED "501 5.5.4|501 5.5.4|250 2.1.0|501 5.5.4|501 5.5.4|", .log = "mail(a@x.example) reset " },
  { .name = "DSN parameters of a refused recipient",
    .input = HELLO MAIL "RCPT TO:<no-list@y.example> NOTIFY=SUCCESS ORCPT=rfc822;o@x\r\n",
    .want = OPENED "250 2.1.0|550 5.1.1|", .log = "mail(a@x.example) rcpt(no-list@y.example) reset " },
  { .name = "null reverse-path", .input = HELLO "MAIL FROM:<>\r\nRSET\r\n", .want = OPENED "250 2.1.0|250 2.0.0|", .log = "mail() reset " },
  { .name = "commands in any case", .input = "lhlo x\r\nMail From:<a@x.example>\r\nrcpt to:<list@y.example>\r\nQuit\r\n",
    .want = BEGUN "221 2.0.0|", .log = LOG_BEGUN "reset " },
  { .name = "LHLO again", .input = HELLO MAIL RCPT HELLO "DATA\r\n", .want = BEGUN "250|503 5.5.1|", .log = LOG_BEGUN "reset " },
  { .name = "probe: RSET instead of DATA", .input = HELLO MAIL RCPT "RSET\r\nQUIT\r\n", .want = BEGUN "250 2.0.0|221 2.0.0|", .log = LOG_BEGUN "reset " },
  { .name = "closed without QUIT", .input = HELLO MAIL RCPT, .want = BEGUN, .log = LOG_BEGUN "reset " },
  { .name = "closed in the message", .input = HELLO MAIL RCPT "DATA\r\nSubj", .want = BEGUN "354|", .log = LOG_BEGUN "begin reset " },
  { .name = "closed before the dot's LF", .input = HELLO MAIL RCPT "DATA\r\na\r\n.\r", .want = BEGUN "354|", .log = LOG_BEGUN "begin reset " },
  { .name = "NOOP VRFY HELP", .input = "NOOP\r\nNOOP x y\r\nVRFY <a@b>\r\nHELP\r\nHELP MAIL\r\n",
    .want = "220|250 2.0.0|250 2.0.0|252 2.5.0|214 2.0.0|214 2.0.0|" },
  { .name = "NOOP inside a transaction changes nothing", .input = HELLO MAIL "NOOP\r\n" RCPT "VRFY x\r\nHELP\r\nDATA\r\n" MESSAGE ".\r\n",
    .want = OPENED "250 2.1.0|250 2.0.0|250 2.1.5|252 2.5.0|214 2.0.0|354|250 2.6.0|", .log = LOG_POSTED },
  { .name = "nothing is read after QUIT", .input = "QUIT\r\nNOOP\r\n", .want = "220|221 2.0.0|" },
  { .name = "<postmaster> is the server's", .input = HELLO MAIL "RCPT TO:<Postmaster>\r\n", .want = BEGUN,
    .log = "mail(a@x.example) rcpt(postmaster@lists.example) reset " },
};

static void
test_usual(void)
{
  dialogue_check(PROTOCOL_LMTP, usual, G_N_ELEMENTS(usual));
}

/* ---- the order of commands, and rules measured with real MTAs ---- */

static const struct dialogue order[] = {
  { .name = "one reply for each accepted RCPT, in their order",
    .input = HELLO MAIL "RCPT TO:<held-l@y.example>\r\nRCPT TO:<no-l@y.example>\r\nRCPT TO:<reject-l@y.example>\r\nRCPT TO:<late-l@y.example>\r\n" RCPT
                        "DATA\r\n.\r\n",
    .want = OPENED "250 2.1.0|250 2.1.5|550 5.1.1|250 2.1.5|250 2.1.5|250 2.1.5|354|250 2.6.0|550 5.7.1|451 4.3.0|250 2.6.0|",
    .log = "mail(a@x.example) rcpt(held-l@y.example) rcpt(no-l@y.example) rcpt(reject-l@y.example) rcpt(late-l@y.example) rcpt(list@y.example) "
           "begin [] end reset " },
  { .name = "the same recipient twice has two replies", .input = HELLO MAIL RCPT RCPT "DATA\r\n.\r\n", .want = BEGUN "250 2.1.5|354|250 2.6.0|250 2.6.0|",
    .log = LOG_BEGUN "rcpt(list@y.example) begin [] end reset " },
  { .name = "a hook without a verdict is our trouble", .input = HELLO MAIL "RCPT TO:<silent-l@y.example>\r\nDATA\r\n.\r\n",
    .want = BEGUN "354|451 4.3.0|", .log = "mail(a@x.example) rcpt(silent-l@y.example) begin [] end reset " },
  { .name = "stopping: 421 as greeting", .input = HELLO, .want = "421 4.3.2|", .stopping = true },
  { .name = "stopping: 451 after the dot, then 421", .input = HELLO MAIL RCPT RCPT "DATA\r\nSTOP NOW\r\n.\r\nNOOP\r\n",
    .want = BEGUN "250 2.1.5|354|451 4.3.2|451 4.3.2|421 4.3.2|", .log = LOG_BEGUN "rcpt(list@y.example) begin reset " },
  { .name = "stopping: 421 between chunks", .input = HELLO MAIL RCPT "BDAT 8\r\nSTOP NOWBDAT 0 LAST\r\n", .want = BEGUN "250 2.0.0|421 4.3.2|",
    .log = LOG_BEGUN "begin reset " },
  { .name = "LHLO is never refused with 5xx for its name", .input = "LHLO \xff?\r\n", .want = OPENED },
  { .name = "after a refused MAIL everything is 503", .input = HELLO "MAIL FROM:<refused@x.example>\r\n" RCPT "DATA\r\nBDAT 3\r\nabcBDAT 2 LAST\r\nxyRSET\r\n",
    .want = OPENED "550 5.7.1|503 5.5.1|503 5.5.1|503 5.5.1|503 5.5.1|250 2.0.0|", .log = "mail(refused@x.example) " },
  { .name = "after a refused MAIL another may follow", .input = HELLO "MAIL FROM:<refused@x.example>\r\n" MAIL,
    .want = OPENED "550 5.7.1|250 2.1.0|", .log = "mail(refused@x.example) mail(a@x.example) reset " },
  { .name = "after an unreadable MAIL everything is 503", .input = HELLO "MAIL FROM:a@x\r\n" RCPT "DATA\r\n", .want = OPENED "501 5.5.4|503 5.5.1|503 5.5.1|" },
  { .name = "no accepted RCPT: DATA 503", .input = HELLO MAIL "RCPT TO:<no-l@y.example>\r\nDATA\r\nRSET\r\n",
    .want = OPENED "250 2.1.0|550 5.1.1|503 5.5.1|250 2.0.0|", .log = "mail(a@x.example) rcpt(no-l@y.example) reset " },
  { .name = "no RCPT at all: DATA 503", .input = HELLO MAIL "DATA\r\n", .want = OPENED "250 2.1.0|503 5.5.1|", .log = "mail(a@x.example) reset " },
  { .name = "no accepted RCPT: BDAT swallowed, one 503", .input = HELLO MAIL "RCPT TO:<no-l@y.example>\r\nBDAT 12 LAST\r\nRSET\r\nQUIT\r\nNOOP\r\n",
    .want = OPENED "250 2.1.0|550 5.1.1|503 5.5.1|250 2.0.0|", .log = "mail(a@x.example) rcpt(no-l@y.example) reset " },
  { .name = "BDAT before LHLO is swallowed", .input = "BDAT 6\r\nQUIT\r\nNOOP\r\n", .want = "220|503 5.5.1|250 2.0.0|" },
  { .name = "MAIL before LHLO", .input = MAIL RCPT "DATA\r\n", .want = "220|503 5.5.1|503 5.5.1|503 5.5.1|" },
  { .name = "RCPT before MAIL", .input = HELLO RCPT, .want = OPENED "503 5.5.1|" },
  { .name = "MAIL inside a transaction", .input = HELLO MAIL MAIL RCPT, .want = OPENED "250 2.1.0|503 5.5.1|250 2.1.5|", .log = LOG_BEGUN "reset " },
  { .name = "DATA after the posting", .input = HELLO MAIL RCPT "DATA\r\n" MESSAGE ".\r\nDATA\r\n", .want = BEGUN "354|250 2.6.0|503 5.5.1|", .log = LOG_POSTED },
  { .name = "QUIT in the dot's segment", .input = HELLO MAIL RCPT "DATA\r\n" MESSAGE ".\r\nQUIT\r\n", .want = BEGUN "354|250 2.6.0|221 2.0.0|",
    .log = LOG_POSTED },
  { .name = "our trouble at MAIL is 451", .input = HELLO "MAIL FROM:<trouble@x.example>\r\n", .want = OPENED "451 4.3.0|", .log = "mail(trouble@x.example) " },
  { .name = "our trouble at RCPT is 451 and no more", .input = HELLO MAIL "RCPT TO:<trouble-l@y.example>\r\n" RCPT,
    .want = OPENED "250 2.1.0|451 4.3.0|250 2.1.5|", .log = "mail(a@x.example) rcpt(trouble-l@y.example) rcpt(list@y.example) reset " },
  { .name = "no room at DATA is 452, and the transaction is over", .input = HELLO MAIL "RCPT TO:<full-l@y.example>\r\nDATA\r\nDATA\r\n",
    .want = BEGUN "452 4.3.1|503 5.5.1|", .log = "mail(a@x.example) rcpt(full-l@y.example) begin reset " },
  { .name = "no room in the message: read to its end, 452 each", .input = HELLO MAIL RCPT RCPT "DATA\r\nOUT OF DISK\r\nmore\r\n.\r\nNOOP\r\n",
    .want = BEGUN "250 2.1.5|354|452 4.3.1|452 4.3.1|250 2.0.0|", .log = LOG_BEGUN "rcpt(list@y.example) begin drop reset " },
};

static void
test_order(void)
{
  dialogue_check(PROTOCOL_LMTP, order, G_N_ELEMENTS(order));
}

/* ---- BDAT ---- */

static const struct dialogue chunks[] = {
  { .name = "one chunk", .input = HELLO MAIL RCPT "BDAT 20 LAST\r\n" MESSAGE "QUIT\r\n", .want = BEGUN "250 2.6.0|221 2.0.0|", .log = LOG_POSTED },
  { .name = "three chunks, two recipients", .input = HELLO MAIL RCPT RCPT "BDAT 3\r\nSubBDAT 13\r\nject: s\r\n\r\nboBDAT 4 last\r\ndy\r\nNOOP\r\n",
    .want = BEGUN "250 2.1.5|250 2.0.0|250 2.0.0|250 2.6.0|250 2.6.0|250 2.0.0|",
    .log = LOG_BEGUN "rcpt(list@y.example) begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end reset " },
  { .name = "LAST with no octets", .input = HELLO MAIL RCPT "BDAT 3\r\na\r\nBDAT 0 LAST\r\n", .want = BEGUN "250 2.0.0|250 2.6.0|",
    .log = LOG_BEGUN "begin [a\\r\\n] end reset " },
  { .name = "a dot is text", .input = HELLO MAIL RCPT "BDAT 10 LAST\r\n.\r\n..\r\n.\r\nNOOP\r\n", .want = BEGUN "250 2.6.0|250 2.0.0|",
    .log = LOG_BEGUN "begin [.\\r\\n..\\r\\n.\\r\\n] end reset " },
  { .name = "a line end cut by chunks", .input = HELLO MAIL RCPT "BDAT 2\r\na\rBDAT 2 LAST\r\n\nb", .want = BEGUN "250 2.0.0|250 2.6.0|",
    .log = LOG_BEGUN "begin [a\\r\\nb] end reset " },
  { .name = "stray CR at the very end", .input = HELLO MAIL RCPT "BDAT 2 LAST\r\na\r", .want = BEGUN "250 2.6.0|", .log = LOG_BEGUN "begin [a ] end stray=1 reset " },
  { .name = "RCPT after BDAT", .input = HELLO MAIL RCPT "BDAT 1\r\na" RCPT "BDAT 1 LAST\r\nb", .want = BEGUN "250 2.0.0|503 5.5.1|250 2.6.0|",
    .log = LOG_BEGUN "begin [ab] end reset " },
  { .name = "DATA after BDAT", .input = HELLO MAIL RCPT "BDAT 1\r\naDATA\r\nBDAT 1 LAST\r\nb", .want = BEGUN "250 2.0.0|503 5.5.1|250 2.6.0|",
    .log = LOG_BEGUN "begin [ab] end reset " },
  { .name = "RSET after BDAT", .input = HELLO MAIL RCPT "BDAT 1\r\naRSET\r\nBDAT 1 LAST\r\nb", .want = BEGUN "250 2.0.0|250 2.0.0|503 5.5.1|",
    .log = LOG_BEGUN "begin reset " },
  { .name = "BDAT after LAST", .input = HELLO MAIL RCPT "BDAT 0 LAST\r\nBDAT 1 LAST\r\na", .want = BEGUN "250 2.6.0|503 5.5.1|", .log = LOG_BEGUN "begin [] end reset " },
  { .name = "failure at an early chunk: that one's reply, then 503", .input = HELLO MAIL RCPT "BDAT 11\r\nOUT OF DISKBDAT 2\r\nabBDAT 2 LAST\r\nabNOOP\r\n",
    .want = BEGUN "452 4.3.1|503 5.5.1|503 5.5.1|250 2.0.0|", .log = LOG_BEGUN "begin drop reset " },
  { .name = "failure at the last chunk: one for each recipient", .input = HELLO MAIL RCPT RCPT "BDAT 11 LAST\r\nOUT OF DISKNOOP\r\n",
    .want = BEGUN "250 2.1.5|452 4.3.1|452 4.3.1|250 2.0.0|", .log = LOG_BEGUN "rcpt(list@y.example) begin drop reset " },
  { .name = "no room at the first chunk, which is the last", .input = HELLO MAIL "RCPT TO:<full-l@y.example>\r\n" RCPT "BDAT 2 LAST\r\nabNOOP\r\n",
    .want = BEGUN "250 2.1.5|452 4.3.1|452 4.3.1|250 2.0.0|", .log = "mail(a@x.example) rcpt(full-l@y.example) rcpt(list@y.example) begin reset " },
  { .name = "no number: nobody knows what follows", .input = HELLO MAIL RCPT "BDAT LAST\r\nNOOP\r\n", .want = BEGUN "501 5.5.4|", .log = LOG_BEGUN "reset " },
  { .name = "negative number", .input = "BDAT -1\r\nNOOP\r\n", .want = "220|501 5.5.4|" },
  { .name = "nothing after BDAT", .input = "BDAT\r\nNOOP\r\n", .want = "220|501 5.5.4|" },
  { .name = "closed in a chunk", .input = HELLO MAIL RCPT "BDAT 10\r\nabc", .want = BEGUN, .log = LOG_BEGUN "begin reset " },
  { .name = "closed in a swallowed chunk", .input = "BDAT 10\r\nabc", .want = "220|" },
  { .name = "a chunk without end", .input = "BDAT 999999999999999999\r\nabc", .want = "220|" },
};

static void
test_chunks(void)
{
  dialogue_check(PROTOCOL_LMTP, chunks, G_N_ELEMENTS(chunks));
}

/* ---- strictness ---- */

static const struct dialogue strict[] = {
  { .name = "bare LF in a command", .input = HELLO "NOOP\nNOOP\r\n", .want = OPENED "500 5.5.2|" },
  { .name = "bare CR in a command", .input = HELLO "NO\rOP\r\nNOOP\r\n", .want = OPENED "500 5.5.2|" },
  { .name = "bare LF inside a transaction", .input = HELLO MAIL RCPT "NOOP\n", .want = BEGUN "500 5.5.2|", .log = LOG_BEGUN "reset " },
  { .name = "LF dot CRLF does not end a message", .input = HELLO MAIL RCPT "DATA\r\na\n.\r\nMAIL FROM:<evil@x.example>\r\n.\r\n", .want = BEGUN "354|250 2.6.0|",
    .log = LOG_BEGUN "begin [a .\\r\\nMAIL FROM:<evil@x.example>\\r\\n] end stray=1 reset " },
  { .name = "CRLF dot LF does not end a message", .input = HELLO MAIL RCPT "DATA\r\na\r\n.\nMAIL FROM:<evil@x.example>\r\n.\r\n", .want = BEGUN "354|250 2.6.0|",
    .log = LOG_BEGUN "begin [a\\r\\n MAIL FROM:<evil@x.example>\\r\\n] end stray=1 reset " },
  { .name = "CRLF dot CR CRLF does not end a message", .input = HELLO MAIL RCPT "DATA\r\na\r\n.\r\r\nx\r\n.\r\n", .want = BEGUN "354|250 2.6.0|",
    .log = LOG_BEGUN "begin [a\\r\\n \\r\\nx\\r\\n] end stray=1 reset " },
  { .name = "EHLO is another protocol", .input = "EHLO x\r\nHELO x\r\nSTARTTLS\r\n", .want = "220|500 5.5.2|500 5.5.2|500 5.5.2|" },
  { .name = "arguments where none belong", .input = HELLO MAIL RCPT "DATA x\r\nRSET x\r\nQUIT x\r\n", .want = BEGUN "501 5.5.4|501 5.5.4|501 5.5.4|",
    .log = LOG_BEGUN "reset " },
  { .name = "arguments missing", .input = "LHLO\r\nLHLO \r\nMAIL\r\nRCPT\r\nXFORWARD\r\n", .want = "220|501 5.5.4|501 5.5.4|501 5.5.4|501 5.5.4|501 5.5.4|" },
  { .name = "empty line", .input = "\r\nNOOP\r\n", .want = "220|500 5.5.2|250 2.0.0|" },
  { .name = "too many errors", .input = FIVE_BAD FIVE_BAD FIVE_BAD FIVE_BAD "NOOP\r\n",
    .want = "220|" FIVE_500 FIVE_500 FIVE_500 "500 5.5.2|500 5.5.2|500 5.5.2|500 5.5.2|421 4.7.0|" },
  { .name = "errors not in a row", .input = FIVE_BAD FIVE_BAD FIVE_BAD "NOOP\r\n" FIVE_BAD "NOOP\r\n",
    .want = "220|" FIVE_500 FIVE_500 FIVE_500 "250 2.0.0|" FIVE_500 "250 2.0.0|" },
  { .name = "addresses that are none", .input = HELLO "MAIL FROM:<a>\r\n" MAIL "RCPT TO:<b>\r\nRCPT TO:<>\r\nRCPT TO:list@y.example\r\nRCPT FROM:<list@y.example>\r\n",
    .want = OPENED "501 5.1.7|250 2.1.0|501 5.1.3|501 5.1.3|501 5.5.4|501 5.5.4|", .log = "mail(a@x.example) reset " },
  { .name = "UTF-8 without SMTPUTF8", .input = HELLO "MAIL FROM:<\xc3\xa4@x.example>\r\n" MAIL "RCPT TO:<\xc3\xa4@y.example>\r\n",
    .want = OPENED "553 5.6.7|250 2.1.0|553 5.6.7|", .log = "mail(a@x.example) reset " },
};

static void
test_strict(void)
{
  dialogue_check(PROTOCOL_LMTP, strict, G_N_ELEMENTS(strict));
}

/* ---- parameters and XFORWARD ---- */

static const struct dialogue parameters[] = {
  { .name = "all of MAIL's", .input = HELLO "MAIL FROM:<a@x.example> SIZE=999 BODY=8BITMIME SMTPUTF8\r\n", .want = OPENED "250 2.1.0|",
    .log = "mail(a@x.example size=999 8bit utf8) reset " },
  { .name = "SMTPUTF8 addresses", .input = HELLO "MAIL FROM:<\xc3\xa4@x.example> SMTPUTF8\r\nRCPT TO:<\xc3\xb6@y.example>\r\n", .want = BEGUN,
    .log = "mail(\xc3\xa4@x.example utf8) rcpt(\xc3\xb6@y.example) reset " },
  { .name = "unknown ones are tolerated",
    .input = HELLO "MAIL FROM:<a@x.example> AUTH=<> X-NEW BODY=7BIT\r\nRCPT TO:<list@y.example> X-NEW=a\r\n",
    .want = BEGUN, .log = "mail(a@x.example 7bit) rcpt(list@y.example) reset " },
  { .name = "SIZE over the limit", .input = HELLO "MAIL FROM:<a@x.example> SIZE=1001\r\n" RCPT, .want = OPENED "552 5.3.4|503 5.5.1|" },
  { .name = "SIZE at the limit", .input = HELLO "MAIL FROM:<a@x.example> SIZE=1000\r\n", .want = OPENED "250 2.1.0|", .log = "mail(a@x.example size=1000) reset " },
  { .name = "XFORWARD in two commands holds for one transaction",
    .input = HELLO "XFORWARD NAME=n ADDR=127.0.0.1\r\nXFORWARD HELO=h SOURCE=LOCAL\r\n" MAIL RCPT "DATA\r\n.\r\n" MAIL,
    .want = OPENED "250 2.0.0|250 2.0.0|250 2.1.0|250 2.1.5|354|250 2.6.0|250 2.1.0|",
    .log = "mail(a@x.example source=LOCAL helo=h) rcpt(list@y.example) begin [] end reset mail(a@x.example) reset " },
  { .name = "XFORWARD is gone after RSET", .input = HELLO "XFORWARD SOURCE=LOCAL\r\nRSET\r\n" MAIL, .want = OPENED "250 2.0.0|250 2.0.0|250 2.1.0|",
    .log = "mail(a@x.example) reset " },
  { .name = "XFORWARD is gone after a refused MAIL", .input = HELLO "XFORWARD SOURCE=LOCAL\r\nMAIL FROM:<refused@x.example>\r\n" MAIL,
    .want = OPENED "250 2.0.0|550 5.7.1|250 2.1.0|", .log = "mail(refused@x.example source=LOCAL) mail(a@x.example) reset " },
  { .name = "XFORWARD again without LHLO", .input = HELLO "XFORWARD HELO=h\r\n" MAIL "RSET\r\nXFORWARD SOURCE=LOCAL HELO=[UNAVAILABLE]\r\n" MAIL,
    .want = OPENED "250 2.0.0|250 2.1.0|250 2.0.0|250 2.0.0|250 2.1.0|", .log = "mail(a@x.example helo=h) reset mail(a@x.example source=LOCAL) reset " },
  { .name = "XFORWARD inside a transaction", .input = HELLO MAIL "XFORWARD SOURCE=LOCAL\r\n", .want = OPENED "250 2.1.0|503 5.5.1|", .log = "mail(a@x.example) reset " },
  { .name = "XFORWARD unreadable", .input = HELLO "XFORWARD SOURCE\r\nXFORWARD HELO=+4\r\n", .want = OPENED "501 5.5.4|501 5.5.4|" },
};

static void
test_parameters(void)
{
  dialogue_check(PROTOCOL_LMTP, parameters, G_N_ELEMENTS(parameters));
}

/* ---- dialogues as real MTAs send them ---- */

static const struct dialogue mtas[] = {
  { .name = "Postfix",
    .input = "LHLO mta.example.org\r\n"
             "XFORWARD NAME=localhost ADDR=127.0.0.1 PORT=56908\r\nXFORWARD PROTO=ESMTP HELO=client.outside.example IDENT=74977A7A037 SOURCE=LOCAL\r\n"
             "MAIL FROM:<alice@outside.example> SIZE=409 BODY=8BITMIME ENVID=abc123 RET=HDRS\r\n"
             "RCPT TO:<no-Such@list.example.org> ORCPT=rfc822;orig@x.example NOTIFY=FAILURE,DELAY\r\n"
             "RCPT TO:<test-bounces+bob=dest.example@list.example.org> ORCPT=rfc822;test-bounces+2Bbob+3Ddest.example@list.example.org\r\n"
             "RCPT TO:<test@list.example.org> ORCPT=rfc822;test@list.example.org\r\nDATA\r\n" MESSAGE ".\r\nQUIT\r\n",
    .want = OPENED "250 2.0.0|250 2.0.0|250 2.1.0|550 5.1.1|250 2.1.5|250 2.1.5|354|250 2.6.0|250 2.6.0|221 2.0.0|",
    .log = "mail(alice@outside.example size=409 8bit hdrs envid=abc123 source=LOCAL helo=client.outside.example) rcpt(no-Such@list.example.org) "
           "rcpt(test-bounces+bob=dest.example@list.example.org) rcpt(test@list.example.org) begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end "
           "dsn(0 rfc822;test-bounces+bob=dest.example@list.example.org) dsn(0 rfc822;test@list.example.org) reset " },
  { .name = "Postfix, all RCPT refused",
    .input = HELLO MAIL "RCPT TO:<no-l@y.example>\r\nDATA\r\nRSET\r\nQUIT\r\n",
    .want = OPENED "250 2.1.0|550 5.1.1|503 5.5.1|250 2.0.0|221 2.0.0|",
    .log = "mail(a@x.example) rcpt(no-l@y.example) reset " },
  { .name = "Postfix, address probe",
    .input = HELLO "XFORWARD SOURCE=LOCAL\r\nMAIL FROM:<double-bounce@mta.example.org> SIZE=236\r\n" RCPT "RSET\r\nQUIT\r\n",
    .want = OPENED "250 2.0.0|250 2.1.0|250 2.1.5|250 2.0.0|221 2.0.0|",
    .log = "mail(double-bounce@mta.example.org size=236 source=LOCAL) rcpt(list@y.example) reset " },
  { .name = "Exim",
    .input = "LHLO mta.example.org\r\nMAIL FROM:<alice@outside.example> SIZE=900 RET=HDRS ENVID=abc\r\n"
             "RCPT TO:<test@list.example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;o@x.y\r\nRCPT TO:<Test-Owner@list.example.org>\r\nBDAT 20 LAST\r\n" MESSAGE "QUIT\r\n",
    .want = BEGUN "250 2.1.5|250 2.6.0|250 2.6.0|221 2.0.0|",
    .log = "mail(alice@outside.example size=900 hdrs envid=abc) rcpt(test@list.example.org) rcpt(Test-Owner@list.example.org) "
           "begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end dsn(12 rfc822;o@x.y) reset " },
  { .name = "Exim, MAIL refused with the message on the wire",
    .input = HELLO "MAIL FROM:<refused@x.example>\r\n" RCPT "BDAT 20 LAST\r\n" MESSAGE "QUIT\r\n",
    .want = OPENED "550 5.7.1|503 5.5.1|503 5.5.1|221 2.0.0|",
    .log = "mail(refused@x.example) " },
  { .name = "Sendmail",
    .input = "LHLO mta.example.org\r\nMAIL From:<alice@outside.example> SIZE=253 BODY=7BIT ENVID=abc RET=HDRS\r\n"
             "RCPT To:<no-such@list.example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;o@x.y\r\nRCPT To:<test-bounces+x=y@list.example.org>\r\nDATA\r\n" MESSAGE ".\r\n"
             "RSET\r\nMAIL From:<bob@outside.example>\r\nQUIT\r\n",
    .want = OPENED "250 2.1.0|550 5.1.1|250 2.1.5|354|250 2.6.0|250 2.0.0|250 2.1.0|221 2.0.0|",
    .log = "mail(alice@outside.example size=253 7bit hdrs envid=abc) rcpt(no-such@list.example.org) rcpt(test-bounces+x=y@list.example.org) "
           "begin [Subject: s\\r\\n\\r\\nbody\\r\\n] end reset mail(bob@outside.example) reset " },
};

static void
test_mtas(void)
{
  dialogue_check(PROTOCOL_LMTP, mtas, G_N_ELEMENTS(mtas));
}

/* ---- texts, writes, limits ---- */

static void
test_texts(void)
{
  g_autoptr(GString) got = dialogue_output(PROTOCOL_LMTP, HELLO MAIL "RCPT TO:<closed-l@y.example>\r\nRCPT TO:<no-l@y.example>\r\nRCPT TO:<trouble-l@y.example>\r\n" RCPT
                                     "BDAT 20\r\n" MESSAGE "BDAT 0 LAST\r\nDATA\r\nEHLO a\r\nFO\xc3\xa4O bar\r\nHELP\r\nQUIT\r\n", NULL);
  g_assert_cmpstr(got->str, ==,
                  "220 lists.example LMTP Listward\r\n"
                  "250-lists.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1000\r\n250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250-DSN\r\n"
                  "250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n"
                  "250 2.1.0 sender ok\r\n"
                  "550 5.7.1 members only\r\n"
                  "550 5.1.1 no list here by that name\r\n"
                  "451 4.3.0 temporary trouble here, nothing was kept; please try again\r\n"
                  "250 2.1.5 recipient ok\r\n"
                  "250 2.0.0 20 octets received\r\n"
                  "250 2.6.0 id accepted for list@y.example\r\n"
                  "503 5.5.1 bad sequence of commands: no MAIL was accepted\r\n"
                  "500 5.5.2 unknown command: EHLO; this is LMTP, say LHLO\r\n"
                  "500 5.5.2 unknown command: \"FO?O\"\r\n"
                  "214 2.0.0 LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT XFORWARD\r\n"
                  "221 2.0.0 bye\r\n");
}

/* The greeting leaves before the first read, all other replies of what arrived together in one write. */
static void
test_one_write(void)
{
  int writes;
  g_autoptr(GString) got = dialogue_output(PROTOCOL_LMTP, HELLO MAIL RCPT RCPT RCPT "DATA\r\n" MESSAGE ".\r\n" TEN_RSET "QUIT\r\n", &writes);
  g_assert_cmpint(writes, ==, 2);
  g_assert_nonnull(strstr(got->str, "221 2.0.0"));
}

/* `n` recipients, then DATA with a dot. */
static char *
codes_of_many(int n)
{
  g_autoptr(GString) input = g_string_new(HELLO MAIL);
  for (int i = 0; i < n; i++)
    g_string_append_printf(input, "RCPT TO:<l%d@y.example>\r\n", i);
  g_string_append(input, "DATA\r\n.\r\nQUIT\r\n");
  g_autoptr(GString) got = dialogue_output(PROTOCOL_LMTP, input->str, NULL);
  return dialogue_condense(got);
}

static void
test_many_recipients(void)
{
  g_autoptr(GString) want = g_string_new(OPENED "250 2.1.0|");
  for (int i = 0; i < DOOR_RECIPIENTS_MAX; i++)
    g_string_append(want, "250 2.1.5|");
  g_string_append(want, "452 4.5.3|452 4.5.3|354|");
  for (int i = 0; i < DOOR_RECIPIENTS_MAX; i++)
    g_string_append(want, "250 2.6.0|");
  g_string_append(want, "221 2.0.0|");
  g_autofree char *got = codes_of_many(DOOR_RECIPIENTS_MAX + 2);
  g_assert_cmpstr(got, ==, want->str);
}

/* A message of `n` octets, CRLF included, dot-stuffed or not. */
static char *
codes_of_size(size_t n, bool dots, bool bdat)
{
  g_autoptr(GString) text = g_string_new(NULL);
  for (size_t i = 0; i + 2 < n; i++)
    g_string_append_c(text, i == 0 && dots ? '.' : 'x');
  g_string_append(text, "\r\n");
  g_autofree char *input = bdat ? g_strdup_printf(HELLO MAIL RCPT "BDAT %zu LAST\r\n%sNOOP\r\n", n, text->str)
                                : g_strdup_printf(HELLO MAIL RCPT "DATA\r\n%s%s.\r\nNOOP\r\n", dots ? "." : "", text->str);
  g_autoptr(GString) got = dialogue_output(PROTOCOL_LMTP, input, NULL);
  return dialogue_condense(got);
}

static void
test_size(void)
{
  static const struct {
    const char *name;
    size_t n;
    bool dots, bdat;
    const char *want;
  } sizes[] = {
    { .name = "at the limit", .n = 1000, .want = BEGUN "354|250 2.6.0|250 2.0.0|" },
    { .name = "over the limit", .n = 1001, .want = BEGUN "354|552 5.3.4|250 2.0.0|" },
    { .name = "far over the limit", .n = 200000, .want = BEGUN "354|552 5.3.4|250 2.0.0|" },
    { .name = "a stuffed dot does not count", .n = 1000, .dots = true, .want = BEGUN "354|250 2.6.0|250 2.0.0|" },
    { .name = "chunk at the limit", .n = 1000, .bdat = true, .want = BEGUN "250 2.6.0|250 2.0.0|" },
    { .name = "chunk over the limit", .n = 1001, .bdat = true, .want = BEGUN "552 5.3.4|250 2.0.0|" },
    { .name = "chunk far over the limit", .n = 200000, .bdat = true, .want = BEGUN "552 5.3.4|250 2.0.0|" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *got = codes_of_size(sizes[i].n, sizes[i].dots, sizes[i].bdat);
    if (strcmp(got, sizes[i].want) != 0)
      g_error("%s: %s", sizes[i].name, got);
  }
}

static void
test_long_line(void)
{
  g_autofree char *line = g_strnfill((MESSAGE_LINE_MAX + 1), 'x');
  g_autofree char *input = g_strconcat(HELLO MAIL RCPT "DATA\r\n", line, "\r\nmore\r\n.\r\nNOOP\r\n", NULL);
  OWN(stub) stub = stub_new();
  stub->options.size_max = 10 * (MESSAGE_LINE_MAX + 1);
  struct memory_peer peer = { .input = slice_of(input) };
  dialogue_run(PROTOCOL_LMTP, stub, &peer);
  g_autofree char *got = dialogue_condense(peer.output);
  g_assert_cmpstr(got, ==, BEGUN "354|550 5.6.0|250 2.0.0|");
  g_string_free(peer.output, TRUE);
}

static void
test_long_command(void)
{
  g_autofree char *line = g_strnfill(5000, 'x');
  g_autofree char *input = g_strconcat(HELLO MAIL, line, "\r\n" RCPT, NULL);
  g_autoptr(GString) output = dialogue_output(PROTOCOL_LMTP, input, NULL);
  g_autofree char *got = dialogue_condense(output);
  g_assert_cmpstr(got, ==, OPENED "250 2.1.0|500 5.5.2|250 2.1.5|");
}

/* What the door itself does not take, or a hook before the end, is counted like what the verdict does not take. */
static void
test_counted(void)
{
  g_autofree char *large = g_strnfill(1001, 'x');
  g_autofree char *too_large = g_strconcat("DATA\r\n", large, "\r\n.\r\n", NULL), *chunk = g_strconcat("BDAT 1001\r\n", large, NULL);
  const struct { const char *name, *rcpt, *message; int64_t refused, trouble; } messages[] = {
    { .name = "taken", .rcpt = RCPT, .message = "DATA\r\n" MESSAGE ".\r\n" },
    { .name = "too large", .rcpt = RCPT, .message = too_large, .refused = 1 },
    { .name = "too large, two recipients", .rcpt = RCPT RCPT, .message = too_large, .refused = 1 },
    { .name = "too large, in chunks", .rcpt = RCPT, .message = chunk, .refused = 1 },
    { .name = "cannot be begun", .rcpt = "RCPT TO:<full-a@y.example>\r\n", .message = "DATA\r\n", .trouble = 1 },
    { .name = "cannot be kept", .rcpt = RCPT, .message = "DATA\r\nOUT OF DISK\r\n.\r\n", .trouble = 1 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
    int64_t refused = counter_read(COUNTER_REFUSED), trouble = counter_read(COUNTER_TROUBLE);
    g_autofree char *input = g_strconcat(HELLO MAIL, messages[i].rcpt, messages[i].message, NULL);
    g_string_free(dialogue_output(PROTOCOL_LMTP, input, NULL), TRUE);
    if (counter_read(COUNTER_REFUSED) - refused != messages[i].refused || counter_read(COUNTER_TROUBLE) - trouble != messages[i].trouble)
      g_error("%s", messages[i].name);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/lmtp-session/usual", test_usual);
  g_test_add_func("/lmtp-session/order", test_order);
  g_test_add_func("/lmtp-session/chunks", test_chunks);
  g_test_add_func("/lmtp-session/strict", test_strict);
  g_test_add_func("/lmtp-session/parameters", test_parameters);
  g_test_add_func("/lmtp-session/mtas", test_mtas);
  g_test_add_func("/lmtp-session/texts", test_texts);
  g_test_add_func("/lmtp-session/one-write", test_one_write);
  g_test_add_func("/lmtp-session/many-recipients", test_many_recipients);
  g_test_add_func("/lmtp-session/size", test_size);
  g_test_add_func("/lmtp-session/long-line", test_long_line);
  g_test_add_func("/lmtp-session/long-command", test_long_command);
  g_test_add_func("/lmtp-session/counted", test_counted);
  return g_test_run();
}
