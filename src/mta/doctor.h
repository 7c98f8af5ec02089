#pragma once
/* Would mail flow? Looks at an installation as the mail server sees it; for each thing that is wrong, the line to change. Nothing is changed, but one probe message is sent. A table
 * of checks (doctor.c); those of one kind stand together in a file. */
#include "mta/installation.h"

/* Domains that are looked at, of all there are: the first ones. */
#define DOCTOR_DOMAINS_MAX 20

enum doctor_level {
  DOCTOR_OK,
  DOCTOR_NOTE,    /* worth a look; mail flows */
  DOCTOR_PROBLEM, /* mail does not flow, or not as it should */
};
/* "ok", "note", "problem". */
const char *doctor_level_name(enum doctor_level level);

struct finding {
  enum doctor_level level;
  const char *check; /* static */
  char *what, *fix;  /* `fix`: the line to change, or the command to run; "" where nothing is wrong */
};

struct doctor {
  const struct config *config;
  const struct installation *installation;
  struct store *store; /* NULL: it cannot be opened, */
  const char *store_problem; /* and why */
  /* Asks the running server a question of the control socket; RES_MORE: none is running. `lines`: char *, owned by the caller. */
  enum res (*ask)(void *ctx, const char *request, GPtrArray **lines, GError **error);
  void *ask_ctx;
  char *smtp; /* HOST:PORT of the mail server, as the outside reaches it; NULL: 127.0.0.1:25 */
  char *dns;  /* address of the name server to ask, with a port if need be; NULL: the system's */
  int64_t wait; /* for the probe to come back, microseconds */
  bool no_mail, no_dns;
  GPtrArray *findings; /* struct finding *; made by doctor_run */
};

/* Runs all checks, some of which wait for the network, `wait` for each domain whose probe does not come; false: somewhere there is a problem. */
bool doctor_run(struct doctor *doctor);
void doctor_clear(struct doctor *doctor);

/* --- for the checks --- */

/* Adds a finding; `fix` may be NULL where nothing is wrong. printf-like. */
void doctor_say(struct doctor *doctor, enum doctor_level level, const char *check, const char *fix, const char *what, ...) G_GNUC_PRINTF(5, 6);

/* Each adds its findings. */
void doctor_check_server(struct doctor *doctor);      /* doctor_host.c */
void doctor_check_clock(struct doctor *doctor);
void doctor_check_disk(struct doctor *doctor);
void doctor_check_database(struct doctor *doctor);
void doctor_check_permissions(struct doctor *doctor);
void doctor_check_services(struct doctor *doctor);    /* doctor_services.c */
void doctor_check_remote(struct doctor *doctor);
void doctor_check_names(struct doctor *doctor);
void doctor_check_chroot(struct doctor *doctor);
void doctor_check_maps(struct doctor *doctor);        /* doctor_maps.c */
void doctor_check_outlets(struct doctor *doctor);     /* doctor_mail.c */
void doctor_check_refusal(struct doctor *doctor);
void doctor_check_probe(struct doctor *doctor);
void doctor_check_dns(struct doctor *doctor);         /* doctor_dns.c */
