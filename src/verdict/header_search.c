#include "verdict/header_search.h"
#include "list/pattern.h"
#include "verdict/moderation.h"

/* Rows, and times that a pattern is tried, for a message at most: some hundreds of rows, for fields of which some ten are usual. */
#define TRIES_MAX 5000

struct search {
  const struct header_view *header;
  GHashTable *texts; /* field name -> GPtrArray of its texts: many rows ask for few names */
  unsigned tries;
};

static const GPtrArray *
texts_of(struct search *search, struct slice of)
{
  g_autofree char *name = slice_dup(of);
  GPtrArray *texts = g_hash_table_lookup(search->texts, name);
  if (texts)
    return texts;
  texts = g_ptr_array_new_with_free_func(g_free);
  for (const struct header_field *field = header_first(search->header, name); field; field = header_next(search->header, name, field))
    g_ptr_array_add(texts, header_text(field));
  g_hash_table_insert(search->texts, g_steal_pointer(&name), texts);
  return texts;
}

static enum pattern_found
row_search(struct search *search, const struct header_match *match)
{
  if (++search->tries > TRIES_MAX)
    return PATTERN_LIMIT;
  const GPtrArray *texts = texts_of(search, match->name);
  for (guint i = 0; i < texts->len; i++) {
    if (++search->tries > TRIES_MAX)
      return PATTERN_LIMIT;
    enum pattern_found found = pattern_search(match->pattern, texts->pdata[i]);
    if (found != PATTERN_MISS)
      return found;
  }
  return PATTERN_MISS;
}

static void
texts_free(void *texts)
{
  g_ptr_array_unref(texts);
}

struct header_found
header_search(const struct content *content, char *const *rows)
{
  struct header_found found = { .limit = false };
  if (!*rows || !content->header)
    return found;
  struct search search = { .header = content->header, .texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, texts_free) };
  for (; *rows && !found.some; rows++) {
    struct header_match match = { .action = -1 };
    enum pattern_found said = header_match_read(*rows, &match) ? row_search(&search, &match) : PATTERN_MISS;
    found = (struct header_found){ .some = said != PATTERN_MISS, .limit = said == PATTERN_LIMIT, .match = match };
  }
  g_hash_table_unref(search.texts);
  return found;
}

bool
header_found_hold(const struct facts *facts, const struct header_found *found, struct verdict *verdict)
{
  return moderation_hold_content(facts, verdict, "messages with a \"%.*s\" field like this wait for a moderator of %s", SLICE_FMT(found->match.name), facts->list->posting);
}

void
header_found_see(const struct header_found *found, char *const *rows, GString *seen)
{
  if (!*rows)
    seen_add(seen, "no field is looked for");
  else if (!found->some)
    seen_add(seen, "no field that is looked for");
  else
    seen_add(seen, "%.*s: %s %s", SLICE_FMT(found->match.name), found->match.pattern, found->limit ? "takes too long, so it is held" : "hits");
}
