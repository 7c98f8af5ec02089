/* Where the texts of Exim's set-ups go, and what is filled in. */
#include "mta/exim_parts.h"
#include "envelope/role.h"
#include "net/endpoint.h"
#include <stdarg.h>
#include <string.h>

#define TEMPLATE "/etc/exim4/exim4.conf.template"
#define DEBCONF "/etc/exim4/update-exim4.conf.conf"
/* --- what is filled in --- */

/* Owned by the caller. */
static char *
join(const GPtrArray *names, const char *between)
{
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < names->len; i++)
    g_string_append_printf(out, "%s%s", i ? between : "", (const char *)g_ptr_array_index(names, i));
  return g_string_free(out, FALSE);
}

static char *
word_domains(const struct installation *installation, struct setup_text *text)
{
  return join(setup_domains(text, installation), " : ");
}

/* The separator of update-exim4.conf. */
static char *
word_relay_domains(const struct installation *installation, struct setup_text *text)
{
  return join(setup_domains(text, installation), ";");
}

/* A little above, so that what is cut off here is too large there. */
static char *
word_size(const struct installation *installation, struct setup_text *text)
{
  (void)text;
  return g_strdup_printf("%" G_GINT64_FORMAT "K", installation->config->max_message_size / 1024 + 1);
}

static char *
word_maps(const struct installation *installation, struct setup_text *text)
{
  (void)text;
  return g_strdup(installation->maps);
}

static char *
word_database(const struct installation *installation, struct setup_text *text)
{
  (void)text;
  const char *url = installation->config->database_url, *scheme = "sqlite:";
  return config_path(installation->config, g_str_has_prefix(url, scheme) ? url + strlen(scheme) : url);
}

static char *
word_suffixes(const struct installation *installation, struct setup_text *text)
{
  (void)installation, (void)text;
  GString *out = g_string_new(NULL);
  for (size_t i = 0; role_suffix_nth(i); i++)
    g_string_append_printf(out, "%s-%s : -%s+*", i ? " : " : "", role_suffix_nth(i), role_suffix_nth(i));
  return g_string_free(out, FALSE);
}

static char *
word_reserved(const struct installation *installation, struct setup_text *text)
{
  (void)installation, (void)text;
  GString *out = g_string_new(NULL);
  for (size_t i = 0; role_reserved_nth(i); i++)
    g_string_append_printf(out, "%s%s", i ? " : " : "", role_reserved_nth(i));
  return g_string_free(out, FALSE);
}

static char *
word_hostname(const struct installation *installation, struct setup_text *text)
{
  (void)text;
  return g_strdup(installation->hostname);
}

static char *
word_client_certificate(const struct installation *installation, struct setup_text *text)
{
  (void)text;
  return g_strdup(*installation->config->lmtp_tls_client_ca == '\0' ? "" :
                  "  # What the list server asks for ([lmtp] tls_client_ca): a certificate, and behind it its key, readable for " EXIM_USER ".\n"
                  "  tls_certificate = /etc/exim4/listward-client.pem\n");
}

/* Exim's own user may write to our sockets then. */
static void
want_socket(const struct installation *installation, struct setup_text *text)
{
  const struct config *config = installation->config;
  if (*config->lmtp_socket_group == '\0' && (config->lmtp_socket_mode & 0006) != 0006)
    setup_conf(text, installation, "lmtp", "socket_group", EXIM_USER, "Exim runs as " EXIM_USER ", and may write to the sockets then");
}

static char *
word_readsocket(const struct installation *installation, struct setup_text *text)
{
  const struct service_address *address = setup_service(text, installation, CONFIG_READSOCKET, SETUP_ANY);
  g_autofree char *written = service_address_text(address);
  if (address->path)
    want_socket(installation, text);
  return g_strconcat(address->path ? "" : "inet:", written, NULL);
}

static char *
word_lmtp_socket(const struct installation *installation, struct setup_text *text)
{
  const struct service_address *address = setup_service(text, installation, CONFIG_LMTP, SETUP_UNIX);
  want_socket(installation, text);
  return g_strdup(address->path);
}

