/* Set-ups of Sendmail. All of it goes into sendmail.mc, of which m4 makes sendmail.cf. Between the sides of a rule stand tabs: what is printed has them. Domains are quoted for m4,
 * which would take "dnl.example.org" for a word of its own. */
#include "mta/setup.h"
#include <string.h>

#define MC "/etc/mail/sendmail.mc"
#define BEFORE_MAILERS "before the first MAILER line"
#define IN_PLACE_OF(feature) "in place of the line FEATURE(`" feature "'), or before the first MAILER line"
#define END "at the end"
#define CLASS "{ListwardDomains}"
#define AWAY "\"451 the list server is away, please try again\""

/* --- pieces --- */

/* As Sendmail writes it for filters and maps: "inet:8025@127.0.0.1", "local:/run/listward/socketmap.sock". Owned by the caller. */
static char *
socket_name(const struct service_address *address)
{
  if (address->path)
    return g_strdup_printf("local:%s", address->path);
  return g_strdup_printf(strchr(address->host, ':') ? "inet6:%d@%s" : "inet:%d@%s", address->port, address->host);
}

/* The mailer's $h, of who is reached over TCP: without brackets Sendmail would look for an MX. Owned by the caller. */
static char *
bracketed(const char *host)
{
  return g_strdup_printf(strchr(host, ':') ? "[IPv6:%s]" : "[%s]", host);
}

/* The same; the mailer over a unix socket does not look at it. Owned by the caller. */
static char *
mailer_host(const struct service_address *lmtp)
{
  if (lmtp->path)
    return g_strdup("localhost");
  return bracketed(lmtp->host);
}

static void
before_mailers(const struct installation *installation, struct setup_text *text)
{
  setup_part(text, MC, BEFORE_MAILERS);
  if (installation->domains->len == 0)
    setup_line(text, "dnl # No domain is known yet: this stands for yours. Make a list, and print this again.");
}

static void
relay_domains(const struct installation *installation, struct setup_text *text)
{
  const GPtrArray *domains = setup_domains(text, installation);
  setup_line(text, "dnl # Mail for the lists' domains is taken from everybody. (Below it is asked which addresses there are.)");
  for (guint i = 0; i < domains->len; i++)
    setup_line(text, "RELAY_DOMAIN(`%s')dnl", (const char *)g_ptr_array_index(domains, i));
}

/* `equates`: of the filter, "F=T, " or "". */
static void
filter(const struct installation *installation, struct setup_text *text, const char *equates)
{
  g_autofree char *where = socket_name(setup_service(text, installation, CONFIG_MILTER, SETUP_ANY));
  setup_line(text, "dnl # The verdict before Sendmail says 250: who is refused reads why in the dialogue. Other mail is not touched.");
  setup_line(text, "dnl # Filters work in this order: put it behind those that change messages.");
  setup_line(text, "INPUT_MAIL_FILTER(`listward', `S=%s, %sT=C:10s;S:1m;R:1m;E:5m')dnl", where, equates);
}

/* What may be named in rules: the domains. */
static void
domain_class(const struct installation *installation, struct setup_text *text)
{
  const GPtrArray *domains = setup_domains(text, installation);
  setup_line(text, "LOCAL_CONFIG");
  setup_line(text, "# The lists' domains.");
  for (guint i = 0; i < domains->len; i++)
    setup_line(text, "C" CLASS " `%s'", (const char *)g_ptr_array_index(domains, i));
}

/* `name`: what Listward is asked. */
static void
question(struct setup_text *text, const char *name, const struct service_address *socketmap)
{
  g_autofree char *where = socket_name(socketmap);
  setup_line(text, "# Asks Listward, live. -T: what is found while it is away.");
  setup_line(text, "K%s socket -a<OK> -T<TMPF> %s", name, where);
}

