#include "list/setting.h"
#include "base/clock.h"
#include "envelope/address.h"
#include "list/header_match.h"
#include "list/pattern.h"
#include <jansson.h>
#include <math.h>

/* Octets of a value as typed, and items of a list. */
#define TEXT_MAX (64 * 1024)
#define LINE_MAX_OCTETS 1000
#define ITEMS_MAX 10000

#define KIB_PER_MIB 1024
#define KIB_PER_GIB (1024 * 1024)
#define TIME_MAX (36500 * CLOCK_DAY)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

static enum res
refuse_value(const struct setting *setting, const char *text, GError **error)
{
  g_autofree char *allowed = setting_allowed(setting);
  return refuse(error, REPLY_SYNTAX, "%s cannot be \"%.200s\": it is %s", setting->name, text, allowed);
}

/* --- scalars: `text` to stored form, NULL if it is not allowed --- */

static char *
parse_bool(const struct setting *setting G_GNUC_UNUSED, const char *text)
{
  static const char *const words[][2] = { { "true", "false" }, { "yes", "no" }, { "on", "off" }, { "1", "0" }, { "enable", "disable" }, { "enabled", "disabled" } };
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
    for (size_t no = 0; no < 2; no++)
      if (g_ascii_strcasecmp(text, words[i][no]) == 0)
        return g_strdup(words[0][no]);
  return NULL;
}

static char *
in_range(const struct setting *setting, int64_t number)
{
  return number >= setting->min && number <= setting->max ? g_strdup_printf("%" G_GINT64_FORMAT, number) : NULL;
}

static char *
parse_int(const struct setting *setting, const char *text)
{
  int64_t number;
  return slice_to_uint(slice_of(text), &number) ? in_range(setting, number) : NULL;
}

static char *
parse_size(const struct setting *setting, const char *text)
{
  static const struct {
    char letter;
    int64_t kib;
  } units[] = { { 'k', 1 }, { 'm', KIB_PER_MIB }, { 'g', KIB_PER_GIB } };
  struct slice digits = slice_of(text);
  int64_t kib = 1;
  for (size_t i = 0; digits.n && i < G_N_ELEMENTS(units); i++)
    if (g_ascii_tolower(digits.p[digits.n - 1]) == units[i].letter) {
      kib = units[i].kib;
      digits.n--;
      break;
    }
  int64_t number;
  return slice_to_uint(digits, &number) && number <= setting->max / kib ? in_range(setting, number * kib) : NULL;
}

static const struct {
  char letter;
  int64_t microseconds;
} time_units[] = { { 'w', 7 * CLOCK_DAY }, { 'd', CLOCK_DAY }, { 'h', CLOCK_HOUR }, { 'm', CLOCK_MINUTE }, { 's', CLOCK_SECOND } };

/* "1w2d3h4m5.5s": each unit at most once, the largest first; "0". False: not a time, or over TIME_MAX. */
static bool
time_read(const char *text, int64_t *microseconds)
{
  double total = 0;
  size_t unit = 0;
  if (g_str_equal(text, "0"))
    text = "0s";
  do {
    size_t n = strspn(text, "0123456789.");
    if (n == 0 || n > 18 || !g_ascii_isdigit(text[0]))
      return false;
    char *end;
    double number = g_ascii_strtod(text, &end);
    while (unit < G_N_ELEMENTS(time_units) && time_units[unit].letter != g_ascii_tolower(text[n]))
      unit++;
    if (end != text + n || unit == G_N_ELEMENTS(time_units))
      return false;
    total += number * (double)time_units[unit++].microseconds;
    text = end + 1;
  } while (*text);
  if (total > (double)TIME_MAX)
    return false;
  *microseconds = (int64_t)(total + 0.5);
  return true;
}

/* Days, hours, minutes, seconds; no weeks: "14d" is what people say. */
static char *
parse_time(const struct setting *setting G_GNUC_UNUSED, const char *text)
{
  int64_t left;
  if (!time_read(text, &left))
    return NULL;
  GString *stored = g_string_new(NULL);
  for (size_t i = 1; i < G_N_ELEMENTS(time_units); i++) {
    int64_t whole = left / time_units[i].microseconds;
    left -= whole * time_units[i].microseconds;
    if (whole || (left && time_units[i].letter == 's'))
      g_string_append_printf(stored, "%" G_GINT64_FORMAT, whole);
    if (left && time_units[i].letter == 's') {
      g_string_append_printf(stored, ".%06" G_GINT64_FORMAT, left);
      while (stored->str[stored->len - 1] == '0')
        g_string_truncate(stored, stored->len - 1);
    }
    if (stored->len && g_ascii_isdigit(stored->str[stored->len - 1]))
      g_string_append_c(stored, time_units[i].letter);
  }
  if (!stored->len)
    g_string_append(stored, "0d");
  return g_string_free(stored, FALSE);
}