/* For `hosts`, whose separator must not be the colon then. */
static char *
hosts(const char *host)
{
  return g_strconcat(strchr(host, ':') ? "<; " : "", host, NULL);
}

static const struct {
  const char *name;
  char *(*make)(const struct installation *installation, struct setup_text *text); /* or the TCP address of a service: */
  enum config_service service;
  enum { HOST, PORT } of;
} words[] = {
  { "DOMAINS", word_domains },
  { "RELAY_DOMAINS", word_relay_domains },
  { "SIZE", word_size },
  { "MAPS", word_maps },
  { "DATABASE", word_database },
  { "SUFFIXES", word_suffixes },
  { "RESERVED", word_reserved },
  { "HOSTNAME", word_hostname },
  { "CLIENT_CERTIFICATE", word_client_certificate },
  { "READSOCKET", word_readsocket },
  { "LMTP_SOCKET", word_lmtp_socket },
  { "LMTP_HOST", .service = CONFIG_LMTP, .of = HOST },
  { "LMTP_PORT", .service = CONFIG_LMTP, .of = PORT },
  { "CALLOUT_HOST", .service = CONFIG_CALLOUT, .of = HOST },
  { "CALLOUT_PORT", .service = CONFIG_CALLOUT, .of = PORT },
  { "SMTP_HOST", .service = CONFIG_SMTP, .of = HOST },
  { "SMTP_PORT", .service = CONFIG_SMTP, .of = PORT },
};

/* Owned by the caller. */
static char *
fill_in(const struct installation *installation, struct setup_text *text, const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
    if (strcmp(words[i].name, name) != 0)
      continue;
    if (words[i].make)
      return words[i].make(installation, text);
    const struct service_address *address = setup_service(text, installation, words[i].service, SETUP_TCP);
    if (words[i].of == PORT)
      return g_strdup_printf("%d", address->port);
    return hosts(address->host);
  }
  g_assert_not_reached();
}

