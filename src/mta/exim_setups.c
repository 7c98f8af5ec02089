/* Set-ups of Exim. Their texts are in exim_parts.c. */
#include "mta/exim_parts.h"

/* How mail gets to Listward, for set-ups that differ in something else. */
static void
add_delivery(const struct installation *installation, struct setup_text *text, const char *router)
{
  exim_part(installation, text, EXIM_ROUTERS, router, exim_router_unknown, NULL);
  exim_part(installation, text, EXIM_TRANSPORTS, exim_transport_lmtp, NULL);
}

static void
make_readsocket(const struct installation *installation, struct setup_text *text)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, exim_whole_message, exim_prdr, NULL);
  exim_part(installation, text, EXIM_ACLS, exim_acl_prdr, NULL);
  exim_part(installation, text, EXIM_RCPT, exim_rcpt_live, exim_rcpt_live_end, NULL);
  exim_part(installation, text, EXIM_DATA, exim_data_live, NULL);
  add_delivery(installation, text, exim_router_live);
  exim_reload(text);
}

static void
make_prdr(const struct installation *installation, struct setup_text *text)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, exim_whole_message, exim_prdr, NULL);
  exim_part(installation, text, EXIM_ACLS, exim_acl_prdr, NULL);
  exim_part(installation, text, EXIM_RCPT, exim_rcpt_live, exim_rcpt_one_list, exim_rcpt_live_end, NULL);
  exim_part(installation, text, EXIM_DATA, exim_data_live, NULL);
  add_delivery(installation, text, exim_router_live);
  exim_reload(text);
}

static void
make_cutthrough(const struct installation *installation, struct setup_text *text)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, exim_no_chunking, NULL);
  exim_part(installation, text, EXIM_RCPT, exim_rcpt_cutthrough, NULL);
  exim_part(installation, text, EXIM_ROUTERS, exim_router_cutthrough, exim_router_all, NULL);
  exim_part(installation, text, EXIM_TRANSPORTS, exim_transport_smtp, exim_transport_lmtp, NULL);
  exim_reload(text);
}

static void
make_callout(const struct installation *installation, struct setup_text *text)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, NULL);
  exim_part(installation, text, EXIM_RCPT, exim_rcpt_callout, NULL);
  exim_part(installation, text, EXIM_ROUTERS, exim_router_callout, exim_router_all, NULL);
  exim_part(installation, text, EXIM_TRANSPORTS, exim_transport_callout, exim_transport_lmtp, NULL);
  exim_reload(text);
}

static void
make_remote(const struct installation *installation, struct setup_text *text)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, NULL);
  exim_part(installation, text, EXIM_RCPT, exim_rcpt_callout, NULL);
  exim_part(installation, text, EXIM_ROUTERS, exim_router_callout, exim_router_all, NULL);
  exim_part(installation, text, EXIM_TRANSPORTS, exim_transport_tls_callout, exim_transport_tls, NULL);
  exim_reload(text);
}

/* The ones that ask nothing in front of the queue. */
static void
make_routed(const struct installation *installation, struct setup_text *text, const char *router)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, NULL);
  add_delivery(installation, text, router);
  exim_reload(text);
}

static void
make_live(const struct installation *installation, struct setup_text *text)
{
  make_routed(installation, text, exim_router_live);
}

static void
make_aliases_file(const struct installation *installation, struct setup_text *text)
{
  exim_keep_files(installation, text);
  make_routed(installation, text, exim_router_aliases);
}

static void
make_files(const struct installation *installation, struct setup_text *text)
{
  exim_keep_files(installation, text);
  make_routed(installation, text, exim_router_files);
}

static void
make_sqlite(const struct installation *installation, struct setup_text *text)
{
  exim_read_database(installation, text);
  make_routed(installation, text, exim_router_sqlite);
}

static void
make_lmtp_smtp_transport(const struct installation *installation, struct setup_text *text)
{
  exim_relay_domains(installation, text);
  exim_part(installation, text, EXIM_MAIN, exim_domains, NULL);
  exim_part(installation, text, EXIM_RCPT, exim_rcpt_verify, NULL);
  exim_part(installation, text, EXIM_ROUTERS, exim_router_all, NULL);
  exim_part(installation, text, EXIM_TRANSPORTS, exim_transport_lmtp, NULL);
  exim_reload(text);
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

#define NOTHING_IN_FRONT "a bounce from its own MTA or this host, or silence: what is refused after the queue"

const struct mta_setup exim_setups[] = {
  { "readsocket", "recommended: Exim asks Listward live, and refuses before it has taken anything", "client's sender, recipient and size at RCPT; the whole message at DATA",
    "RCPT each; DATA for all, for each with PRDR", "Listward's words, in the dialogue", make_readsocket },
  { "prdr", "as the first, and clients without PRDR send mail for several lists one by one: no list's verdict waits for another's", "as readsocket",
    "RCPT each; DATA each", "Listward's words, in the dialogue", make_prdr },
  { "cutthrough", "mail is handed on while it comes in, over [smtp] listen", "everything", "RCPT each; DATA for all", "Listward's words, in the dialogue", make_cutthrough },
  { "callout", "call forwards to [lmtp] callout_listen", "sender and recipient", "RCPT each", "Listward's words at RCPT; " NOTHING_IN_FRONT, make_callout },
  { "live", "no files: Exim asks for each address", "recipient", "RCPT, unknown addresses", NOTHING_IN_FRONT, make_live },
  { "aliases-file", "a generated file of all addresses", "recipient", "RCPT, unknown addresses", NOTHING_IN_FRONT, make_aliases_file },
  { "files", "a generated file for each list", "recipient", "RCPT, unknown addresses", NOTHING_IN_FRONT, make_files },
  { "sqlite", "Exim reads Listward's database", "recipient", "RCPT, unknown addresses", NOTHING_IN_FRONT, make_sqlite },
  { "lmtp-smtp-transport", "a domain of lists alone, over TCP", "recipient", "after the queue", NOTHING_IN_FRONT, make_lmtp_smtp_transport },
  { "lmtp-socket", "a domain of lists alone, over the unix socket", "recipient", "after the queue", NOTHING_IN_FRONT, make_lmtp_socket },
  { "remote", "Listward on another host, over TLS", "sender and recipient", "RCPT each", "Listward's words at RCPT; " NOTHING_IN_FRONT, make_remote },
  { NULL },
};
