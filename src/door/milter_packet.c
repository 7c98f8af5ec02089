#include "door/milter_packet.h"

#define VERSION_LEAST 2
#define VERSION_MOST 6

/* A field comes as Postfix or Sendmail have it in memory; either may be told to allow more than the 100 KiB or 32 KiB of their defaults. */
#define FIELD_MAX (1024 * 1024)
/* A chunk has 65535 octets at most, unless the filter asks for more. */
#define CHUNK_MAX (66 * 1024)

static const struct {
  enum milter_command command;
  size_t data_max;
} commands[] = {
  { MILTER_ABORT, 0 },
  { MILTER_BODY, CHUNK_MAX },
  { MILTER_CONNECT, MILTER_DATA_MAX },
  { MILTER_MACRO, MILTER_DATA_MAX },
  { MILTER_END, CHUNK_MAX },
  { MILTER_HELO, MILTER_DATA_MAX },
  { MILTER_QUIT_NEW, 0 },
  { MILTER_FIELD, FIELD_MAX },
  { MILTER_MAIL, MILTER_DATA_MAX },
  { MILTER_EOH, 0 },
  { MILTER_OFFER, MILTER_DATA_MAX },
  { MILTER_QUIT, 0 },
  { MILTER_RCPT, MILTER_DATA_MAX },
  { MILTER_DATA, 0 },
  { MILTER_UNKNOWN, MILTER_DATA_MAX },
};

static uint32_t
read_number(const char *p)
{
  uint32_t number;
  memcpy(&number, p, sizeof number);
  return GUINT32_FROM_BE(number);
}

static void
write_number(GString *out, uint32_t number)
{
  number = GUINT32_TO_BE(number);
  g_string_append_len(out, (const char *)&number, sizeof number);
}

enum res
milter_head_parse(struct slice octets, struct milter_head *head, GError **error)
{
  if (octets.n < MILTER_HEAD)
    return RES_MORE;
  uint32_t length = read_number(octets.p);
  if (length == 0)
    return refuse(error, REPLY_SYNTAX, "a packet without a command");
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
    if (octets.p[4] != (char)commands[i].command)
      continue;
    if (length - 1 > commands[i].data_max)
      return refuse(error, REPLY_SYNTAX, "a packet '%c' of %u octets", octets.p[4], length);
    *head = (struct milter_head){ commands[i].command, length - 1 };
    return RES_OK;
  }
  return refuse(error, REPLY_UNKNOWN_COMMAND, "a packet of type 0x%02x", (unsigned char)octets.p[4]);
}

void
milter_packet_write(GString *out, char what, struct slice data)
{
  write_number(out, (uint32_t)data.n + 1);
  g_string_append_c(out, what);
  if (data.n > 0)
    g_string_append_len(out, data.p, (gssize)data.n);
}

struct slice
milter_text(struct slice *rest)
{
  struct slice text = slice_until(*rest, '\0');
  *rest = slice_skip(*rest, text.n + 1);
  return text;
}

/* ---- negotiation ---- */

/* The steps that a version may speak of. */
static const struct {
  uint32_t version, steps;
} versions[] = { { 2, 0xff }, { 3, 0x1ff }, { 4, 0x3ff }, { 5, 0x3ff }, { VERSION_MOST, 0x1fffff } };

/* Nothing is wanted that the verdict does not need, and no answer is given to what cannot decide: a header's fields and a body's chunks cost no round trip. */
#define STEPS_WANTED                                                                                                                                             \
  (MILTER_NO_CONNECT | MILTER_NO_HELO | MILTER_NO_EOH | MILTER_NO_UNKNOWN | MILTER_MUTE_FIELD | MILTER_MUTE_CONNECT | MILTER_MUTE_HELO | MILTER_MUTE_MAIL |         \
   MILTER_MUTE_UNKNOWN | MILTER_MUTE_EOH | MILTER_MUTE_BODY | MILTER_LEADING_SPACE)

