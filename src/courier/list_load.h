#pragma once
/* Octets of each list's copies that are being sent: size of the message times recipients. One that has much in flight must not crowd out the
 * others. Locked by its owner. */
#include "base/own.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct list_load;

/* `max`: octets of one list from which it has enough. */
struct list_load *list_load_new(int64_t max);
/* NULL is allowed. */
void list_load_free(struct list_load *load);
OWN_DEFINE(list_load, list_load_free)

/* A piece of work begins. List 0 (mail to a domain) never has enough. */
void list_load_add(struct list_load *load, int64_t list_id, int64_t octets);
/* It has ended. True: the list had enough, and has no more. */
bool list_load_remove(struct list_load *load, int64_t list_id, int64_t octets);
/* The lists that have enough, the fullest first, `most` of them at most; gives how many. */
size_t list_load_full(const struct list_load *load, int64_t *lists, size_t most);
