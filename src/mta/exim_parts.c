/* What Exim 4.96 marks as tainted (all that comes from the client) is only handed over as an argument or looked up here, never part of a file's name or of a query. */
#include "mta/exim_parts.h"
#include "envelope/role.h"
#include "net/endpoint.h"
#include <stdarg.h>
#include <string.h>

#define TEMPLATE "/etc/exim4/exim4.conf.template"
#define DEBCONF "/etc/exim4/update-exim4.conf.conf"
#define EXIM_USER "Debian-exim"

/* The questions of door/readsocket.h. Addresses are quoted where they have to be, and a line end is in none that Exim takes: no character of them begins another word. */
#define RECIPIENT "${quote_local_part:$local_part}@$domain"
#define SENDER "<$sender_address>"
#define TROUBLE "defer 451 4.3.0 the list server does not answer, try again later"
#define ASK(seconds, question) "${readsocket{@READSOCKET@}{" question "}{" seconds "}{}{" TROUBLE "}}"
#define ASK_FOR_RECIPIENT ASK("20s", "RCPT " RECIPIENT "\\n")
#define ASK_RCPT ASK("20s", "RCPT " RECIPIENT " " SENDER " $message_size\\n")
#define ASK_PRDR ASK("2m", "PRDR " RECIPIENT " " SENDER " $message_size\\n$acl_m_listward_message")
#define ASK_DATA ASK("2m", "DATA " SENDER " $message_size $recipients\\n$message_headers_raw\\n$message_body")
#define ANSWER_IS(pattern) "match{$acl_m_listward}{\\N^(" pattern ")\\N}"
#define DEFERRED "${sg{$acl_m_listward}{\\N^defer \\N}{}}"

/* --- main section --- */

const char exim_domains[] =
  "# The domains of the lists. One that is in +local_domains, too, is shared: what is no list's address there is left to the other routers.\n"
  "domainlist listward_domains = @DOMAINS@\n"
  "# Listward hands over many copies in one connection: by default Exim leaves those behind the tenth to its next queue run, up to half an hour.\n"
  "smtp_accept_queue_per_connection = 0\n";

const char exim_whole_message[] =
  "# $message_body is to be the whole body, with its line ends, where it is asked for: as much as Listward takes. (By default it is 500 octets of it.)\n"
  "message_body_visible = @SIZE@\n"
  "message_body_newlines = true\n";

const char exim_prdr[] =
  "# A client that knows PRDR hears a verdict for each recipient. (Debian has prdr_enable = true; elsewhere add it.)\n"
  "acl_smtp_data_prdr = acl_listward_prdr\n";

const char exim_no_chunking[] =
  "# Cutthrough delivery is not possible for messages that come in chunks.\n"
  "chunking_advertise_hosts =\n";

/* --- ACLs --- */

const char exim_acl_prdr[] =
  "# For each recipient, after the message, if the client knows PRDR.\n"
  "acl_listward_prdr:\n"
  "  accept condition = ${if !def:acl_m_listward_asks}\n"
  "  # Kept for the recipients that follow: Exim 4.96 forgets $message_body between them, and leaves rubbish there. $message_body_end is the same if all is visible.\n"
  "  warn   condition = ${if !def:acl_m_listward_message}\n"
  "         set acl_m_listward_message = $message_headers_raw\\n$message_body_end\n"
  "  accept domains = ! +listward_domains\n"
  "  warn   set acl_m_listward = " ASK_PRDR "\n"
  "  defer  condition = ${if !" ANSWER_IS("ok|5") "}\n"
  "         message = " DEFERRED "\n"
  "  deny   condition = ${if " ANSWER_IS("5") "}\n"
  "         message = $acl_m_listward\n"
  "  accept\n";

