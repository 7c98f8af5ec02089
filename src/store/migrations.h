#pragma once
/* Numbered migrations, as data. Private to this folder. */
#include "store/store.h"

/* `sql` is any number of statements. Words that begin with $ stand for what the back ends call differently:
 *   $ID      the primary key of a table: a 64-bit integer given by the database, never reused
 *   $BYTES   the type of octets
 * Text, integers (BIGINT) and everything else are written as both back ends understand them. */
struct migration {
  int64_t version; /* 1, 2, 3 … */
  const char *sql;
};

/* By which a database of ours is known: SQLite's application_id. */
#define APPLICATION_ID INT64_C(0x4c737477) /* "Lstw" */

struct migration_list {
  const struct migration *items;
  size_t n;
};

/* The schema of this program (schema.c). */
extern const struct migration_list schema;

struct migration_plan {
  const char *path; /* an existing file; it may be empty */
  struct migration_list migrations;
  bool no_backup;
  void (*migrating)(void *arg); /* as in struct store_options */
  void *migrating_arg;
};

/* The version that `list` leads to: 0 if it is empty. */
int64_t migration_newest(struct migration_list list);

/* Brings the file to the newest version, in one transaction, after a copy of it was made as FILE.pre-vN (N: the version that it is brought to). Other
 * processes may do the same at that time. RES_OK: the file has the newest version. RES_BAD: it is newer than this program.
 * RES_TEMP: it is no database of ours, there is no room for the copy, or the engine failed; the file is as it was. */
enum res migrations_apply(const struct migration_plan *plan, GError **error) MUST_CHECK;
