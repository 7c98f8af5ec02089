#include "message/address_list.h"
#include "message/charset.h"
#include "message/encoded_word.h"

/* One pass over the text. What is read goes to two places at once until it is known what it is: `phrase`, for it may be a display name,
 * and `spec`, for it may be an address. A '<' decides that it was a name; a ',' or the end that it was an address. A ':' makes it the name
 * of a group, whose members are addresses like others, and whose ';' ends one as ',' does.
 *
 * Mail that breaks the grammar gets the reading that finds most addresses: quotes and comments that are never closed are letters like
 * others, a missing '>' is supplied at the comma. */

#define NAME_MAX_OCTETS 1000
/* Octets looked at for the end of an address literal. */
#define LITERAL_MAX 80

struct reader {
  struct slice text;
  size_t at;
  unsigned *conversions;
  GPtrArray *mailboxes;
  GString *phrase;  /* dequoted */
  GString *comment; /* the mailbox's first */
  GString *spec;    /* without blanks and comments where the grammar allows them */
  bool has_at;      /* spec has an '@' outside quotes */
  bool spec_done; /* spec holds the word that has the '@'; others are none of its */
  bool in_angle, had_angle;
  bool blank; /* stood before this octet */
  bool no_quotes, no_comments; /* an earlier one is not closed: they are letters */
};

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
mailbox_free(struct mailbox *mailbox)
{
  if (!mailbox)
    return;
  g_free(mailbox->name);
  g_free(mailbox->address);
  g_free(mailbox);
}

/* The address in brackets has been read: what follows it, up to the comma, says nothing. */
static bool
is_behind(const struct reader *reader)
{
  return reader->had_angle && !reader->in_angle;
}

static char
last_octet(const GString *text)
{
  return text->len ? text->str[text->len - 1] : '\0';
}

static void
add_to_phrase(struct reader *reader, struct slice piece)
{
  if (reader->blank && reader->phrase->len)
    g_string_append_c(reader->phrase, ' ');
  g_string_append_len(reader->phrase, piece.p, (gssize)piece.n);
}

/* Blanks are nothing around '.' and '@' (RFC 5322 4.4). Elsewhere they part words: outside of brackets the word that has the '@' is the
 * address, inside them they make it none that could be used. */
static void
add_to_spec(struct reader *reader, struct slice piece)
{
  if (reader->spec_done)
    return;
  char before = last_octet(reader->spec);
  char first = piece.n ? piece.p[0] : '\0';
  bool joined = before == '.' || before == '@' || first == '.' || first == '@';
  if (reader->blank && reader->spec->len && !joined) {
    reader->spec_done = !reader->in_angle && reader->has_at;
    if (reader->spec_done)
      return;
    if (reader->in_angle)
      g_string_append_c(reader->spec, ' ');
    else
      g_string_truncate(reader->spec, 0);
  }
  g_string_append_len(reader->spec, piece.p, (gssize)piece.n);
}

static void
reset(struct reader *reader)
{
  g_string_truncate(reader->phrase, 0);
  g_string_truncate(reader->comment, 0);
  g_string_truncate(reader->spec, 0);
  reader->has_at = reader->spec_done = reader->in_angle = reader->had_angle = reader->blank = false;
}

static void
finish(struct reader *reader)
{
  const GString *spec = reader->spec;
  if (reader->has_at && spec->str[0] != '@' && last_octet(spec) != '@') {
    const GString *name = reader->had_angle && reader->phrase->len ? reader->phrase : reader->comment;
    g_autoptr(GString) address = g_string_new(NULL);
    charset_guess((struct slice){ spec->str, spec->len }, address);

    struct mailbox *mailbox = g_new(struct mailbox, 1);
    mailbox->name = encoded_words_decode_within((struct slice){ name->str, name->len }, NAME_MAX_OCTETS, reader->conversions);
    mailbox->address = g_string_free(g_steal_pointer(&address), FALSE);
    g_ptr_array_add(reader->mailboxes, mailbox);
  }
  reset(reader);
}

/* The quoted string at `at`: whole for the address, without quotes and backslashes for the name. False: it is not closed. */
static bool
read_quoted(struct reader *reader)
{
  struct slice text = slice_skip(reader->text, reader->at);
  g_autoptr(GString) plain = g_string_new(NULL);
  for (size_t i = 1; i < text.n; i++) {
    if (text.p[i] == '"') {
      if (!reader->had_angle)
        add_to_phrase(reader, (struct slice){ plain->str, plain->len });
      if (!is_behind(reader))
        add_to_spec(reader, slice_head(text, i + 1));
      reader->at += i + 1;
      reader->blank = false;
      return true;
    }
    if (text.p[i] == '\\' && i + 1 < text.n)
      i++;
    g_string_append_c(plain, text.p[i]);
  }
  reader->no_quotes = true;
  return false;
}

