#pragma once
/* The members of a chunk as stored: their ids in roster order, each as the zigzag varint of its difference to the one before. */
#include "base/error.h"
#include "base/slice.h"
#include <glib.h>

/* Members of one chunk at most: the crash window of a connection. */
#define ROSTER_CHUNK_MAX 500

/* Owned by the caller. Ids are above 0, at most ROSTER_CHUNK_MAX. */
GByteArray *roster_chunk_encode(const int64_t *ids, size_t n);
/* The ids again: an array of int64_t, owned by the caller. RES_BAD: these octets are no chunk. Total. */
enum res roster_chunk_decode(struct slice octets, GArray **ids, GError **error) MUST_CHECK;
