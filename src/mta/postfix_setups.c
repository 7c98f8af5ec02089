/* Set-ups of Postfix. Numbers and names stand where smtpd may be in a chroot, as Debian has it: a TCP address works there, and so does a socket below the queue directory, given
 * relative to it. The LMTP client is a service of its own, and in no chroot. */
#include "mta/setup.h"
#include "net/endpoint.h"
#include <string.h>

#define MAIN_CF "/etc/postfix/main.cf"
#define MASTER_CF "/etc/postfix/master.cf"
#define QUEUE "/var/spool/postfix/"
#define STOCK_SERVICE "lmtp"
#define OWN_SERVICE "listward"
#define NEXT_HOP "127.0.0.1:10027"

/* --- pieces --- */

static bool
uses_stock_service(const struct installation *installation)
{
  const char *name = installation->config->mta_postfix_service;
  return *name == '\0' || strcmp(name, STOCK_SERVICE) == 0;
}

static const char *
service_name(const struct installation *installation)
{
  return uses_stock_service(installation) ? OWN_SERVICE : installation->config->mta_postfix_service;
}

/* Relative to the queue directory, if it lies there. Owned by the caller. */
static char *
reach(const struct service_address *address)
{
  if (address->path && g_str_has_prefix(address->path, QUEUE))
    return g_strconcat("unix:", address->path + strlen(QUEUE), NULL);
  return service_address_postfix(address);
}

/* How a service is reached from smtpd. Owned by the caller. */
static char *
from_smtpd(const struct installation *installation, struct setup_text *text, enum config_service number)
{
  const struct installation_service *service = &installation->services[number];
  bool in_queue = service->has_unix && g_str_has_prefix(service->local.path, QUEUE);
  return reach(setup_service(text, installation, number, in_queue ? SETUP_UNIX : SETUP_TCP));
}

/* Where list mail goes, with what listward.conf needs for it. */
static const struct service_address *
lmtp_address(const struct installation *installation, struct setup_text *text)
{
  const struct service_address *lmtp = setup_service(text, installation, CONFIG_LMTP, SETUP_ANY);
  const struct config *config = installation->config;
  if (lmtp->path && *config->lmtp_socket_group == '\0' && (config->lmtp_socket_mode & 0006) != 0006)
    setup_conf(text, installation, "lmtp", "socket_group", "postfix", "Postfix's LMTP client runs as postfix, and may write to the socket then");
  return lmtp;
}

/* Transport and next hop of list mail. Owned by the caller. */
static char *
transport(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *where = reach(lmtp_address(installation, text));
  return g_strdup_printf("%s:%s", service_name(installation), where);
}

/* `before` DOMAIN `between` `value` `after` for each domain, with ", " between them. Owned by the caller. */
static char *
each_domain(const struct installation *installation, struct setup_text *text, const char *before, const char *between, const char *value, const char *after)
{
  GString *out = g_string_new(NULL);
  const GPtrArray *domains = setup_domains(text, installation);
  for (guint i = 0; i < domains->len; i++)
    g_string_append_printf(out, "%s%s%s%s%s%s", i ? ", " : "", before, (const char *)g_ptr_array_index(domains, i), between, value, after);
  return g_string_free(out, FALSE);
}

/* "inline:{ {lists.example.com=VALUE} }". Owned by the caller. */
static char *
inline_map(const struct installation *installation, struct setup_text *text, const char *value)
{
  g_autofree char *pairs = each_domain(installation, text, "{", "=", value, "}");
  return g_strdup_printf("inline:{ %s }", pairs);
}

static void
main_cf(const struct installation *installation, struct setup_text *text)
{
  setup_part(text, MAIN_CF, "append");
  setup_line(text, "# Where main.cf has one of these already, add what stands here to it: of two lines Postfix takes the last.");
  if (installation->domains->len == 0)
    setup_line(text, "# No domain is known yet: this stands for yours. Make a list, and print this again.");
}

static void
relay_domains(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *domains = each_domain(installation, text, "", "", "", "");
  setup_line(text, "# Mail for these is taken from everybody. They stand neither in mydestination nor in virtual_alias_domains or virtual_mailbox_domains.");
  setup_line(text, "relay_domains = %s", domains);
}

static void
any_recipient(struct setup_text *text)
{
  setup_line(text, "# relay_recipient_maps stays empty. If it is not: add inline:{ {@DOMAIN=OK} } there for each of these domains.");
}