/* A word is in capitals between two '@'; other '@' stay. */
static void
add_template(const struct installation *installation, struct setup_text *text, const char *template)
{
  GString *out = g_string_new(NULL);
  for (const char *at; (at = strchr(template, '@')); ) {
    size_t n = strspn(at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    bool is_word = n && at[1 + n] == '@';
    g_string_append_len(out, template, at - template + !is_word);
    template = at + 1;
    if (!is_word)
      continue;
    g_autofree char *name = g_strndup(at + 1, n), *value = fill_in(installation, text, name);
    g_string_append(out, value);
    template = at + n + 2;
  }
  g_string_append(out, template);
  if (out->len)
    g_string_truncate(out, out->len - 1);
  setup_line(text, "%s", out->str);
  g_string_free(out, TRUE);
}

/* --- parts --- */

static const struct {
  const char *name, *where;
} places[] = {
  [EXIM_MAIN] = { "main section", "Anywhere above `begin acl`. Split configuration: a new file, /etc/exim4/conf.d/main/50_listward." },
  [EXIM_ACLS] = { "acl section, first", "Below `begin acl`. Split configuration: a new file, /etc/exim4/conf.d/acl/10_listward." },
  [EXIM_RCPT] = { "acl_check_rcpt, first", "Below the line `acl_check_rcpt:`. Split configuration: that line is in /etc/exim4/conf.d/acl/30_exim4-config_check_rcpt." },
  [EXIM_DATA] = { "acl_check_data, first", "Below the line `acl_check_data:`. Split configuration: that line is in /etc/exim4/conf.d/acl/40_exim4-config_check_data." },
  [EXIM_ROUTERS] = { "routers, first", "Below `begin routers`, the order matters. Split configuration: a new file, /etc/exim4/conf.d/router/050_listward." },
  [EXIM_TRANSPORTS] = { "transports", "Anywhere below `begin transports`. Split configuration: a new file, /etc/exim4/conf.d/transport/50_listward." },
};

void
exim_part(const struct installation *installation, struct setup_text *text, enum exim_place place, ...)
{
  setup_part(text, TEMPLATE, places[place].name);
  setup_line(text, "# %s", places[place].where);
  va_list templates;
  va_start(templates, place);
  for (const char *template; (template = va_arg(templates, const char *)); )
    add_template(installation, text, template);
  va_end(templates);
}

void
exim_relay_domains(const struct installation *installation, struct setup_text *text)
{
  setup_part(text, DEBCONF, "dc_relay_domains");
  add_template(installation, text,
               "# Others may send to these domains. Keep what is there already, with ';' between; domains of this host's own users need not be named.\n"
               "# Without Debian's files: `domainlist relay_to_domains` in the main section.\n"
               "dc_relay_domains='@RELAY_DOMAINS@'\n");
}

void
exim_keep_files(const struct installation *installation, struct setup_text *text)
{
  const struct config *config = installation->config;
  g_autofree char *install = g_strdup_printf("install -d -o %s %s", *config->user ? config->user : "root", installation->maps);
  g_autofree char *write = g_strdup_printf("listward mta exim --write %s", installation->maps);
  setup_conf(text, installation, "mta", "maps", installation->maps, "the files are kept up to date there");
  if (*config->mta_maps == '\0')
    setup_run(text, install, "the folder of the files");
  setup_run(text, write, "writes the files for the first time");
}

void
exim_read_database(const struct installation *installation, struct setup_text *text)
{
  const struct config *config = installation->config;
  g_autofree char *database = word_database(installation, text);
  g_autofree char *group = g_strdup_printf("chgrp " EXIM_USER " %s %s %s-wal %s-shm", config->state_dir, database, database, database);
  g_autofree char *mode = g_strdup_printf("chmod g+r %s %s-wal %s-shm", database, database, database);
  g_autofree char *folder = g_strdup_printf("chmod g+x %s", config->state_dir);
  setup_run(text, group, "lets Exim read the database");
  setup_run(text, mode, "the same");
  setup_run(text, folder, "and go to it");
}

static bool
is_heard_by_others(const struct config *config, enum config_service number)
{
  for (char **text = config->services[number].listen; text && *text; text++) {
    OWN(endpoint) endpoint = NULL;
    if (endpoint_parse(*text, &endpoint, NULL) != RES_OK || endpoint->path)
      continue;
    const struct service_address address = { .host = endpoint->host, .port = endpoint->port };
    if (service_address_is_remote(&address))
      return true;
  }
  return false;
}

void
exim_want_remote(const struct installation *installation, struct setup_text *text)
{
  const struct config *config = installation->config;
  g_autofree char *lmtp = g_strdup_printf("0.0.0.0:%d, %s", installation->services[CONFIG_LMTP].tcp.port, installation->services[CONFIG_LMTP].local.path);
  g_autofree char *callout = g_strdup_printf("0.0.0.0:%d", installation->services[CONFIG_CALLOUT].tcp.port);
  if (!is_heard_by_others(config, CONFIG_LMTP))
    setup_conf(text, installation, "lmtp", "listen", lmtp, "takes mail from beyond this machine");
  if (!is_heard_by_others(config, CONFIG_CALLOUT))
    setup_conf(text, installation, "lmtp", "callout_listen", callout, "and call forwards");
  if (config->services[CONFIG_LMTP].allow == NULL || config->services[CONFIG_LMTP].allow[0] == NULL)
    setup_conf(text, installation, "lmtp", "allow", "192.0.2.25", "in place of this example: the address of Exim's host, or its network (192.0.2.0/24)");
  if (*config->lmtp_tls_certificate == '\0') {
    setup_conf(text, installation, "lmtp", "tls_certificate", "/etc/listward/tls/lists.pem", "for STARTTLS: a certificate for this host's name");
    setup_conf(text, installation, "lmtp", "tls_key", "/etc/listward/tls/lists.key", "its key, readable for the server");
  }
}

void
exim_reload(struct setup_text *text)
{
  setup_run(text, "update-exim4.conf", "puts Debian's configuration together; elsewhere not needed");
  setup_run(text, "systemctl reload exim4", "reads it");
}
