#pragma once
/* Commands on their way to a server, and the replies to them: read while writing, and in time, so that neither side can wait for the other.
 *
 * RES_TEMP of each: the connection is lost or of no use any more (closed, too slow, 421, no SMTP); smtp_flight_abandon is to be called. */
#include "smtp/smtp_transaction.h"

/* Before the first command: RES_TEMP if the server has closed the connection, or has spoken unasked, while nothing went on. Does not wait. */
enum res smtp_flight_check(struct smtp_peer *peer, GError **error) MUST_CHECK;

/* Says a command line, with its CRLF. Without PIPELINING (RFC 2920) its reply is taken at once. `transaction`: NULL for RSET. `recipient`: of RCPT. */
enum res smtp_flight_say(struct smtp_peer *peer, enum smtp_command command, struct smtp_transaction *transaction, size_t recipient, struct slice line,
                         GError **error) MUST_CHECK;
/* Takes replies until at most `most` are outstanding. */
enum res smtp_flight_drain(struct smtp_peer *peer, size_t most, GError **error) MUST_CHECK;

/* The content of a transaction in three steps: room for it, taking replies; its reply is awaited from now on, and slices of it; all of it was handed
 * to the stream. */
enum res smtp_flight_room(struct smtp_peer *peer, size_t octets, GError **error) MUST_CHECK;
void smtp_flight_begin_content(struct smtp_peer *peer, struct smtp_transaction *transaction);
enum res smtp_flight_write(struct smtp_peer *peer, const struct slice *slices, size_t n, GError **error) MUST_CHECK;
enum res smtp_flight_end_content(struct smtp_peer *peer, struct smtp_transaction *transaction, GError **error) MUST_CHECK;
/* For those who write to the stream themselves: the deadline of the next block; what came of it. */
void smtp_flight_block(struct smtp_peer *peer);
enum res smtp_flight_wrote(struct smtp_peer *peer, enum res res);

/* After RES_TEMP: takes what the server said before it closed, and gives up what is outstanding. Of a message whose content had left nobody knows
 * whether it was taken: its recipients are OUTCOME_DEFERRED. If the server said why (421, or Exim's 554 for the eleventh RSET that led to nothing)
 * and then closed, it was not. All others stay pending. `error` says why, by the server's words if there are any. */
void smtp_flight_abandon(struct smtp_peer *peer, GError **error);
