/* What a signature sees of a header is the last k fields of each name, where k is how often h= names it (RFC 6376 5.4.2). So an edit breaks
 * a signature exactly if it changes or removes one of these, or adds one where there are fewer than k. `below` of each field and
 * `occurs` of each name answer that without a look at the other fields: a hostile header of thousands of fields and names costs no more
 * than its size. */
#include "message/header_edit.h"
#include "message/encoded_word.h"

#define LINE_SOFT 78
#define LINE_HARD 998
/* Signatures looked at; a real message has a handful. */
#define SIGNATURES_MAX 100

struct entry {
  char *key;    /* name in lower case; NULL if it has none */
  size_t below; /* fields of that name further down */
  bool removed;
  char *value;  /* replacement, or NULL */
};

struct signature {
  size_t field;       /* index in the view */
  GHashTable *counts; /* name in lower case -> how often h= names it */
  bool broken;
};

struct header_edit {
  const struct header_view *view;
  struct entry *entries; /* one for each field of the view */
  GPtrArray *added;      /* whole fields, the topmost last */
  GHashTable *occurs;    /* name in lower case -> fields of that name after the edits */
  struct signature signatures[SIGNATURES_MAX];
  size_t n_signatures;
};

static size_t
tally(GHashTable *counts, const char *key)
{
  return GPOINTER_TO_SIZE(g_hash_table_lookup(counts, key));
}

static void
tally_set(GHashTable *counts, const char *key, size_t n)
{
  g_hash_table_insert(counts, g_strdup(key), GSIZE_TO_POINTER(n));
}

