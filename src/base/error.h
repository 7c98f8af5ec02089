#pragma once
/* Results and errors. Every fallible function returns an enum res and fills a GError whose code
 * is an enum reply, so that the one table in base/reply.c can say it to the peer. The message of the
 * GError is for the log and the command line. An SMTP peer sees it only in replies with a {reason} or {detail} (REPLY_REFUSED,
 * REPLY_TOO_LARGE …): an error with such a code holds nothing private. */
#include "base/reply.h"
#include <glib.h>

enum res {
  RES_OK,
  RES_MORE, /* more input is needed, or there is nothing more to give */
  RES_BAD,  /* the other side is wrong: permanent */
  RES_TEMP, /* we could not: try again */
};

#define MUST_CHECK G_GNUC_WARN_UNUSED_RESULT

/* The domain of our GErrors. */
#define LISTWARD_ERROR listward_error_quark()
/* For LISTWARD_ERROR. */
GQuark listward_error_quark(void);

/* Sets `error` (may be NULL) and returns RES_BAD: the other side is wrong. */
enum res refuse(GError **error, enum reply reply, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Sets `error` (may be NULL) and returns RES_TEMP: our trouble. */
enum res trouble(GError **error, enum reply reply, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* RES_TEMP for what the system would not do with a file, by errno: "PATH: DOING: why", REPLY_FULL if there is no room for it. `error` may be NULL. */
enum res file_trouble(const char *path, const char *doing, GError **error);
/* The reply that `error` carries, or `otherwise` if it is NULL or not one of ours. */
enum reply error_reply(const GError *error, enum reply otherwise);
