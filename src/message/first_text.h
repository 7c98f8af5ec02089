#pragma once
/* What a message's author wrote first, for looking at. Any thread. */
#include "message/header.h"

/* Octets of the body in which it is looked for, and of it that are read. */
#define FIRST_TEXT_WITHIN (256 * 1024)
#define FIRST_TEXT_MAX (16 * 1024)

/* The start of the message's first part of type text/plain, decoded to valid UTF-8 (charset.h), line ends as they came; owned by the caller. NULL: there
 * is none in the octets that are looked at, nor in the first hundred parts, eight deep. Messages within the message are not entered: what they
 * say, somebody else wrote. */
char *first_text(const struct header_view *view);
