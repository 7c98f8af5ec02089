#include "door/parameters.h"
#include "door/dsn.h"

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

/* RFC 3461 5.1: more than one in a command is a mistake. */
static enum res
check_once(bool again, const char *keyword, GError **error)
{
  return again ? refuse(error, REPLY_SYNTAX, "%s= is given twice", keyword) : RES_OK;
}

/* ---- MAIL ---- */

static enum res
set_size(void *into, struct slice value, GError **error)
{
  struct mail_parameters *parameters = into;
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
set_body(void *into, struct slice value, GError **error)
{
  struct mail_parameters *parameters = into;
  if (slice_equal_nocase(value, SLICE("7BIT")))
    parameters->body = DOOR_BODY_7BIT;
  else if (slice_equal_nocase(value, SLICE("8BITMIME")))
    parameters->body = DOOR_BODY_8BITMIME;
  else
    return refuse(error, REPLY_SYNTAX, "BODY= is 7BIT or 8BITMIME here");
  return RES_OK;
}

static enum res
set_smtputf8(void *into, struct slice value, GError **error)
{
  struct mail_parameters *parameters = into;
  if (value.p)
    return refuse(error, REPLY_SYNTAX, "SMTPUTF8 takes no value");
  parameters->smtputf8 = true;
  return RES_OK;
}

static enum res
set_ret(void *into, struct slice value, GError **error)
{
  struct mail_parameters *parameters = into;
  enum res res = check_once(parameters->ret != DOOR_RET_UNSTATED, "RET", error);
  return res == RES_OK ? dsn_ret_parse(value, &parameters->ret, error) : res;
}

static enum res
set_envid(void *into, struct slice value, GError **error)
{
  struct mail_parameters *parameters = into;
  enum res res = check_once(parameters->envid != NULL, "ENVID", error);
  return res == RES_OK ? dsn_envid_parse(value, &parameters->envid, error) : res;
}

/* ---- RCPT ---- */

static enum res
set_notify(void *into, struct slice value, GError **error)
{
  struct rcpt_parameters *parameters = into;
  enum res res = check_once(parameters->notify != 0, "NOTIFY", error);
  return res == RES_OK ? dsn_notify_parse(value, &parameters->notify, error) : res;
}

static enum res
set_orcpt(void *into, struct slice value, GError **error)
{
  struct rcpt_parameters *parameters = into;
  enum res res = check_once(parameters->orcpt != NULL, "ORCPT", error);
  return res == RES_OK ? dsn_orcpt_parse(value, &parameters->orcpt, error) : res;
}

/* ---- both ---- */

/* `into`: the command's own struct. */
struct known {
  struct slice keyword;
  enum res (*set)(void *into, struct slice value, GError **error);
};

static const struct known mail_known[] = {
  { { "SIZE", 4 }, set_size }, { { "BODY", 4 }, set_body }, { { "SMTPUTF8", 8 }, set_smtputf8 },
  { { "RET", 3 }, set_ret },   { { "ENVID", 5 }, set_envid },
}, rcpt_known[] = {
  { { "NOTIFY", 6 }, set_notify },
  { { "ORCPT", 5 }, set_orcpt },
};

static enum res
parse(struct slice text, const struct known *known, size_t n, void *into, GError **error)
{
  struct parameter parameter;
  enum res res;
  while ((res = next_parameter(&text, &parameter, error)) == RES_OK)
    for (size_t i = 0; i < n; i++)
      if (slice_equal_nocase(parameter.keyword, known[i].keyword)) {
        res = known[i].set(into, parameter.value, error);
        if (res != RES_OK)
          return res;
      }
  return res == RES_MORE ? RES_OK : res;
}

enum res
mail_parameters_parse(struct slice text, struct mail_parameters *parameters, GError **error)
{
  *parameters = (struct mail_parameters){ 0 };
  enum res res = parse(text, mail_known, G_N_ELEMENTS(mail_known), parameters, error);
  if (res != RES_OK)
    mail_parameters_clear(parameters);
  return res;
}

void
mail_parameters_clear(struct mail_parameters *parameters)
{
  g_clear_pointer(&parameters->envid, g_free);
}

enum res
rcpt_parameters_parse(struct slice text, struct rcpt_parameters *parameters, GError **error)
{
  *parameters = (struct rcpt_parameters){ 0 };
  enum res res = parse(text, rcpt_known, G_N_ELEMENTS(rcpt_known), parameters, error);
  if (res != RES_OK)
    rcpt_parameters_clear(parameters);
  return res;
}

void
rcpt_parameters_clear(struct rcpt_parameters *parameters)
{
  g_clear_pointer(&parameters->orcpt, g_free);
}
