/* Set-ups of Exim. Their texts are in exim_texts.c. */
#include "mta/exim_parts.h"

/* --- what several have --- */

/* Mail for these addresses goes to Listward by LMTP over TCP. */
static void
deliver(const struct installation *installation, struct setup_text *text, const char *router)
{
  exim_part(installation, text, EXIM_ROUTERS, router, exim_router_unknown, NULL);
  exim_part(installation, text, EXIM_TRANSPORTS, exim_transport_lmtp, NULL);
  exim_reload(text);
}

/* Nothing is asked in front of the queue but whether there is such an address. */
static void
route(const struct installation *installation, struct setup_text *text, const char *router)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, NULL);
  deliver(installation, text, router);
}

/* Asked in front of the queue: sender and recipient at RCPT, then the message. `more`: of the RCPT ACL, or NULL. */
static void
ask(const struct installation *installation, struct setup_text *text, const char *more)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, exim_whole_message, exim_prdr, NULL);
  exim_part(installation, text, EXIM_ACLS, exim_acl_prdr, NULL);
  if (more)
    exim_part(installation, text, EXIM_RCPT, exim_rcpt_live, more, exim_rcpt_live_end, NULL);
  else
    exim_part(installation, text, EXIM_RCPT, exim_rcpt_live, exim_rcpt_live_end, NULL);
  exim_part(installation, text, EXIM_DATA, exim_data_live, NULL);
  deliver(installation, text, exim_router_live);
}

/* A call forward verifies all addresses of the domains. `verify`: the RCPT ACL; `router`, `verifier`: where verification goes, NULL: where mail goes, too. */
static void
call_forward(const struct installation *installation, struct setup_text *text, const char *verify, const char *router, const char *verifier, const char *transport)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, verify == exim_rcpt_cutthrough ? exim_no_chunking : NULL, NULL);
  exim_part(installation, text, EXIM_RCPT, verify, NULL);
  if (router) {
    exim_part(installation, text, EXIM_ROUTERS, router, exim_router_all, NULL);
    exim_part(installation, text, EXIM_TRANSPORTS, verifier, transport, NULL);
  } else {
    exim_part(installation, text, EXIM_ROUTERS, exim_router_all, NULL);
    exim_part(installation, text, EXIM_TRANSPORTS, transport, NULL);
  }
  exim_reload(text);
}

/* --- the set-ups --- */

static void
make_readsocket(const struct installation *installation, struct setup_text *text)
{
  ask(installation, text, NULL);
}

static void
make_prdr(const struct installation *installation, struct setup_text *text)
{
  ask(installation, text, exim_rcpt_one_list);
}

static void
make_cutthrough(const struct installation *installation, struct setup_text *text)
{
  call_forward(installation, text, exim_rcpt_cutthrough, exim_router_cutthrough, exim_transport_smtp, exim_transport_lmtp);
}

static void
make_callout(const struct installation *installation, struct setup_text *text)
{
  call_forward(installation, text, exim_rcpt_callout, exim_router_callout, exim_transport_callout, exim_transport_lmtp);
}

static void
make_lmtp_smtp_transport(const struct installation *installation, struct setup_text *text)
{
  call_forward(installation, text, exim_rcpt_verify, NULL, NULL, exim_transport_lmtp);
}

static void
make_remote(const struct installation *installation, struct setup_text *text)
{
  exim_want_remote(installation, text);
  call_forward(installation, text, exim_rcpt_callout, exim_router_callout, exim_transport_tls_callout, exim_transport_tls);
}

static void
make_live(const struct installation *installation, struct setup_text *text)
{
  route(installation, text, exim_router_live);
}

static void
make_aliases_file(const struct installation *installation, struct setup_text *text)
{
  exim_keep_files(installation, text);
  route(installation, text, exim_router_aliases);
}

static void
make_files(const struct installation *installation, struct setup_text *text)
{
  exim_keep_files(installation, text);
  route(installation, text, exim_router_files);
}

