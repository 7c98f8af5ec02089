#pragma once
/* The packets of the milter protocol, versions 2 to 6 (Sendmail 8.11 and later, Postfix): grammar only. A packet is uint32 (big endian) the number of octets that follow, one octet
 * what it is, and data. The MTA sends commands, the filter answers. */
#include "base/error.h"
#include "base/slice.h"

enum milter_command {
  MILTER_ABORT = 'A',
  MILTER_BODY = 'B',
  MILTER_CONNECT = 'C',
  MILTER_MACRO = 'D',
  MILTER_END = 'E',
  MILTER_HELO = 'H',
  MILTER_QUIT_NEW = 'K', /* the connection serves another SMTP client from now on */
  MILTER_FIELD = 'L',
  MILTER_MAIL = 'M',
  MILTER_EOH = 'N',
  MILTER_OFFER = 'O',
  MILTER_QUIT = 'Q',
  MILTER_RCPT = 'R',
  MILTER_DATA = 'T',
  MILTER_UNKNOWN = 'U',
};

enum milter_answer {
  MILTER_ACCEPT = 'a',
  MILTER_CONTINUE = 'c',
  MILTER_DISCARD = 'd',
  MILTER_REPLY = 'y',
  MILTER_DELETE_RCPT = '-',
};

/* What a filter may do to a message; what it need not be told, needs not answer, or wants to be told otherwise. */
enum { MILTER_MAY_DELETE_RCPT = 0x08 };
enum milter_step {
  MILTER_NO_CONNECT = 0x01,
  MILTER_NO_HELO = 0x02,
  MILTER_NO_EOH = 0x40,
  MILTER_NO_UNKNOWN = 0x100,
  MILTER_MUTE_FIELD = 0x80,
  MILTER_MUTE_CONNECT = 0x1000,
  MILTER_MUTE_HELO = 0x2000,
  MILTER_MUTE_MAIL = 0x4000,
  MILTER_MUTE_UNKNOWN = 0x20000,
  MILTER_MUTE_EOH = 0x40000,
  MILTER_MUTE_BODY = 0x80000,
  MILTER_LEADING_SPACE = 0x100000, /* a field's value comes with the blank after its colon */
};

/* Octets before the data. */
#define MILTER_HEAD 5
/* Data of a packet that is looked at as a whole. */
#define MILTER_DATA_MAX (32 * 1024)

struct milter_head {
  enum milter_command command;
  size_t data; /* octets that follow */
};

/* The beginning of a packet. RES_MORE: MILTER_HEAD octets are needed. RES_BAD: no such command, or more data than it may have: nobody knows where the next begins. */
enum res milter_head_parse(struct slice octets, struct milter_head *head, GError **error) MUST_CHECK;
/* Appends a packet. */
void milter_packet_write(GString *out, char what, struct slice data);

/* The next NUL-terminated text of `rest`, which loses it; without NUL: all of it. Empty at the end. */
struct slice milter_text(struct slice *rest);

struct milter_offer {
  uint32_t version, actions, steps;
};

/* MILTER_OFFER's data. RES_BAD: too short. What follows the three numbers is passed over. */
enum res milter_offer_parse(struct slice data, struct milter_offer *offer, GError **error) MUST_CHECK;
/* Of what the MTA offers, what we take: nothing that its version does not have. RES_BAD: its version is too old. */
enum res milter_offer_agree(const struct milter_offer *offer, struct milter_offer *agreed, GError **error) MUST_CHECK;
/* Appends the packet that says so. */
void milter_offer_write(const struct milter_offer *agreed, GString *out);

/* A reply line of SMTP, CRLF included, as data of MILTER_REPLY: appended, with its NUL. MTAs take the text as a format: each '%' is written twice. */
void milter_reply_text(struct slice line, GString *out);

/* MILTER_FIELD's data, NAME NUL VALUE NUL, however it is cut, as the field stood in the message. */
struct milter_field {
  bool leading_space; /* it was agreed on */
  int state;          /* private; both 0 at the start of a field */
  bool line_end;
};
/* Appends what `piece` adds. Line ends within a value, LF or CRLF, become CRLF. */
void milter_field_feed(struct milter_field *field, struct slice piece, GByteArray *out);
/* The field's data is over: appends its line end. */
void milter_field_end(struct milter_field *field, GByteArray *out);
