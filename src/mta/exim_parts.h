#pragma once
/* The texts that Exim's set-ups are made of, and the words of this installation that are filled in. */
#include "mta/setup.h"

/* Places of Exim's one file of configuration. */
enum exim_place { EXIM_MAIN, EXIM_ACLS, EXIM_RCPT, EXIM_DATA, EXIM_ROUTERS, EXIM_TRANSPORTS };

/* The user that it runs as in Debian. */
#define EXIM_USER "Debian-exim"

/* Templates (exim_texts.c): @NAME@ stands for what `exim_parts` adds of this installation. */
extern const char exim_domains[], exim_whole_message[], exim_prdr[], exim_no_chunking[];
extern const char exim_acl_prdr[];
extern const char exim_rcpt_live[], exim_rcpt_one_list[], exim_rcpt_live_end[], exim_rcpt_verify[], exim_rcpt_callout[], exim_rcpt_cutthrough[], exim_rcpt_no_utf8[];
extern const char exim_data_live[];
extern const char exim_router_live[], exim_router_all[], exim_router_aliases[], exim_router_files[], exim_router_sqlite[], exim_router_unknown[], exim_router_callout[], exim_router_cutthrough[];
extern const char exim_transport_lmtp[], exim_transport_socket[], exim_transport_smtp[], exim_transport_callout[], exim_transport_tls[], exim_transport_tls_callout[];

/* Begins a part and adds templates to it, up to a NULL. */
void exim_part(const struct installation *installation, struct setup_text *text, enum exim_place place, ...) G_GNUC_NULL_TERMINATED;
/* The part of Debian's debconf file that lets mail for the domains of lists in. */
void exim_relay_domains(const struct installation *installation, struct setup_text *text);
/* What keeps the map files up to date, and makes them for the first time. */
void exim_keep_files(const struct installation *installation, struct setup_text *text);
/* What lets Exim read our database. */
void exim_read_database(const struct installation *installation, struct setup_text *text);
/* A listener beyond loopback, with what it needs. */
void exim_want_remote(const struct installation *installation, struct setup_text *text);
/* What to run when all is in place. */
void exim_reload(struct setup_text *text);