/* The comment at `at`; comments nest (RFC 5322 3.2.2). False: it is not closed. */
static bool
read_comment(struct reader *reader)
{
  struct slice text = slice_skip(reader->text, reader->at);
  g_autoptr(GString) plain = g_string_new(NULL);
  size_t depth = 1;
  for (size_t i = 1; i < text.n; i++) {
    if (text.p[i] == '(')
      depth++;
    if (text.p[i] == ')' && --depth == 0) {
      if (!reader->comment->len)
        g_string_append_len(reader->comment, plain->str, (gssize)plain->len);
      reader->at += i + 1;
      reader->blank = true;
      return true;
    }
    if (text.p[i] == '\\' && i + 1 < text.n)
      i++;
    g_string_append_c(plain, text.p[i]);
  }
  reader->no_comments = true;
  return false;
}

static void
read_plain(struct reader *reader, size_t n)
{
  struct slice piece = slice_head(slice_skip(reader->text, reader->at), n);
  if (!reader->in_angle)
    add_to_phrase(reader, piece);
  add_to_spec(reader, piece);
  reader->has_at |= piece.p[0] == '@';
  reader->at += n;
  reader->blank = false;
}

/* "[…]": what is in it separates nothing. 0: it is no literal. */
static size_t
literal_length(struct slice text)
{
  for (size_t i = 1; i < MIN(text.n, LITERAL_MAX); i++) {
    if (text.p[i] == ']')
      return i + 1;
    if (is_blank(text.p[i]) || strchr("[<>,;\"(", text.p[i]))
      return 0;
  }
  return 0;
}

static void
open_angle(struct reader *reader)
{
  if (reader->had_angle && reader->has_at)
    finish(reader);
  g_string_truncate(reader->spec, 0);
  reader->has_at = reader->spec_done = reader->blank = false;
  reader->in_angle = reader->had_angle = true;
}

/* A ':' ends a source route in brackets (RFC 5322 4.4 obs-route), or the name of a group. */
static void
colon(struct reader *reader)
{
  if (!reader->in_angle && reader->has_at) {
    finish(reader);
    return;
  }
  if (!reader->in_angle)
    g_string_truncate(reader->phrase, 0);
  g_string_truncate(reader->spec, 0);
  reader->has_at = reader->spec_done = false;
}

/* True: `c` was one of the octets that part a list. */
static bool
part(struct reader *reader, char c)
{
  bool route = reader->in_angle && reader->spec->str[0] == '@';
  if (c == '<')
    open_angle(reader);
  else if (c == '>')
    reader->in_angle = false;
  else if (c == ':' && (route || !reader->in_angle))
    colon(reader);
  else if (c == ';' || (c == ',' && !route))
    finish(reader);
  else
    return false;
  reader->at++;
  return true;
}

static void
step(struct reader *reader)
{
  struct slice rest = slice_skip(reader->text, reader->at);
  char c = rest.p[0];
  if (is_blank(c)) {
    reader->blank = true;
    reader->at++;
    return;
  }
  if (c == '(' && !reader->no_comments && read_comment(reader))
    return;
  if (c == '"' && !reader->no_quotes && read_quoted(reader))
    return;
  if (part(reader, c))
    return;
  size_t literal = c == '[' ? literal_length(rest) : 0;
  if (is_behind(reader))
    reader->at++;
  else
    read_plain(reader, literal ? literal : 1);
}

void
address_list_read(struct slice text, unsigned *conversions, GPtrArray *mailboxes)
{
  g_autoptr(GString) phrase = g_string_new(NULL);
  g_autoptr(GString) comment = g_string_new(NULL);
  g_autoptr(GString) spec = g_string_new(NULL);
  struct reader reader = {
    .text = text, .conversions = conversions, .mailboxes = mailboxes, .phrase = phrase, .comment = comment, .spec = spec,
  };
  while (reader.at < text.n && mailboxes->len < ADDRESS_LIST_MAX)
    step(&reader);
  if (mailboxes->len < ADDRESS_LIST_MAX)
    finish(&reader);
}

GPtrArray *
header_addresses(const struct header_view *view, const char *name)
{
  GPtrArray *mailboxes = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
  unsigned conversions = ADDRESS_LIST_CONVERSIONS_MAX;
  for (const struct header_field *f = header_first(view, name); f; f = header_next(view, name, f)) {
    g_autofree char *text = header_unfold(f);
    address_list_read(slice_of(text), &conversions, mailboxes);
  }
  return mailboxes;
}