static void
transport_maps(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *where = transport(installation, text), *map = inline_map(installation, text, where);
  setup_line(text, "# It goes to Listward, by the service in master.cf below.");
  setup_line(text, "transport_maps = %s", map);
}

static void
restrictions(const struct installation *installation, struct setup_text *text, const char *class, const char *restriction)
{
  g_autofree char *map = inline_map(installation, text, class);
  setup_line(text, "# The question, under a name, so that it can stand in a table.");
  setup_line(text, "smtpd_restriction_classes = %s", class);
  setup_line(text, "%s = %s", class, restriction);
  setup_line(text, "# Asked for the lists' domains alone: other mail does not notice when Listward is away. First of what stands there, before permit_mynetworks.");
  setup_line(text, "smtpd_recipient_restrictions = check_recipient_access %s", map);
}

/* The dedicated LMTP client; more lines, options, may follow. */
static void
lmtp_service(const struct installation *installation, struct setup_text *text)
{
  setup_part(text, MASTER_CF, "append");
  setup_line(text, "# The LMTP client for lists: at most 10 at a time. The n says: in no chroot, from where it would not find a socket.");
  setup_line(text, "%s unix - - n - 10 lmtp", service_name(installation));
  setup_line(text, "# tells who handed the mail in: kept with the posting, and a proof for your own users ([auth] local_domains)");
  setup_line(text, "  -o lmtp_send_xforward_command=yes");
}

static void
local_lmtp_service(const struct installation *installation, struct setup_text *text)
{
  lmtp_service(installation, text);
  setup_line(text, "# the address is complete: nothing to look up");
  setup_line(text, "  -o disable_dns_lookups=yes");
}

static void
reload(struct setup_text *text)
{
  setup_run(text, "postfix reload", "reads main.cf and master.cf again");
}

/* The end of every set-up on this host. */
static void
client_and_reload(const struct installation *installation, struct setup_text *text)
{
  local_lmtp_service(installation, text);
  reload(text);
}

static void
milter(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *where = from_smtpd(installation, text, CONFIG_MILTER);
  setup_line(text, "# The verdict before Postfix says 250: who is refused reads why in the dialogue. Other mail is not touched, and passes when Listward is away.");
  setup_line(text, "smtpd_milters = { %s, connect_timeout=10s, default_action=accept }", where);
}

/* --- set-ups without files --- */

static void
live_recipients(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *map = from_smtpd(installation, text, CONFIG_SOCKETMAP);
  setup_line(text, "# Which addresses there are: asked at RCPT, so a new list works at once, and a typing error is 550 in the dialogue.");
  setup_line(text, "# If it was empty and you have other relay domains, add inline:{ {@other.example=OK} } for each, or none of their addresses is known any more.");
  setup_line(text, "relay_recipient_maps = socketmap:%s:recipient", map);
}

static void
make_live(const struct installation *installation, struct setup_text *text)
{
  main_cf(installation, text);
  relay_domains(installation, text);
  live_recipients(installation, text);
  transport_maps(installation, text);
  milter(installation, text);
  client_and_reload(installation, text);
}

/* Asks by LMTP. */
static void
verification(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *map = inline_map(installation, text, "reject_unverified_recipient");
  setup_line(text, "# Asks Listward by LMTP, before the first mail to an address, whether it exists. First of what stands there, before permit_mynetworks.");
  setup_line(text, "smtpd_recipient_restrictions = check_recipient_access %s", map);
  setup_line(text, "# No such address: final. (By default 450: the sender would try for days.)");
  setup_line(text, "unverified_recipient_reject_code = 550");
  setup_line(text, "# The first mail to an address waits a second for the answer, not three; after five it is told to come again.");
  setup_line(text, "address_verify_poll_delay = 1s");
  setup_line(text, "address_verify_poll_count = 5");
  setup_line(text, "# An address that was asked for too early is unknown for a minute more, not for three hours.");
  setup_line(text, "address_verify_negative_expire_time = 1m");
  setup_line(text, "address_verify_negative_refresh_time = 1m");
  setup_line(text, "# Who asks. The answer depends on the recipient alone.");
  setup_line(text, "address_verify_sender = $double_bounce_sender");
}