static char *
parse_float(const struct setting *setting, const char *text)
{
  char *end;
  double number = g_ascii_strtod(text, &end);
  if (!g_ascii_isdigit(text[0]) || *end || !isfinite(number) || number < (double)setting->min || number > (double)setting->max)
    return NULL;
  char stored[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_dtostr(stored, sizeof stored, number);
  return g_strconcat(stored, strpbrk(stored, ".e") ? "" : ".0", NULL);
}

static char *
parse_enum(const struct setting *setting, const char *text)
{
  for (const char *const *choice = setting->choices; *choice; choice++)
    if (g_ascii_strcasecmp(text, *choice) == 0)
      return g_strdup(*choice);
  return NULL;
}

static char *
parse_text(const struct setting *setting G_GNUC_UNUSED, const char *text)
{
  return strlen(text) <= TEXT_MAX && g_utf8_validate(text, -1, NULL) ? g_strdup(text) : NULL;
}

static bool
is_line(const char *text)
{
  size_t n = strlen(text);
  if (n > LINE_MAX_OCTETS || !g_utf8_validate(text, (gssize)n, NULL))
    return false;
  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if ((g_unichar_iscntrl(c) && c != '\t') || c == 0x2028 || c == 0x2029)
      return false;
  }
  return true;
}

static char *
parse_line(const struct setting *setting G_GNUC_UNUSED, const char *text)
{
  return is_line(text) ? g_strdup(text) : NULL;
}

static char *
parse_address(const struct setting *setting G_GNUC_UNUSED, const char *text)
{
  if (!*text)
    return g_strdup("");
  OWN(address) address = NULL;
  return address_parse(slice_of(text), true, &address, NULL) == RES_OK ? address_text(address) : NULL;
}

static const struct {
  char *(*parse)(const struct setting *setting, const char *text); /* NULL: a list */
  const char *allowed;                                              /* NULL: made by setting_allowed */
} types[] = {
  [SETTING_BOOL] = { parse_bool, "true or false" },
  [SETTING_INT] = { parse_int, NULL },
  [SETTING_SIZE_KIB] = { parse_size, NULL },
  [SETTING_TIME] = { parse_time, "a time such as 7d, 12h or 1d12h30m10s" },
  [SETTING_FLOAT] = { parse_float, "a number such as 30.0" },
  [SETTING_ENUM] = { parse_enum, NULL },
  [SETTING_TEXT] = { parse_text, "UTF-8 text of at most 65536 octets" },
  [SETTING_LINE] = { parse_line, "one line of UTF-8 text of at most 1000 octets" },
  [SETTING_LIST] = { NULL, "a list of texts: one a line, or a JSON array" },
  [SETTING_PATTERNS] = { NULL, "a list of addresses and ^patterns: one a line, or a JSON array" },
  [SETTING_HEADER_MATCHES] = { NULL, "a list of HEADER: PATTERN: one a line, or a JSON array" },
  [SETTING_ADDRESS] = { parse_address, "an address, or empty" },
};

