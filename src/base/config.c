#include "base/config.h"
#include "base/clock.h"
#include "base/quantity.h"
#include "base/slice.h"
#include <stdlib.h>
#include <unistd.h>

static const char *const unproven_choices[] = { "hold", "discard", "refuse", NULL };
static const char *const outlet_choices[] = { "smtp", "maildir", NULL };
/* By value. */
static const char *const bool_choices[] = { "no", "yes", NULL };
static const char *const tls_choices[] = { "no", "starttls", "implicit", NULL };
static const char *const format_choices[] = { "logfmt", "json", NULL };
static const char *const level_choices[] = { "debug", "info", "warning", "error", NULL };

#define FIELD(name) .offset = offsetof(struct config, name)
#define SERVICE(service, name) .offset = offsetof(struct config, services) + (service) * sizeof(struct config_listen) + offsetof(struct config_listen, name)
#define OUTLET(name) .outlet = true, .offset = offsetof(struct config_outlet, name)
#define RESTART .restart = true
#define ENUM(names) .choices = (names)

const struct config_key config_table[] = {
  { "server", "state_dir", CONFIG_TEXT, "/var/lib/listward", "where the database and the control socket live", FIELD(state_dir), RESTART },
  { "server", "user", CONFIG_TEXT, "listward", "dropped to when started as root, by commands too; empty: stay", FIELD(user), RESTART },
  { "server", "hostname", CONFIG_TEXT, "", "the name this server calls itself; empty: the machine's name", FIELD(hostname), RESTART },
  { "server", "site_owner", CONFIG_TEXT, "", "gets mail for owners of lists that have none, and for postmaster@ of domains whose lists have none; empty: such mail is kept", FIELD(site_owner) },
  { "server", "sandbox", CONFIG_BOOL, "yes", "Landlock and seccomp around the running server, as far as the kernel has them", FIELD(sandbox), RESTART },
  { "database", "url", CONFIG_TEXT, "sqlite:listward.db", "sqlite:FILE", FIELD(database_url), RESTART },
  { "lmtp", "listen", CONFIG_LIST, "127.0.0.1:8024, [::1]:8024, /run/listward/lmtp.sock", "where the MTA delivers: addresses with ports, unix sockets; empty: none",
    SERVICE(CONFIG_LMTP, listen), RESTART },
  { "lmtp", "callout_listen", CONFIG_LIST, "", "more listeners, for call-forwards in front of the MTA's queue: answers at RCPT may depend on the sender",
    SERVICE(CONFIG_CALLOUT, listen), RESTART },
  { "lmtp", "unproven", CONFIG_ENUM, "hold", "a refusal of a message whose return path is not proven to be the author's", FIELD(lmtp_unproven), ENUM(unproven_choices) },
  { "lmtp", "trusted_peers", CONFIG_LIST, "unix", "whose Authentication-Results and XFORWARD count: unix, addresses, networks (10.0.0.0/8)", FIELD(lmtp_trusted_peers) },
  { "lmtp", "socket_mode", CONFIG_MODE, "0660", "permissions of unix sockets (what comes over them is trusted)", FIELD(lmtp_socket_mode), RESTART },
  { "lmtp", "socket_group", CONFIG_TEXT, "", "group of unix sockets; empty: leave", FIELD(lmtp_socket_group), RESTART },
  { "lmtp", "allow", CONFIG_LIST, "", "networks beyond loopback that may connect (10.0.0.0/8); an address of them in listen needs it", SERVICE(CONFIG_LMTP, allow) },
  { "lmtp", "tls_certificate", CONFIG_TEXT, "", "for STARTTLS, also of [smtp]: certificate (chain), PEM; empty: not offered", FIELD(lmtp_tls_certificate) },
  { "lmtp", "tls_key", CONFIG_TEXT, "", "its key, PEM; empty: it stands in tls_certificate", FIELD(lmtp_tls_key) },
  { "lmtp", "tls_client_ca", CONFIG_TEXT, "", "from beyond loopback only clients with a certificate signed by one of these (PEM) are served; empty: any that allow names", FIELD(lmtp_tls_client_ca) },
  { "smtp", "listen", CONFIG_LIST, "", "SMTP in front of the MTA's queue, for smtpd_proxy_filter and cutthrough_delivery; empty: none", SERVICE(CONFIG_SMTP, listen), RESTART },
  { "smtp", "allow", CONFIG_LIST, "", "as [lmtp] allow", SERVICE(CONFIG_SMTP, allow) },
  { "smtp", "next_hop", CONFIG_TEXT, "", "HOST:PORT or a unix socket: where mail for others goes, from next_hop_clients; empty: it is refused", FIELD(smtp_next_hop) },
  { "smtp", "next_hop_clients", CONFIG_LIST, "unix, 127.0.0.0/8, ::1", "whose mail for others is passed on to next_hop", FIELD(smtp_next_hop_clients) },
  { "milter", "listen", CONFIG_LIST, "127.0.0.1:8028, /run/listward/milter.sock", "the whole verdict before the MTA's 250: Postfix's smtpd_milters, Sendmail's INPUT_MAIL_FILTER; empty: none",
    SERVICE(CONFIG_MILTER, listen), RESTART },
  { "milter", "allow", CONFIG_LIST, "", "as [lmtp] allow", SERVICE(CONFIG_MILTER, allow) },
  { "policy", "listen", CONFIG_LIST, "127.0.0.1:8027, /run/listward/policy.sock", "Postfix's check_policy_service; empty: none", SERVICE(CONFIG_POLICY, listen), RESTART },
  { "policy", "allow", CONFIG_LIST, "", "as [lmtp] allow", SERVICE(CONFIG_POLICY, allow) },
  { "socketmap", "listen", CONFIG_LIST, "127.0.0.1:8025, /run/listward/socketmap.sock", "look-ups of Postfix and Sendmail: which addresses there are; empty: none",
    SERVICE(CONFIG_SOCKETMAP, listen), RESTART },
  { "socketmap", "allow", CONFIG_LIST, "", "as [lmtp] allow", SERVICE(CONFIG_SOCKETMAP, allow) },
  { "readsocket", "listen", CONFIG_LIST, "127.0.0.1:8026, /run/listward/readsocket.sock", "questions of Exim's ${readsocket}; empty: none",
    SERVICE(CONFIG_READSOCKET, listen), RESTART },
  { "readsocket", "allow", CONFIG_LIST, "", "as [lmtp] allow", SERVICE(CONFIG_READSOCKET, allow) },
  { "mta", "maps", CONFIG_TEXT, "", "folder in which the map files of `listward mta` are kept up to date; empty: nowhere", FIELD(mta_maps), RESTART },
  { "mta", "command", CONFIG_TEXT, "", "run when a map file has changed: an absolute path and arguments, no shell; empty: none", FIELD(mta_command), RESTART },
  { "mta", "lmtp", CONFIG_TEXT, "", "how the MTA reaches [lmtp] listen, in maps and set-ups: HOST:PORT or a unix socket; empty: the first unix socket there, else the first address", FIELD(mta_lmtp) },
  { "mta", "postfix_service", CONFIG_TEXT, "lmtp", "name of Postfix's LMTP client for lists in master.cf, in maps and set-ups", FIELD(mta_postfix_service) },
  { "auth", "trusted", CONFIG_LIST, "", "authserv-ids whose Authentication-Results are believed", FIELD(auth_trusted) },
  { "auth", "local_domains", CONFIG_LIST, "", "domains whose users submit through the MTA itself (XFORWARD SOURCE=LOCAL proves them)", FIELD(auth_local_domains) },
  { "rest", "listen", CONFIG_LIST, "127.0.0.1:8001", "REST API; not there yet: nothing listens", FIELD(rest_listen), RESTART },
  { "web", "listen", CONFIG_LIST, "127.0.0.1:8000", "web pages; not there yet: nothing listens", FIELD(web_listen), RESTART },
  { "web", "base_url", CONFIG_TEXT, "", "how the web pages are reached from outside; empty: no links in mail", FIELD(web_base_url) },
  { "web", "trusted_proxies", CONFIG_LIST, "", "addresses whose Forwarded headers are believed", FIELD(web_trusted_proxies) },
  { "outlet", "type", CONFIG_ENUM, "smtp", "where copies go: smtp (host, port) or maildir (path); a section [outlet NAME] is for lists whose setting outlet says NAME",
    OUTLET(type), ENUM(outlet_choices) },
  { "outlet", "host", CONFIG_LIST, "127.0.0.1", "the MTA that takes the copies; several share them out, and what one cannot take now goes to another: HOST or HOST:PORT",
    OUTLET(hosts) },
  { "outlet", "port", CONFIG_INT, "25", "its port, where host names none", OUTLET(port), .min = 1, .max = 65535 },
  { "outlet", "connections", CONFIG_INT, "0", "connections to it at a time; 0: what [courier] connections says", OUTLET(connections), .min = 0, .max = 64 },
  { "outlet", "ignore_keywords", CONFIG_LIST, "", "what it offers in EHLO and shall not be used: CHUNKING, DSN, XVERP, ...", OUTLET(ignore_keywords) },
  { "outlet", "tls", CONFIG_ENUM, "no", "no, starttls (the connection must be encrypted), or implicit (from its first octet)", OUTLET(tls), ENUM(tls_choices) },
  { "outlet", "tls_verify", CONFIG_BOOL, "yes", "its certificate must be good, and for the right name", OUTLET(tls_verify) },
  { "outlet", "tls_ca_file", CONFIG_TEXT, "", "authorities that may have signed it, PEM; empty: the system's", OUTLET(tls_ca_file) },
  { "outlet", "tls_name", CONFIG_TEXT, "", "name that the certificate is for; empty: each one's own in host", OUTLET(tls_name) },
  { "outlet", "tls_certificate", CONFIG_TEXT, "", "our own certificate (chain), PEM; empty: none", OUTLET(tls_certificate) },
  { "outlet", "tls_key", CONFIG_TEXT, "", "its key, PEM; empty: it stands in tls_certificate", OUTLET(tls_key) },
  { "outlet", "user", CONFIG_TEXT, "", "name to log in with (AUTH PLAIN or LOGIN); empty: no login", OUTLET(user) },
  { "outlet", "password_file", CONFIG_TEXT, "", "file whose first line is the password", OUTLET(password_file) },
  { "outlet", "path", CONFIG_TEXT, "outlet", "maildir: one Maildir, made if missing", OUTLET(path) },
  { "courier", "connections", CONFIG_INT, "8", "connections to an outlet at a time", FIELD(courier_connections), .min = 1, .max = 64 },
  { "courier", "max_recipients", CONFIG_INT, "500", "recipients in one transaction", FIELD(courier_max_recipients), .min = 1, .max = 500 },
  { "courier", "retry_first", CONFIG_TIME, "5m", "wait after a recipient's first temporary failure; doubles each time", FIELD(courier_retry_first), .min = 1, .max = CLOCK_DAY },
  { "courier", "retry_max", CONFIG_TIME, "4h", "longest such wait", FIELD(courier_retry_max), .min = 1, .max = 30 * CLOCK_DAY },
  { "courier", "retry_lifetime", CONFIG_TIME, "5d", "a recipient that fails for so long is given up", FIELD(courier_retry_lifetime), .min = 1, .max = 365 * CLOCK_DAY },
  { "courier", "personal_domains", CONFIG_LIST, "", "members in these domains get copies of their own (setting personal = auto)", FIELD(courier_personal_domains) },
  { "courier", "max_in_flight", CONFIG_SIZE, "1G", "octets of one list's copies, size times recipients, being sent at a time; one transaction may always", FIELD(courier_max_in_flight),
    .min = 1024, .max = INT64_C(1) << 50 },
  { "limits", "max_message_size", CONFIG_SIZE, "25M", "largest message taken; what SIZE announces", FIELD(max_message_size), .min = 1024, .max = INT64_C(1) << 31 },
  { "limits", "max_sessions", CONFIG_INT, "500", "sessions at a time, of all services together", FIELD(max_sessions), RESTART, .min = 1, .max = 10000 },
  { "limits", "max_memory", CONFIG_SIZE, "256M", "memory for messages that are arriving; beyond it 452", FIELD(max_memory), RESTART, .min = 1 << 20, .max = INT64_C(1) << 40 },
  { "limits", "min_free_space", CONFIG_SIZE, "64M", "of the database's file system; with less no mail is taken: 452", FIELD(min_free_space), .min = 0, .max = INT64_C(1) << 60 },
  { "limits", "command_timeout", CONFIG_TIME, "5m", "wait for a command (RFC 5321 4.5.3.2)", FIELD(command_timeout), .min = CLOCK_SECOND, .max = CLOCK_DAY },
  { "limits", "data_timeout", CONFIG_TIME, "3m", "wait for the next octets of a message", FIELD(data_timeout), .min = CLOCK_SECOND, .max = CLOCK_DAY },
  { "limits", "message_timeout", CONFIG_TIME, "30m", "for a whole message", FIELD(message_timeout), .min = CLOCK_SECOND, .max = CLOCK_DAY },
  { "limits", "minimum_rate", CONFIG_INT, "100", "octets a second that a message must come with, in the mean, after 30 s; 0: any", FIELD(minimum_rate), .min = 0,
    .max = INT64_C(1) << 30 },
  { "retention", "messages", CONFIG_TIME, "0", "how long a delivered message's octets are kept", FIELD(retention_messages), .min = 0, .max = INT64_MAX },
  { "retention", "dedupe", CONFIG_TIME, "7d", "window in which the same posting again is recognised", FIELD(retention_dedupe), .min = 0, .max = INT64_MAX },
  { "retention", "ledger", CONFIG_TIME, "30d", "how long it is known who got what", FIELD(retention_ledger), .min = 0, .max = INT64_MAX },
  { "retention", "audit", CONFIG_TIME, "365d", "how long it is known who changed what", FIELD(retention_audit), .min = 0, .max = INT64_MAX },
  { "alarm", "command", CONFIG_TEXT, "", "run with each alarm on its standard input, at most once a minute: an absolute path and arguments, no shell; empty: none",
    FIELD(alarm_command), RESTART },
  { "log", "format", CONFIG_ENUM, "logfmt", "of the lines on stderr", FIELD(log_format), ENUM(format_choices) },
  { "log", "level", CONFIG_ENUM, "info", "the least that is logged", FIELD(log_level), ENUM(level_choices) },
  { NULL },
};

