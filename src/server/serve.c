/* `listward serve`: start-up, wiring, signals, drain. The order matters: bind (perhaps as root), become the user for good, fork the helper, be the
 * only server here, enter the sandbox, open the database, take back what a crash left, and only then listen. */
#include "server/serve.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/in_hand.h"
#include "base/log.h"
#include "base/privilege.h"
#include "envelope/address.h"
#include "queue/incoming.h"
#include "queue/set_aside.h"
#include "queue/suspect.h"
#include "robot/robot.h"
#include "server/activation.h"
#include "server/admission.h"
#include "mta/maps.h"
#include "server/alarm_command.h"
#include "server/configured_commands.h"
#include "server/control.h"
#include "server/courier_host.h"
#include "server/door_tls.h"
#include "server/helper.h"
#include "server/housekeeping.h"
#include "server/listeners.h"
#include "server/live_config.h"
#include "server/map_writer.h"
#include "server/notify.h"
#include "server/peer_match.h"
#include "server/posting_door.h"
#include "server/relay_door.h"
#include "server/probes.h"
#include "server/sandbox.h"
#include "server/watchdog.h"
#include "store/state_lock.h"
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Who asks for the maps to be written waits so long at most. */
#define MAPS_TIME (10 * CLOCK_SECOND)

/* Sessions and deliveries at work get so long to finish when the server stops. */
#define DRAIN_TIME (30 * CLOCK_SECOND)

struct server {
  int64_t started; /* monotonic */
  int state_lock; /* -1: not taken */
  struct live_config *live;
  struct activation *activation;
  struct listeners *listeners;
  struct configured_commands commands;
  struct helper *helper;
  struct sandbox *sandbox;
  struct alarm_command *alarm;
  struct store *store;
  struct list_index *index;
  struct map_writer *maps; /* NULL: [mta] maps names no folder */
  struct budget budget;
  struct courier_host *courier;
  struct housekeeping *housekeeping;
  struct robot *robot;
  struct control *control;
  struct watchdog *watchdog;
  struct posting_door door;
  struct door_hooks delivery_hooks, front_hooks, judge_hooks; /* server/posting_door.h */
  struct relay_door relay;
  struct door_hooks smtp_hooks; /* server/relay_door.h */
  struct service services[CONFIG_SERVICES];
  struct control_hooks control_hooks;
  struct door_options door_options;
};

static void
on_wake(void *ctx)
{
  struct server *server = ctx;
  courier_host_wake(server->courier);
}

static void
on_kept(void *ctx, enum role role)
{
  struct server *server = ctx;
  if (role == ROLE_BOUNCES)
    robot_wake(server->robot);
  housekeeping_stir(server->housekeeping);
}

/* From housekeeping itself. */
static void
on_released(void *ctx)
{
  struct server *server = ctx;
  courier_host_wake(server->courier);
}

static enum res
on_changed(void *ctx, GError **error)
{
  struct server *server = ctx;
  enum res res = list_index_refresh(server->index, error);
  courier_host_wake(server->courier);
  housekeeping_wake(server->housekeeping);
  return res;
}

/* From whoever refreshes the index. */
static void
on_lists_changed(void *ctx)
{
  const struct server *server = ctx;
  map_writer_stir(server->maps);
}

static enum res
wait_for_maps(struct server *server, bool again, GError **error)
{
  enum res res = list_index_refresh(server->index, error);
  if (res != RES_OK || server->maps == NULL)
    return res;
  return map_writer_wait(server->maps, again, clock_monotonic() + MAPS_TIME, error);
}

static enum res
on_maps(void *ctx, GError **error)
{
  return wait_for_maps(ctx, false, error);
}

static enum res
on_aliases(void *ctx, GError **error)
{
  return wait_for_maps(ctx, true, error);
}

static enum res
on_retry(void *ctx, GError **error)
{
  struct server *server = ctx;
  courier_host_retry(server->courier);
  robot_retry(server->robot);
  enum res res = suspects_reload(server->store, error);
  return res == RES_OK ? on_changed(ctx, error) : res;
}

static bool
on_probe(void *ctx, struct slice token)
{
  (void)ctx;
  return probes_seen(token);
}

/* Resident memory in KiB, 0 if the system does not say. */
static int64_t
resident_memory(void)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL))
    return 0;
  g_auto(GStrv) fields = g_strsplit(text, " ", 3);
  return fields[0] && fields[1] ? g_ascii_strtoll(fields[1], NULL, 10) * sysconf(_SC_PAGESIZE) / 1024 : 0;
}