/* The same for domains that come and go. */
static void
make_many_domains(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *map = from_smtpd(installation, text, CONFIG_SOCKETMAP);
  lmtp_address(installation, text);
  if (uses_stock_service(installation))
    setup_conf(text, installation, "mta", "postfix_service", OWN_SERVICE, "the service in master.cf that Listward's answers name");
  main_cf(installation, text);
  setup_line(text, "# All is asked live: which domains are for lists. They stand neither in mydestination nor in virtual_alias_domains or virtual_mailbox_domains.");
  setup_line(text, "# While Listward is away Postfix cannot route anything, and all mail waits: for a host with little else than lists.");
  setup_line(text, "relay_domains = socketmap:%s:domain", map);
  live_recipients(installation, text);
  setup_line(text, "# And where their mail goes: to Listward, by the service in master.cf below.");
  setup_line(text, "transport_maps = socketmap:%s:transport", map);
  milter(installation, text);
  client_and_reload(installation, text);
}

static void
make_whole_domain(const struct installation *installation, struct setup_text *text)
{
  main_cf(installation, text);
  relay_domains(installation, text);
  any_recipient(text);
  transport_maps(installation, text);
  verification(installation, text);
  client_and_reload(installation, text);
}

static void
make_policy(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *where = from_smtpd(installation, text, CONFIG_POLICY), *map = inline_map(installation, text, "listward_policy");
  g_autofree char *check = g_strdup_printf("check_policy_service %s", where);
  main_cf(installation, text);
  relay_domains(installation, text);
  live_recipients(installation, text);
  transport_maps(installation, text);
  restrictions(installation, text, "listward_policy", check);
  setup_line(text, "# The same with the true size, after the dot, where a message has one recipient. First of what stands there.");
  setup_line(text, "smtpd_end_of_data_restrictions = check_recipient_access %s", map);
  client_and_reload(installation, text);
}

static void
make_access(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *map = from_smtpd(installation, text, CONFIG_SOCKETMAP);
  g_autofree char *check = g_strdup_printf("check_recipient_access socketmap:%s:access", map);
  main_cf(installation, text);
  relay_domains(installation, text);
  any_recipient(text);
  transport_maps(installation, text);
  restrictions(installation, text, "listward_access", check);
  client_and_reload(installation, text);
}

/* --- with files --- */

/* "hash:FOLDER/NAME hash:…". `names`: with blanks between. Owned by the caller. */
static char *
tables(const struct installation *installation, const char *names)
{
  g_auto(GStrv) words = g_strsplit(names, " ", -1);
  GString *out = g_string_new(NULL);
  for (char **word = words; *word; word++)
    g_string_append_printf(out, "%shash:%s/%s", out->len ? " " : "", installation->maps, *word);
  return g_string_free(out, FALSE);
}

/* What keeps the files up to date, and makes them for the first time. */
static void
keep_files(const struct installation *installation, struct setup_text *text, const char *names)
{
  const struct config *config = installation->config;
  g_autofree char *all = tables(installation, names), *postmap = g_strconcat("/usr/sbin/postmap ", all, NULL);
  g_autofree char *install = g_strdup_printf("install -d -o %s %s", *config->user ? config->user : "root", installation->maps);
  g_autofree char *write = g_strdup_printf("listward mta postfix --write %s", installation->maps);
  setup_conf(text, installation, "mta", "maps", installation->maps, "the files are kept up to date there");
  if (*config->mta_command == '\0')
    setup_conf(text, installation, "mta", "command", postmap, "run when one of them has changed");
  if (uses_stock_service(installation))
    setup_conf(text, installation, "mta", "postfix_service", OWN_SERVICE, "the service in master.cf that they name");
  if (*config->mta_maps == '\0')
    setup_prepare(text, install, "the folder of the files, before the server starts that is to write there");
  setup_run(text, write, "writes the files for the first time");
  setup_run(text, postmap, "makes tables of them");
}

/* The end of every set-up with files. */
static void
client_files_and_reload(const struct installation *installation, struct setup_text *text, const char *names)
{
  lmtp_address(installation, text);
  local_lmtp_service(installation, text);
  keep_files(installation, text, names);
  reload(text);
}

static void
delimiter(struct setup_text *text)
{
  setup_line(text, "# Bounces and confirmations come to ant-bounces+TOKEN: without this they are unknown.");
  setup_line(text, "recipient_delimiter = +");
}