/* An outlet's key has a field in each outlet; `outlet` says in which. */
static void *
field_in(const struct config *config, const struct config_outlet *outlet, const struct config_key *key)
{
  return (key->outlet ? (char *)outlet : (char *)config) + key->offset;
}

/* A `listen` that somebody has set is no default any more. */
static void
mark_set(struct config *config, const struct config_key *key)
{
  for (size_t i = 0; i < CONFIG_SERVICES; i++)
    if (!key->outlet && (char *)config + key->offset == (char *)&config->services[i].listen)
      config->services[i].is_default = false;
}

static bool
holds_number(enum config_type type)
{
  return type != CONFIG_TEXT && type != CONFIG_LIST;
}

static char **
split_list(const char *text)
{
  g_autoptr(GPtrArray) items = g_ptr_array_new();
  g_auto(GStrv) parts = g_strsplit(text, ",", -1);
  for (char **part = parts; *part; part++)
    if (*g_strstrip(*part))
      g_ptr_array_add(items, g_strdup(*part));
  g_ptr_array_add(items, NULL);
  return (char **)g_ptr_array_steal(items, NULL);
}

static bool
parse_choice(const char *const *choices, const char *text, int64_t *value)
{
  for (*value = 0; choices[*value]; (*value)++)
    if (g_ascii_strcasecmp(choices[*value], text) == 0)
      return true;
  return false;
}

