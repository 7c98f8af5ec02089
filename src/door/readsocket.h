#pragma once
/* Inside of a readsocket session, shared by readsocket.c (the requests of Exim's ${readsocket}, and their answers) and readsocket_message.c (a message, as the hooks see it).
 *
 * One connection is one request and one answer, a line that ends with LF. The request's first line is words, each ended by one space, the last by LF:
 *
 *   RCPT RECIPIENT [SENDER [SIZE]]            may mail to RECIPIENT come? Without SENDER the answer depends on RECIPIENT alone
 *   DATA SENDER SIZE RECIPIENT…               may this message come? header, an empty line and body follow, until the peer closes its side
 *   PRDR RECIPIENT SENDER [SIZE]              the same for one recipient
 *
 * An address is written bare or in angle brackets, and quoted where its local part wants that (Exim: ${quote_local_part:$local_part}@$domain): inside quotes a space ends no word. A comma
 * behind a recipient of DATA is dropped (Exim's $recipients). SENDER is empty or <> for the null reverse-path. SIZE is octets; empty, 0 or -1: not known. Lines of the message end with LF
 * or CRLF. The answers:
 *
 *   ok                   it may; after a message for lists alone the verdict follows, "ok 250 2.6.0 …"
 *   unknown              RECIPIENT is in a domain of ours, but neither list nor role     (RCPT only)
 *   none                 its domain is none of ours                                      (RCPT only)
 *   defer 4YZ X.Y.Z …    temporary trouble
 *   5YZ X.Y.Z …          refused
 *   error …              the request is none */
#include "door/arrival.h"
#include "door/exchange.h"

struct readsocket {
  struct exchange exchange;
  GString *word;
  bool heard;              /* something has come */
  bool line_over;          /* the first line has been read */
  struct door_transaction transaction;
  bool in_transaction;     /* the hook `mail` took it */
  GError *failure;         /* why ours cannot be asked about this message, whoever they are */
  bool ours, others;       /* it has such recipients */
  GString *refusal, *deferral; /* the first reply to a recipient that was not taken; empty: none */
  struct arrival message;  /* none: ours are not asked about it */
  GByteArray *ended;       /* of one block */
  bool after_cr;           /* the last octet was a CR */
};

/* The sender, "" for the null reverse-path, and the octets that the peer says it has. */
void readsocket_mail(struct readsocket *session, const char *sender, int64_t size);
/* One recipient. RES_BAD: it is no address. */
enum res readsocket_recipient(struct readsocket *session, const char *recipient, GError **error) MUST_CHECK;
/* RES_BAD: it is no address. */
enum res readsocket_check_address(const char *recipient, GError **error) MUST_CHECK;
/* The message: as long as the peer sends. RES_OK: the answer is in `answer`. RES_TEMP: the peer is gone, or too slow. */
enum res readsocket_message(struct readsocket *session, GString *answer, GError **error) MUST_CHECK;
/* The transaction is over. */
void readsocket_reset(struct readsocket *session);
