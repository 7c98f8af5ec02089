#pragma once
/* Where in the octets of a message its slots are: the places where a personal copy says something of its own. */
#include "smtp/transmission.h"

/* Finds those that are `wanted` and sets has_slot and slots of `form`, whose header and body are set. A field that stands there not at all, or more than once, is
 * no slot. Any thread. */
void slots_find(struct copy_form *form, const bool wanted[SLOT_COUNT]);