static bool
parse_mode(const char *text, int64_t *value)
{
  char *end;
  *value = strtol(text, &end, 8);
  return *text && !*end && *value >= 0 && *value <= 0777;
}

static bool
parse_number(const struct config_key *key, const char *text, int64_t *value)
{
  switch (key->type) {
  case CONFIG_INT: return slice_to_uint(slice_of(text), value) && *value >= key->min && *value <= key->max;
  case CONFIG_SIZE: return quantity_size(text, value) && *value >= key->min && *value <= key->max;
  case CONFIG_TIME: return quantity_time(text, value) && *value >= key->min && *value <= key->max;
  case CONFIG_ENUM: return parse_choice(key->choices, text, value);
  case CONFIG_BOOL: return parse_choice(bool_choices, text, value);
  case CONFIG_MODE: return parse_mode(text, value);
  case CONFIG_TEXT:
  case CONFIG_LIST: break;
  }
  g_assert_not_reached();
}

static char *
number_text(const struct config_key *key, int64_t value)
{
  switch (key->type) {
  case CONFIG_INT: return g_strdup_printf("%" G_GINT64_FORMAT, value);
  case CONFIG_SIZE: return quantity_size_text(value);
  case CONFIG_TIME: return quantity_time_text(value);
  case CONFIG_ENUM: return g_strdup(key->choices[value]);
  case CONFIG_BOOL: return g_strdup(bool_choices[value]);
  case CONFIG_MODE: return g_strdup_printf("0%03o", (unsigned)value);
  case CONFIG_TEXT:
  case CONFIG_LIST: break;
  }
  g_assert_not_reached();
}