/* A parameter that is some of the files, with what it is for. */
static void
file_line(const struct installation *installation, struct setup_text *text, const char *comment, const char *parameter, const char *names)
{
  g_autofree char *all = tables(installation, names);
  setup_line(text, "# %s", comment);
  setup_line(text, "%s = %s", parameter, all);
}

#define WHERE "Where each list and each of its role addresses goes. A change is noticed by itself, by smtpd at once, by the others within ten seconds."
#define WHICH "Which addresses there are. If it was empty and you have other relay domains, add inline:{ {@other.example=OK} } for each."

/* Transport and recipients of domains that are for lists alone. */
static void
domain_of_files(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *where = transport(installation, text), *rest = inline_map(installation, text, where), *files = tables(installation, "postfix_lmtp postfix_postmaster");
  setup_line(text, "# " WHERE);
  setup_line(text, "# The last one is for a list's first ten seconds.");
  setup_line(text, "transport_maps = %s %s", files, rest);
  file_line(installation, text, WHICH, "relay_recipient_maps", "postfix_lmtp postfix_postmaster");
}

static void
own_domain(const struct installation *installation, struct setup_text *text)
{
  main_cf(installation, text);
  setup_line(text, "# The lists' domain stands in mydestination, as it does already: lists and users live in it side by side.");
  delimiter(text);
  file_line(installation, text, WHERE, "transport_maps", "postfix_lmtp");
  setup_line(text, "# Users as before (this is the default), and the lists. The proxy reads passwd from outside the chroot.");
  setup_line(text, "local_recipient_maps = proxy:unix:passwd.byname $alias_maps hash:%s/postfix_lmtp", installation->maps);
  g_autofree char *where = transport(installation, text);
  setup_line(text, "# For a list's first ten seconds, in which its mail still goes the way of a user's. Where there is another one, leave that.");
  setup_line(text, "fallback_transport = %s", where);
}

static void
make_own_domain(const struct installation *installation, struct setup_text *text)
{
  own_domain(installation, text);
  client_files_and_reload(installation, text, "postfix_lmtp");
}

static void
make_milter(const struct installation *installation, struct setup_text *text)
{
  own_domain(installation, text);
  milter(installation, text);
  client_files_and_reload(installation, text, "postfix_lmtp");
}

static void
make_relay(const struct installation *installation, struct setup_text *text)
{
  main_cf(installation, text);
  file_line(installation, text, "The lists' domains: mail for them is taken from everybody. They stand neither in mydestination nor in virtual_*_domains.", "relay_domains",
            "postfix_domains");
  delimiter(text);
  domain_of_files(installation, text);
  client_files_and_reload(installation, text, "postfix_lmtp postfix_postmaster postfix_domains");
}

static void
make_virtual(const struct installation *installation, struct setup_text *text)
{
  main_cf(installation, text);
  setup_line(text, "# Domains that were made with `listward adddomain --alias ALIAS DOMAIN`: ALIAS is what the world writes to, and its addresses are turned into those of DOMAIN.");
  file_line(installation, text, "The aliases. They stand neither in mydestination nor in relay_domains.", "virtual_alias_domains", "postfix_vmap");
  file_line(installation, text, "Each address in one of them, and what it is turned into.", "virtual_alias_maps", "postfix_vmap");
  file_line(installation, text, "The domains behind them.", "relay_domains", "postfix_own_domains");
  delimiter(text);
  domain_of_files(installation, text);
  client_files_and_reload(installation, text, "postfix_lmtp postfix_postmaster postfix_own_domains postfix_vmap");
}

/* --- proxy filter --- */

static void
proxied_smtpd(const struct installation *installation, struct setup_text *text)
{
  const struct service_address *address = &installation->services[CONFIG_SMTP].tcp;
  setup_service(text, installation, CONFIG_SMTP, SETUP_TCP);
  g_autofree char *where = service_address_text(address);
  setup_part(text, MASTER_CF, "below the line \"smtp inet\"");
  setup_line(text, "# Everything from outside goes through Listward: it judges what is for lists, and hands on the rest, octet by octet.");
  setup_line(text, "  -o smtpd_proxy_filter=%s", where);
  setup_line(text, "# the message is complete before Listward hears of it: slow clients do not keep its sessions");
  setup_line(text, "#  -o smtpd_proxy_options=speed_adjust");
}

