#include "list/header_match.h"
#include "list/pattern.h"

static const struct {
  const char *name;
  enum moderation action;
} actions_known[] = {
  { "hold", MODERATION_HOLD },
  { "reject", MODERATION_REJECT },
  { "discard", MODERATION_DISCARD },
  { "accept", MODERATION_ACCEPT },
};

/* What stands before the colon, in words, and the pattern behind it. */
static bool
split(const char *text, char ***words, const char **pattern)
{
  const char *colon = strchr(text, ':');
  if (!colon)
    return false;
  g_autofree char *before = g_ascii_strdown(text, colon - text);
  g_auto(GStrv) pieces = g_strsplit_set(before, " \t", -1);
  g_autoptr(GStrvBuilder) full = g_strv_builder_new();
  for (char **piece = pieces; *piece; piece++)
    if (**piece)
      g_strv_builder_add(full, *piece);
  *words = g_strv_builder_end(full);
  *pattern = colon + 1 + strspn(colon + 1, " \t");
  return true;
}

/* RFC 5322 2.2: printable ASCII but the colon. */
static bool
is_name(const char *name)
{
  for (const char *p = name; *p; p++)
    if (!g_ascii_isgraph(*p))
      return false;
  return *name != '\0';
}

enum res
header_match_parse(const char *text, const char *const *actions, char **stored, GError **error)
{
  g_auto(GStrv) words = NULL;
  const char *pattern;
  if (!split(text, &words, &pattern) || !*words || !*pattern)
    return refuse(error, REPLY_SYNTAX, "\"%.200s\" is not of the form %sHEADER: PATTERN", text, actions ? "[ACTION] " : "");
  guint n = g_strv_length(words);
  if (n > 2 || !is_name(words[n - 1]))
    return refuse(error, REPLY_SYNTAX, "\"%.200s\" does not begin with the name of a header field", text);
  if (n == 2 && !(actions && g_strv_contains(actions, words[0])))
    return refuse(error, REPLY_SYNTAX, "\"%.200s\": \"%s\" is no action%s", text, words[0], actions ? "" : " that can be named here");
  enum res res = pattern_search_check(pattern, error);
  if (res != RES_OK)
    return res;
  *stored = g_strdup_printf("%s%s%s: %s", n == 2 ? words[0] : "", n == 2 ? " " : "", words[n - 1], pattern);
  return RES_OK;
}

bool
header_match_read(const char *stored, struct header_match *match)
{
  const char *colon = strchr(stored, ':');
  if (!colon || colon[1] != ' ')
    return false;
  *match = (struct header_match){ .action = -1, .name = { stored, (size_t)(colon - stored) }, .pattern = colon + 2 };
  struct slice word = slice_until(match->name, ' ');
  if (word.n == match->name.n)
    return word.n > 0;
  for (size_t i = 0; i < G_N_ELEMENTS(actions_known); i++)
    if (slice_equal(word, slice_of(actions_known[i].name)))
      match->action = actions_known[i].action;
  match->name = slice_skip(match->name, word.n + 1);
  return match->name.n > 0;
}
