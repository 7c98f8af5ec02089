#pragma once
/* What is to be pasted into an MTA's configuration, as parts: each for one place of one file, with comments. One table of set-ups for each MTA (postfix_setups.c,
 * exim_setups.c, sendmail_setups.c); adding one is a row and a function. */
#include "mta/installation.h"

/* The text of a set-up, part by part; printed as text or JSON by setup_render_text() and setup_render_json(). */
struct setup_text;

/* Lines for `file`, at `place`: "append" (main.cf: parameters; master.cf: services), "create" (the whole file), or what a person has to look for, in words that are the same in
 * all set-ups of one MTA: "main section", "acl_check_rcpt, first", "routers, first", "transports", "before MAILER_DEFINITIONS", "after MAILER_DEFINITIONS". */
void setup_part(struct setup_text *text, const char *file, const char *place);
/* A line of the part; printf-like. Comments are lines that begin with '#' (or what the file wants), above the line they explain. */
void setup_line(struct setup_text *text, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A command to run after all parts are in place, with what it does. In order. */
void setup_run(struct setup_text *text, const char *command, const char *why);

struct mta_setup {
  const char *name; /* of --setup: "milter" … */
  const char *doc;  /* one line: what for */
  const char *sees, *refuses, *author; /* the row of the table of ways: what it sees, when it can refuse, what the author sees */
  void (*make)(const struct installation *installation, struct setup_text *text);
};

struct mta {
  const char *name; /* "postfix" */
  const struct mta_setup *setups; /* the first is the recommended one; ends with a row without a name */
};
extern const struct mta mtas[]; /* ends with a row without a name */
extern const struct mta_setup postfix_setups[], exim_setups[], sendmail_setups[];

/* Empty; owned by the caller. */
struct setup_text *setup_text_new(void);
void setup_text_free(struct setup_text *text);
OWN_DEFINE(setup_text, setup_text_free)
/* For people: a line "==== FILE: PLACE" above each part, and "==== then run" above the commands; nothing but comments and what is to be pasted besides. Owned by the caller. */
char *setup_render_text(const struct setup_text *text);
/* {"parts": [{"file", "place", "text"}], "run": [{"command", "why"}]}; owned by the caller. */
char *setup_render_json(const struct setup_text *text);
