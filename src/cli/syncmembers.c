/* `syncmembers`: makes the members those of a file: adds who is missing, takes off who is not in it. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/member_lines.h"
#include "cli/member_option.h"
#include "cli/notice_option.h"
#include "cli/open_list.h"
#include "envelope/address.h"
#include "list/member_batch.h"
#include <stdio.h>

/* Members of one transaction: well under 50 ms of the writer. */
#define SLICE_SIZE 500

static char *delivery, *max_removals;
static gboolean no_change;

static const GOptionEntry options[] = {
  DELIVERY_OPTION(delivery),
  NOTICE_OPTIONS("welcome-msg", 'w', 'W', "a welcome message to those who join"),
  NOTICE_OPTIONS("goodbye-msg", 'g', 'G', "a goodbye message to those who leave"),
  NOTICE_OPTIONS("admin-notify", 'a', 'A', "notice to the owners"),
  { "no-change", 'n', 0, G_OPTION_ARG_NONE, &no_change, "only say what would be done", NULL },
  { "max-removals", 0, 0, G_OPTION_ARG_STRING, &max_removals, "change nothing if more than N members, or N % of them, would be taken off", "N|N%" },
  { NULL },
};

/* --max-removals. */
struct limit {
  int64_t number; /* negative: none is given */
  bool percent;
};

struct syncing {
  const struct list *list;
  const struct delivery_choice *delivery; /* of those who join */
  struct limit limit;
  GHashTable *wanted; /* folded address -> struct member_line * */
  GPtrArray *leaving; /* char *: addresses as subscribed, in the order in which they joined */
  GPtrArray *joining; /* struct member_line *, borrowed, in the order of the file */
  int64_t present;    /* members now */
  int64_t bad;        /* lines whose address may not join */
  int64_t after;
  GPtrArray *slice;
  guint from;       /* of `leaving` or `joining`: the slice at hand */
};

/* "20" or "10%". */
static bool
limit_parse(const char *text, struct limit *limit)
{
  *limit = (struct limit){ .number = -1 };
  if (text == NULL)
    return true;
  struct slice digits = slice_of(text);
  limit->percent = g_str_has_suffix(text, "%");
  return slice_to_uint(slice_head(digits, digits.n - limit->percent), &limit->number) && (!limit->percent || limit->number <= 100);
}

/* --- the file --- */

/* Adds a line, which it takes over, to those who are wanted; of one that is there twice the first counts. False: it is no address, and that has
 * been said. */
static bool
want(GHashTable *wanted, struct member_line *line)
{
  char *key = address_key_of(slice_of(line->address));
  if (key && !g_hash_table_contains(wanted, key)) {
    g_hash_table_insert(wanted, key, line);
    return true;
  }
  if (key == NULL)
    cli_warn("line %" G_GINT64_FORMAT ": \"%.200s\" is no address", line->number, line->address);
  member_line_free(line);
  bool is_address = key != NULL;
  g_free(key);
  return is_address;
}

/* Reads the whole file. A bad line stops everything: with it unread, its member would be taken off. */
static enum res
read_file(const char *path, GHashTable *wanted, GError **error)
{
  OWN(member_lines) lines = NULL;
  int64_t bad = 0;
  enum res res = member_lines_open(path, &lines, error);
  for (guint n = 1; res == RES_OK && n;) {
    g_autoptr(GPtrArray) slice = member_lines_slice(lines, SLICE_SIZE);
    n = slice->len;
    for (guint i = 0; i < n; i++)
      bad += !want(wanted, g_steal_pointer(&slice->pdata[i]));
  }
  if (res == RES_OK)
    res = member_lines_end(lines, error);
  if (res == RES_OK && bad)
    res = refuse(error, REPLY_BAD_ADDRESS, "%" G_GINT64_FORMAT " bad lines; nothing was changed, since their members would be taken off", bad);
  return res;
}

/* --- the comparison --- */

static enum res
read_slice(struct tx *tx, void *arg, GError **error)
{
  struct syncing *syncing = arg;
  return member_slice(tx, syncing->list->id, MEMBER_MEMBER, syncing->after, SLICE_SIZE, &syncing->slice, error);
}

