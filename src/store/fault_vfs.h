#pragma once
/* For tests: a disk that fails when told, and a machine that loses its power. An SQLite VFS on top of the system's own; once installed, every
 * connection of the process works upon it without knowing. Never part of the product.
 *
 * It counts the calls of each kind and makes one of them fail, or all from that one on. It also knows, in sectors of 512 octets, what is on
 * the disk and what is only in the system's memory:
 * - a write is in memory until the file is synced with success;
 * - a sync that fails forgets what was to be written, as Linux does: the octets can still be read, but no later sync brings them to the disk
 *   unless they are written anew;
 * - when the power is lost, every call fails until fault_vfs_power_on(), which leaves what was on the disk.
 * - a new or deleted file is so on the disk when its directory is synced. Those who call fsync() for that are heard too, since the test's
 *   program has a function of that name.
 * Nothing is really synced: tests of power loss do not need it, and the others are faster. Any thread, but for what is said below. */
#include <stdbool.h>
#include <stdint.h>

enum fault_call { FAULT_READ, FAULT_WRITE, FAULT_SYNC, FAULT_TRUNCATE, FAULT_OPEN, FAULT_SHM_MAP, FAULT_DIRECTORY_SYNC, FAULT_CALLS };

enum fault_kind {
  FAULT_FULL,      /* SQLITE_FULL */
  FAULT_NO_SPACE,  /* an I/O error whose errno is ENOSPC */
  FAULT_IO_ERROR,  /* EIO */
  FAULT_SHORT,     /* half of it is written, then as FAULT_FULL; elsewhere the same as that */
  FAULT_POWER,     /* the power is lost: nothing survives but what was synced */
  FAULT_TORN,      /* the power is lost: of what was not synced, some sectors survive, others not */
  FAULT_KINDS
};

/* Of which files. */
enum fault_file { FAULT_ANY_FILE, FAULT_DATABASE_FILE, FAULT_WAL_FILE };

struct fault {
  enum fault_call call;
  enum fault_kind kind;
  enum fault_file file;
  int64_t at;    /* 1: the first such call from now on, 2: the second … */
  bool lasting;  /* all calls of that kind from there on, until fault_vfs_lift() */
  uint32_t seed; /* of the sectors that survive */
};

/* Once, before any connection is opened and before GLib is asked for a temporary directory: that is in memory from then on, if there is such a place and TMPDIR names no
 * other. */
void fault_vfs_install(void);
/* From now on `fault` is waited for. One at a time. */
void fault_vfs_arm(const struct fault *fault);
/* No more faults; what was lost stays lost. */
void fault_vfs_lift(void);
/* The fault that was armed last has struck. */
bool fault_vfs_struck(void);
/* The power is lost now; `torn` as for FAULT_TORN. */
void fault_vfs_power_off(bool torn, uint32_t seed);
bool fault_vfs_is_off(void);
/* Leaves in the files what is on the disk, and takes calls again. All connections must be closed: what was done to the files since the power
 * was lost is undone. */
void fault_vfs_power_on(void);
/* Calls of a kind since the last fault_vfs_arm(). */
int64_t fault_vfs_calls(enum fault_call call);
/* Forgets what it knows of the files; all connections must be closed. */
void fault_vfs_forget(void);

/* How far to go from the `at`-th call to the next that is to fail: to the next one with LISTWARD_DISK_FAULTS=all, else ever further:
 * by a `part`-th of the way so far. */
int64_t fault_vfs_stride(int64_t at, int64_t part);

/* For the names of rows and messages: "write", "short write" … */
const char *fault_call_name(enum fault_call call);
const char *fault_kind_name(enum fault_kind kind);
