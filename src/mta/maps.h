#pragma once
/* Map files: all addresses of this installation in the forms that MTAs read. One table of kinds (map_postfix.c, map_exim.c, map_sendmail.c); adding one is a row and a function
 * or two. Lines are sorted by domain, list and role; a file is replaced as a whole, and only when its content differs. */
#include "mta/installation.h"

/* A domain as an MTA may look it up. */
struct map_host {
  const char *name; /* A-labels, or U-labels where they differ */
  const char *own;  /* the domain whose lists these are: `name` itself, or what it is an alias of, or written otherwise */
  int64_t domain_id;
  bool alias;   /* `own` is another domain */
  bool unicode; /* `name` has octets above 127 */
};

/* An address at `host`, posting or role address. */
struct map_address {
  const struct map_host *host;
  struct slice name; /* "ant-owner@virt.example.org" */
  struct slice own;  /* "ant-owner@example.com": the same in the host's own domain */
};

/* What a map's lines say beside the address. */
struct map_target {
  const char *postfix;  /* "lmtp:unix:/run/listward/lmtp.sock" */
  const char *sendmail; /* "lists:[127.0.0.1]", "lists:localhost" for a unix socket */
};

struct map_kind {
  const char *name; /* of the file, or of the folder with a file for each list, named ant@example.com */
  const char *mta;
  const char *doc;  /* one line: what it holds */
  bool folder;      /* the three below are not called */
  /* Each appends lines; NULL: none. Called for each host, then for each of its lists' addresses (and the doctor's). */
  void (*add_host)(GString *out, const struct map_host *host, const struct map_target *target);
  void (*add_address)(GString *out, const struct map_address *address, const struct map_target *target);
  /* For the names of the domain itself: postmaster … */
  void (*add_reserved)(GString *out, const struct map_address *address, const struct map_target *target);
};
extern const struct map_kind postfix_map_kinds[], exim_map_kinds[], sendmail_map_kinds[]; /* each ends with a row without a name */
/* All kinds, one after the other; NULL behind the last. */
const struct map_kind *map_kind_nth(size_t n);

struct maps_options {
  const char *folder; /* absolute */
  const char *mta;    /* only its maps; NULL: all */
  bool look_only;     /* nothing is written; what would be is told */
  bool owe_command;   /* a command is to be run when something has changed: maps_command_is_owed() is true from before the first change on */
};

/* What became of one map. */
typedef void (*maps_told)(void *ctx, const struct map_kind *kind, bool changed);

/* Brings the files in the folder up to date, making it if it is missing. Memory does not grow with the number of lists. `told` may be NULL. RES_OK: all are as the database
 * is. Else the error names the file, and each file is either as before or new as a whole: RES_BAD: something stands in its place that is no file; RES_TEMP: anything else. Any
 * thread; who comes while another writes there, waits. */
enum res maps_write(const struct installation *installation, struct store *store, const struct maps_options *options, maps_told told, void *ctx, GError **error) MUST_CHECK;

/* For a process that is about to become [server] user: makes the folder (0755) if it is missing and, if it is root still, gives it to that user, who is to write into it. Does
 * nothing below the state directory, where that user can. RES_TEMP: the error names the folder. */
enum res maps_folder_prepare(const struct config *config, const char *folder, GError **error) MUST_CHECK;

/* True if files have changed for which no command has succeeded yet, in this process or one before. */
bool maps_command_is_owed(const char *folder);
/* The command has succeeded. */
void maps_command_done(const char *folder);