const char exim_rcpt_live[] =
  "  # Listward says what becomes of mail from this sender to this list. Its words go to the client, who keeps the mail while there is no answer.\n"
  "  warn   domains = +listward_domains\n"
  "         set acl_m_listward = " ASK_RCPT "\n"
  "  defer  domains = +listward_domains\n"
  "         condition = ${if !" ANSWER_IS("ok|unknown|none|5") "}\n"
  "         message = " DEFERRED "\n"
  "  deny   domains = +listward_domains\n"
  "         condition = ${if " ANSWER_IS("5") "}\n"
  "         message = $acl_m_listward\n"
  "  # In a shared domain it may be a user's.\n"
  "  deny   domains = ! +local_domains : +listward_domains\n"
  "         condition = ${if " ANSWER_IS("unknown") "}\n"
  "         message = 550 5.1.1 no list here by that name\n";

const char exim_rcpt_one_list[] =
  "  # A client that does not know PRDR hears one verdict for all recipients: mail for a list is to come by itself.\n"
  "  defer  condition = ${if and{{>{$recipients_count}{0}}{!bool{$prdr_requested}}}}\n"
  "         condition = ${if or{{def:acl_m_listward_asks}{and{{match_domain{$domain}{+listward_domains}}{" ANSWER_IS("ok") "}}}}}\n"
  "         message = 452 4.5.3 mail for a list comes by itself, send the rest again\n";

const char exim_rcpt_live_end[] =
  "  # The message itself is for Listward to judge, too.\n"
  "  warn   domains = +listward_domains\n"
  "         condition = ${if " ANSWER_IS("ok") "}\n"
  "         set acl_m_listward_asks = yes\n"
  "  # All other checks of this ACL follow, for lists as for all mail.\n";

#define VERIFY(how) \
  "  deny   domains = ! +local_domains : +listward_domains\n" \
  "         !verify = recipient/callout=20s," how "\n" \
  "         # Its last line is Listward's answer.\n" \
  "         message = ${sg{$acl_verify_message}{\\N(?s)^.*(?=5\\d\\d \\d\\.\\d)\\N}{}}\n"

const char exim_rcpt_verify[] =
  "  # Unknown addresses are refused at once: Exim asks by a call forward, like a delivery that stops before the message.\n"
  "  # no_cache: a new list is there at once.\n"
  VERIFY("no_cache");

const char exim_rcpt_callout[] =
  "  # Listward says what becomes of mail from this sender to this list, asked by a call forward to its call-out listener.\n"
  "  # no_cache: each sender and each new list is asked for anew, and is told why in Listward's words.\n"
  VERIFY("use_sender,no_cache");

const char exim_rcpt_cutthrough[] =
  "  # Once mail is being handed on, Exim 4.96 loses it for recipients that go another way: they are to come by themselves.\n"
  "  defer  condition = ${if def:acl_m_listward_handed_on}\n"
  "         domains = +local_domains : ! +listward_domains\n"
  "         message = 452 4.5.3 mail for a list comes by itself, send the rest again\n"
  "  # The mail is handed to Listward while the client waits, who hears the verdict itself; nothing is queued here.\n"
  "  warn   domains = ! +local_domains : +listward_domains\n"
  "         condition = ${if ={$rcpt_count}{1}}\n"
  "         control = cutthrough_delivery/defer=pass\n"
  "         set acl_m_listward_handed_on = yes\n"
  "  # The connection for it is the one of this call forward. no_cache: each sender and each new list is asked for anew.\n"
  VERIFY("use_sender,no_cache");

const char exim_rcpt_no_utf8[] =
  "  # This driver cannot say SMTPUTF8.\n"
  "  deny   domains = +listward_domains\n"
  "         condition = ${if bool{$message_smtputf8}}\n"
  "         message = 553 5.6.7 lists here take no mail that needs SMTPUTF8\n";

#define JUDGED_HERE "{def:acl_m_listward_asks}{!def:acl_m_listward_message}"

const char exim_data_live[] =
  "  # Mail for lists: Listward judges the whole message while the client waits. Other mail is not asked about.\n"
  "  warn   condition = ${if and{" JUDGED_HERE "}}\n"
  "         set acl_m_listward = " ASK_DATA "\n"
  "  defer  condition = ${if and{" JUDGED_HERE "{!" ANSWER_IS("ok|5") "}}}\n"
  "         message = " DEFERRED "\n"
  "  deny   condition = ${if and{" JUDGED_HERE "{" ANSWER_IS("5") "}}}\n"
  "         message = $acl_m_listward\n";

