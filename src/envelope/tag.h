#pragma once
/* Keyed tags in envelope senders: "ant-bounces+TAG@example.com" tells which posting, and in a copy of a member's own also which member, a
 * bounce is about. TAG is lower-case letters and digits: the ids, then a MAC over them and the list, so that nobody can make one up. Pure; any
 * thread. */
#include "base/error.h"
#include "base/slice.h"
#include <stdint.h>

/* Octets of a key. */
#define TAG_KEY 32
struct tag_key {
  unsigned char secret[TAG_KEY];
};

struct tag {
  int64_t posting_id;
  int64_t member_id; /* 0: the posting's tag, the same in all copies of a batch */
};

/* Characters of a tag at most. */
#define TAG_MAX 43

/* Writes the tag and a NUL; ids are above 0 (member_id: or 0). */
void tag_make(const struct tag_key *key, int64_t list_id, const struct tag *tag, char out[TAG_MAX + 1]);
/* RES_BAD: `text` was made with none of the keys, or for another list. The MAC is compared, in constant time and with each key, before
 * anything else is looked at. */
enum res tag_read(const struct tag_key *keys, size_t n_keys, int64_t list_id, struct slice text, struct tag *tag, GError **error) MUST_CHECK;

/* The argument of a -bounces address: the tag, and what an MTA's XVERP has put behind it ("TAG+user=example.net": address
 * "user@example.net", owned by the caller; NULL if there is none, or none that is an address). */
void tag_argument(struct slice argument, struct slice *tag, char **address);
/* `reverse_path` with "+TAG" before its '@'; without it where the local part would get longer than RFC 5321 4.5.3.1.1 allows (64 octets). Owned by the
 * caller. */
char *tag_reverse_path(const char *reverse_path, const char *tag);
