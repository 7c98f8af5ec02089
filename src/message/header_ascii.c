#include "message/header_ascii.h"
#include "message/header_line.h"
#include "message/header_parameter.h"
#include "message/transfer_encoding.h"
#include <idn2.h>

/* Octets of a domain in UTF-8 that is looked at (RFC 1035 2.3.4). */
#define DOMAIN_MAX 253
/* Octets of a field's name that an error shows. */
#define NAME_SHOWN_MAX 40

enum kind { KIND_TEXT, KIND_ADDRESSES, KIND_IDENTIFIERS, KIND_URIS, KIND_PARAMETERS, KIND_TOKENS, KIND_TRACE };

/* Names in lower case; one that ends in '*' stands for all that start so. The first row that fits counts; KIND_TEXT if none does. */
static const struct {
  const char *name;
  enum kind kind;
} kinds[] = {
  { "from", KIND_ADDRESSES },
  { "sender", KIND_ADDRESSES },
  { "reply-to", KIND_ADDRESSES },
  { "to", KIND_ADDRESSES },
  { "cc", KIND_ADDRESSES },
  { "bcc", KIND_ADDRESSES },
  { "resent-message-id", KIND_IDENTIFIERS },
  { "resent-date", KIND_TOKENS },
  { "resent-*", KIND_ADDRESSES },
  { "mail-followup-to", KIND_ADDRESSES },
  { "mail-reply-to", KIND_ADDRESSES },
  { "disposition-notification-to", KIND_ADDRESSES },
  { "return-receipt-to", KIND_ADDRESSES },
  { "errors-to", KIND_ADDRESSES },
  { "message-id", KIND_IDENTIFIERS },
  { "in-reply-to", KIND_IDENTIFIERS },
  { "references", KIND_IDENTIFIERS },
  { "content-id", KIND_IDENTIFIERS },
  { "list-id", KIND_IDENTIFIERS },
  { "keywords", KIND_IDENTIFIERS },
  { "list-*", KIND_URIS },
  { "archived-at", KIND_URIS },
  { "content-location", KIND_URIS },
  { "content-base", KIND_URIS },
  { "content-type", KIND_PARAMETERS },
  { "content-disposition", KIND_PARAMETERS },
  { "content-transfer-encoding", KIND_TOKENS },
  { "content-language", KIND_TOKENS },
  { "accept-language", KIND_TOKENS },
  { "mime-version", KIND_TOKENS },
  { "date", KIND_TOKENS },
  { "auto-submitted", KIND_TOKENS },
  { "importance", KIND_TOKENS },
  { "precedence", KIND_TOKENS },
  { "priority", KIND_TOKENS },
  { "sensitivity", KIND_TOKENS },
  { "received", KIND_TRACE },
  { "x-received", KIND_TRACE },
  { "received-spf", KIND_TRACE },
  { "return-path", KIND_TRACE },
  { "delivered-to", KIND_TRACE },
  { "x-original-to", KIND_TRACE },
  { "dkim-signature", KIND_TRACE },
  { "domainkey-signature", KIND_TRACE },
  { "x-google-dkim-signature", KIND_TRACE },
  { "authentication-results", KIND_TRACE },
  { "x-authentication-results", KIND_TRACE },
  { "arc-*", KIND_TRACE },
};

enum token_kind { TOKEN_BLANKS, TOKEN_WORD, TOKEN_QUOTED, TOKEN_COMMENT, TOKEN_ANGLE, TOKEN_SPECIAL };

struct token {
  enum token_kind kind;
  struct slice text;
};

/* A structured field that is being written. */
struct writer {
  struct header_line *line;
  enum kind kind;
  const struct token *tokens;
  size_t n;
  bool has_angle; /* the list's item at hand has its address in brackets: all else in it is a name */
};

static enum kind
kind_of(struct slice name)
{
  for (size_t i = 0; name.n && i < G_N_ELEMENTS(kinds); i++) {
    struct slice row = slice_of(kinds[i].name);
    bool all = slice_ends_nocase(row, SLICE("*"));
    if (all ? slice_starts_nocase(name, slice_head(row, row.n - 1)) : slice_equal_nocase(name, row))
      return kinds[i].kind;
  }
  return name.n ? KIND_TEXT : KIND_TRACE;
}