enum res
milter_offer_parse(struct slice data, struct milter_offer *offer, GError **error)
{
  if (data.n < 3 * sizeof(uint32_t))
    return refuse(error, REPLY_SYNTAX, "an offer of %zu octets", data.n);
  *offer = (struct milter_offer){ read_number(data.p), read_number(data.p + 4), read_number(data.p + 8) };
  return RES_OK;
}

enum res
milter_offer_agree(const struct milter_offer *offer, struct milter_offer *agreed, GError **error)
{
  if (offer->version < VERSION_LEAST)
    return refuse(error, REPLY_SYNTAX, "version %u of the milter protocol", offer->version);
  uint32_t version = MIN(offer->version, VERSION_MOST);
  *agreed = (struct milter_offer){ version, offer->actions & MILTER_MAY_DELETE_RCPT, 0 };
  for (size_t i = 0; i < G_N_ELEMENTS(versions); i++)
    if (versions[i].version == version)
      agreed->steps = offer->steps & versions[i].steps & STEPS_WANTED;
  return RES_OK;
}

void
milter_offer_write(const struct milter_offer *agreed, GString *out)
{
  g_autoptr(GString) data = g_string_new(NULL);
  write_number(data, agreed->version);
  write_number(data, agreed->actions);
  write_number(data, agreed->steps);
  milter_packet_write(out, MILTER_OFFER, (struct slice){ data->str, data->len });
}

/* ---- replies ---- */

void
milter_reply_text(struct slice line, GString *out)
{
  struct slice text = slice_trim(line);
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] == '%')
      g_string_append_c(out, '%');
    g_string_append_c(out, text.p[i]);
  }
  g_string_append_c(out, '\0');
}

/* ---- header fields ---- */

enum { IN_NAME, IN_VALUE, AFTER_CR, AFTER_VALUE };

static void
append(GByteArray *out, struct slice octets)
{
  g_byte_array_append(out, (const guint8 *)octets.p, (guint)octets.n);
}

/* Octets of a value; a line end before them is written only now, so that none stands at the end of the value, where it would end the header. */
static void
append_value(struct milter_field *field, struct slice octets, GByteArray *out)
{
  if (octets.n == 0)
    return;
  if (field->line_end)
    append(out, SLICE("\r\n"));
  field->line_end = false;
  append(out, octets);
}

static void
value_octet(struct milter_field *field, char c, GByteArray *out)
{
  if (field->state == AFTER_CR && c != '\n')
    append_value(field, SLICE("\r"), out);
  field->state = c == '\0' ? AFTER_VALUE : c == '\r' ? AFTER_CR : IN_VALUE;
  if (c == '\n')
    field->line_end = true;
  else if (c != '\r' && c != '\0')
    append_value(field, (struct slice){ &c, 1 }, out);
}

/* The octets up to the next that means something. */
static struct slice
plain_run(int state, struct slice s)
{
  size_t n = 0;
  if (state == IN_NAME)
    n = slice_find(s, '\0');
  else if (state == IN_VALUE)
    while (n < s.n && s.p[n] != '\0' && s.p[n] != '\r' && s.p[n] != '\n')
      n++;
  return slice_head(s, n);
}

void
milter_field_feed(struct milter_field *field, struct slice piece, GByteArray *out)
{
  while (piece.n > 0 && field->state != AFTER_VALUE) {
    struct slice run = plain_run(field->state, piece);
    append_value(field, run, out);
    piece = slice_skip(piece, run.n);
    if (piece.n == 0)
      return;
    if (field->state == IN_NAME) {
      append(out, field->leading_space ? SLICE(":") : SLICE(": "));
      field->state = IN_VALUE;
    } else
      value_octet(field, piece.p[0], out);
    piece = slice_skip(piece, 1);
  }
}

void
milter_field_end(struct milter_field *field, GByteArray *out)
{
  if (field->state == AFTER_CR)
    append_value(field, SLICE("\r"), out);
  append(out, field->state == IN_NAME ? SLICE(":\r\n") : SLICE("\r\n"));
  field->state = IN_NAME;
  field->line_end = false;
}
