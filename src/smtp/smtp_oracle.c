#include "smtp/smtp_oracle.h"
#include "smtp/smtp_reply.h"
#include "net/memory_peer.h"

struct oracle {
  const struct transmission *mail;
  const struct copy_form *form;
  struct slice said; /* what was not looked at yet */
  const GArray *codes;
  guint at;          /* in `codes` */
  bool refused;      /* by MAIL: then nothing behind it counts */
  bool *accepted;    /* recipients of the transaction at hand */
  int *copies;       /* that were answered by 2xx */
  bool *answered;    /* in whatever way */
};

static GArray *
read_codes(struct slice replies)
{
  GArray *codes = g_array_new(FALSE, FALSE, sizeof(int));
  struct memory_peer peer = { .input = replies };
  OWN(stream) stream = memory_peer_stream(&peer);
  struct smtp_reply reply;
  while (smtp_reply_read(stream, &reply, NULL) == RES_OK)
    g_array_append_val(codes, reply.code);
  g_string_free(peer.output, TRUE);
  return codes;
}

/* The reply to the next command; 0: there was none. */
static int
next_code(struct oracle *o)
{
  return o->at < o->codes->len ? g_array_index(o->codes, int, o->at++) : 0;
}

static void
forget(struct oracle *o)
{
  memset(o->accepted, 0, o->mail->n * sizeof(bool));
}

/* What stands between the brackets of a path. */
static struct slice
path_of(struct slice line)
{
  struct slice path = slice_skip(line, slice_find(line, '<') + 1);
  return slice_until(path, '>');
}

static size_t
recipient_of(const struct oracle *o, struct slice line)
{
  for (size_t i = 0; i < o->mail->n; i++)
    if (slice_equal(path_of(line), slice_of(o->mail->recipients[i].address)))
      return i;
  g_error("a stranger: %.*s", SLICE_FMT(line));
}

static GString *
copy_of(const struct oracle *o, size_t i)
{
  struct slice pieces[COPY_PIECES_MAX];
  GString *copy = g_string_new(NULL);
  for (size_t j = 0, n = transmission_pieces(o->mail, o->form, i, pieces); j < n; j++)
    g_string_append_len(copy, pieces[j].p, (gssize)pieces[j].n);
  return copy;
}

/* By DATA a stray CR or LF is a space, and the last line has an end. */
static void
mend(GString *copy)
{
  for (size_t i = 0; i < copy->len; i++)
    if (copy->str[i] == '\r' && copy->str[i + 1] == '\n')
      i++;
    else if (copy->str[i] == '\r' || copy->str[i] == '\n')
      copy->str[i] = ' ';
  if (copy->len > 0 && !g_str_has_suffix(copy->str, "\r\n"))
    g_string_append(copy, "\r\n");
}

/* `octets`: what arrived, as it was meant; it may have been broken off. */
static void
check_content(struct oracle *o, struct slice octets, bool whole, bool data)
{
  int code = whole ? next_code(o) : 0;
  bool any = false;
  for (size_t i = 0; i < o->mail->n; i++) {
    if (!o->accepted[i])
      continue;
    g_autoptr(GString) copy = copy_of(o, i);
    if (data)
      mend(copy);
    any = true;
    g_assert(whole ? slice_equal(octets, (struct slice){ copy->str, copy->len }) : octets.n <= copy->len);
    o->answered[i] = o->answered[i] || code != 0;
    o->copies[i] += code / 100 == 2;
  }
  g_assert(any || octets.n == 0 || !data);
  forget(o);
}

/* Dots undone, up to the last one. */
static void
take_data(struct oracle *o)
{
  g_autoptr(GString) octets = g_string_new(NULL);
  while (o->said.n > 0) {
    struct slice line = slice_until(o->said, '\n');
    line = slice_head(o->said, line.n + 1);
    o->said = slice_skip(o->said, line.n);
    if (slice_equal(line, SLICE(".\r\n"))) {
      check_content(o, (struct slice){ octets->str, octets->len }, true, true);
      return;
    }
    if (line.p[0] == '.')
      line = slice_skip(line, 1);
    g_string_append_len(octets, line.p, (gssize)line.n);
  }
  check_content(o, (struct slice){ octets->str, octets->len }, false, true);
}

static void
take_bdat(struct oracle *o, struct slice line)
{
  struct slice number = slice_until(slice_skip(line, strlen("BDAT ")), ' ');
  int64_t size;
  g_assert(slice_to_uint(number, &size) && slice_ends_nocase(line, SLICE(" LAST")));
  struct slice octets = slice_head(o->said, (size_t)size);
  o->said = slice_skip(o->said, (size_t)size);
  check_content(o, octets, octets.n == (size_t)size, false);
}

static void
take_command(struct oracle *o, struct slice line)
{
  if (slice_starts_nocase(line, SLICE("BDAT "))) {
    take_bdat(o, line);
    return;
  }
  int code = next_code(o);
  if (slice_equal(line, SLICE("DATA"))) {
    if (code == 354)
      take_data(o);
  } else if (slice_starts_nocase(line, SLICE("RCPT TO:<")))
    o->accepted[recipient_of(o, line)] = code / 100 == 2 && !o->refused;
  else {
    bool mail = slice_starts_nocase(line, SLICE("MAIL FROM:<"));
    g_assert(mail || slice_equal(line, SLICE("RSET")));
    o->refused = mail && (code / 100 == 5 || (code / 100 == 4 && code != 421));
    forget(o);
  }
}

static void
check_outcome(const struct oracle *o, size_t i)
{
  const struct transmission_recipient *recipient = &o->mail->recipients[i];
  g_assert_cmpint(o->copies[i], <=, 1);
  if (recipient->outcome == OUTCOME_SENT)
    g_assert_cmpint(o->copies[i], ==, 1);
  if (recipient->outcome == OUTCOME_PENDING)
    g_assert(!o->answered[i]);
  g_assert((recipient->outcome == OUTCOME_PENDING) == (recipient->reply < 0));
  g_assert(recipient->transaction == 0 && recipient->reply < (int)o->mail->replies->len);
}

static struct slice
next_line(struct oracle *o)
{
  struct slice line = slice_until(o->said, '\r');
  g_assert(line.n + 2 <= o->said.n && o->said.p[line.n + 1] == '\n');
  o->said = slice_skip(o->said, line.n + 2);
  return line;
}

void
smtp_oracle_check(const struct transmission *mail, const struct copy_form *form, struct slice said, struct slice replies)
{
  g_autoptr(GArray) codes = read_codes(replies);
  g_autofree bool *accepted = g_new0(bool, mail->n), *answered = g_new0(bool, mail->n);
  g_autofree int *copies = g_new0(int, mail->n);
  struct oracle o = { .mail = mail, .form = form, .said = said, .codes = codes, .accepted = accepted, .copies = copies, .answered = answered };
  (void)next_code(&o); /* the greeting */
  while (o.said.n > 0 && !slice_starts_nocase(o.said, SLICE("MAIL FROM:<"))) {
    (void)next_line(&o);
    (void)next_code(&o);
  }
  while (o.said.n > 0)
    take_command(&o, next_line(&o));
  for (size_t i = 0; i < mail->n; i++)
    check_outcome(&o, i);
}
