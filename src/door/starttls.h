#pragma once
/* STARTTLS in a session of LMTP or SMTP: RFC 3207. */
#include "door/session.h"

/* Over TCP, with a certificate of ours, and once. */
bool starttls_may_be_offered(const struct door_session *session);
/* The client is on another machine, and clients there must show a certificate: it has not, and no transaction is to begin. */
bool starttls_is_due(const struct door_session *session);
/* Serves STARTTLS: as lmtp_dialogue_command. The session begins anew with it; if hands cannot be shaken it is over. */
enum res starttls_begin(struct door_session *session, GError **error) MUST_CHECK;