/* Who is there and not wanted leaves. `there`: all keys. */
static enum res
find_leaving(struct store *store, struct syncing *syncing, GHashTable *there, GError **error)
{
  for (;;) {
    enum res res = store_read(store, read_slice, syncing, error);
    if (res != RES_OK)
      return res;
    g_autoptr(GPtrArray) slice = g_steal_pointer(&syncing->slice);
    if (slice->len == 0)
      return RES_OK;
    for (guint i = 0; i < slice->len; i++) {
      const struct member *member = g_ptr_array_index(slice, i);
      syncing->after = member->join_number;
      syncing->present++;
      g_hash_table_add(there, g_strdup(member->key));
      if (!g_hash_table_contains(syncing->wanted, member->key))
        g_ptr_array_add(syncing->leaving, g_strdup(member->address));
    }
  }
}

static gint
by_line(gconstpointer a, gconstpointer b)
{
  const struct member_line *const *one = a, *const *other = b;
  return (*one)->number < (*other)->number ? -1 : (*one)->number > (*other)->number;
}

static struct member_new
new_member(const struct syncing *syncing, const struct member_line *line)
{
  return (struct member_new){
    .list_id = syncing->list->id, .role = MEMBER_MEMBER, .address = line->address, .name = line->name,
    .mode = syncing->delivery->mode, .status = syncing->delivery->status, .now = clock_now(),
  };
}

/* Takes out of a slice of the joining who may not join; that is said, line by line. */
static enum res
check_slice(struct tx *tx, void *arg, GError **error)
{
  struct syncing *syncing = arg;
  OWN(member_batch) batch = NULL;
  enum res res = member_batch_begin(tx, syncing->list->id, &batch, error);
  if (res != RES_OK)
    return res;
  for (guint i = syncing->from; i < syncing->joining->len && i < syncing->from + SLICE_SIZE; i++) {
    const struct member_line *line = g_ptr_array_index(syncing->joining, i);
    const struct member_new new = new_member(syncing, line);
    g_autoptr(GError) problem = NULL;
    res = member_batch_check(batch, &new, &problem);
    if (res == RES_TEMP) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return res;
    }
    if (res == RES_OK)
      continue;
    cli_warn("line %" G_GINT64_FORMAT ": %s", line->number, problem->message);
    syncing->bad++;
    syncing->joining->pdata[i] = NULL;
  }
  return RES_OK;
}

/* Who is wanted and not there joins, if he may. */
static enum res
find_joining(struct store *store, struct syncing *syncing, GHashTable *there, GError **error)
{
  GHashTableIter iter;
  gpointer key, line;
  g_hash_table_iter_init(&iter, syncing->wanted);
  while (g_hash_table_iter_next(&iter, &key, &line))
    if (!g_hash_table_contains(there, key))
      g_ptr_array_add(syncing->joining, line);
  g_ptr_array_sort(syncing->joining, by_line);
  enum res res = RES_OK;
  for (syncing->from = 0; res == RES_OK && syncing->from < syncing->joining->len; syncing->from += SLICE_SIZE)
    res = store_read(store, check_slice, syncing, error);
  guint kept = 0;
  for (guint i = 0; i < syncing->joining->len; i++)
    if (syncing->joining->pdata[i])
      syncing->joining->pdata[kept++] = syncing->joining->pdata[i];
  g_ptr_array_set_size(syncing->joining, (gint)kept);
  return res;
}

static enum res
compare(struct store *store, struct syncing *syncing, GError **error)
{
  g_autoptr(GHashTable) there = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  enum res res = find_leaving(store, syncing, there, error);
  return res == RES_OK ? find_joining(store, syncing, there, error) : res;
}

/* --- the deed --- */

static enum res
remove_slice(struct tx *tx, void *arg, GError **error)
{
  struct syncing *syncing = arg;
  for (guint i = syncing->from; i < syncing->leaving->len && i < syncing->from + SLICE_SIZE; i++) {
    enum res res = member_remove(tx, syncing->list->id, MEMBER_MEMBER, g_ptr_array_index(syncing->leaving, i), clock_now(), error);
    if (res != RES_OK && res != RES_MORE)
      return res;
  }
  return RES_OK;
}

static enum res
add_slice(struct tx *tx, void *arg, GError **error)
{
  struct syncing *syncing = arg;
  OWN(member_batch) batch = NULL;
  enum res res = member_batch_begin(tx, syncing->list->id, &batch, error);
  if (res != RES_OK)
    return res;
  for (guint i = syncing->from; i < syncing->joining->len && i < syncing->from + SLICE_SIZE; i++) {
    const struct member_line *line = g_ptr_array_index(syncing->joining, i);
    const struct member_new new = new_member(syncing, line);
    bool added;
    res = member_batch_add(batch, &new, &added, error);
    if (res != RES_OK) {
      g_prefix_error(error, "line %" G_GINT64_FORMAT ": ", line->number);
      return res;
    }
  }
  return member_batch_end(batch, error);
}

