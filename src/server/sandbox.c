#include "server/sandbox.h"
#include "base/log.h"
#include "net/endpoint.h"
#include "server/landlock.h"
#ifdef SANDBOX
#include "server/seccomp_filter.h"
#endif
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct grant {
  char *what; /* a key of the configuration, or "system" */
  char *path;
  enum landlock_access access;
};

struct sandbox {
  GPtrArray *granted; /* struct grant *, paths without symbolic links; NULL: all is reachable */
  char *state;
};

static void
grant_free(struct grant *grant)
{
  g_free(grant->what);
  g_free(grant->path);
  g_free(grant);
}

/* Takes `path`. */
static void
add_grant(GPtrArray *grants, const char *what, char *path, enum landlock_access access)
{
  struct grant *grant = g_new0(struct grant, 1);
  *grant = (struct grant){ .what = g_strdup(what), .path = path, .access = access };
  g_ptr_array_add(grants, grant);
}

/* --- which paths --- */

/* Folders that hold much of a system: a file in one of them is reachable, the folder is not. */
static bool
is_wide(const char *folder)
{
  return strchr(folder + 1, '/') == NULL;
}

static void
add_folder_of_one(GPtrArray *grants, const char *what, const char *file, enum landlock_access access)
{
  g_autofree char *folder = g_path_get_dirname(file);
  bool whole = access == LANDLOCK_WRITE || !is_wide(folder);
  add_grant(grants, what, whole ? g_steal_pointer(&folder) : g_strdup(file), access);
}

/* The folder, since a file's successor is another file; and that of the file behind a symbolic link. */
static void
add_folder_of(GPtrArray *grants, const char *what, const char *file, enum landlock_access access)
{
  if (*file == '\0')
    return;
  g_autofree char *absolute = g_canonicalize_filename(file, NULL);
  char *real = realpath(file, NULL);
  add_folder_of_one(grants, what, absolute, access);
  if (real)
    add_folder_of_one(grants, what, real, access);
  free(real);
}

/* What the C library, OpenSSL and iconv read when they first need it. */
static const char *const system_paths[] = {
  "/usr", "/lib", "/lib64", "/nix/store", "/gnu/store", "/etc/ld.so.cache", "/proc/self", "/sys/devices/system/cpu", "/dev/urandom", "/dev/random",
  "/dev/null",
};

/* In /etc. Root alone is held to these: others are kept by the files' permissions from what is not theirs, and a file that another program
 * replaces (resolv.conf, after a new lease) is another one, which a rule about the old one does not reach. */
static const char *const system_files[] = {
  "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols", "/etc/gai.conf", "/etc/localtime",
  "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/etc/crypto-policies",
};

static void
add_system(GPtrArray *grants)
{
  static const char *const whole[] = { "/etc" };
  bool root = geteuid() == 0;
  const char *const *paths = root ? system_files : whole;
  for (size_t i = 0; i < G_N_ELEMENTS(system_paths); i++)
    add_grant(grants, "system", g_strdup(system_paths[i]), LANDLOCK_READ);
  for (size_t i = 0; i < (root ? G_N_ELEMENTS(system_files) : G_N_ELEMENTS(whole)); i++)
    add_grant(grants, "system", g_strdup(paths[i]), LANDLOCK_READ);
  char *resolver = realpath("/etc/resolv.conf", NULL); /* often /run/systemd/resolve/… */
  if (resolver && !g_str_has_prefix(resolver, "/etc/"))
    add_folder_of_one(grants, "system", resolver, LANDLOCK_READ);
  free(resolver);
}