/* --- tokens --- */

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t';
}

/* The offset behind the quoted string at the start of `text`, 0 if it is not closed. */
static size_t
quoted_length(struct slice text)
{
  for (size_t i = 1; i < text.n; i++)
    if (text.p[i] == '\\')
      i++;
    else if (text.p[i] == '"')
      return i + 1;
  return 0;
}

static size_t
comment_length(struct slice text)
{
  size_t depth = 0;
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] == '\\')
      i++;
    else if (text.p[i] == '(')
      depth++;
    else if (text.p[i] == ')' && --depth == 0)
      return i + 1;
  return 0;
}

/* A '<' in brackets means that the first one is not closed. A quotation mark behind a backslash opens nothing: or many brackets could each
 * look to the end of the field for what closes it. */
static size_t
angle_length(struct slice text)
{
  for (size_t i = 1; i < text.n && text.p[i] != '<';) {
    if (text.p[i] == '>')
      return i + 1;
    size_t quoted = text.p[i] == '"' ? quoted_length(slice_skip(text, i)) : 0;
    size_t plain = slice_starts_nocase(slice_skip(text, i), SLICE("\\\"")) ? 2 : 1;
    i += quoted ? quoted : plain;
  }
  return 0;
}

static size_t
run_length(struct slice text, bool blank)
{
  size_t n = 1;
  while (n < text.n && is_blank(text.p[n]) == blank && (blank || !strchr("(\"<,;:", text.p[n])))
    n++;
  return n;
}

/* What is opened and never closed is a letter like others, and is not looked for again: work stays linear. */
static const struct {
  char opens;
  enum token_kind kind;
  size_t (*length)(struct slice);
} closed_tokens[] = {
  { '"', TOKEN_QUOTED, quoted_length },
  { '(', TOKEN_COMMENT, comment_length },
  { '<', TOKEN_ANGLE, angle_length },
};

static struct token
token_at(struct slice text, bool unclosed[static G_N_ELEMENTS(closed_tokens)])
{
  for (size_t i = 0; i < G_N_ELEMENTS(closed_tokens); i++)
    if (text.p[0] == closed_tokens[i].opens && !unclosed[i]) {
      size_t n = closed_tokens[i].length(text);
      if (n)
        return (struct token){ closed_tokens[i].kind, slice_head(text, n) };
      unclosed[i] = closed_tokens[i].kind != TOKEN_ANGLE;
    }
  if (is_blank(text.p[0]))
    return (struct token){ TOKEN_BLANKS, slice_head(text, run_length(text, true)) };
  if (strchr(",;:", text.p[0]))
    return (struct token){ TOKEN_SPECIAL, slice_head(text, 1) };
  return (struct token){ TOKEN_WORD, slice_head(text, run_length(text, false)) };
}

static GArray *
tokens_of(struct slice text)
{
  GArray *tokens = g_array_new(FALSE, FALSE, sizeof(struct token));
  bool unclosed[G_N_ELEMENTS(closed_tokens)] = { false };
  while (text.n) {
    struct token token = token_at(text, unclosed);
    g_array_append_val(tokens, token);
    text = slice_skip(text, token.text.n);
  }
  return tokens;
}

/* --- what stands for octets that are not ASCII --- */

static void
write_word(struct writer *writer, struct slice word)
{
  header_line_separate(writer->line);
  header_line_word(writer->line, word);
}

static void
replace_foreign(char *text)
{
  for (char *c = text; *c; c++)
    if ((unsigned char)*c > 126)
      *c = '?';
}

static void
write_question_marks(struct writer *writer, struct slice text)
{
  g_autofree char *copy = slice_dup(text);
  replace_foreign(copy);
  write_word(writer, slice_of(copy));
}

