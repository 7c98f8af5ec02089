#pragma once
/* The start of a connection: TLS, greeting, EHLO, login. */
#include "smtp/smtp_client.h"
#include "smtp/smtp_peer.h"

/* As smtp_client_hello. */
enum res smtp_hello_run(struct smtp_peer *peer, const struct smtp_client_options *options, GError **error) MUST_CHECK;