static GHashTable *
tally_new(void)
{
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static char *
key_of(struct slice name)
{
  return g_ascii_strdown(name.p, (gssize)name.n);
}

/* The value of h= in a tag list (RFC 6376 3.2); empty if there is none. */
static struct slice
signed_names(struct slice tags)
{
  while (tags.n) {
    struct slice tag = slice_until(tags, ';');
    tags = slice_skip(tags, tag.n + 1);
    struct slice name = slice_trim(slice_until(tag, '='));
    if (slice_equal_nocase(name, SLICE("h")))
      return slice_skip(tag, slice_find(tag, '=') + 1);
  }
  return SLICE("");
}

static void
read_signature(struct signature *signature, const struct header_field *field)
{
  signature->counts = tally_new();
  struct slice names = signed_names(field->value);
  while (names.n) {
    struct slice name = slice_until(names, ':');
    names = slice_skip(names, name.n + 1);
    name = slice_trim(name);
    if (name.n == 0)
      continue;
    g_autofree char *key = key_of(name);
    tally_set(signature->counts, key, tally(signature->counts, key) + 1);
  }
}

struct header_edit *
header_edit_new(const struct header_view *view)
{
  struct header_edit *edit = g_new0(struct header_edit, 1);
  edit->view = view;
  edit->entries = g_new0(struct entry, view->n);
  edit->added = g_ptr_array_new_with_free_func(g_free);
  edit->occurs = tally_new();
  for (size_t i = view->n; i-- > 0;) {
    const struct header_field *field = &view->fields[i];
    struct entry *entry = &edit->entries[i];
    if (field->name.n == 0)
      continue;
    entry->key = key_of(field->name);
    entry->below = tally(edit->occurs, entry->key);
    tally_set(edit->occurs, entry->key, entry->below + 1);
  }
  for (size_t i = 0; i < view->n && edit->n_signatures < SIGNATURES_MAX; i++)
    if (g_strcmp0(edit->entries[i].key, "dkim-signature") == 0) {
      struct signature *signature = &edit->signatures[edit->n_signatures++];
      signature->field = i;
      read_signature(signature, &view->fields[i]);
    }
  return edit;
}

void
header_edit_free(struct header_edit *edit)
{
  if (!edit)
    return;
  for (size_t i = 0; i < edit->view->n; i++) {
    g_free(edit->entries[i].key);
    g_free(edit->entries[i].value);
  }
  for (size_t i = 0; i < edit->n_signatures; i++)
    g_hash_table_unref(edit->signatures[i].counts);
  g_free(edit->entries);
  g_ptr_array_unref(edit->added);
  g_hash_table_unref(edit->occurs);
  g_free(edit);
}

static size_t
index_of(const struct header_edit *edit, const struct header_field *field)
{
  g_assert(field >= edit->view->fields && field < edit->view->fields + edit->view->n);
  return (size_t)(field - edit->view->fields);
}

/* The field's octets change: every signature that covers it is broken. */
static void
break_signatures_of(struct header_edit *edit, size_t i)
{
  const struct entry *entry = &edit->entries[i];
  for (size_t s = 0; entry->key && s < edit->n_signatures; s++)
    if (tally(edit->signatures[s].counts, entry->key) > entry->below)
      edit->signatures[s].broken = true;
}

static void
remove_nth(struct header_edit *edit, size_t i)
{
  struct entry *entry = &edit->entries[i];
  if (entry->removed)
    return;
  entry->removed = true;
  break_signatures_of(edit, i);
  if (entry->key)
    tally_set(edit->occurs, entry->key, tally(edit->occurs, entry->key) - 1);
}

void
header_edit_remove(struct header_edit *edit, const struct header_field *field)
{
  remove_nth(edit, index_of(edit, field));
}

size_t
header_edit_remove_all(struct header_edit *edit, const char *name)
{
  size_t taken = 0;
  for (size_t i = 0; i < edit->view->n; i++)
    if (edit->entries[i].key && !edit->entries[i].removed && g_ascii_strcasecmp(edit->entries[i].key, name) == 0) {
      remove_nth(edit, i);
      taken++;
    }
  return taken;
}

/* Where to fold `line`, of which the first `fixed` octets hold no fold: at the last blank up to `soft`, else at the first one behind it,
 * so that neither part is blank. 0: nowhere. */
static size_t
fold_point(struct slice line, size_t fixed, size_t soft)
{
  size_t best = 0;
  bool word = false;
  size_t last = line.n;
  while (last > 0 && (line.p[last - 1] == ' ' || line.p[last - 1] == '\t'))
    last--;
  for (size_t i = fixed; i < last; i++) {
    bool blank = line.p[i] == ' ' || line.p[i] == '\t';
    if (blank && word && (i <= soft || best == 0))
      best = i;
    if (i > soft && best)
      break;
    word = word || !blank;
  }
  return best;
}

/* Appends `line` and CRLF; folded if it is longer than `soft`. `fixed`: octets of name, colon and blanks behind it in front, which fold
 * only where the hard limit asks for it. */
static void
append_folded(GString *out, struct slice line, size_t fixed, size_t soft)
{
  while (line.n > soft) {
    size_t at = fold_point(line, fixed, soft);
    if ((at == 0 || at > LINE_HARD) && line.n > LINE_HARD && fixed > 1)
      at = fixed - 1;
    if (at == 0)
      break;
    g_string_append_len(out, line.p, (gssize)at);
    g_string_append(out, "\r\n");
    line = slice_skip(line, at);
    fixed = 0;
  }
  g_string_append_len(out, line.p, (gssize)line.n);
  g_string_append(out, "\r\n");
}

static bool
name_is_valid(const char *name)
{
  for (const char *c = name; *c; c++)
    if (!g_ascii_isgraph(*c) || *c == ':')
      return false;
  return name[0] != '\0';
}

void
header_edit_add(struct header_edit *edit, const char *name, const char *value)
{
  g_assert(name_is_valid(name));
  g_assert(!strpbrk(value, "\r\n"));
  g_autofree char *key = key_of(slice_of(name));
  for (size_t s = 0; s < edit->n_signatures; s++)
    if (tally(edit->signatures[s].counts, key) > tally(edit->occurs, key))
      edit->signatures[s].broken = true;
  tally_set(edit->occurs, key, tally(edit->occurs, key) + 1);

  struct slice trimmed = slice_trim(slice_of(value));
  g_autofree char *line = g_strdup_printf("%s: %.*s", name, SLICE_FMT(trimmed));
  GString *field = g_string_sized_new(strlen(line) + 8);
  append_folded(field, slice_trim(slice_of(line)), strlen(name) + 2, LINE_SOFT);
  g_ptr_array_add(edit->added, g_string_free(field, FALSE));
}

/* True: every CR of `value` starts a CRLF before a blank and every LF ends one. */
static bool
folding_is_valid(const char *value)
{
  for (const char *c = value; *c; c++)
    if (c[0] == '\r' && c[1] == '\n' && (c[2] == ' ' || c[2] == '\t'))
      c++;
    else if (*c == '\r' || *c == '\n')
      return false;
  return true;
}

void
header_edit_replace(struct header_edit *edit, const struct header_field *field, const char *value)
{
  g_assert(folding_is_valid(value));
  size_t i = index_of(edit, field);
  struct entry *entry = &edit->entries[i];
  bool bare = value[0] != ' ' && value[0] != '\t' && value[0] != '\r' && value[0] != '\0';
  g_free(entry->value);
  entry->value = g_strconcat(bare ? " " : "", value, NULL);
  break_signatures_of(edit, i);
}

bool
header_edit_breaks_signature(const struct header_edit *edit, const char *name)
{
  g_autofree char *key = key_of(slice_of(name));
  size_t occurs = tally(edit->occurs, key);
  for (size_t s = 0; s < edit->n_signatures; s++) {
    const struct signature *signature = &edit->signatures[s];
    if (!signature->broken && !edit->entries[signature->field].removed && tally(signature->counts, key) > occurs)
      return true;
  }
  return false;
}

size_t
header_edit_broken_signatures(const struct header_edit *edit)
{
  size_t n = 0;
  for (size_t s = 0; s < edit->n_signatures; s++)
    n += edit->signatures[s].broken && !edit->entries[edit->signatures[s].field].removed;
  return n;
}

static void
append_replaced(GString *out, const struct header_field *field, const char *value)
{
  g_autoptr(GString) text = g_string_new_len(field->whole.p, field->value.p - field->whole.p);
  size_t fixed = text->len + strspn(value, " \t");
  g_string_append(text, value);
  for (const char *line = text->str; line; fixed = 0) {
    const char *end = strstr(line, "\r\n");
    append_folded(out, (struct slice){ line, end ? (size_t)(end - line) : strlen(line) }, fixed, LINE_HARD);
    line = end ? end + 2 : NULL;
  }
}

/* A line above the first field that would become something else below ours. */
static bool
is_stray_top(const struct header_field *field)
{
  struct slice first = slice_head(field->whole, 1);
  return field->name.n == 0 &&
         (slice_equal(first, SLICE(" ")) || slice_equal(first, SLICE("\t")) || slice_equal(slice_head(field->whole, 5), SLICE("From ")));
}

GBytes *
header_edit_apply(const struct header_edit *edit)
{
  GString *out = g_string_sized_new(edit->view->header.n + 2048);
  for (size_t i = edit->added->len; i-- > 0;)
    g_string_append(out, edit->added->pdata[i]);

  bool top = true;
  for (size_t i = 0; i < edit->view->n; i++) {
    const struct header_field *field = &edit->view->fields[i];
    const struct entry *entry = &edit->entries[i];
    if (entry->removed || (top && is_stray_top(field)))
      continue;
    top = false;
    if (entry->value && field->name.n)
      append_replaced(out, field, entry->value);
    else
      g_string_append_len(out, field->whole.p, (gssize)field->whole.n);
    if (out->len < 2 || memcmp(out->str + out->len - 2, "\r\n", 2) != 0)
      g_string_append(out, "\r\n");
  }
  g_string_append(out, "\r\n");
  return g_string_free_to_bytes(out);
}

char *
header_clean(const char *text)
{
  char *copy = g_strdup(text);
  for (char *c = copy; *c; c++)
    if (g_ascii_iscntrl(*c))
      *c = ' ';
  return copy;
}

/* RFC 2047 2: 75 octets a word, of which "=?UTF-8?Q?" and "?=" take 12. */
#define ENCODED_TEXT_MAX 63

static bool
needs_encoding(const char *text)
{
  for (const char *c = text; *c; c++)
    if ((unsigned char)*c > 126 || (unsigned char)*c < 32)
      return true;
  return strstr(text, "=?") != NULL;
}

char *
header_encode(const char *text)
{
  if (!needs_encoding(text))
    return g_strdup(text);
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_autoptr(GString) out = g_string_new(NULL);
  struct slice rest = slice_of(valid);
  bool base64 = encoded_word_prefers_base64(rest);
  while (rest.n) {
    struct slice word = slice_head(rest, encoded_word_fitting(rest, true, base64, ENCODED_TEXT_MAX));
    if (out->len)
      g_string_append_c(out, ' ');
    encoded_word_append(out, word, "UTF-8", base64);
    rest = slice_skip(rest, word.n);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}
