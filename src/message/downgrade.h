#pragma once
/* A second form of a message for a next hop that lacks 8BITMIME (RFC 6152) or SMTPUTF8 (RFC 6531). Everything else passes as it came. */
#include "base/error.h"
#include "base/slice.h"
#include <glib.h>

/* Containers within each other at most, and parts of one message at most. */
#define DOWNGRADE_DEPTH_MAX 64
#define DOWNGRADE_PARTS_MAX 1000
/* What is made is at most so many times as long as what came, plus DOWNGRADE_SLACK; more is refused. Text of odd lines grows to 2.6 times
 * its length, octets to 1.4 times; only a header full of names of one letter meets the limit. Each part's header may be HEADER_MAX long,
 * and grow to twelve times that before the limit is looked at. Besides, one leaf's content is held twice more while it is encoded. */
#define DOWNGRADE_GROWTH 3
#define DOWNGRADE_SLACK (64 * 1024)

enum downgrade {
  DOWNGRADE_HEADER,    /* the header in ASCII, the body as it came: for a peer with 8BITMIME but without SMTPUTF8 */
  DOWNGRADE_SEVEN_BIT, /* header and body 7 bit: for a peer without 8BITMIME */
};

/* The header and the body in the form `how` asks for. `header`: the section with the empty line that ends it, CRLF line ends.
 * `*new_header`: the same, in ASCII, owned by the caller; fields that need no change keep their octets. `*new_body`: owned by the caller,
 * or NULL where the body goes as it came (always so for DOWNGRADE_HEADER). No line of what was made is longer than 998 octets.
 * RES_BAD: it cannot be done without breaking the message, nothing is set: REPLY_NO_CONVERSION for 8-bit octets in signed or encrypted
 * parts and in what cannot be taken apart (too deep, too many parts, unknown encodings), REPLY_NO_SMTPUTF8 for a field that has no ASCII
 * form, such as the non-ASCII local part of an address. The error's text is one sentence without private matter.
 * Any thread. Time is linear in the message; memory is bounded as above, besides the message itself. */
enum res message_downgrade(struct slice header, struct slice body, enum downgrade how, GBytes **new_header, GBytes **new_body,
                           GError **error) MUST_CHECK;