static void
write_percent(struct writer *writer, struct slice text)
{
  g_autoptr(GString) out = g_string_new(NULL);
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] > 126)
      g_string_append_printf(out, "%%%02X", (unsigned)(unsigned char)text.p[i]);
    else
      g_string_append_c(out, text.p[i]);
  write_word(writer, (struct slice){ out->str, out->len });
}

static void
write_comment_text(struct writer *writer, GString *text)
{
  header_line_text(writer->line, (struct slice){ text->str, text->len }, HEADER_PLACE_COMMENT);
  g_string_truncate(text, 0);
}

/* The text between the parentheses of a comment and of those in it, each for itself. */
static void
write_comment(struct writer *writer, struct slice comment)
{
  header_line_separate(writer->line);
  g_autoptr(GString) text = g_string_new(NULL);
  for (size_t i = 0; i < comment.n; i++) {
    char c = comment.p[i];
    if (c == '(' || c == ')') {
      write_comment_text(writer, text);
      header_line_word(writer->line, (struct slice){ &comment.p[i], 1 });
      continue;
    }
    if (c == '\\' && i + 1 < comment.n)
      c = comment.p[++i];
    g_string_append_c(text, c);
  }
}

/* A U-label domain as A-labels. What comes out is looked at again: the mapping of UTS 46 knows characters that become several ASCII ones
 * ("a/c"). NULL: it has none. */