/* --- routers --- */

const char exim_router_live[] =
  "# Takes what Listward says is a list's, and what it gives no answer about: that waits in the queue.\n"
  "listward:\n"
  "  driver = accept\n"
  "  domains = +listward_domains\n"
  "  condition = ${if !match{" ASK_FOR_RECIPIENT "}{\\N^(unknown|none)\\N}}\n"
  "  transport = listward\n";

const char exim_router_all[] =
  "# All addresses of these domains: Listward knows which there are.\n"
  "listward:\n"
  "  driver = accept\n"
  "  domains = ! +local_domains : +listward_domains\n"
  "  transport = listward\n";

/* All local parts, or none. Were it a `condition`, a file that cannot be read would make every address unknown; so mail waits. */
#define LOOKUP(how, file) "${lookup{$local_part@$domain}" how "{@MAPS@/" file "}{*}{}}"

const char exim_router_aliases[] =
  "# Addresses in a file that Listward keeps up to date. What follows a plus sign is not looked up: ant-bounces+TAG is found as ant-bounces.\n"
  "listward:\n"
  "  driver = accept\n"
  "  domains = +listward_domains\n"
  "  local_part_suffix = +*\n"
  "  local_part_suffix_optional\n"
  "  local_parts = " LOOKUP("lsearch", "exim_aliases") "\n"
  "  transport = listward\n"
  "# The addresses that each domain has, if it is not one of users, too.\n"
  "listward_domain:\n"
  "  driver = accept\n"
  "  domains = ! +local_domains : +listward_domains\n"
  "  local_part_suffix = +*\n"
  "  local_part_suffix_optional\n"
  "  local_parts = " LOOKUP("lsearch", "exim_postmaster") "\n"
  "  transport = listward\n";

const char exim_router_files[] =
  "# A list is where a file of its name is, in a folder that Listward keeps. (A dsearch look-up, since Exim 4.96 refuses file names made of an address, in require_files too.)\n"
  "listward:\n"
  "  driver = accept\n"
  "  domains = +listward_domains\n"
  "  local_part_suffix = +*\n"
  "  local_part_suffix_optional\n"
  "  local_parts = " LOOKUP("dsearch", "exim_lists") "\n"
  "  transport = listward\n"
  "# The addresses that each list has beside its own.\n"
  "listward_roles:\n"
  "  driver = accept\n"
  "  domains = +listward_domains\n"
  "  local_part_suffix = @SUFFIXES@\n"
  "  local_parts = " LOOKUP("dsearch", "exim_lists") "\n"
  "  transport = listward\n"
  "# The addresses that each domain has.\n"
  "listward_domain:\n"
  "  driver = accept\n"
  "  domains = ! +local_domains : +listward_domains\n"
  "  local_parts = @RESERVED@\n"
  "  local_part_suffix = +*\n"
  "  local_part_suffix_optional\n"
  "  transport = listward\n";

/* There is always an answer, 1 or 0: none means that the database could not be read (which Exim 4.96 takes for "not found", while Listward does not run), and an expansion that
 * fails makes mail wait. */
#define QUERY \
  "${lookup sqlite,file=@DATABASE@ {SELECT EXISTS (SELECT 1 FROM list JOIN domain ON domain.id = list.domain_id \\\n" \
  "              WHERE list.local = lower('${quote_sqlite:$local_part}') AND '${quote_sqlite:$domain}' IN (domain.name, domain.alias) \\\n" \
  "              AND list.removed_at IS NULL AND domain.removed_at IS NULL)}{${if eq{$value}{1}{*}{}}}{${eval:the database cannot be read}}}"

