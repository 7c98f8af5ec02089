/* The texts of Exim's set-ups. What Exim 4.96 marks as tainted (all that comes from the client) is only handed over as an argument or looked up here, never part of a file's name,
 * nor of a query unless quoted for it. */
#include "mta/exim_parts.h"

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
