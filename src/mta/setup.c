#include "mta/setup.h"
#include <stdarg.h>

struct part {
  char *file, *place;
  GString *lines;
};

struct run {
  char *command, *why;
};

/* A key that listward.conf should have. */
struct want {
  char *file, *section, *key, *value, *why;
};

struct setup_text {
  GPtrArray *parts, *preparations, *runs; /* in order */
  GPtrArray *wants;        /* those of one section follow each other */
  GPtrArray *missing;
  GPtrArray *example; /* of a domain */
};

static void
part_free(void *data)
{
  struct part *part = data;
  g_free(part->file);
  g_free(part->place);
  g_string_free(part->lines, TRUE);
  g_free(part);
}

static void
run_free(void *data)
{
  struct run *run = data;
  g_free(run->command);
  g_free(run->why);
  g_free(run);
}

static void
want_free(void *data)
{
  struct want *want = data;
  g_free(want->file);
  g_free(want->section);
  g_free(want->key);
  g_free(want->value);
  g_free(want->why);
  g_free(want);
}

struct setup_text *
setup_text_new(void)
{
  struct setup_text *text = g_new(struct setup_text, 1);
  *text = (struct setup_text){
    .parts = g_ptr_array_new_with_free_func(part_free),
    .preparations = g_ptr_array_new_with_free_func(run_free),
    .runs = g_ptr_array_new_with_free_func(run_free),
    .wants = g_ptr_array_new_with_free_func(want_free),
    .missing = g_ptr_array_new_with_free_func(g_free),
    .example = g_ptr_array_new(),
  };
  return text;
}

void
setup_text_free(struct setup_text *text)
{
  if (text == NULL)
    return;
  g_ptr_array_unref(text->parts);
  g_ptr_array_unref(text->preparations);
  g_ptr_array_unref(text->runs);
  g_ptr_array_unref(text->wants);
  g_ptr_array_unref(text->missing);
  g_ptr_array_unref(text->example);
  g_free(text);
}

const GPtrArray *
setup_missing(const struct setup_text *text)
{
  return text->missing;
}

/* --- what set-ups say --- */

static void
add_part(GPtrArray *parts, const char *file, const char *place)
{
  struct part *part = g_new(struct part, 1);
  *part = (struct part){ .file = g_strdup(file), .place = g_strdup(place), .lines = g_string_new(NULL) };
  g_ptr_array_add(parts, part);
}

/* The one begun last. */
static GString *
lines_of(const GPtrArray *parts)
{
  g_assert(parts->len > 0);
  return ((const struct part *)g_ptr_array_index(parts, parts->len - 1))->lines;
}

void
setup_part(struct setup_text *text, const char *file, const char *place)
{
  add_part(text->parts, file, place);
}

void
setup_line(struct setup_text *text, const char *format, ...)
{
  GString *lines = lines_of(text->parts);
  va_list args;
  va_start(args, format);
  g_string_append_vprintf(lines, format, args);
  va_end(args);
  g_string_append_c(lines, '\n');
}

static void
add_run(GPtrArray *runs, const char *command, const char *why)
{
  struct run *run = g_new(struct run, 1);
  *run = (struct run){ .command = g_strdup(command), .why = g_strdup(why) };
  g_ptr_array_add(runs, run);
}

void
setup_run(struct setup_text *text, const char *command, const char *why)
{
  add_run(text->runs, command, why);
}

void
setup_prepare(struct setup_text *text, const char *command, const char *why)
{
  add_run(text->preparations, command, why);
}

/* --- what they need of listward.conf --- */

/* What is in force. Owned by the caller. */
static char *
value_of(const struct config *config, const char *section, const char *key)
{
  for (const struct config_key *row = config_table; row->section; row++)
    if (strcmp(row->section, section) == 0 && strcmp(row->key, key) == 0)
      return config_value(config, row);
  g_assert_not_reached();
}

/* True: `key` is asked for already. `place`: behind the last of that section. */
static bool
find_want(const struct setup_text *text, const char *section, const char *key, guint *place)
{
  *place = text->wants->len;
  for (guint i = 0; i < text->wants->len; i++) {
    const struct want *want = g_ptr_array_index(text->wants, i);
    if (strcmp(want->section, section) != 0)
      continue;
    *place = i + 1;
    if (strcmp(want->key, key) == 0)
      return true;
  }
  return false;
}

void
setup_conf(struct setup_text *text, const struct installation *installation, const char *section, const char *key, const char *value, const char *why)
{
  g_autofree char *now = value_of(installation->config, section, key);
  guint place;
  if (strcmp(now, value) == 0 || find_want(text, section, key, &place))
    return;
  struct want *want = g_new(struct want, 1);
  *want = (struct want){
    .file = g_strdup(installation->config->file ? installation->config->file : CONFIG_FILE),
    .section = g_strdup(section), .key = g_strdup(key), .value = g_strdup(value), .why = g_strdup(why),
  };
  g_ptr_array_insert(text->wants, (int)place, want);
}

/* `list` has `item` among its comma-separated items. */
static bool
has_item(const char *list, const char *item)
{
  g_auto(GStrv) items = g_strsplit(list, ", ", -1);
  return g_strv_contains((const char *const *)items, item);
}

