#pragma once
/* Address lists of header fields (RFC 5322 3.4 and 4.4). */
#include "message/header.h"

/* Addresses of one message's field looked at at most. */
#define ADDRESS_LIST_MAX 1000
/* Conversions begun for their names at most; further names are guessed (encoded_word.h). */
#define ADDRESS_LIST_CONVERSIONS_MAX 200

/* Appends the addresses in `text` (an unfolded field value) to `mailboxes` (of struct mailbox) until that holds ADDRESS_LIST_MAX. Total:
 * what is no address is passed over. Work is linear in the text, without recursion. `conversions`: as for encoded_words_decode_within().
 * Any thread. */
void address_list_read(struct slice text, unsigned *conversions, GPtrArray *mailboxes);
