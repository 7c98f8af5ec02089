#include "door/xforward.h"
#include "door/xtext.h"

#define WORD_MAX 255

static const struct {
  struct slice name;
  size_t offset;
} attributes[] = {
  { { "NAME", 4 }, offsetof(struct door_xforward, name) },   { { "ADDR", 4 }, offsetof(struct door_xforward, addr) },
  { { "PORT", 4 }, offsetof(struct door_xforward, port) },   { { "PROTO", 5 }, offsetof(struct door_xforward, proto) },
  { { "HELO", 4 }, offsetof(struct door_xforward, helo) },   { { "IDENT", 5 }, offsetof(struct door_xforward, ident) },
  { { "SOURCE", 6 }, offsetof(struct door_xforward, source) },
};

static char **
attribute_of(struct door_xforward *xforward, size_t i)
{
  return (char **)(void *)((char *)xforward + attributes[i].offset);
}

void
xforward_clear(struct door_xforward *xforward)
{
  for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++)
    g_clear_pointer(attribute_of(xforward, i), g_free);
}

char *
peer_word_clean(struct slice word)
{
  g_autofree char *valid = g_utf8_make_valid(word.n ? word.p : "", (gssize)word.n);
  GString *clean = g_string_new(NULL);
  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    char encoded[6];
    gint n = g_unichar_to_utf8(g_unichar_iscntrl(c) || c == 0x2028 || c == 0x2029 ? '?' : c, encoded);
    if (clean->len + (gsize)n > WORD_MAX)
      break;
    g_string_append_len(clean, encoded, n);
  }
  return g_string_free(clean, FALSE);
}

/* The value of one attribute; NULL where it stands for nothing. Owned by the caller. False: no xtext. */
static bool
value_decode(struct slice text, char **value)
{
  g_autoptr(GString) decoded = g_string_new(NULL);
  *value = NULL;
  if (!xtext_decode(text, decoded))
    return false;
  struct slice word = { decoded->str, decoded->len };
  if (word.n > 0 && !slice_equal_nocase(word, SLICE("[UNAVAILABLE]")) && !slice_equal_nocase(word, SLICE("[TEMPUNAVAIL]")))
    *value = peer_word_clean(word);
  return true;
}

/* One "name=value" into `found`; the attribute's bit into `*named`. */
static enum res
take_attribute(struct slice word, struct door_xforward *found, unsigned *named, GError **error)
{
  struct slice name = slice_until(word, '=');
  g_autofree char *value = NULL;
  if (name.n == 0 || name.n == word.n || !value_decode(slice_skip(word, name.n + 1), &value))
    return refuse(error, REPLY_SYNTAX, "\"%.*s\" is no XFORWARD attribute", SLICE_FMT(slice_head(word, 40)));
  for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++)
    if (slice_equal_nocase(name, attributes[i].name)) {
      char **attribute = attribute_of(found, i);
      g_free(*attribute);
      *attribute = g_steal_pointer(&value);
      *named |= 1u << i;
    }
  return RES_OK;
}

enum res
xforward_parse(struct slice arg, struct door_xforward *xforward, GError **error)
{
  struct door_xforward found = { 0 };
  unsigned named = 0;
  enum res res = RES_OK;
  for (struct slice rest = slice_trim(arg); rest.n > 0 && res == RES_OK; rest = slice_trim(rest)) {
    struct slice word = slice_until(rest, ' ');
    rest = slice_skip(rest, word.n);
    res = take_attribute(word, &found, &named, error);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(attributes) && res == RES_OK; i++)
    if (named & 1u << i) {
      char **attribute = attribute_of(xforward, i);
      g_free(*attribute);
      *attribute = g_steal_pointer(attribute_of(&found, i));
    }
  xforward_clear(&found);
  return res;
}