char *
setting_allowed(const struct setting *setting)
{
  if (setting->type == SETTING_HEADER_MATCHES && setting->choices) {
    g_autofree char *actions = g_strjoinv(", ", (char **)setting->choices);
    return g_strconcat("a list of [ACTION] HEADER: PATTERN, the actions ", actions, " (none: hold): one a line, or a JSON array", NULL);
  }
  if (types[setting->type].allowed)
    return g_strdup(types[setting->type].allowed);
  if (setting->type == SETTING_ENUM) {
    g_autofree char *names = g_strjoinv(", ", (char **)setting->choices);
    return g_strconcat("one of ", names, NULL);
  }
  return g_strdup_printf(setting->type == SETTING_SIZE_KIB ? "a size in KiB, or such as 500K or 10M, from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " KiB"
                                                           : "a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                         setting->min, setting->max);
}

/* --- lists --- */

bool
setting_is_list(const struct setting *setting)
{
  return !types[setting->type].parse;
}

/* Adds one item in its stored form, without the blanks around it, if it is not empty and not there yet. */
static enum res
append_item(const struct setting *setting, GPtrArray *items, const char *untrimmed, GError **error)
{
  g_autofree char *text = slice_dup(slice_trim(slice_of(untrimmed)));
  g_autofree char *item = NULL;
  if (!*text)
    return RES_OK;
  if (setting->type == SETTING_PATTERNS || setting->type == SETTING_HEADER_MATCHES) {
    enum res res = setting->type == SETTING_PATTERNS ? pattern_parse(text, &item, error) : header_match_parse(text, setting->choices, &item, error);
    if (res != RES_OK) {
      if (error)
        g_prefix_error(error, "%s: ", setting->name);
      return res;
    }
  } else if (is_line(text))
    item = g_steal_pointer(&text);
  else
    return refuse_value(setting, text, error);

  if (g_ptr_array_find_with_equal_func(items, item, g_str_equal, NULL))
    return RES_OK;
  if (items->len >= ITEMS_MAX)
    return refuse(error, REPLY_SYNTAX, "%s can have %d items at most", setting->name, ITEMS_MAX);
  g_ptr_array_add(items, g_steal_pointer(&item));
  return RES_OK;
}

static enum res
items_of_json(const struct setting *setting, const json_t *array, GPtrArray *items, GError **error)
{
  size_t i;
  json_t *item;
  json_array_foreach(array, i, item) {
    const char *text = json_string_value(item);
    if (!text)
      return refuse(error, REPLY_SYNTAX, "%s: item %zu of the JSON array is not a text", setting->name, i + 1);
    enum res res = append_item(setting, items, text, error);
    if (res != RES_OK)
      return res;
  }
  return RES_OK;
}

static enum res
items_of_lines(const struct setting *setting, const char *text, GPtrArray *items, GError **error)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", ITEMS_MAX + 2);
  for (char **line = lines; *line; line++) {
    enum res res = append_item(setting, items, *line, error);
    if (res != RES_OK)
      return res;
  }
  return RES_OK;
}

static enum res
items_of(const struct setting *setting, const char *text, GPtrArray **items, GError **error)
{
  if (strlen(text) > ITEMS_MAX * 100)
    return refuse(error, REPLY_SYNTAX, "%s: too long", setting->name);
  g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
  const char *begin = text + strspn(text, " \t\r\n");
  g_autoptr(json_t) array = *begin == '[' ? json_loads(begin, 0, NULL) : NULL;
  if (*begin == '[' && !array)
    return refuse_value(setting, text, error);
  enum res res = array ? items_of_json(setting, array, made, error) : items_of_lines(setting, text, made, error);
  if (res == RES_OK)
    *items = g_steal_pointer(&made);
  return res;
}

static char *
items_stored(const GPtrArray *items)
{
  g_autoptr(json_t) array = json_array();
  for (guint i = 0; i < items->len; i++)
    json_array_append_new(array, json_string(items->pdata[i]));
  char *text = json_dumps(array, JSON_COMPACT);
  char *stored = g_strdup(text);
  free(text);
  return stored;
}

enum res
setting_parse(const struct setting *setting, const char *text, char **stored, GError **error)
{
  if (!setting_is_list(setting)) {
    *stored = types[setting->type].parse(setting, text);
    return *stored ? RES_OK : refuse_value(setting, text, error);
  }
  g_autoptr(GPtrArray) items = NULL;
  enum res res = items_of(setting, text, &items, error);
  if (res == RES_OK)
    *stored = items_stored(items);
  return res;
}

/* The two lists that an addition or removal is about. */
static enum res
both_lists(const struct setting *setting, const char *stored, const char *text, GPtrArray **have, GPtrArray **change, GError **error)
{
  if (!setting_is_list(setting))
    return refuse(error, REPLY_SYNTAX, "%s is not a list: only NAME=VALUE sets it", setting->name);
  enum res res = items_of(setting, stored, have, error);
  return res == RES_OK ? items_of(setting, text, change, error) : res;
}

enum res
setting_list_add(const struct setting *setting, const char *stored, const char *text, char **changed, GError **error)
{
  g_autoptr(GPtrArray) have = NULL;
  g_autoptr(GPtrArray) more = NULL;
  enum res res = both_lists(setting, stored, text, &have, &more, error);
  for (guint i = 0; res == RES_OK && i < more->len; i++)
    res = append_item(setting, have, more->pdata[i], error);
  if (res == RES_OK)
    *changed = items_stored(have);
  return res;
}

