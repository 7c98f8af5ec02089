#pragma once
/* Who may connect: unix sockets and this machine's loopback always, others if `allow` of the service names them. */
#include "base/config.h"
#include <netinet/in.h>
#include <sys/socket.h>

/* Who has connected. */
struct newcomer {
  char host[INET6_ADDRSTRLEN];      /* numeric; "" for a unix socket. An IPv4 address mapped into IPv6 is written as IPv4 */
  char text[INET6_ADDRSTRLEN + 16]; /* "127.0.0.1:4711", "[::1]:4711", "unix" */
  bool local;                       /* unix socket, loopback */
};

/* `address`: as accept(2) gave it. */
void newcomer_read(const struct sockaddr_storage *address, struct newcomer *newcomer);
/* By the configuration in force. */
bool newcomer_is_allowed(const struct newcomer *newcomer, const struct config *config, enum config_service service);

/* RES_BAD: an entry of an `allow` is not understood, or an address beyond loopback is listened on for nobody; the error names file, section and key. */
enum res admission_check(const struct config *config, GError **error) MUST_CHECK;

/* Newcomers who may not connect: the log says it once a minute at most. The state is the caller's, under his lock. */
struct strangers {
  int64_t logged; /* monotonic; 0: never */
  int64_t unlogged;
};
/* One more. The log is to say it if the result is not 0: how many since it did last. */
int64_t strangers_note(struct strangers *strangers, int64_t now);
