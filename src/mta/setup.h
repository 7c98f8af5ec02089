#pragma once
/* What is to be pasted into an MTA's configuration, as parts: each for one place of one file, with comments. One table of set-ups for each MTA (postfix_setups.c,
 * exim_setups.c, sendmail_setups.c); adding one is a row and a function. */
#include "mta/installation.h"
#include <jansson.h>

/* The text of a set-up, part by part; printed as text or JSON by setup_render_text() and setup_render_json(). */
struct setup_text;

/* Lines for `file`, at `place`: "append" (main.cf: parameters; master.cf: services), "create" (the whole file), or what a person has to look for, in words that are the same in
 * all set-ups of one MTA: "main section", "acl_check_rcpt, first", "routers, first", "transports", "before the first MAILER line",
 * "in place of the line FEATURE(`access_db'), or before the first MAILER line", "at the end". */
void setup_part(struct setup_text *text, const char *file, const char *place);
/* A line of the part begun last, without its line end; printf-like. Comments are lines that begin with '#' (or what the file wants), above the line they explain. */
void setup_line(struct setup_text *text, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A command to run after all parts are in place, with what it does. In order. */
void setup_run(struct setup_text *text, const char *command, const char *why);
/* The same, but before the server is restarted with what listward.conf says now. */
void setup_prepare(struct setup_text *text, const char *command, const char *why);

/* Which socket of a service a set-up needs. */
enum setup_socket { SETUP_ANY, SETUP_TCP, SETUP_UNIX };
/* The address to fill in: for SETUP_ANY the preferred one. If the service does not listen so, a part for listward.conf and a warning are added, and the address is the one
 * that stands there. Borrowed from `installation`. */
const struct service_address *setup_service(struct setup_text *text, const struct installation *installation, enum config_service service, enum setup_socket socket);
/* The set-up needs `[section] key = value` in listward.conf: adds that with the comment `why` (one line) to the part for it, unless it is so already. The first value asked for wins. */
void setup_conf(struct setup_text *text, const struct installation *installation, const char *section, const char *key, const char *value, const char *why);

/* The domains of the installation, char *. While there are none: "lists.example.com", which whoever prints the text says. Borrowed. */
const GPtrArray *setup_domains(struct setup_text *text, const struct installation *installation);

struct mta_setup {
  const char *name; /* of --setup: "milter" … */
  const char *doc;  /* one line: what for */
  const char *sees, *refuses, *author; /* the row of the table of ways: what it sees, when it can refuse, what the author sees */
  void (*make)(const struct installation *installation, struct setup_text *text);
};

struct mta {
  const char *name;  /* "postfix" */
  const char *title; /* "Postfix" */
  const struct mta_setup *setups; /* the first is the recommended one; ends with a row without a name */
};
extern const struct mta mtas[]; /* ends with a row without a name */
extern const struct mta_setup postfix_setups[], exim_setups[], sendmail_setups[];
/* By name; NULL: there is none. */
const struct mta *mta_find(const char *name);
const struct mta_setup *mta_setup_find(const struct mta *mta, const char *name);

/* Empty; owned by the caller. */
struct setup_text *setup_text_new(void);
void setup_text_free(struct setup_text *text);
OWN_DEFINE(setup_text, setup_text_free)
/* What the set-up needs and this installation does not have, a sentence each: char *. Borrowed. */
const GPtrArray *setup_missing(const struct setup_text *text);
/* For people: a line "==== FILE: PLACE" above each part, and "==== then run" above the commands; nothing but comments and what is to be pasted besides. The part for
 * listward.conf comes first. Owned by the caller. */
char *setup_render_text(const struct setup_text *text);
/* {"parts": [{"file", "place", "text"}], "run": [{"command", "why"}]}, in the same order; a new reference. */
json_t *setup_render_json(const struct setup_text *text);