static enum res
in_slices(struct store *store, struct syncing *syncing, store_fn write, guint n, GError **error)
{
  enum res res = RES_OK;
  for (syncing->from = 0; res == RES_OK && syncing->from < n; syncing->from += SLICE_SIZE)
    res = store_write(store, write, syncing, error);
  return res;
}

/* What is to be done must not take off more than was said; and a file that names nobody (an export that failed) nobody, unless that was said. */
static enum res
check_removals(const struct syncing *syncing, GError **error)
{
  struct limit limit = syncing->limit;
  int64_t leaving = syncing->leaving->len, most = limit.percent ? syncing->present * limit.number / 100 : limit.number;
  if (limit.number < 0 && leaving > 0 && g_hash_table_size(syncing->wanted) == 0)
    return refuse(error, REPLY_SYNTAX,
                  "the file names no member at all, and all %" G_GINT64_FORMAT " would be taken off; nothing was changed. If that is meant, say --max-removals 100%%",
                  leaving);
  if (limit.number < 0 || leaving <= most)
    return RES_OK;
  return refuse(error, REPLY_SYNTAX,
                "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " members would be taken off, and --max-removals %s allows %" G_GINT64_FORMAT
                "; nothing was changed. See who they are with -n, and if they may go, allow more",
                leaving, syncing->present, max_removals, most);
}

static void
show(const struct syncing *syncing)
{
  for (guint i = 0; i < syncing->joining->len; i++)
    cli_print("+ %s\n", ((struct member_line *)g_ptr_array_index(syncing->joining, i))->address);
  for (guint i = 0; i < syncing->leaving->len; i++)
    cli_print("- %s\n", (const char *)g_ptr_array_index(syncing->leaving, i));
}

/* Without a change all is shown that was asked for, also what would not be done. */
static enum res
apply(struct store *store, struct syncing *syncing, GError **error)
{
  enum res res = check_removals(syncing, error);
  if (res == RES_OK || no_change)
    show(syncing);
  if (res != RES_OK || no_change)
    return res;
  res = in_slices(store, syncing, add_slice, syncing->joining->len, error);
  return res == RES_OK ? in_slices(store, syncing, remove_slice, syncing->leaving->len, error) : res;
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  const struct delivery_choice *choice = delivery_option_value("syncmembers", delivery);
  struct limit limit;
  if (choice == NULL)
    return CLI_USAGE;
  if (!limit_parse(max_removals, &limit))
    return cli_usage("syncmembers: --max-removals is a number of members, or of percent with a %% behind it");
  g_autoptr(GError) error = NULL;
  g_autoptr(GHashTable) wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)member_line_free);
  g_autoptr(GPtrArray) leaving = g_ptr_array_new_with_free_func(g_free), joining = g_ptr_array_new();
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  enum res res = cli_open_list(cli, argv[1], &store, &list, &error);
  struct syncing syncing = { .list = list, .delivery = choice, .limit = limit, .wanted = wanted, .leaving = leaving, .joining = joining };
  if (res == RES_OK && !no_change)
    res = store_room(store, cli->config->min_free_space, 0, &error);
  if (res == RES_OK)
    res = read_file(argv[0], wanted, &error);
  if (res == RES_OK)
    res = compare(store, &syncing, &error);
  if (res == RES_OK)
    res = apply(store, &syncing, &error);
  if (res == RES_OK && !no_change)
    res = cli_changed(cli, &error);
  return res == RES_OK && syncing.bad ? CLI_FAILED : cli_result(res, error);
}

const struct cli_command syncmembers_command = {
  .name = "syncmembers", .arguments = "FILE LIST", .summary = "make the members those of a file", .options = options, .min = 2, .max = 2, .run = run,
  .help = "FILE as for addmembers; a line that is no address stops everything. Who may not join (banned, the list's own address) is reported by line, all\n"
          "else is done, and the exit status is 1. Prints a line with + for everybody who joins and with - for everybody who leaves. No mail is sent.\n"
          "A FILE that names nobody takes nobody off, unless --max-removals allows it.",
};