static void
make_sqlite(const struct installation *installation, struct setup_text *text)
{
  exim_read_database(installation, text);
  route(installation, text, exim_router_sqlite);
}

static void
make_lmtp_socket(const struct installation *installation, struct setup_text *text)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, NULL);
  exim_part(installation, text, EXIM_RCPT, exim_rcpt_no_utf8, NULL);
  exim_part(installation, text, EXIM_ROUTERS, exim_router_live, exim_router_unknown, NULL);
  exim_part(installation, text, EXIM_TRANSPORTS, exim_transport_socket, NULL);
  exim_reload(text);
}

#define OUR_REASON "550 or 552 with our reason"
#define AFTER_QUEUE "Then 250: refused postings are held or discarded, too large ones bounce"
#define UNKNOWN "unknown addresses at RCPT"

const struct mta_setup exim_setups[] = {
  { .name = "readsocket", .doc = "recommended: Exim asks Listward live, and takes nothing that Listward refuses; lists may share a domain with users",
    .sees = "everything", .refuses = "at RCPT: unknown addresses, banned senders, announced size; after the dot: the rest, if all recipients refuse; each by itself with PRDR",
    .author = OUR_REASON ". Nothing bounces", .make = make_readsocket },
  { .name = "prdr", .doc = "as readsocket, and clients without PRDR are told to send mail for each list by itself",
    .sees = "everything", .refuses = "at RCPT: unknown addresses, banned senders, announced size; after the dot: the rest, for each recipient",
    .author = OUR_REASON ". Nothing bounces, nothing is held for want of an answer", .make = make_prdr },
  { .name = "cutthrough", .doc = "a domain of lists; mail is handed on over SMTP while it comes in",
    .sees = "everything", .refuses = "at RCPT: unknown addresses, banned senders, announced size; after the dot: the rest, if all recipients refuse",
    .author = OUR_REASON ". Nothing bounces", .make = make_cutthrough },
  { .name = "callout", .doc = "a domain of lists; senders and recipients are asked about by call forwards",
    .sees = "sender, recipient, announced size", .refuses = "at RCPT: unknown addresses, banned senders, announced size", .author = OUR_REASON ". " AFTER_QUEUE,
    .make = make_callout },
  { .name = "live", .doc = "addresses are looked up live; lists may share a domain with users",
    .sees = "the recipient", .refuses = UNKNOWN, .author = OUR_REASON ". " AFTER_QUEUE, .make = make_live },
  { .name = "aliases-file", .doc = "a generated file of all addresses; lists may share a domain with users",
    .sees = "the recipient", .refuses = UNKNOWN, .author = OUR_REASON ". " AFTER_QUEUE, .make = make_aliases_file },
  { .name = "files", .doc = "a generated file for each list; lists may share a domain with users",
    .sees = "the recipient", .refuses = UNKNOWN, .author = OUR_REASON ". " AFTER_QUEUE, .make = make_files },
  { .name = "sqlite", .doc = "Exim looks into Listward's database; lists may share a domain with users",
    .sees = "the recipient", .refuses = UNKNOWN, .author = OUR_REASON ". " AFTER_QUEUE, .make = make_sqlite },
  { .name = "lmtp-smtp-transport", .doc = "a domain of lists, nothing but LMTP: Exim asks by it whether an address exists",
    .sees = "the recipient, announced size", .refuses = "unknown addresses and announced size at RCPT", .author = OUR_REASON ". " AFTER_QUEUE, .make = make_lmtp_smtp_transport },
  { .name = "lmtp-socket", .doc = "as live, with delivery over the unix socket, without SMTPUTF8",
    .sees = "the recipient", .refuses = UNKNOWN, .author = OUR_REASON ". " AFTER_QUEUE, .make = make_lmtp_socket },
  { .name = "remote", .doc = "Listward on another host, over TLS; as callout",
    .sees = "sender, recipient, announced size", .refuses = "at RCPT: unknown addresses, banned senders, announced size", .author = OUR_REASON ". " AFTER_QUEUE,
    .make = make_remote },
  { NULL },
};
