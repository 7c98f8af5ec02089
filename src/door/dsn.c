#include "door/dsn.h"
#include "door/xtext.h"

enum res
dsn_ret_parse(struct slice value, enum door_ret *ret, GError **error)
{
  if (slice_equal_nocase(value, SLICE("FULL")))
    *ret = DOOR_RET_FULL;
  else if (slice_equal_nocase(value, SLICE("HDRS")))
    *ret = DOOR_RET_HDRS;
  else
    return refuse(error, REPLY_SYNTAX, "RET= is FULL or HDRS");
  return RES_OK;
}

/* 0: there is no such word. */
static unsigned
notify_word(struct slice word)
{
  static const struct {
    struct slice name;
    enum door_notify notify;
  } words[] = {
    { { "NEVER", 5 }, DOOR_NOTIFY_NEVER },
    { { "SUCCESS", 7 }, DOOR_NOTIFY_SUCCESS },
    { { "FAILURE", 7 }, DOOR_NOTIFY_FAILURE },
    { { "DELAY", 5 }, DOOR_NOTIFY_DELAY },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
    if (slice_equal_nocase(word, words[i].name))
      return words[i].notify;
  return 0;
}

enum res
dsn_notify_parse(struct slice value, unsigned *notify, GError **error)
{
  *notify = 0;
  bool known = true;
  for (size_t at = 0; at <= value.n;) {
    struct slice word = slice_until(slice_skip(value, at), ',');
    unsigned found = notify_word(word);
    known = known && found != 0;
    *notify |= found;
    at += word.n + 1;
  }
  if (!known || (*notify & DOOR_NOTIFY_NEVER && *notify != DOOR_NOTIFY_NEVER))
    return refuse(error, REPLY_SYNTAX, "NOTIFY= is NEVER, or SUCCESS, FAILURE and DELAY with commas between them");
  return RES_OK;
}

/* ---- xtext ---- */

static bool
is_printable_ascii(struct slice text)
{
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] < ' ' || text.p[i] > '~')
      return false;
  return true;
}

enum res
dsn_envid_parse(struct slice value, char **envid, GError **error)
{
  g_autoptr(GString) decoded = g_string_new(NULL);
  if (!xtext_decode(value, decoded) || !is_printable_ascii((struct slice){ decoded->str, decoded->len }))
    return refuse(error, REPLY_SYNTAX, "ENVID= is no xtext of printable ASCII");
  if (decoded->len == 0 || decoded->len > DSN_ENVID_MAX)
    return refuse(error, REPLY_SYNTAX, "ENVID= has 1 to %d characters", DSN_ENVID_MAX);
  *envid = g_string_free(g_steal_pointer(&decoded), FALSE);
  return RES_OK;
}

/* RFC 5322 3.2.3: atom. */
static bool
is_atom(struct slice text)
{
  for (size_t i = 0; i < text.n; i++)
    if (!g_ascii_isalnum(text.p[i]) && (text.p[i] == '\0' || !strchr("!#$%&'*+-/=?^_`{|}~", text.p[i])))
      return false;
  return text.n > 0;
}

static bool
has_control(const char *text)
{
  for (; *text; text = g_utf8_next_char(text))
    if (g_unichar_iscntrl(g_utf8_get_char(text)))
      return true;
  return false;
}

/* What is no UTF-8 is made it: an address in Latin-1 is wrong, but no reason to lose the mail. */
enum res
dsn_orcpt_parse(struct slice value, char **orcpt, GError **error)
{
  struct slice type = slice_until(value, ';');
  if (type.n == value.n || !is_atom(type))
    return refuse(error, REPLY_SYNTAX, "ORCPT= is a type of address, a semicolon and the address");
  g_autoptr(GString) decoded = g_string_new_len(value.p, (gssize)type.n + 1);
  g_autofree char *valid = NULL;
  if (xtext_decode(slice_skip(value, type.n + 1), decoded))
    valid = g_utf8_make_valid(decoded->str, (gssize)decoded->len);
  if (valid == NULL || strlen(decoded->str) < decoded->len || has_control(valid))
    return refuse(error, REPLY_SYNTAX, "ORCPT= holds an address that is no xtext");
  if (decoded->len > DSN_ORCPT_MAX)
    return refuse(error, REPLY_SYNTAX, "ORCPT= has at most %d characters", DSN_ORCPT_MAX);
  *orcpt = g_steal_pointer(&valid);
  return RES_OK;
}