/* The way back in: after the filter, and for Listward's copies. */
static void
second_smtpd(const struct installation *installation, struct setup_text *text)
{
  const char *next_hop = installation->config->smtp_next_hop;
  setup_line(text, "# The way back: what Listward hands on, and its own copies. From this machine alone, without filter and milters; what the first smtpd has checked is not");
  setup_line(text, "# checked again.");
  setup_line(text, "%s inet n - n - - smtpd", *next_hop ? next_hop : NEXT_HOP);
  static const char *const options[] = {
    "smtpd_proxy_filter=", "smtpd_milters=", "mynetworks=127.0.0.0/8,[::1]/128", "smtpd_authorized_xforward_hosts=$mynetworks", "smtpd_client_restrictions=",
    "smtpd_helo_restrictions=", "smtpd_sender_restrictions=", "smtpd_relay_restrictions=permit_mynetworks,reject", "smtpd_recipient_restrictions=permit_mynetworks,reject",
    "smtpd_data_restrictions=", "smtpd_end_of_data_restrictions=", "smtpd_client_connection_count_limit=0", "receive_override_options=no_unknown_recipient_checks",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
    setup_line(text, "  -o %s", options[i]);
}

static void
make_proxy_filter(const struct installation *installation, struct setup_text *text)
{
  const char *next_hop = *installation->config->smtp_next_hop ? installation->config->smtp_next_hop : NEXT_HOP;
  main_cf(installation, text);
  relay_domains(installation, text);
  live_recipients(installation, text);
  transport_maps(installation, text);
  proxied_smtpd(installation, text);
  local_lmtp_service(installation, text);
  second_smtpd(installation, text);
  setup_conf(text, installation, "smtp", "next_hop", next_hop, "where mail for others goes on to: the second smtpd below");
  setup_conf(text, installation, "outlet", "port", strrchr(next_hop, ':') ? strrchr(next_hop, ':') + 1 : "10027", "copies go there as well, not through the filter again");
  reload(text);
}

/* --- on another host --- */

/* The first listener that other hosts can reach; NULL: none. Owned by the caller. */
static struct endpoint *
listener_for_others(const struct config *config)
{
  char **listen = config->services[CONFIG_LMTP].listen;
  for (size_t i = 0; listen && listen[i]; i++) {
    struct endpoint *endpoint = NULL;
    if (endpoint_parse(listen[i], &endpoint, NULL) == RES_OK && !endpoint->path) {
      const struct service_address address = { .host = endpoint->host, .port = endpoint->port };
      if (service_address_is_remote(&address))
        return endpoint;
    }
    endpoint_free(endpoint);
  }
  return NULL;
}

/* How another host reaches LMTP: [mta] lmtp, or a listener's address, or the host's name. Owned by the caller. */
static char *
remote_address(const struct installation *installation)
{
  const struct installation_service *lmtp = &installation->services[CONFIG_LMTP];
  OWN(endpoint) listener = listener_for_others(installation->config);
  struct service_address address = { .host = (char *)installation->hostname, .port = listener ? listener->port : lmtp->tcp.port };
  if (service_address_is_remote(lmtp->preferred))
    return service_address_postfix(lmtp->preferred);
  if (listener && strcmp(listener->host, "0.0.0.0") != 0 && strcmp(listener->host, "::") != 0)
    address.host = listener->host;
  return service_address_postfix(&address);
}

static void
want_remote_listener(const struct installation *installation, struct setup_text *text)
{
  const struct config *config = installation->config;
  OWN(endpoint) listener = listener_for_others(config);
  if (!listener)
    setup_conf(text, installation, "lmtp", "listen", "0.0.0.0:8024, /run/listward/lmtp.sock", "on every address of this machine");
  if (config->services[CONFIG_LMTP].allow == NULL || config->services[CONFIG_LMTP].allow[0] == NULL)
    setup_conf(text, installation, "lmtp", "allow", "192.0.2.25", "in place of this example: the address of Postfix's host, or its network (192.0.2.0/24)");
  if (*config->lmtp_tls_certificate == '\0')
    setup_conf(text, installation, "lmtp", "tls_certificate", "/etc/listward/tls.pem", "certificate and key of this machine's name");
  if (strcmp(config->outlets->hosts[0], "127.0.0.1") == 0)
    setup_conf(text, installation, "outlet", "host", "192.0.2.25", "copies go to Postfix's host, too");
}

static void
make_remote(const struct installation *installation, struct setup_text *text)
{
  g_autofree char *where = remote_address(installation), *value = g_strdup_printf("%s:%s", service_name(installation), where), *map = inline_map(installation, text, value);
  want_remote_listener(installation, text);
  main_cf(installation, text);
  setup_line(text, "# The list server's address has to stand in mynetworks: its copies come from there.");
  relay_domains(installation, text);
  setup_line(text, "# It goes to the list server, by the service in master.cf below.");
  setup_line(text, "transport_maps = %s", map);
  verification(installation, text);
  lmtp_service(installation, text);
  setup_line(text, "# never in the clear, and only to who has the certificate of that name, signed by one of these");
  setup_line(text, "  -o lmtp_tls_security_level=secure");
  setup_line(text, "  -o lmtp_tls_secure_cert_match=%s", installation->hostname);
  setup_line(text, "  -o lmtp_tls_CAfile=/etc/ssl/certs/ca-certificates.crt");
  if (*installation->config->lmtp_tls_client_ca) {
    setup_line(text, "# what the list server asks for ([lmtp] tls_client_ca): a certificate, and behind it its key");
    setup_line(text, "  -o lmtp_tls_cert_file=/etc/postfix/listward-client.pem");
  }
  reload(text);
}

#define IN_FRONT "at RCPT: unknown addresses, banned senders, announced size; after the dot: the rest, if all recipients refuse"
#define AFTER_QUEUE "Then 250: refused postings are held or discarded, too large ones bounce"

const struct mta_setup postfix_setups[] = {
  { .name = "live", .doc = "recommended: a domain of lists; addresses are looked up live, the verdict is in the dialogue",
    .sees = "everything", .refuses = IN_FRONT, .author = "550 User unknown; else 550 or 552 with our reason. Nothing bounces", .make = make_live },
  { .name = "many-domains", .doc = "domains of lists that come and go: as live, and the domains too are looked up live",
    .sees = "everything", .refuses = IN_FRONT, .author = "550 User unknown; else 550 or 552 with our reason. Nothing bounces", .make = make_many_domains },
  { .name = "milter", .doc = "lists and users in one domain: addresses by generated files, the verdict in the dialogue by the milter",
    .sees = "everything", .refuses = IN_FRONT, .author = "550 User unknown; else 550 or 552 with our reason. Nothing bounces", .make = make_milter },
  { .name = "own-domain", .doc = "lists and users in one domain, by generated files",
    .sees = "the recipient", .refuses = "unknown addresses at RCPT", .author = "550 User unknown. " AFTER_QUEUE,
    .make = make_own_domain },
  { .name = "relay", .doc = "a domain of lists, by generated files",
    .sees = "the recipient", .refuses = "unknown addresses at RCPT", .author = "550 User unknown. " AFTER_QUEUE,
    .make = make_relay },
  { .name = "virtual", .doc = "lists in a virtual alias domain, by generated files",
    .sees = "the recipient", .refuses = "unknown addresses at RCPT", .author = "550 User unknown. " AFTER_QUEUE,
    .make = make_virtual },
  { .name = "whole-domain", .doc = "a domain of lists; Postfix asks by LMTP whether an address exists, and remembers",
    .sees = "the recipient", .refuses = "unknown addresses at RCPT, a second later", .author = "550 undeliverable address, with our reason. " AFTER_QUEUE,
    .make = make_whole_domain },
  { .name = "policy", .doc = "a domain of lists; addresses are looked up live, senders and size are asked about with the policy protocol",
    .sees = "sender, recipient, size", .refuses = "at RCPT: unknown addresses, banned senders, announced size; after the dot: size, if there is one recipient",
    .author = "550 User unknown; 550 or 552 with our reason. Then 250: who is no member is held", .make = make_policy },
  { .name = "access", .doc = "a domain of lists, with an access table that answers live",
    .sees = "the recipient", .refuses = "unknown addresses at RCPT",
    .author = "550 with our reason. " AFTER_QUEUE, .make = make_access },
  { .name = "proxy-filter", .doc = "everything from outside goes through Listward before Postfix takes it",
    .sees = "everything", .refuses = IN_FRONT, .author = "550 User unknown; else our replies word by word, the 250 too. Nothing bounces", .make = make_proxy_filter },
  { .name = "remote", .doc = "Listward on another host, over TLS",
    .sees = "the recipient", .refuses = "unknown addresses at RCPT, a second later",
    .author = "550 undeliverable address, with our reason. " AFTER_QUEUE, .make = make_remote },
  { NULL },
};
