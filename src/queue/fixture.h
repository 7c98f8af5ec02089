#pragma once
/* For tests: a scratch store with lists, and a door's way to post to them. What fails ends the test. */
#include "list/member.h"
#include "queue/explain.h"
#include "queue/front.h"
#include "queue/hold.h"
#include "queue/intake.h"

#define FIXTURE_NOW (INT64_C(1800000000) * 1000000)

struct fixture {
  char *directory;
  struct store *store;
  struct list_index *index;
  struct budget budget;
  struct intake_options options;
  int64_t now;
};
/* A new store in a scratch directory; closed and removed at the end, when the budget must have got all back. */
void fixture_set_up(struct fixture *fixture);
/* The other half of fixture_set_up. */
void fixture_tear_down(struct fixture *fixture);
/* Closes and opens the store again; `meanwhile`, if not NULL, is called in between. */
void fixture_restart(struct fixture *fixture, void (*meanwhile)(void));

/* Makes a list, and its domain. */
void fixture_list(struct fixture *fixture, const char *name);
/* Changes a setting of a list; the index knows it at once. */
void fixture_set(struct fixture *fixture, const char *list, const char *name, const char *value);
/* Adds a member, owner …; `moderation` is its own action, NULL: the list's default. */
void fixture_member(struct fixture *fixture, const char *list, enum member_role role, const char *address, const char *moderation);
/* The list's snapshot; owned by the caller. */
struct list *fixture_find(struct fixture *fixture, const char *list);
/* One integer; `sql` is a literal. -1: no row. */
int64_t fixture_int(struct fixture *fixture, const char *sql);
void fixture_run(struct fixture *fixture, const char *sql);
/* RES_OK or what `fn` gave; ends the test if it is RES_TEMP. */
enum res fixture_write(struct fixture *fixture, store_fn fn, void *arg);

/* What a moderator decides. RES_MORE: nothing held by that id. */
enum res fixture_decide(struct fixture *fixture, const struct list *list, const char *code, enum hold_decision decision, int64_t now);

#define FIXTURE_RECIPIENTS 6
struct mail {
  const char *from;         /* reverse-path; NULL: that of the header */
  const char *header_from;  /* NULL: bea@example.org */
  const char *extra;        /* header fields with CRLF */
  const char *subject;      /* NULL: "hello" */
  const char *message;      /* NULL: made of the fields above */
  size_t padding;           /* octets more in the body */
  const char *to[FIXTURE_RECIPIENTS];
  enum door_kind door;
  bool trusted;
  const char *source; /* XFORWARD SOURCE */
  bool report_success; /* asked for by all recipients */
  const char *envelope_id, *original_recipient;
  bool judge; /* front_judge() instead of intake_message() */
  bool one_reply, others;
  enum res (*pass_on)(void *ctx, GError **error);
  void *pass_on_ctx;
};
struct outcome {
  enum reply reply[FIXTURE_RECIPIENTS];
  char code[FIXTURE_RECIPIENTS][17];
  char *reason[FIXTURE_RECIPIENTS];
  bool wake;
};
void outcome_clear(struct outcome *outcome);
/* As a door does it. */
void fixture_post(struct fixture *fixture, const struct mail *mail, struct outcome *outcome);
/* The reply to the only recipient. */
enum reply fixture_answer(struct fixture *fixture, const struct mail *mail);
