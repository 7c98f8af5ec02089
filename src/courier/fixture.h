#pragma once
/* For tests: a store with one list, its members and postings, and answers to questions about what stands in it. A failure ends the test. */
#include "outlet/outlet.h"
#include "store/store.h"

#define FIXTURE_MESSAGE                                                                                                  \
  "From: Ann <ann@example.org>\r\nTo: ant@example.com, m2@example.net\r\nCc: M3 <M3@example.net>\r\nSubject: hello\r\n"   \
  "Message-ID: <1@example.org>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nfirst line\r\n.dot\r\nlast line\r\n"

struct fixture {
  char *directory;
  struct store *store;
  int64_t list_id;
  const char *outlet; /* of the deliveries that are made from now on; NULL: the default one */
};

/* A scratch directory with a database; the list ant@example.com with `members` members m1@example.net, m2 … */
struct fixture *fixture_new(int members);
/* Removes it all. */
void fixture_free(struct fixture *fixture);
OWN_DEFINE(fixture, fixture_free)

/* Runs `fn`, which must succeed. */
void fixture_write(struct fixture *fixture, store_fn fn, void *arg);
/* Sets a preference of member m`number`. */
void fixture_set_member(struct fixture *fixture, int number, const char *name, const char *value);
/* Takes member m`number` away. */
void fixture_remove_member(struct fixture *fixture, int number);
/* One more member. */
void fixture_add_member(struct fixture *fixture, const char *address);
/* A posting of ann@example.org and its delivery to the roster as it is now; gives the delivery's id. */
int64_t fixture_post(struct fixture *fixture);
/* The same with a message and a sender of one's own. */
int64_t fixture_post_message(struct fixture *fixture, const char *message, const char *sender, bool smtputf8);
/* The same, to these addresses (NULL after the last) instead of the roster. */
int64_t fixture_post_to(struct fixture *fixture, const char *const *addresses);
/* The one number that `sql` (a constant) gives. */
int64_t fixture_number(struct fixture *fixture, const char *sql);
/* The one text that `sql` (a constant) gives; owned by the caller. */
char *fixture_text(struct fixture *fixture, const char *sql);
/* After a test has written rows of its own: sets when something of each delivery is due. */
void fixture_set_due(struct fixture *fixture);
/* Runs a statement. */
void fixture_run(struct fixture *fixture, const char *sql);