static char *
a_labels(struct slice domain)
{
  if (domain.n > DOMAIN_MAX || !g_utf8_validate_len(domain.p, domain.n, NULL))
    return NULL;
  g_autofree char *text = slice_dup(domain);
  char *mapped = NULL;
  if (idn2_to_ascii_8z(text, &mapped, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
    return NULL;
  char *name = g_strdup(mapped);
  idn2_free(mapped);
  for (const char *c = name; *c; c++)
    if (!g_ascii_isalnum(*c) && !strchr("-_.", *c)) {
      g_clear_pointer(&name, g_free);
      break;
    }
  return name;
}

/* "local@domain", with or without brackets around, or the "domain" alone that follows an '@'. */
static bool
write_address(struct writer *writer, struct slice text)
{
  const char *sign = memrchr(text.p, '@', text.n);
  size_t start = sign ? (size_t)(sign - text.p) + 1 : 0;
  struct slice domain = slice_skip(text, start);
  if (slice_ends_nocase(domain, SLICE(">")))
    domain.n--;
  domain = slice_trim(domain);
  struct slice before = slice_head(text, (size_t)(domain.p - text.p));
  struct slice after = slice_skip(text, before.n + domain.n);
  g_autofree char *name = header_line_is_ascii(before) ? a_labels(domain) : NULL;
  if (!name)
    return false;
  g_autofree char *word = g_strdup_printf("%.*s%s%.*s", SLICE_FMT(before), name, SLICE_FMT(after));
  write_word(writer, slice_of(word));
  return true;
}

static bool
write_angle(struct writer *writer, struct slice angle)
{
  switch (writer->kind) {
  case KIND_ADDRESSES:
    return memchr(angle.p, '@', angle.n) && write_address(writer, angle);
  case KIND_URIS:
    write_percent(writer, angle);
    return true;
  case KIND_TOKENS:
    write_question_marks(writer, angle);
    return true;
  default:
    return false;
  }
}

/* --- names and addresses --- */

static const struct token *
neighbour(const struct writer *writer, size_t i, bool next)
{
  for (;;) {
    if (next ? ++i >= writer->n : i-- == 0)
      return NULL;
    if (writer->tokens[i].kind != TOKEN_BLANKS)
      return &writer->tokens[i];
  }
}

static bool
touches_sign(const struct writer *writer, size_t i, bool next)
{
  const struct token *other = neighbour(writer, i, next);
  if (!other || other->kind != TOKEN_WORD)
    return false;
  return other->text.p[next ? 0 : other->text.n - 1] == '@';
}

/* Part of an address that stands without brackets; `domain`: of its domain alone. */
static bool
is_address_part(const struct writer *writer, size_t i, bool *domain)
{
  const struct token *token = &writer->tokens[i];
  *domain = false;
  if (writer->kind != KIND_ADDRESSES || writer->has_angle)
    return false;
  if (token->kind == TOKEN_WORD && memchr(token->text.p, '@', token->text.n))
    return true; /* "local@domain", or what of it is one word */
  if (touches_sign(writer, i, true))
    return true;
  *domain = touches_sign(writer, i, false);
  return *domain;
}

static bool
is_phrase_word(const struct writer *writer, size_t i)
{
  bool domain;
  enum token_kind kind = writer->tokens[i].kind;
  bool phrases = writer->kind == KIND_ADDRESSES || writer->kind == KIND_IDENTIFIERS;
  return phrases && (kind == TOKEN_WORD || kind == TOKEN_QUOTED) && !is_address_part(writer, i, &domain);
}

/* The end of the phrase that starts at token `i`; `clean`: it is ASCII. */
static size_t
phrase_end(const struct writer *writer, size_t i, bool *clean)
{
  size_t end = i;
  *clean = true;
  for (; i < writer->n; i++) {
    if (writer->tokens[i].kind == TOKEN_BLANKS)
      continue;
    if (!is_phrase_word(writer, i))
      break;
    *clean = *clean && header_line_is_ascii(writer->tokens[i].text);
    end = i + 1;
  }
  return end;
}

static void
append_dequoted(GString *out, struct slice quoted)
{
  for (size_t i = 1; i + 1 < quoted.n; i++) {
    if (quoted.p[i] == '\\' && i + 2 < quoted.n)
      i++;
    g_string_append_c(out, quoted.p[i]);
  }
}

static void
write_encoded_phrase(struct writer *writer, size_t i, size_t end)
{
  g_autoptr(GString) text = g_string_new(NULL);
  for (; i < end; i++) {
    const struct token *token = &writer->tokens[i];
    if (token->kind == TOKEN_BLANKS)
      g_string_append_c(text, ' ');
    else if (token->kind == TOKEN_QUOTED)
      append_dequoted(text, token->text);
    else
      g_string_append_len(text, token->text.p, (gssize)token->text.n);
  }
  header_line_separate(writer->line);
  header_line_text(writer->line, (struct slice){ text->str, text->len }, HEADER_PLACE_PHRASE);
}

/* --- fields --- */

static void
start_item(struct writer *writer, size_t i)
{
  writer->has_angle = false;
  for (; i < writer->n && writer->tokens[i].kind != TOKEN_SPECIAL; i++)
    writer->has_angle = writer->has_angle || writer->tokens[i].kind == TOKEN_ANGLE;
}

/* A word that is no part of a phrase. */
static bool
write_word_of(struct writer *writer, size_t i)
{
  struct slice text = writer->tokens[i].text;
  bool domain;
  switch (writer->kind) {
  case KIND_URIS:
    write_percent(writer, text);
    return true;
  case KIND_TOKENS:
    write_question_marks(writer, text);
    return true;
  default:
    return is_address_part(writer, i, &domain) && (domain || memchr(text.p, '@', text.n)) && write_address(writer, text);
  }
}

/* One token that is not ASCII and no part of a phrase. */
static bool
write_foreign(struct writer *writer, size_t i)
{
  switch (writer->tokens[i].kind) {
  case TOKEN_COMMENT:
    write_comment(writer, writer->tokens[i].text);
    return true;
  case TOKEN_ANGLE:
    return write_angle(writer, writer->tokens[i].text);
  default:
    return write_word_of(writer, i);
  }
}

/* A blank behind a comma or semicolon gives a long list a place to be folded at. */
static void
write_clean(struct writer *writer, const struct token *token)
{
  if (token->kind == TOKEN_BLANKS)
    header_line_blanks(writer->line, token->text);
  else
    write_word(writer, token->text);
  if (token->kind == TOKEN_SPECIAL && token->text.p[0] != ':')
    header_line_blanks(writer->line, SLICE(" "));
}

/* The phrase that starts at token `i`; returns where it ends. */
static size_t
write_phrase(struct writer *writer, size_t i)
{
  bool clean;
  size_t end = phrase_end(writer, i, &clean);
  if (!clean) {
    write_encoded_phrase(writer, i, end);
    return end;
  }
  for (; i < end; i++)
    write_clean(writer, &writer->tokens[i]);
  return end;
}

static bool
write_token(struct writer *writer, size_t i)
{
  const struct token *token = &writer->tokens[i];
  if (token->kind == TOKEN_SPECIAL)
    start_item(writer, i + 1);
  if (!header_line_is_ascii(token->text))
    return write_foreign(writer, i);
  write_clean(writer, token);
  return true;
}

static bool
write_structured(struct header_line *line, enum kind kind, struct slice text)
{
  g_autoptr(GArray) tokens = tokens_of(text);
  struct writer writer = { .line = line, .kind = kind, .tokens = (const struct token *)(void *)tokens->data, .n = tokens->len };
  start_item(&writer, 0);
  for (size_t i = 0; i < writer.n;)
    if (is_phrase_word(&writer, i))
      i = write_phrase(&writer, i);
    else if (!write_token(&writer, i++))
      return false;
  return true;
}

static bool
write_parameters(struct header_line *line, struct slice text)
{
  struct header_parameters parameters = { .rest = text };
  struct slice first = header_parameter_next(&parameters);
  if (!write_structured(line, KIND_TOKENS, slice_trim(first)))
    return false;
  if (parameters.rest.n == 0)
    return true;
  header_line_word(line, SLICE(";"));
  return header_parameter_write(parameters, line);
}

static bool
write_value(struct header_line *line, enum kind kind, char *text)
{
  struct slice value = slice_of(text);
  switch (kind) {
  case KIND_TEXT:
    header_line_text(line, value, HEADER_PLACE_TEXT);
    return true;
  case KIND_TRACE:
    replace_foreign(text);
    header_line_words(line, value);
    return true;
  case KIND_PARAMETERS:
    return write_parameters(line, value);
  default:
    return write_structured(line, kind, value);
  }
}

/* A line without a name that started with a blank becomes neither a field nor a continuation. */
static enum res
append_rewritten(const struct header_field *field, char *text, GString *out, GError **error)
{
  size_t start = out->len;
  OWN(header_line) line = header_line_new(out);
  if (field->name.n) {
    g_string_append_len(out, field->whole.p, field->value.p - field->whole.p);
    header_line_blanks(line, SLICE(" "));
  } else if (is_blank(field->whole.p[0])) {
    g_string_append_c(out, '?');
  }
  if (!write_value(line, kind_of(field->name), text))
    return refuse(error, REPLY_NO_SMTPUTF8, "the field %.*s has no ASCII form", SLICE_FMT(slice_head(field->name, NAME_SHOWN_MAX)));
  g_string_append(out, "\r\n");
  if (!transfer_encoding_is_seven_bit((struct slice){ out->str + start, out->len - start }))
    return refuse(error, REPLY_NO_CONVERSION, "a line of the field %.*s is too long", SLICE_FMT(slice_head(field->name, NAME_SHOWN_MAX)));
  return RES_OK;
}

enum res
header_ascii_append(const struct header_field *field, GString *out, GError **error)
{
  if (transfer_encoding_is_seven_bit(field->whole)) {
    g_string_append_len(out, field->whole.p, (gssize)field->whole.n);
    if (!slice_ends_nocase(field->whole, SLICE("\r\n")))
      g_string_append(out, "\r\n");
    return RES_OK;
  }
  /* What is no field must not become one: neither "Sender\r: x" nor "Sender", CRLF, " : x". */
  g_autofree char *value = field->name.n ? g_strdelimit(header_unfold(field), "\r\n", ' ') : g_strdelimit(slice_dup(field->value), "\r\n", '?');
  g_autofree char *text = slice_dup(slice_trim(slice_of(value)));
  /* A line without a name that held blanks alone would end the header. */
  return field->name.n || text[0] ? append_rewritten(field, text, out, error) : RES_OK;
}