static void
want_listener(struct setup_text *text, const struct installation *installation, enum config_service number, const struct service_address *address)
{
  const char *section = config_service_section(number), *key = number == CONFIG_CALLOUT ? "callout_listen" : "listen";
  g_autofree char *now = value_of(installation->config, section, key), *more = service_address_text(address);
  guint place;
  struct want *want = find_want(text, section, key, &place) ? g_ptr_array_index(text->wants, place - 1) : NULL;
  if (want && has_item(want->value, more))
    return;
  const char *before = want ? want->value : now;
  g_autofree char *value = *before ? g_strconcat(before, ", ", more, NULL) : g_strdup(more);
  if (want) {
    g_free(want->value);
    want->value = g_strdup(value);
  } else
    setup_conf(text, installation, section, key, value, "this set-up uses it; takes the place of the line that is there");
  g_ptr_array_add(text->missing, g_strdup_printf("nothing listens on %s: this set-up needs [%s] %s = %s in listward.conf", more, section, key, value));
}

const struct service_address *
setup_service(struct setup_text *text, const struct installation *installation, enum config_service number, enum setup_socket socket)
{
  const struct installation_service *service = &installation->services[number];
  const struct service_address *const addresses[] = { [SETUP_ANY] = service->preferred, [SETUP_TCP] = &service->tcp, [SETUP_UNIX] = &service->local };
  const bool there[] = { [SETUP_ANY] = service->listens, [SETUP_TCP] = service->has_tcp, [SETUP_UNIX] = service->has_unix };
  if (!there[socket])
    want_listener(text, installation, number, addresses[socket]);
  return addresses[socket];
}

const GPtrArray *
setup_domains(struct setup_text *text, const struct installation *installation)
{
  static char example[] = "lists.example.com";
  if (installation->domains->len)
    return installation->domains;
  if (text->example->len == 0)
    g_ptr_array_add(text->example, example);
  return text->example;
}

/* --- rendering --- */

/* What is wanted of listward.conf, a part for each section. Owned by the caller. */
static GPtrArray *
conf_parts(const struct setup_text *text)
{
  GPtrArray *parts = g_ptr_array_new_with_free_func(part_free);
  const char *section = NULL;
  for (guint i = 0; i < text->wants->len; i++) {
    const struct want *want = g_ptr_array_index(text->wants, i);
    if (g_strcmp0(section, want->section) != 0) {
      g_autofree char *place = g_strdup_printf("[%s]", want->section);
      add_part(parts, want->file, place);
    }
    section = want->section;
    g_string_append_printf(lines_of(parts), "# %s\n%s = %s\n", want->why, want->key, want->value);
  }
  return parts;
}

/* Calls `take` with each part, and each command with a NULL file, in the order of printing. */
static void
each(const struct setup_text *text, void (*take_part)(void *arg, const struct part *part), void (*take_run)(void *arg, const struct run *run), void *arg)
{
  struct run restart = { "systemctl restart listward", "listens as listward.conf says now" };
  g_autoptr(GPtrArray) conf = conf_parts(text);
  for (guint i = 0; i < conf->len; i++)
    take_part(arg, g_ptr_array_index(conf, i));
  for (guint i = 0; i < text->parts->len; i++)
    take_part(arg, g_ptr_array_index(text->parts, i));
  for (guint i = 0; i < text->preparations->len; i++)
    take_run(arg, g_ptr_array_index(text->preparations, i));
  if (conf->len)
    take_run(arg, &restart);
  for (guint i = 0; i < text->runs->len; i++)
    take_run(arg, g_ptr_array_index(text->runs, i));
}

struct rendering {
  GString *text;
  bool has_runs;
};

static void
print_part(void *arg, const struct part *part)
{
  struct rendering *rendering = arg;
  g_string_append_printf(rendering->text, "==== %s: %s\n%s\n", part->file, part->place, part->lines->str);
}

static void
print_run(void *arg, const struct run *run)
{
  struct rendering *rendering = arg;
  if (!rendering->has_runs)
    g_string_append(rendering->text, "==== then run\n");
  rendering->has_runs = true;
  g_string_append_printf(rendering->text, "# %s\n%s\n", run->why, run->command);
}

char *
setup_render_text(const struct setup_text *text)
{
  struct rendering rendering = { .text = g_string_new(NULL) };
  each(text, print_part, print_run, &rendering);
  return g_string_free(rendering.text, FALSE);
}

struct json_rendering {
  json_t *parts, *runs;
};

static void
add_json_part(void *arg, const struct part *part)
{
  struct json_rendering *rendering = arg;
  json_array_append_new(rendering->parts, json_pack("{s:s, s:s, s:s}", "file", part->file, "place", part->place, "text", part->lines->str));
}

static void
add_json_run(void *arg, const struct run *run)
{
  struct json_rendering *rendering = arg;
  json_array_append_new(rendering->runs, json_pack("{s:s, s:s}", "command", run->command, "why", run->why));
}

json_t *
setup_render_json(const struct setup_text *text)
{
  struct json_rendering rendering = { json_array(), json_array() };
  each(text, add_json_part, add_json_run, &rendering);
  return json_pack("{s:o, s:o}", "parts", rendering.parts, "run", rendering.runs);
}
