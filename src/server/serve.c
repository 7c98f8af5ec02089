/* `listward serve`: start-up, wiring, signals, drain. The order matters: bind (perhaps as root), become the user for good, fork the helper, be the
 * only server here, enter the sandbox, open the database, take back what a crash left, and only then listen. */
#include "server/serve.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/in_hand.h"
#include "base/log.h"
#include "base/privilege.h"
#include "queue/incoming.h"
#include "queue/suspect.h"
#include "mta/maps.h"
#include "robot/robot.h"
#include "server/activation.h"
#include "server/alarm_command.h"
#include "server/config_check.h"
#include "server/configured_commands.h"
#include "server/control.h"
#include "server/courier_host.h"
#include "server/door_tls.h"
#include "server/doors.h"
#include "server/helper.h"
#include "server/housekeeping.h"
#include "server/listeners.h"
#include "server/live_config.h"
#include "server/map_writer.h"
#include "server/notify.h"
#include "server/probes.h"
#include "server/status.h"
#include "server/watchdog.h"
#include "store/state_lock.h"
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* Who asks for the maps to be written waits so long at most. */
#define MAPS_TIME (10 * CLOCK_SECOND)

/* Sessions and deliveries at work get so long to finish when the server stops. */
#define DRAIN_TIME (30 * CLOCK_SECOND)

/* And commands so much longer: less, together, than systemd gives the whole (TimeoutStopSec). */
#define COMMANDS_TIME (20 * CLOCK_SECOND)

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
  atomic_bool waits_for_maps; /* who serves commands does, for MAPS_TIME at most */
  struct budget budget;
  struct courier_host *courier;
  struct housekeeping *housekeeping;
  struct robot *robot;
  struct control *control;
  struct watchdog *watchdog;
  struct doors doors;
  struct control_hooks control_hooks;
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
  atomic_store(&server->waits_for_maps, true);
  res = map_writer_wait(server->maps, again, clock_monotonic() + MAPS_TIME, error);
  atomic_store(&server->waits_for_maps, false);
  return res;
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

static void
on_status(void *ctx, GString *out)
{
  struct server *server = ctx;
  const struct status_sources sources = {
    .started = server->started, .budget = &server->budget, .store = server->store, .listeners = server->listeners, .index = server->index,
    .courier = server->courier, .helper = server->helper, .sandbox = server->sandbox,
  };
  status_write(&sources, out);
}

/* What holds at once after a reload, too. */
static void
apply(struct server *server, const struct config *config)
{
  doors_apply(&server->doors, config);
  log_configure((enum log_format)config->log_format, (enum log_level)config->log_level);
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

/* For the watchdog: the database is read, and commands are answered, or would be if [mta] command had ended. */
static bool
is_able(void *ctx, int64_t deadline)
{
  struct server *server = ctx;
  return status_set_aside(server->store) >= 0 && (control_answers(server->control, deadline) || atomic_load(&server->waits_for_maps));
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
  const struct posting_door needs = {
    .store = server->store, .index = server->index, .live = server->live, .budget = &server->budget, .wake = on_wake, .kept = on_kept, .wake_ctx = server,
  };
  doors_connect(&server->doors, &needs);
  server->control_hooks = (struct control_hooks){ .ctx = server, .changed = on_changed, .retry = on_retry, .maps = on_maps, .aliases = on_aliases, .probe = on_probe, .status = on_status };
  res = control_start(server->control, &server->control_hooks, error);
  if (res == RES_OK)
    res = watchdog_start(is_able, server, &server->watchdog, error);
  return res == RES_OK ? listeners_start(server->listeners, server->live, &server->doors.options, error) : res;
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
  g_autofree char *around = status_confinement(&(struct status_sources){ .helper = server->helper, .sandbox = server->sandbox });
  log_note("sandbox", log_str("state", around), log_int("uid", geteuid()));
  return RES_OK;
}

static enum res
start(struct server *server, const struct config *config, bool no_backup, GError **error)
{
  enum res res = config_check(config, error);
  if (res == RES_OK)
    res = listeners_bind(config, server->doors.services, server->activation, &server->listeners, error);
  if (res == RES_OK)
    res = settle_in(server, config, error);
  if (res == RES_OK)
    res = door_tls_apply(config, server->doors.options.tls, error); /* once more, as the user and from inside: so will a reload */
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
  helper_hurry(server->helper, deadline + COMMANDS_TIME);
  map_writer_free(server->maps);
  list_index_free(server->index);
  store_free(server->store);
  in_hand_close();
  if (server->state_lock >= 0)
    close(server->state_lock);
  listeners_free(server->listeners);
  activation_free(server->activation);
  doors_clear(&server->doors);
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
    res = config_check(after, &error);
  if (res == RES_OK)
    res = door_tls_apply(after, server->doors.options.tls, &error);
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
  apply(server, after);
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
  doors_init(&server->doors, cli->config->hostname);
  apply(server, config);
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