enum res
setting_list_remove(const struct setting *setting, const char *stored, const char *text, char **changed, GError **error)
{
  g_autoptr(GPtrArray) have = NULL;
  g_autoptr(GPtrArray) away = NULL;
  enum res res = both_lists(setting, stored, text, &have, &away, error);
  for (guint i = 0; res == RES_OK && i < away->len; i++) {
    guint at;
    if (g_ptr_array_find_with_equal_func(have, away->pdata[i], g_str_equal, &at))
      g_ptr_array_remove_index(have, at);
    else
      res = refuse(error, REPLY_SYNTAX, "%s has no item \"%s\"", setting->name, (char *)away->pdata[i]);
  }
  if (res == RES_OK)
    *changed = items_stored(have);
  return res;
}

enum res
setting_check(const struct setting *setting, GError **error)
{
  if (setting->read_only)
    return refuse(error, REPLY_SYNTAX, "%s is read-only", setting->name);
  if (!setting->works)
    return refuse(error, REPLY_SYNTAX, "%s cannot be set yet: its work does not exist in this version", setting->name);
  return RES_OK;
}

char *
setting_display(const struct setting *setting, const char *stored)
{
  g_autoptr(GPtrArray) items = NULL;
  if (!setting_is_list(setting) || items_of(setting, stored, &items, NULL) != RES_OK)
    return g_strdup(stored);
  /* Lines that begin so would be read as an array. */
  if (items->len && *(char *)items->pdata[0] == '[')
    return g_strdup(stored);
  g_ptr_array_add(items, NULL);
  return g_strjoinv("\n", (char **)items->pdata);
}

/* --- struct settings --- */

/* Most texts of most lists are empty: they share this one. */
static char empty_text[1] = "";

static void
text_free(char *text)
{
  if (text != empty_text)
    g_free(text);
}

static void
text_apply(char **field, const char *stored)
{
  text_free(*field);
  *field = *stored ? g_strdup(stored) : empty_text;
}

static char *no_items[1] = { NULL };

static void
items_free(char **items)
{
  if (items != no_items)
    g_strfreev(items);
}

/* What is stored was checked when it was set. */
static void
items_apply(char ***field, const char *stored)
{
  g_autoptr(json_t) array = json_loads(stored, 0, NULL);
  if (!json_is_array(array))
    return;
  g_autoptr(GPtrArray) items = g_ptr_array_new();
  size_t i;
  json_t *item;
  json_array_foreach(array, i, item)
    if (json_is_string(item))
      g_ptr_array_add(items, g_strdup(json_string_value(item)));
  items_free(*field);
  *field = no_items;
  if (items->len == 0)
    return;
  g_ptr_array_add(items, NULL);
  *field = (char **)g_ptr_array_free(g_steal_pointer(&items), FALSE);
}

static void
enum_apply(const struct setting *setting, const char *stored, int64_t *field)
{
  for (int64_t i = 0; setting->choices[i]; i++)
    if (g_str_equal(stored, setting->choices[i]))
      *field = i;
}

void
setting_apply(const struct setting *setting, const char *stored, struct settings *into)
{
  if (setting->offset == SIZE_MAX)
    return;
  void *field = (char *)into + setting->offset;
  int64_t number;
  switch (setting->type) {
  case SETTING_BOOL:
    *(int64_t *)field = g_str_equal(stored, "true");
    break;
  case SETTING_INT:
  case SETTING_SIZE_KIB:
    if (slice_to_uint(slice_of(stored), &number))
      *(int64_t *)field = number;
    break;
  case SETTING_ENUM:
    enum_apply(setting, stored, field);
    break;
  case SETTING_TEXT:
  case SETTING_LINE:
  case SETTING_ADDRESS:
    text_apply(field, stored);
    break;
  case SETTING_LIST:
  case SETTING_PATTERNS:
  case SETTING_HEADER_MATCHES:
    items_apply(field, stored);
    break;
  case SETTING_TIME:
  case SETTING_FLOAT:
    g_assert_not_reached(); /* no field of struct settings has such a type */
  }
}

enum res
settings_init(struct settings *settings, const char *style, GError **error)
{
  if (!style_find(style))
    return refuse(error, REPLY_SYNTAX, "there is no style \"%s\"", style);
  *settings = (struct settings){ 0 };
  for (const struct setting *setting = setting_table; setting->name; setting++)
    if (setting->offset != SIZE_MAX)
      setting_apply(setting, setting_default(setting, style), settings);
  return RES_OK;
}

void
settings_clear(struct settings *settings)
{
  text_free(settings->subject_prefix);
  text_free(settings->reply_to_address);
  text_free(settings->description);
  text_free(settings->display_name);
  text_free(settings->info);
  text_free(settings->outlet);
  items_free(settings->acceptable_aliases);
  items_free(settings->header_matches);
  items_free(settings->bounce_matching_headers);
  *settings = (struct settings){ 0 };
}