static void
add_outlet(GPtrArray *grants, const struct config *config, const struct config_outlet *outlet)
{
  const struct { const char *key, *file; } files[] = {
    { "tls_ca_file", outlet->tls_ca_file },
    { "tls_certificate", outlet->tls_certificate },
    { "tls_key", outlet->tls_key },
    { "password_file", outlet->password_file },
  };
  for (size_t i = 0; outlet->type == CONFIG_OUTLET_SMTP && i < G_N_ELEMENTS(files); i++) {
    g_autofree char *what = g_strdup_printf("[outlet%s%s] %s", *outlet->name ? " " : "", outlet->name, files[i].key);
    g_autofree char *path = *files[i].file ? config_path(config, files[i].file) : g_strdup("");
    add_folder_of(grants, what, path, LANDLOCK_READ);
  }
  g_autofree char *what = g_strdup_printf("[outlet%s%s] path", *outlet->name ? " " : "", outlet->name);
  if (outlet->type == CONFIG_OUTLET_MAILDIR)
    add_grant(grants, what, config_path(config, outlet->path), LANDLOCK_WRITE);
}

static void
add_door(GPtrArray *grants, const struct config *config)
{
  const struct { const char *key, *file; } files[] = {
    { "[lmtp] tls_certificate", config->lmtp_tls_certificate },
    { "[lmtp] tls_key", config->lmtp_tls_key },
    { "[lmtp] tls_client_ca", config->lmtp_tls_client_ca },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *path = *files[i].file ? config_path(config, files[i].file) : g_strdup("");
    add_folder_of(grants, files[i].key, path, LANDLOCK_READ);
  }
}

/* The sockets are there; they are removed at the end. */
static void
add_sockets(GPtrArray *grants, const char *what, char *const *listen)
{
  for (; *listen; listen++) {
    OWN(endpoint) endpoint = NULL;
    if (endpoint_parse(*listen, &endpoint, NULL) != RES_OK || endpoint->path == NULL)
      continue;
    char *folder = g_path_get_dirname(endpoint->path);
    if (is_wide(folder))
      g_free(folder);
    else
      add_grant(grants, what, folder, LANDLOCK_REMOVE);
  }
}

static GPtrArray *
grants_of(const struct config *config)
{
  static const char scheme[] = "sqlite:";
  GPtrArray *grants = g_ptr_array_new_with_free_func((GDestroyNotify)grant_free);
  add_system(grants);
  add_grant(grants, "[server] state_dir", g_strdup(config->state_dir), LANDLOCK_WRITE);
  if (g_str_has_prefix(config->database_url, scheme)) {
    g_autofree char *file = config_path(config, config->database_url + strlen(scheme));
    add_folder_of(grants, "[database] url", file, LANDLOCK_WRITE);
  }
  if (config->file)
    add_folder_of(grants, "the configuration", config->file, LANDLOCK_READ);
  for (enum config_service service = 0; service < CONFIG_SERVICES; service++)
    add_sockets(grants, config_service_key(service), config->services[service].listen);
  add_door(grants, config);
  if (config->mta_maps[0])
    add_grant(grants, "[mta] maps", config_path(config, config->mta_maps), LANDLOCK_WRITE);
  for (size_t i = 0; i < config->n_outlets; i++)
    add_outlet(grants, config, &config->outlets[i]);
  return grants;
}

/* --- what a reload names --- */

/* `path` without symbolic links, as far as it exists; owned by the caller. */
static char *
real_path(const char *path)
{
  g_autofree char *absolute = g_canonicalize_filename(path, NULL);
  char *real = realpath(absolute, NULL);
  if (real || absolute[1] == '\0')
    return real ? real : g_strdup("/"); /* GLib's allocator is the C library's */
  g_autofree char *above = g_path_get_dirname(absolute), *name = g_path_get_basename(absolute), *real_above = real_path(above);
  return g_build_filename(real_above, name, NULL);
}