static char *
allowed_text(const struct config_key *key)
{
  switch (key->type) {
  case CONFIG_ENUM: {
    g_autofree char *names = g_strjoinv(", ", (char **)key->choices);
    return g_strdup_printf("one of %s", names);
  }
  case CONFIG_BOOL: return g_strdup("yes or no");
  case CONFIG_MODE: return g_strdup("octal permissions such as 0660");
  case CONFIG_TIME: return g_strdup("a time such as 7d, 12h, 5m or 30s");
  case CONFIG_SIZE: {
    g_autofree char *min = quantity_size_text(key->min), *max = quantity_size_text(key->max);
    return g_strdup_printf("a size such as 25M, from %s to %s", min, max);
  }
  case CONFIG_INT: return g_strdup_printf("a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, key->min, key->max);
  case CONFIG_TEXT:
  case CONFIG_LIST: break;
  }
  g_assert_not_reached();
}

static enum res
set_field(struct config *config, struct config_outlet *outlet, const struct config_key *key, const char *text, GError **error)
{
  void *field = field_in(config, outlet, key);
  if (key->type == CONFIG_TEXT) {
    g_free(*(char **)field);
    *(char **)field = g_strdup(text);
    return RES_OK;
  }
  if (key->type == CONFIG_LIST) {
    g_strfreev(*(char ***)field);
    *(char ***)field = split_list(text);
    return RES_OK;
  }
  if (parse_number(key, text, field))
    return RES_OK;
  g_autofree char *allowed = allowed_text(key);
  return refuse(error, REPLY_SYNTAX, "%s: [%s%s%s] %s = %s: not understood; it takes %s", config->file ? config->file : "default", key->section,
                key->outlet && outlet->name[0] ? " " : "", key->outlet ? outlet->name : "", key->key, text, allowed);
}

static const struct config_key *
find_key(const char *section, const char *key)
{
  for (const struct config_key *row = config_table; row->section; row++)
    if (strcmp(row->section, section) == 0 && strcmp(row->key, key) == 0)
      return row;
  return NULL;
}

static bool
section_is_known(const char *section)
{
  for (const struct config_key *row = config_table; row->section; row++)
    if (strcmp(row->section, section) == 0)
      return true;
  return false;
}

/* One more outlet, with all keys at their defaults. */
static struct config_outlet *
add_outlet(struct config *config, const char *name)
{
  config->outlets = g_renew(struct config_outlet, config->outlets, config->n_outlets + 1);
  struct config_outlet *outlet = &config->outlets[config->n_outlets++];
  *outlet = (struct config_outlet){ .name = g_strdup(name) };
  for (const struct config_key *key = config_table; key->section; key++)
    if (key->outlet) {
      enum res res = set_field(config, outlet, key, key->fallback, NULL);
      g_assert(res == RES_OK);
    }
  return outlet;
}

#define OUTLET_PREFIX "outlet "
#define OUTLET_NAME_MAX 32

static bool
is_outlet_name(const char *name)
{
  return *name && strlen(name) <= OUTLET_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(name);
}

/* The outlet that a section [outlet NAME] describes. */
static enum res
open_outlet(struct config *config, const char *section, struct config_outlet **outlet, GError **error)
{
  const char *name = section + strlen(OUTLET_PREFIX);
  if (!is_outlet_name(name))
    return refuse(error, REPLY_SYNTAX, "%s: [%s]: an outlet's name is up to %d of a-z, 0-9, - and _", config->file, section, OUTLET_NAME_MAX);
  if (config->n_outlets == CONFIG_OUTLETS_MAX)
    return refuse(error, REPLY_SYNTAX, "%s: [%s]: there may be %d outlets", config->file, section, CONFIG_OUTLETS_MAX);
  *outlet = add_outlet(config, name);
  return RES_OK;
}

static enum res
read_section(struct config *config, GKeyFile *file, const char *section, GError **error)
{
  bool named = g_str_has_prefix(section, OUTLET_PREFIX);
  struct config_outlet *outlet = &config->outlets[0];
  if (named) {
    enum res res = open_outlet(config, section, &outlet, error);
    if (res != RES_OK)
      return res;
  } else if (!section_is_known(section))
    return refuse(error, REPLY_SYNTAX, "%s: there is no section [%s]; `listward conf` prints all there are", config->file, section);
  g_auto(GStrv) keys = g_key_file_get_keys(file, section, NULL, NULL);
  for (char **key = keys; key && *key; key++) {
    const struct config_key *row = find_key(named ? "outlet" : section, *key);
    if (row == NULL)
      return refuse(error, REPLY_SYNTAX, "%s: section [%s] has no key %s; `listward conf` prints all there are", config->file, section, *key);
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = g_key_file_get_string(file, section, *key, &problem);
    if (text == NULL)
      return refuse(error, REPLY_SYNTAX, "%s: [%s] %s: %s", config->file, section, *key, problem->message);
    enum res res = set_field(config, outlet, row, g_strchomp(text), error);
    if (res != RES_OK)
      return res;
    mark_set(config, row);
  }
  return RES_OK;
}

static enum res
read_file(struct config *config, GError **error)
{
  g_autoptr(GKeyFile) file = g_key_file_new();
  g_autoptr(GError) problem = NULL;
  if (!g_key_file_load_from_file(file, config->file, G_KEY_FILE_NONE, &problem))
    return refuse(error, REPLY_SYNTAX, "%s: %s", config->file,
                  g_error_matches(problem, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND) ? "a key stands before the first [section]" : problem->message);
  g_auto(GStrv) sections = g_key_file_get_groups(file, NULL);
  for (char **section = sections; *section; section++) {
    enum res res = read_section(config, file, *section, error);
    if (res != RES_OK)
      return res;
  }
  return RES_OK;
}

static char *
machine_name(void)
{
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
    return g_strdup("localhost");
  return g_strdup(name);
}

enum res
config_load(const char *file, struct config **config, GError **error)
{
  OWN(config) made = g_new0(struct config, 1);
  add_outlet(made, "");
  for (const struct config_key *key = config_table; key->section; key++) {
    enum res res = key->outlet ? RES_OK : set_field(made, NULL, key, key->fallback, error);
    g_assert(res == RES_OK);
  }
  for (size_t i = 0; i < CONFIG_SERVICES; i++)
    made->services[i].is_default = true;
  if (file == NULL)
    file = g_getenv("LISTWARD_CONFIG");
  if (file != NULL || g_file_test(CONFIG_FILE, G_FILE_TEST_EXISTS))
    made->file = g_strdup(file ? file : CONFIG_FILE);
  if (made->file) {
    enum res res = read_file(made, error);
    if (res != RES_OK)
      return res;
  }
  if (made->hostname[0] == '\0') {
    g_free(made->hostname);
    made->hostname = machine_name();
  }
  *config = OWN_GIVE(made);
  return RES_OK;
}

static void
clear_field(void *field, const struct config_key *key)
{
  if (key->type == CONFIG_TEXT)
    g_free(*(char **)field);
  else if (key->type == CONFIG_LIST)
    g_strfreev(*(char ***)field);
}

void
config_free(struct config *config)
{
  if (config == NULL)
    return;
  for (const struct config_key *key = config_table; key->section; key++) {
    if (!key->outlet)
      clear_field(field_in(config, NULL, key), key);
    for (size_t i = 0; key->outlet && i < config->n_outlets; i++)
      clear_field(field_in(config, &config->outlets[i], key), key);
  }
  for (size_t i = 0; i < config->n_outlets; i++)
    g_free(config->outlets[i].name);
  g_free(config->outlets);
  g_free(config->file);
  g_free(config);
}

static char *
field_text(const void *field, const struct config_key *key)
{
  if (holds_number(key->type))
    return number_text(key, *(const int64_t *)field);
  return key->type == CONFIG_TEXT ? g_strdup(*(char *const *)field) : g_strjoinv(", ", *(char **const *)field);
}

char *
config_value(const struct config *config, const struct config_key *key)
{
  return field_text(field_in(config, &config->outlets[0], key), key);
}

char *
config_outlet_value(const struct config_outlet *outlet, const struct config_key *key)
{
  g_assert(key->outlet);
  return field_text(field_in(NULL, outlet, key), key);
}

const struct config_outlet *
config_outlet_find(const struct config *config, const char *name)
{
  for (size_t i = 0; i < config->n_outlets; i++)
    if (strcmp(config->outlets[i].name, name) == 0)
      return &config->outlets[i];
  return NULL;
}

GPtrArray *
config_restart_keys(const struct config *before, const struct config *after)
{
  GPtrArray *changed = g_ptr_array_new_with_free_func(g_free);
  for (const struct config_key *key = config_table; key->section; key++) {
    if (!key->restart)
      continue;
    g_autofree char *old = config_value(before, key), *new = config_value(after, key);
    if (strcmp(old, new) != 0)
      g_ptr_array_add(changed, g_strdup_printf("[%s] %s", key->section, key->key));
  }
  return changed;
}

void
config_keep_restart_keys(const struct config *before, struct config *after)
{
  for (const struct config_key *key = config_table; key->section; key++) {
    if (!key->restart)
      continue;
    g_autofree char *value = config_value(before, key);
    enum res res = set_field(after, &after->outlets[0], key, value, NULL);
    g_assert(res == RES_OK);
  }
  for (size_t i = 0; i < CONFIG_SERVICES; i++)
    after->services[i].is_default = before->services[i].is_default;
}

char *
config_path(const struct config *config, const char *path)
{
  return g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(config->state_dir, path, NULL);
}

static const struct { const char *section, *key; } services[] = {
  [CONFIG_LMTP] = { "lmtp", "[lmtp] listen" },
  [CONFIG_CALLOUT] = { "lmtp", "[lmtp] callout_listen" },
  [CONFIG_SMTP] = { "smtp", "[smtp] listen" },
  [CONFIG_MILTER] = { "milter", "[milter] listen" },
  [CONFIG_POLICY] = { "policy", "[policy] listen" },
  [CONFIG_SOCKETMAP] = { "socketmap", "[socketmap] listen" },
  [CONFIG_READSOCKET] = { "readsocket", "[readsocket] listen" },
};

const char *
config_service_section(enum config_service service)
{
  return services[service].section;
}

const char *
config_service_key(enum config_service service)
{
  return services[service].key;
}
