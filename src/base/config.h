#pragma once
/* The configuration file: INI (GKeyFile), every key with a default, unknown keys and bad values are errors that name file, section and key.
 * One table drives reading, defaults, `listward conf` and the manual. A loaded configuration never changes; a reload makes a new one. */
#include "base/error.h"
#include "base/own.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum config_type {
  CONFIG_TEXT,
  CONFIG_LIST, /* comma-separated */
  CONFIG_INT,
  CONFIG_SIZE, /* octets; 25M, 256K */
  CONFIG_TIME, /* microseconds; 7d, 12h, 5m, 10s; 0 */
  CONFIG_ENUM,
  CONFIG_BOOL, /* yes or no */
  CONFIG_MODE, /* octal permission bits */
};

enum config_unproven { CONFIG_UNPROVEN_HOLD, CONFIG_UNPROVEN_DISCARD, CONFIG_UNPROVEN_REFUSE };
enum config_outlet_type { CONFIG_OUTLET_SMTP, CONFIG_OUTLET_MAILDIR };
enum config_tls { CONFIG_TLS_NO, CONFIG_TLS_STARTTLS, CONFIG_TLS_IMPLICIT };

/* What can be listened for: each has a key `listen` in its section, and `allow` (call-outs: [lmtp]). */
enum config_service { CONFIG_LMTP, CONFIG_CALLOUT, CONFIG_SMTP, CONFIG_MILTER, CONFIG_POLICY, CONFIG_SOCKETMAP, CONFIG_READSOCKET, CONFIG_SERVICES };
struct config_listen {
  char **listen;
  char **allow; /* networks beyond loopback that may connect; NULL for CONFIG_CALLOUT */
  bool is_default; /* nobody has set `listen` */
};

/* Outlets at most, the default one included. */
#define CONFIG_OUTLETS_MAX 16

/* A section [outlet], or [outlet NAME] for lists whose setting `outlet` says NAME. */
struct config_outlet {
  char *name;   /* "": the default one */
  char **hosts; /* next hops, with or without a port; copies are shared out among them */
  char *path, *tls_ca_file, *tls_name, *tls_certificate, *tls_key, *user, *password_file;
  char **ignore_keywords; /* of EHLO */
  int64_t type, port, connections, tls, tls_verify;
};

/* Lists are NULL-terminated. Texts are never NULL. Times are microseconds, sizes octets. */
struct config {
  char *file; /* what was read; NULL: defaults alone */
  char *state_dir, *user, *hostname, *site_owner;
  int64_t sandbox;
  char *database_url;
  struct config_listen services[CONFIG_SERVICES];
  char **lmtp_trusted_peers;
  int64_t lmtp_unproven, lmtp_socket_mode;
  char *lmtp_socket_group;
  char *lmtp_tls_certificate, *lmtp_tls_key, *lmtp_tls_client_ca;
  char *smtp_next_hop;
  char **smtp_next_hop_clients;
  char *mta_maps, *mta_command, *mta_lmtp, *mta_postfix_service;
  char **auth_trusted, **auth_local_domains;
  char **rest_listen, **web_listen, **web_trusted_proxies;
  char *web_base_url;
  struct config_outlet *outlets; /* the default one first */
  size_t n_outlets;              /* at least 1 */
  int64_t courier_connections, courier_max_recipients, courier_retry_first, courier_retry_max, courier_retry_lifetime, courier_max_in_flight;
  char **courier_personal_domains;
  int64_t max_message_size, max_sessions, max_memory, command_timeout, data_timeout, message_timeout, minimum_rate, min_free_space;
  int64_t retention_messages, retention_dedupe, retention_ledger, retention_audit;
  char *alarm_command;
  int64_t log_format, log_level;
};

/* Reads `file`. NULL: LISTWARD_CONFIG, or else the system's file, which may be missing (defaults then). RES_BAD: file missing or
 * unreadable, unknown section or key, bad value; the error names file, section, key and what is allowed. */
enum res config_load(const char *file, struct config **config, GError **error) MUST_CHECK;
void config_free(struct config *config);
OWN_DEFINE(config, config_free)

/* The section of a service: "lmtp" … */
const char *config_service_section(enum config_service service);
/* What says where it listens: "[lmtp] listen", "[lmtp] callout_listen" … */
const char *config_service_key(enum config_service service);

/* One key of the table, for listings. */
struct config_key {
  const char *section, *key;
  enum config_type type;
  const char *fallback;
  const char *doc;
  const char *const *choices; /* CONFIG_ENUM: NULL-terminated */
  bool restart;               /* a reload cannot change it */
  bool outlet;                /* `offset` is one in struct config_outlet */
  size_t offset;
  int64_t min, max;
};
/* Ends with a row whose section is NULL. */
extern const struct config_key config_table[];
/* The effective value as one would write it (of the default outlet, if it is an outlet's key); owned by the caller. */
char *config_value(const struct config *config, const struct config_key *key);
/* The same of a key of [outlet] for one of the outlets. */
char *config_outlet_value(const struct config_outlet *outlet, const struct config_key *key);
/* The outlet of that name, or NULL. */
const struct config_outlet *config_outlet_find(const struct config *config, const char *name);
/* Keys that differ between two configurations and need a restart: an array of "[section] key" strings. */
GPtrArray *config_restart_keys(const struct config *before, const struct config *after);
/* Gives `after` the values of `before` for those keys: what is in force after a reload. */
void config_keep_restart_keys(const struct config *before, struct config *after);
/* `path` itself if absolute, else below state_dir; owned by the caller. */
char *config_path(const struct config *config, const char *path);

#define CONFIG_FILE "/etc/listward/listward.conf"