static bool
lies_in(const char *path, const char *folder)
{
  size_t n = strlen(folder);
  return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool
covers(const struct grant *grant, enum landlock_access access, const char *path)
{
  return (grant->access == access || (grant->access == LANDLOCK_WRITE && access == LANDLOCK_READ)) && lies_in(path, grant->path);
}

static bool
is_reachable(const struct sandbox *sandbox, const struct grant *wanted)
{
  g_autofree char *path = real_path(wanted->path);
  for (guint i = 0; i < sandbox->granted->len; i++)
    if (covers(g_ptr_array_index(sandbox->granted, i), wanted->access, path))
      return true;
  return false;
}

void
sandbox_warn_of_outside(const struct sandbox *sandbox, const struct config *config)
{
  if (sandbox->granted == NULL)
    return;
  g_autoptr(GPtrArray) grants = grants_of(config);
  for (guint i = 0; i < grants->len; i++) {
    const struct grant *grant = g_ptr_array_index(grants, i);
    if (strcmp(grant->what, "system") != 0 && !is_reachable(sandbox, grant))
      log_warn("outside of the sandbox: cannot be used before a restart", log_str("key", grant->what), log_str("path", grant->path));
  }
}

/* --- entering --- */

#ifdef SANDBOX
static enum res
enforce_landlock(GPtrArray *grants, GError **error)
{
  OWN(landlock) landlock = NULL;
  enum res res = landlock_new(&landlock, error);
  for (guint i = 0; res == RES_OK && i < grants->len; i++) {
    const struct grant *grant = g_ptr_array_index(grants, i);
    if (!landlock_allow(landlock, grant->path, grant->access) && errno != ENOENT)
      log_warn("cannot be let into the sandbox", log_str("key", grant->what), log_str("path", grant->path), log_str("error", g_strerror(errno)));
  }
  return res == RES_OK ? landlock_enforce(landlock, error) : res;
}

static void
resolve_grants(GPtrArray *grants)
{
  for (guint i = 0; i < grants->len; i++) {
    struct grant *grant = g_ptr_array_index(grants, i);
    char *real = real_path(grant->path);
    g_free(grant->path);
    grant->path = real;
  }
}

/* As the outlets would, later: a rule is about a folder that is there. Those below state_dir can be made at any time. */
static void
make_maildirs(const struct config *config)
{
  for (size_t i = 0; i < config->n_outlets; i++) {
    const struct config_outlet *outlet = &config->outlets[i];
    if (outlet->type == CONFIG_OUTLET_MAILDIR && g_path_is_absolute(outlet->path) && g_mkdir_with_parents(outlet->path, 0700) != 0)
      log_warn("a Maildir cannot be made", log_str("path", outlet->path), log_str("error", g_strerror(errno)));
  }
}

static void
enter(struct sandbox *sandbox, const struct config *config)
{
  g_autoptr(GError) no_landlock = NULL;
  g_autoptr(GError) no_seccomp = NULL;
  make_maildirs(config);
  g_autoptr(GPtrArray) grants = grants_of(config);
  resolve_grants(grants);
  int abi = landlock_abi(); /* seccomp will not let us ask */
  bool landlock = enforce_landlock(grants, &no_landlock) == RES_OK, seccomp = seccomp_filter_enforce(&no_seccomp) == RES_OK;
  if (!landlock)
    log_warn("no Landlock: files are kept from this process by their permissions alone", log_err(no_landlock));
  if (!seccomp)
    log_warn("no seccomp: all system calls are open to this process", log_err(no_seccomp));
  if (landlock)
    sandbox->granted = g_steal_pointer(&grants);
  g_autofree char *version = g_strdup_printf("abi %d", abi);
  sandbox->state = g_strdup_printf("landlock %s, seccomp %s", landlock ? version : "no", seccomp ? "yes" : "no");
}
#else
static void
enter(struct sandbox *sandbox, const struct config *config)
{
  (void)config;
  sandbox->state = g_strdup("not in this build");
}
#endif

struct sandbox *
sandbox_enter(const struct config *config)
{
  struct sandbox *sandbox = g_new0(struct sandbox, 1);
  if (config->sandbox) {
    enter(sandbox, config);
    return sandbox;
  }
  log_warn("[server] sandbox = no: neither Landlock nor seccomp");
  sandbox->state = g_strdup("off");
  return sandbox;
}

const char *
sandbox_state(const struct sandbox *sandbox)
{
  return sandbox->state;
}

void
sandbox_free(struct sandbox *sandbox)
{
  if (sandbox == NULL)
    return;
  if (sandbox->granted)
    g_ptr_array_unref(sandbox->granted);
  g_free(sandbox->state);
  g_free(sandbox);
}
