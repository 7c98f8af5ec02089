#pragma once
/* Is the database damaged? Private to this folder. */
#include "base/error.h"

/* What to do about it, for the end of a sentence. */
#define DAMAGE_ADVICE \
  "; stop what uses it, keep the damaged file with its -wal, and put a backup in its place, or what `sqlite3 FILE .recover` saves (docs/durability.md, Disks)"

/* Before anything else is done with the file: after an orderly end nothing (opening it tells what is no database, or too short); else all its pages are looked at, but
 * for some seconds at most. RES_OK: nothing is wrong as far as was looked. RES_TEMP: it is damaged, or cannot be read; the error says what to do. Nothing is changed. */
enum res damage_check(const char *path, GError **error) MUST_CHECK;
