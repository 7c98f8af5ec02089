#include "door/parameters.h"

struct parameter {
  struct slice keyword, value; /* value.p is NULL if there is no "=" */
};

static bool
is_keyword(struct slice s)
{
  for (size_t i = 0; i < s.n; i++)
    if (!g_ascii_isalnum(s.p[i]) && (i == 0 || s.p[i] != '-'))
      return false;
  return s.n > 0;
}

/* Wider than RFC 5321's esmtp-value: "=" and octets above 127 are met in ORCPT. */
static bool
is_value(struct slice s)
{
  for (size_t i = 0; i < s.n; i++)
    if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
      return false;
  return s.n > 0;
}

/* Takes the next parameter off `text`. RES_MORE: there is none. RES_BAD: REPLY_SYNTAX. */
static enum res
next_parameter(struct slice *text, struct parameter *parameter, GError **error)
{
  *text = slice_trim(*text);
  if (text->n == 0)
    return RES_MORE;
  struct slice word = slice_until(*text, ' ');
  *text = slice_skip(*text, word.n);
  parameter->keyword = slice_until(word, '=');
  bool has_value = parameter->keyword.n < word.n;
  parameter->value = has_value ? slice_skip(word, parameter->keyword.n + 1) : (struct slice){ NULL, 0 };
  if (!is_keyword(parameter->keyword) || (has_value && !is_value(parameter->value)))
    return refuse(error, REPLY_SYNTAX, "\"%.*s\" is no parameter", SLICE_FMT(slice_head(word, 40)));
  return RES_OK;
}

/* ---- MAIL ---- */

static enum res
set_size(struct mail_parameters *parameters, struct slice value, GError **error)
{
  if (slice_to_uint(value, &parameters->size))
    return RES_OK;
  for (size_t i = 0; i < value.n; i++)
    if (!g_ascii_isdigit(value.p[i]))
      return refuse(error, REPLY_SYNTAX, "SIZE= needs a number of octets");
  if (value.n == 0)
    return refuse(error, REPLY_SYNTAX, "SIZE= needs a number of octets");
  parameters->size = INT64_MAX;
  return RES_OK;
}

static enum res
set_body(struct mail_parameters *parameters, struct slice value, GError **error)
{
  if (slice_equal_nocase(value, SLICE("7BIT")))
    parameters->body = DOOR_BODY_7BIT;
  else if (slice_equal_nocase(value, SLICE("8BITMIME")))
    parameters->body = DOOR_BODY_8BITMIME;
  else
    return refuse(error, REPLY_SYNTAX, "BODY= is 7BIT or 8BITMIME here");
  return RES_OK;
}

static enum res
set_smtputf8(struct mail_parameters *parameters, struct slice value, GError **error)
{
  if (value.p)
    return refuse(error, REPLY_SYNTAX, "SMTPUTF8 takes no value");
  parameters->smtputf8 = true;
  return RES_OK;
}

static const struct {
  struct slice keyword;
  enum res (*set)(struct mail_parameters *parameters, struct slice value, GError **error);
} known[] = {
  { { "SIZE", 4 }, set_size },
  { { "BODY", 4 }, set_body },
  { { "SMTPUTF8", 8 }, set_smtputf8 },
};

enum res
mail_parameters_parse(struct slice text, struct mail_parameters *parameters, GError **error)
{
  *parameters = (struct mail_parameters){ 0 };
  struct parameter parameter;
  enum res res;
  while ((res = next_parameter(&text, &parameter, error)) == RES_OK)
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
      if (slice_equal_nocase(parameter.keyword, known[i].keyword)) {
        res = known[i].set(parameters, parameter.value, error);
        if (res != RES_OK)
          return res;
      }
  return res == RES_MORE ? RES_OK : res;
}

enum res
rcpt_parameters_check(struct slice text, GError **error)
{
  struct parameter parameter;
  enum res res;
  while ((res = next_parameter(&text, &parameter, error)) == RES_OK)
    continue;
  return res == RES_MORE ? RES_OK : res;
}