/* "hop" and a JSON object. */
static void
append_hop(GString *out, const struct hop_state *hop)
{
  g_autofree char *error = g_utf8_make_valid(hop->error, -1);
  json_t *object = json_pack("{s:s, s:s, s:b, s:I, s:I, s:s, s:i, s:i}", "outlet", hop->outlet, "hop", hop->name, "up", hop->down_since == 0, "down_since",
                             (json_int_t)hop->down_since, "next_try", (json_int_t)hop->next_try, "error", error, "window", hop->window, "connections", hop->open);
  char *text = json_dumps(object, JSON_COMPACT);
  if (text)
    g_string_append_printf(out, "hop %s\r\n", text);
  free(text);
  json_decref(object);
}

/* What stands around this process, in words. */
static char *
confinement(const struct server *server)
{
  pid_t pid = server->helper ? helper_pid(server->helper) : 0;
  g_autofree char *helper = pid ? g_strdup_printf("%d", (int)pid) : g_strdup(server->helper ? "gone" : "none");
  return g_strdup_printf("%s, helper %s", sandbox_state(server->sandbox), helper);
}

static enum res
count_set_aside(struct tx *tx, void *arg, GError **error)
{
  return set_aside_count(tx, arg, error);
}

/* -1: the database does not say. */
static int64_t
set_aside(struct server *server)
{
  struct set_aside_counts counts;
  g_autoptr(GError) error = NULL;
  return store_read(server->store, count_set_aside, &counts, &error) == RES_OK ? counts.deliveries + counts.messages + counts.jobs : -1;
}