const char exim_router_sqlite[] =
  "# A list is what Listward's database says. Exim has to be able to read it, and can read all mail and members' addresses in it then:\n"
  "# a live question (--setup live) needs no such right. After a restore from a backup the right has to be given again; till then mail waits.\n"
  "listward:\n"
  "  driver = accept\n"
  "  domains = +listward_domains\n"
  "  local_part_suffix = +*\n"
  "  local_part_suffix_optional\n"
  "  local_parts = " QUERY "\n"
  "  transport = listward\n"
  "# The addresses that each list has beside its own.\n"
  "listward_roles:\n"
  "  driver = accept\n"
  "  domains = +listward_domains\n"
  "  local_part_suffix = @SUFFIXES@\n"
  "  local_parts = " QUERY "\n"
  "  transport = listward\n"
  "# The addresses that each domain has.\n"
  "listward_domain:\n"
  "  driver = accept\n"
  "  domains = ! +local_domains : +listward_domains\n"
  "  local_parts = @RESERVED@\n"
  "  local_part_suffix = +*\n"
  "  local_part_suffix_optional\n"
  "  transport = listward\n";

const char exim_router_unknown[] =
  "# Nothing else is in a domain that only lists have.\n"
  "listward_unknown:\n"
  "  driver = redirect\n"
  "  domains = ! +local_domains : +listward_domains\n"
  "  allow_fail\n"
  "  data = :fail: 550 5.1.1 no list here by that name\n";

#define VERIFIED(name) \
  name ":\n" \
  "  driver = accept\n" \
  "  domains = ! +local_domains : +listward_domains\n" \
  "  verify_only\n" \
  "  transport = " name "\n"

const char exim_router_callout[] =
  "# For verification only: the call forward goes to Listward's call-out listener, whose answer may depend on the sender.\n"
  VERIFIED("listward_callout");

const char exim_router_cutthrough[] =
  "# For verification only, and what is handed on while it comes in. What is queued after all (it has recipients of other kinds, too) goes the way of the next router.\n"
  VERIFIED("listward_cutthrough");

/* --- transports --- */

#define LMTP_OPTIONS \
  "  # Exim does not send to its own host unless it is allowed to.\n" \
  "  allow_localhost\n" \
  "  # The whole address, +TAG and all: nothing is cut off that a router has looked at as a suffix.\n" \
  "  rcpt_include_affixes\n" \
  "  # Lines of any length: they would bounce here.\n" \
  "  message_linelength_limit = 1000000\n"
#define LMTP(name, host, port) \
  name ":\n" \
  "  driver = smtp\n" \
  "  protocol = lmtp\n" \
  "  hosts = " host "\n" \
  "  port = " port "\n" \
  LMTP_OPTIONS

const char exim_transport_lmtp[] = LMTP("listward", "@LMTP_HOST@", "@LMTP_PORT@");
const char exim_transport_callout[] = LMTP("listward_callout", "@CALLOUT_HOST@", "@CALLOUT_PORT@");

const char exim_transport_socket[] =
  "# Over the unix socket. This driver gives neither SIZE nor DSN nor SMTPUTF8, and a call forward to it is skipped: every recipient would be verified.\n"
  "listward:\n"
  "  driver = lmtp\n"
  "  socket = @LMTP_SOCKET@\n"
  "  user = " EXIM_USER "\n"
  "  # Recipients of one transaction.\n"
  "  batch_max = 40\n"
  "  # The whole address, +TAG and all.\n"
  "  rcpt_include_affixes\n";

const char exim_transport_smtp[] =
  "# SMTP, not LMTP: one answer for the whole message, which is what cutthrough delivery passes on.\n"
  "listward_cutthrough:\n"
  "  driver = smtp\n"
  "  hosts = @SMTP_HOST@\n"
  "  port = @SMTP_PORT@\n"
  LMTP_OPTIONS;

#define TLS_OPTIONS \
  "  # The name is what the certificate is for; it may stand in /etc/hosts.\n" \
  "  gethostbyname\n" \
  "  # Never in the clear, and never to somebody else.\n" \
  "  hosts_require_tls = *\n" \
  "  tls_verify_hosts = *\n" \
  "  tls_verify_certificates = system\n" \
  "@CLIENT_CERTIFICATE@"

const char exim_transport_tls[] = LMTP("listward", "@HOSTNAME@", "@LMTP_PORT@") TLS_OPTIONS;
const char exim_transport_tls_callout[] = LMTP("listward_callout", "@HOSTNAME@", "@CALLOUT_PORT@") TLS_OPTIONS;

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