/* Asks for each recipient in the lists' domains; what a rule called Local_check_rcpt does besides is not touched. */
static void
check_recipients(struct setup_text *text)
{
  static const char *const lines[] = {
    "LOCAL_RULESETS",
    "SListwardRcpt",
    "# Only recipients in the lists' domains are asked about: client, sender, recipient.",
    "R$*\t\t\t$: $>CanonAddr $1",
    "R$+ < @ $=" CLASS " . >\t$: $1 < @ $2 >",
    "R$+ < @ $=" CLASS " >\t$: $( listchk $&{client_addr},$&f,$1@$2 $: <NONE> $)",
    ("R$* <TMPF>\t\t$#error $@ 4.3.0 $: " AWAY),
    "R<NONE>\t\t\t$#error $@ 5.1.1 $: \"550 no list here by that name\"",
    "RERROR $- . $- . $- : $- $+ <OK>\t$#error $@ $1.$2.$3 $: $4 $5",
    "SLocal_check_rcpt",
    "# If there are such rules already: these may stand behind or before them.",
    "R$*\t\t\t$: $1 $| $>ListwardRcpt $1",
    "R$* $| $#$*\t\t$#$2",
    "R$* $| $*\t\t$: $1",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
    setup_line(text, "%s", lines[i]);
}

static void
route(struct setup_text *text, const char *host)
{
  setup_line(text, "LOCAL_RULE_0");
  setup_line(text, "# Their mail goes to Listward. (The dot stands there for domains that Sendmail knows, by DNS or as its own.)");
  setup_line(text, "R$+ < @ $=" CLASS " . >\t$#lists $@ %s $: $1 < @ $2 . >", host);
  setup_line(text, "R$+ < @ $=" CLASS " >\t$#lists $@ %s $: $1 < @ $2 . >", host);
}

/* The same for domains that lists share with users. */
static void
route_lists_only(struct setup_text *text, const struct service_address *lmtp)
{
  g_autofree char *host = mailer_host(lmtp);
  setup_line(text, "LOCAL_RULE_0");
  setup_line(text, "# An address that Listward knows is its own; all others are left to the rules below, for users and aliases.");
  setup_line(text, "R$+ < @ $=" CLASS " . >\t$: $( listrcpt $1@$2 $: <NONE> $) $| $1 < @ $2 . >");
  setup_line(text, "R$* <TMPF> $| $*\t$#error $@ 4.3.0 $: " AWAY);
  setup_line(text, "R$* <OK> $| $+ < @ $+ >\t$#lists $@ %s $: $2 < @ $3 >", host);
  setup_line(text, "R<NONE> $| $*\t\t$: $1");
}

static void
mailer(struct setup_text *text, const struct service_address *lmtp)
{
  g_autofree char *how = lmtp->path ? g_strdup_printf("FILE %s", lmtp->path) : g_strdup_printf("TCP $h %d", lmtp->port);
  setup_line(text, "MAILER_DEFINITIONS");
  setup_line(text, "# LMTP. z: an answer for each recipient; m: several at a time; X: dots are doubled; u: names keep their case; 8: eight bits pass; n: no From line on top.");
  setup_line(text, "Mlists, P=[IPC], F=mDFMuXzn8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=0, r=100, T=DNS/RFC822/SMTP,");
  setup_line(text, "\tA=%s", how);
}

static void
make_cf(struct setup_text *text)
{
  setup_run(text, "make -C /etc/mail", "makes sendmail.cf of sendmail.mc");
  setup_run(text, "systemctl reload sendmail", "reads it");
}

/* --- set-ups without files --- */

static void
ask_for_recipients(const struct installation *installation, struct setup_text *text, bool verdict)
{
  const struct service_address *lmtp = setup_service(text, installation, CONFIG_LMTP, SETUP_ANY);
  const struct service_address *socketmap = setup_service(text, installation, CONFIG_SOCKETMAP, SETUP_ANY);
  g_autofree char *host = mailer_host(lmtp);
  before_mailers(installation, text);
  relay_domains(installation, text);
  if (verdict)
    filter(installation, text, "");
  setup_part(text, MC, END);
  domain_class(installation, text);
  question(text, "listchk", socketmap);
  check_recipients(text);
  route(text, host);
  mailer(text, lmtp);
  make_cf(text);
}

static void
make_live(const struct installation *installation, struct setup_text *text)
{
  ask_for_recipients(installation, text, true);
}

static void
make_recipients(const struct installation *installation, struct setup_text *text)
{
  ask_for_recipients(installation, text, false);
}

static void
make_own_domain(const struct installation *installation, struct setup_text *text)
{
  const struct service_address *lmtp = setup_service(text, installation, CONFIG_LMTP, SETUP_ANY);
  const struct service_address *socketmap = setup_service(text, installation, CONFIG_SOCKETMAP, SETUP_ANY);
  before_mailers(installation, text);
  setup_line(text, "dnl # The domain stands in local-host-names, as it does already: lists and users live in it side by side.");
  filter(installation, text, "");
  setup_part(text, MC, END);
  domain_class(installation, text);
  question(text, "listrcpt", socketmap);
  route_lists_only(text, lmtp);
  mailer(text, lmtp);
  make_cf(text);
}

/* --- with files --- */

/* What keeps the files up to date, and makes them for the first time. Root's makemap gives its table to confTRUSTED_USER: it is replaced, not written into. */
static void
keep_files(const struct installation *installation, struct setup_text *text)
{
  const char *folder = installation->maps;
  const struct config *config = installation->config;
  g_autofree char *makemap = g_strdup_printf("/bin/sh -c 'cd %s && for map in sendmail_access sendmail_mailertable; do"
                                             " rm -f new.db && /usr/sbin/makemap hash new <$map && mv new.db $map.db || exit; done'", folder);
  g_autofree char *install = g_strdup_printf("install -d -o %s %s", *config->user ? config->user : "root", folder);
  g_autofree char *write = g_strdup_printf("listward mta sendmail --write %s", folder);
  setup_conf(text, installation, "mta", "maps", folder, "the files are kept up to date there");
  if (*config->mta_command == '\0')
    setup_conf(text, installation, "mta", "command", makemap, "makes tables of them, when one has changed");
  if (*config->mta_maps == '\0')
    setup_prepare(text, install, "the folder of the files, before the server starts that is to write there");
  setup_run(text, write, "writes the files for the first time");
  setup_run(text, makemap, "makes tables of them");
}

/* FEATUREs that look into the postmaster's own table first. */
static void
tables(const struct installation *installation, struct setup_text *text)
{
  const char *folder = installation->maps;
  setup_part(text, MC, IN_PLACE_OF("access_db"));
  setup_line(text, "LOCAL_CONFIG");
  setup_line(text, "# Your own table, if there is one, and the one that Listward keeps: which addresses there are, and that their domains have no others.");
  setup_line(text, "Kaccess_own hash -o -T<TMPF> /etc/mail/access");
  setup_line(text, "Kaccess_lists hash -T<TMPF> %s/sendmail_access", folder);
  setup_line(text, "divert(0)dnl");
  setup_line(text, "dnl # Both are looked into, yours first. What is in them is taken from everybody, and nothing else in the lists' domains.");
  setup_line(text, "FEATURE(`access_db', `sequence access_own access_lists', `skip', `relaytofulladdress')dnl");
  setup_line(text, "FEATURE(`blocklist_recipients')dnl");
  setup_part(text, MC, IN_PLACE_OF("mailertable"));
  setup_line(text, "LOCAL_CONFIG");
  setup_line(text, "# The same for where mail goes: the lists' domains to the mailer at the end.");
  setup_line(text, "Kmailertable_own hash -o /etc/mail/mailertable");
  setup_line(text, "Kmailertable_lists hash %s/sendmail_mailertable", folder);
  setup_line(text, "divert(0)dnl");
  setup_line(text, "FEATURE(`mailertable', `sequence mailertable_own mailertable_lists')dnl");
}

static void
make_mailertable(const struct installation *installation, struct setup_text *text)
{
  const struct service_address *lmtp = setup_service(text, installation, CONFIG_LMTP, SETUP_ANY);
  tables(installation, text);
  setup_part(text, MC, END);
  mailer(text, lmtp);
  keep_files(installation, text);
  make_cf(text);
}

static void
make_milter(const struct installation *installation, struct setup_text *text)
{
  const struct service_address *lmtp = setup_service(text, installation, CONFIG_LMTP, SETUP_ANY);
  tables(installation, text);
  setup_part(text, MC, BEFORE_MAILERS);
  filter(installation, text, "F=T, ");
  setup_part(text, MC, END);
  mailer(text, lmtp);
  keep_files(installation, text);
  make_cf(text);
}

/* --- on another host --- */

static void
want_remote_listener(const struct installation *installation, struct setup_text *text, enum config_service number)
{
  const struct config *config = installation->config;
  const struct installation_service *service = &installation->services[number];
  const char *section = config_service_section(number);
  g_autofree char *listen = g_strdup_printf("0.0.0.0:%d, %s", service->tcp.port, service->local.path);
  char **const allow = config->services[number].allow;
  if (allow && allow[0])
    return;
  setup_conf(text, installation, section, "listen", listen, "on every address of this machine");
  setup_conf(text, installation, section, "allow", "192.0.2.25", "in place of this example: the address of Sendmail's host, or its network (192.0.2.0/24)");
}

/* Whose certificate is looked at. The rules see every server that Sendmail connects to. */
static void
verify_server(const struct installation *installation, struct setup_text *text)
{
  const char *name = installation->hostname;
  setup_line(text, "LOCAL_TLS_SERVER");
  setup_line(text, "# To the list server: never in the clear, and only to who has its certificate.");
  setup_line(text, "R$*\t\t\t$: $1 $| $&{server_name}");
  setup_line(text, "R$* $| $* `%s' $*\t$: <?> $1 $| `%s'", name, name);
  setup_line(text, "R<?> OK $| $={cert_altnames}\t$@ OK");
  setup_line(text, "R<?> $*\t\t\t$#error $@ 4.7.0 $: \"403 the list server has not shown its certificate\"");
  setup_line(text, "R$* $| $*\t\t$: $1");
}

static void
authorities(const struct installation *installation, struct setup_text *text)
{
  setup_line(text, "dnl # Who may sign the list server's certificate. Where you have these already, leave yours.");
  setup_line(text, "define(`confCACERT_PATH', `/etc/ssl/certs')dnl");
  setup_line(text, "define(`confCACERT', `/etc/ssl/certs/ca-certificates.crt')dnl");
  if (*installation->config->lmtp_tls_client_ca == '\0')
    return;
  setup_line(text, "dnl # What the list server asks for ([lmtp] tls_client_ca).");
  setup_line(text, "define(`confCLIENT_CERT', `/etc/mail/tls/listward-client.pem')dnl");
  setup_line(text, "define(`confCLIENT_KEY', `/etc/mail/tls/listward-client.key')dnl");
}

static void
make_remote(const struct installation *installation, struct setup_text *text)
{
  const struct service_address lmtp = { .host = (char *)installation->hostname, .port = installation->services[CONFIG_LMTP].tcp.port };
  const struct service_address socketmap = { .host = lmtp.host, .port = installation->services[CONFIG_SOCKETMAP].tcp.port };
  g_autofree char *host = bracketed(lmtp.host);
  want_remote_listener(installation, text, CONFIG_LMTP);
  if (*installation->config->lmtp_tls_certificate == '\0')
    setup_conf(text, installation, "lmtp", "tls_certificate", "/etc/listward/tls.pem", "certificate and key of this machine's name");
  want_remote_listener(installation, text, CONFIG_SOCKETMAP);
  before_mailers(installation, text);
  relay_domains(installation, text);
  authorities(installation, text);
  setup_part(text, MC, END);
  domain_class(installation, text);
  setup_line(text, "# Names in certificates are looked at (subjectAltName).");
  setup_line(text, "O SetCertAltnames=True");
  setup_line(text, "# The questions, client, sender and recipient, have no encryption: a network of your own, or a tunnel.");
  question(text, "listchk", &socketmap);
  check_recipients(text);
  verify_server(installation, text);
  route(text, host);
  mailer(text, &lmtp);
  make_cf(text);
}

#define IN_FRONT "at RCPT: unknown addresses, banned senders, announced size; after the dot: the rest, if all recipients refuse"
#define AFTER_QUEUE "Then 250: refused postings are held or discarded, too large ones bounce"
#define OUR_REASON "550 or 552 with our reason"

const struct mta_setup sendmail_setups[] = {
  { .name = "live", .doc = "recommended: a domain of lists; addresses and senders are asked about live, the verdict is in the dialogue",
    .sees = "everything", .refuses = IN_FRONT, .author = OUR_REASON ". Nothing bounces", .make = make_live },
  { .name = "own-domain", .doc = "lists and users in one domain; addresses are asked about live, the verdict is in the dialogue",
    .sees = "everything", .refuses = IN_FRONT, .author = "550 User unknown; else " OUR_REASON ". Nothing bounces", .make = make_own_domain },
  { .name = "milter", .doc = "a domain of lists: addresses by generated files, the verdict in the dialogue by the milter; without it no mail is taken",
    .sees = "everything", .refuses = IN_FRONT, .author = OUR_REASON ". Nothing bounces", .make = make_milter },
  { .name = "recipients", .doc = "as live, without the milter",
    .sees = "sender and recipient", .refuses = "at RCPT: unknown addresses, banned senders", .author = OUR_REASON ". " AFTER_QUEUE, .make = make_recipients },
  { .name = "mailertable", .doc = "a domain of lists, by generated files",
    .sees = "the recipient", .refuses = "unknown addresses at RCPT", .author = OUR_REASON ". " AFTER_QUEUE, .make = make_mailertable },
  { .name = "remote", .doc = "Listward on another host, over TLS; as recipients",
    .sees = "sender and recipient", .refuses = "at RCPT: unknown addresses, banned senders", .author = OUR_REASON ". " AFTER_QUEUE, .make = make_remote },
  { NULL },
};