static void
on_status(void *ctx, GString *out)
{
  struct server *server = ctx;
  struct courier_state courier;
  courier_host_state(server->courier, &courier);
  const struct { const char *name; int64_t value; } rows[] = {
    { "pid", getpid() },
    { "uptime_seconds", (clock_monotonic() - server->started) / CLOCK_SECOND },
    { "memory_kib", resident_memory() },
    { "message_memory_octets", atomic_load(&server->budget.used) },
    { "open_sessions", (int64_t)listeners_sessions(server->listeners) },
    { "lists", (int64_t)list_index_count(server->index) },
    { "courier_in_flight", courier.in_flight },
    { "set_aside", set_aside(server) },
    { "outlet_down_seconds", courier.down_since ? (clock_now() - courier.down_since) / CLOCK_SECOND : 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    g_string_append_printf(out, "%s %" G_GINT64_FORMAT "\r\n", rows[i].name, rows[i].value);
  g_autofree char *around = confinement(server);
  g_string_append_printf(out, "sandbox %s\r\n", around);
  for (enum counter counter = 0; counter < COUNTER_COUNT; counter++)
    g_string_append_printf(out, "%s %" G_GINT64_FORMAT "\r\n", counter_label(counter), counter_read(counter));
  for (guint i = 0; i < courier.hops->len; i++)
    append_hop(out, &g_array_index(courier.hops, struct hop_state, i));
  courier_state_clear(&courier);
}

/* Where Postfix finds [lmtp], as its maps have it. Interned: sessions may still be reading what it was before. */
static void
apply_transport(struct server *server, const struct config *config)
{
  OWN(installation) installation = NULL;
  g_autoptr(GError) error = NULL;
  if (installation_read(config, NULL, &installation, &error) != RES_OK)
    return; /* check_config() has said why */
  g_autofree char *nexthop = service_address_postfix(installation->services[CONFIG_LMTP].preferred);
  g_autofree char *transport = g_strconcat(config->mta_postfix_service, ":", nexthop, NULL);
  atomic_store(&server->door_options.transport, g_intern_string(transport));
}

static void
apply_limits(struct server *server, const struct config *config)
{
  atomic_store(&server->door_options.size_max, config->max_message_size);
  atomic_store(&server->door_options.command_timeout, config->command_timeout);
  atomic_store(&server->door_options.data_timeout, config->data_timeout);
  atomic_store(&server->door_options.message_timeout, config->message_timeout);
  atomic_store(&server->door_options.minimum_rate, config->minimum_rate);
  log_configure((enum log_format)config->log_format, (enum log_level)config->log_level);
}

static enum res
bad_value(const struct config *config, const char *key, const char *why, GError **error)
{
  return refuse(error, REPLY_SYNTAX, "%s: %s: %s", config->file ? config->file : "default", key, why);
}

/* Where the MTA is told to deliver. */
static enum res
check_mta(const struct config *config, GError **error)
{
  OWN(installation) installation = NULL;
  return installation_read(config, NULL, &installation, error);
}

static enum res
check_local_domains(const struct config *config, GError **error)
{
  for (char **domain = config->auth_local_domains; *domain; domain++) {
    g_autofree char *key = address_domain_key(slice_of(*domain)), *why = key ? NULL : g_strdup_printf("\"%s\" is no domain", *domain);
    if (why)
      return bad_value(config, "[auth] local_domains", why, error);
  }
  return RES_OK;
}

/* What config_load() cannot know. */
static enum res
check_config(const struct config *config, GError **error)
{
  g_autoptr(GError) problem = NULL;
  if (peer_match_check((const char *const *)config->lmtp_trusted_peers, &problem) != RES_OK)
    return bad_value(config, "[lmtp] trusted_peers", problem->message, error);
  g_autofree char *owner = address_key_of(slice_of(config->site_owner)), *why = g_strdup_printf("\"%s\" is no address", config->site_owner);
  if (config->site_owner[0] && owner == NULL)
    return bad_value(config, "[server] site_owner", why, error);
  if (admission_check(config, error) != RES_OK || door_tls_check(config, error) != RES_OK)
    return RES_BAD;
  if (config->max_memory < config->max_message_size)
    log_warn("[limits] max_memory is less than max_message_size: the largest messages can never be taken");
  if (courier_host_check(config, &problem) != RES_OK || relay_door_check(config, &problem) != RES_OK)
    return refuse(error, REPLY_SYNTAX, "%s: %s", config->file ? config->file : "default", problem->message);
  enum res res = configured_commands_check(config, error);
  if (res == RES_OK)
    res = check_mta(config, error);
  return res == RES_OK ? check_local_domains(config, error) : res;
}

/* About once a second while the database is migrated: systemd is to go on waiting. */
static void
on_migrating(void *arg)
{
  (void)arg;
  notify_send("EXTEND_TIMEOUT_USEC=60000000");
}

/* Database, lists and what a crash left. */
static enum res
open_state(struct server *server, const struct config *config, bool no_backup, GError **error)
{
  const struct store_options options = {
    .url = config->database_url, .state_dir = config->state_dir, .mode = STORE_SERVER, .no_backup = no_backup,
    .migrating = on_migrating,
  };
  g_autofree char *in_hand = config_path(config, "in-hand");
  enum res res = store_open(&options, &server->store, error);
  if (res == RES_OK)
    res = suspects_start(server->store, in_hand, error);
  if (res == RES_OK)
    res = incoming_sweep(server->store, error);
  if (res == RES_OK)
    res = list_index_new(server->store, &server->index, error);
  return res;
}

/* The MTA's maps, if they are ours to keep. */
static enum res
start_maps(struct server *server, const struct config *config, GError **error)
{
  struct helper *helper = server->commands.table[COMMAND_MAPS].argv ? server->helper : NULL;
  if (config->mta_maps[0] == '\0')
    return RES_OK;
  enum res res = map_writer_start(server->store, server->live, helper, COMMAND_MAPS, &server->maps, error);
  if (res == RES_OK)
    list_index_watch(server->index, on_lists_changed, server);
  return res;
}

/* For the watchdog: the database is read, and commands are answered. */
static bool
is_able(void *ctx, int64_t deadline)
{
  struct server *server = ctx;
  return set_aside(server) >= 0 && control_answers(server->control, deadline);
}

/* The threads, inner ones first, so that whatever comes in finds all it needs. */
static enum res
start_threads(struct server *server, const struct config *config, GError **error)
{
  enum res res = RES_OK;
  if (server->commands.table[COMMAND_ALARM].argv)
    res = alarm_command_start(server->helper, COMMAND_ALARM, &server->alarm, error);
  if (res == RES_OK)
    res = start_maps(server, config, error);
  if (res == RES_OK)
    res = courier_host_start(server->store, config, &server->courier, error);
  if (res != RES_OK)
    return res;
  server->housekeeping = housekeeping_start(server->store, server->live, on_released, server);
  if (server->housekeeping == NULL)
    return trouble(error, REPLY_TROUBLE, "no thread for housekeeping");
  server->robot = robot_start(server->store);
  if (server->robot == NULL)
    return trouble(error, REPLY_TROUBLE, "no thread for the robot");
  server->door = (struct posting_door){
    .store = server->store, .index = server->index, .live = server->live, .budget = &server->budget, .wake = on_wake, .kept = on_kept,
    .wake_ctx = server,
  };
  server->delivery_hooks = posting_door_hooks(&server->door, POSTING_DOOR_DELIVERY);
  server->front_hooks = posting_door_hooks(&server->door, POSTING_DOOR_FRONT);
  server->judge_hooks = posting_door_hooks(&server->door, POSTING_DOOR_JUDGE);
  server->relay = (struct relay_door){ .inner = &server->front_hooks, .octets_of = posting_door_octets, .live = server->live };
  server->smtp_hooks = relay_door_hooks(&server->relay);
  server->control_hooks = (struct control_hooks){ .ctx = server, .changed = on_changed, .retry = on_retry, .maps = on_maps, .aliases = on_aliases, .probe = on_probe, .status = on_status };
  res = control_start(server->control, &server->control_hooks, error);
  if (res == RES_OK)
    res = watchdog_start(is_able, server, &server->watchdog, error);
  return res == RES_OK ? listeners_start(server->listeners, server->live, &server->door_options, error) : res;
}

/* If there is a command that it could have to run. */
static enum res
start_helper(struct server *server, const struct config *config, GError **error)
{
  enum res res = configured_commands_read(config, &server->commands, error);
  return res == RES_OK && server->commands.any ? helper_start(server->commands.table, CONFIGURED_COMMANDS, &server->helper, error) : res;
}

/* By root, if it is, and before the sandbox is entered. */
static enum res
make_maps_folder(const struct config *config, GError **error)
{
  g_autofree char *folder = config_path(config, config->mta_maps);
  return config->mta_maps[0] ? maps_folder_prepare(config, folder, error) : RES_OK;
}

/* What is done from outside, in an order in which each step may still do what it needs: the helper inherits neither root's powers nor the sandbox, and
 * the control socket is the last one that this process binds. No threads yet. */
static enum res
settle_in(struct server *server, const struct config *config, GError **error)
{
  g_autofree char *control = config_path(config, "control.sock");
  enum res res = make_maps_folder(config, error);
  if (res == RES_OK)
    res = privilege_drop(config->user, config->state_dir, error);
  if (res == RES_OK)
    res = privilege_renounce(error);
  if (res == RES_OK)
    res = start_helper(server, config, error);
  if (res == RES_OK)
    res = state_lock_take(config->state_dir, &server->state_lock, error);
  if (res == RES_OK)
    res = control_bind(control, &server->control, error);
  if (res != RES_OK)
    return res;
  server->sandbox = sandbox_enter(config);
  g_autofree char *around = confinement(server);
  log_note("sandbox", log_str("state", around), log_int("uid", geteuid()));
  return RES_OK;
}

/* What listens: a row for each service. One without a row is not there yet: its `listen` is passed over. */
static void
set_services(struct server *server)
{
  struct door_options *options = &server->door_options;
  const struct service services[CONFIG_SERVICES] = {
    [CONFIG_LMTP] = { &lmtp_service, &server->delivery_hooks, options },
    [CONFIG_CALLOUT] = { &lmtp_service, &server->delivery_hooks, options },
    [CONFIG_SMTP] = { &smtp_service, &server->smtp_hooks, options },
    [CONFIG_MILTER] = { &milter_service, &server->judge_hooks, options },
    [CONFIG_POLICY] = { &policy_service, &server->judge_hooks, options },
    [CONFIG_SOCKETMAP] = { &socketmap_service, &server->judge_hooks, options },
    [CONFIG_READSOCKET] = { &readsocket_service, &server->judge_hooks, options },
  };
  memcpy(server->services, services, sizeof services);
}

static enum res
start(struct server *server, const struct config *config, bool no_backup, GError **error)
{
  set_services(server);
  enum res res = check_config(config, error);
  if (res == RES_OK)
    res = listeners_bind(config, server->services, server->activation, &server->listeners, error);
  if (res == RES_OK)
    res = settle_in(server, config, error);
  if (res == RES_OK)
    res = door_tls_apply(config, server->door_options.tls, error); /* once more, as the user and from inside: so will a reload */
  if (res == RES_OK)
    res = open_state(server, config, no_backup, error);
  return res == RES_OK ? start_threads(server, config, error) : res;
}

/* Outermost first: no new mail, then the work in hand, then what it works on. Sessions may take their time: the courier begins nothing new
 * meanwhile, so that what it has in flight is finished by the same deadline. */
static void
stop(struct server *server)
{
  notify_send("STOPPING=1");
  int64_t deadline = clock_monotonic() + DRAIN_TIME;
  courier_host_quiesce(server->courier);
  if (server->listeners)
    listeners_stop(server->listeners, deadline);
  watchdog_free(server->watchdog);
  control_free(server->control);
  robot_free(server->robot);
  housekeeping_free(server->housekeeping);
  courier_host_free(server->courier, deadline);
  map_writer_free(server->maps);
  list_index_free(server->index);
  store_free(server->store);
  in_hand_close();
  if (server->state_lock >= 0)
    close(server->state_lock);
  listeners_free(server->listeners);
  activation_free(server->activation);
  tls_holder_free(server->door_options.tls);
  live_config_free(server->live);
  alarm_command_free(server->alarm);
  helper_free(server->helper);
  sandbox_free(server->sandbox);
  configured_commands_clear(&server->commands);
}

/* SIGHUP. A bad file changes nothing. */
static void
reload(struct server *server)
{
  const struct config *before = live_config_acquire(server->live);
  g_autoptr(GError) error = NULL;
  OWN(config) after = NULL;
  enum res res = config_load(before->file, &after, &error);
  if (res == RES_OK)
    res = check_config(after, &error);
  if (res == RES_OK)
    res = door_tls_apply(after, server->door_options.tls, &error);
  if (res != RES_OK) {
    log_error("reload refused, nothing changed", log_err(error));
    live_config_release(server->live, before);
    return;
  }
  g_autoptr(GPtrArray) keys = config_restart_keys(before, after);
  for (guint i = 0; i < keys->len; i++)
    log_warn("change ignored until a restart", log_str("key", g_ptr_array_index(keys, i)));
  config_keep_restart_keys(before, after);
  sandbox_warn_of_outside(server->sandbox, after);
  apply_limits(server, after);
  apply_transport(server, after);
  courier_host_reload(server->courier, before, after);
  live_config_release(server->live, before);
  live_config_replace(server->live, OWN_GIVE(after));
  housekeeping_wake(server->housekeeping);
  map_writer_reload(server->maps);
  log_note("reloaded");
}

/* Until SIGTERM or SIGINT. */
static void
serve_signals(struct server *server, const sigset_t *signals)
{
  for (;;) {
    int number = 0;
    sigwait(signals, &number);
    if (number == SIGCHLD) {
      helper_ended(server->helper);
      continue;
    }
    if (number != SIGHUP) {
      log_note("stopping", log_str("signal", number == SIGTERM ? "TERM" : "INT"));
      return;
    }
    notify_send("RELOADING=1");
    reload(server);
    notify_send("READY=1");
  }
}

static enum res
load_config(const struct cli *cli, struct server *server, GError **error)
{
  OWN(config) config = NULL;
  enum res res = config_load(cli->config->file, &config, error);
  if (res != RES_OK)
    return res;
  server->budget.limit = config->max_memory;
  apply_limits(server, config);
  apply_transport(server, config);
  server->door_options.hostname = cli->config->hostname;
  server->door_options.tls = tls_holder_new();
  server->live = live_config_new(OWN_GIVE(config));
  return RES_OK;
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc, (void)argv;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGCHLD); /* the helper is this process's only child */
  pthread_sigmask(SIG_BLOCK, &signals, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is then an error like a full disk */

  struct server server = { .started = clock_monotonic(), .state_lock = -1, .activation = activation_take() };
  notify_open();
  g_autoptr(GError) error = NULL;
  enum res res = load_config(cli, &server, &error);
  if (res == RES_OK)
    res = start(&server, cli->config, cli->no_backup, &error);
  if (res == RES_OK) {
    log_note("ready", log_str("version", LISTWARD_VERSION), log_int("pid", getpid()), log_int("lists", (int64_t)list_index_count(server.index)));
    notify_send("READY=1");
    serve_signals(&server, &signals);
  }
  stop(&server);
  if (res == RES_OK)
    log_note("stopped");
  return cli_result(res, error);
}

const struct cli_command serve_command = {
  .name = "serve",
  .arguments = "",
  .summary = "the daemon, in the foreground; SIGTERM drains, SIGHUP reloads",
  .help = "Logs to standard error. Under systemd use Type=notify.",
  .max = 0,
  .run = run,
};
