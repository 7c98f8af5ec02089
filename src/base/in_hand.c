#include "base/in_hand.h"
#include "base/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS 1024
#define MAGIC UINT64_C(0x32646e6168206e69) /* "in hand2" */
#define TAKEN IN_HAND_KINDS                /* a slot that has no key yet */

/* Read by the next process, which may be another version of the program: a change of this is another magic. */
struct file {
  uint64_t magic;
  struct {
    _Atomic uint32_t kind; /* set last, cleared first */
    int64_t key;
  } slots[SLOTS];
};

static struct file *file;
static atomic_uint next;
static pthread_rwlock_t others;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local int piece = -1; /* the thread's slot */

/* Who wants to be alone goes before those who come. */
static void
make_lock(void)
{
  pthread_rwlockattr_t manner;
  pthread_rwlockattr_init(&manner);
  pthread_rwlockattr_setkind_np(&manner, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&others, &manner);
  pthread_rwlockattr_destroy(&manner);
}

static struct file *
map(const char *path)
{
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  void *mapped = MAP_FAILED;
  if (fd >= 0 && ftruncate(fd, sizeof(struct file)) == 0)
    mapped = mmap(NULL, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd >= 0)
    close(fd);
  return mapped == MAP_FAILED ? NULL : mapped;
}

enum res
in_hand_open(const char *path, GArray **left, GError **error)
{
  *left = g_array_new(FALSE, FALSE, sizeof(struct in_hand_note));
  file = map(path);
  if (file == NULL)
    return trouble(error, REPLY_TROUBLE, "%s: %s", path, g_strerror(errno));
  for (size_t i = 0; file->magic == MAGIC && i < SLOTS; i++) {
    struct in_hand_note note = { .kind = atomic_load(&file->slots[i].kind), .key = file->slots[i].key };
    if (note.kind > IN_HAND_NOTHING && note.kind < IN_HAND_KINDS)
      g_array_append_val(*left, note);
  }
  return RES_OK;
}

void
in_hand_forget(void)
{
  for (size_t i = 0; file && i < SLOTS; i++)
    atomic_store(&file->slots[i].kind, IN_HAND_NOTHING);
  if (file)
    file->magic = MAGIC;
}

void
in_hand_close(void)
{
  if (file)
    munmap(file, sizeof *file);
  file = NULL;
}

int
in_hand_take(enum in_hand_kind kind, int64_t key)
{
  for (int tries = 0; file && tries < SLOTS; tries++) {
    unsigned i = atomic_fetch_add(&next, 1) % SLOTS;
    uint32_t empty = IN_HAND_NOTHING;
    if (!atomic_compare_exchange_strong(&file->slots[i].kind, &empty, TAKEN))
      continue;
    file->slots[i].key = key;
    atomic_store(&file->slots[i].kind, kind);
    return (int)i;
  }
  return -1;
}

void
in_hand_give(int slot)
{
  if (slot >= 0 && file)
    atomic_store(&file->slots[slot].kind, IN_HAND_NOTHING);
}

static void
mark_piece(enum in_hand_kind kind)
{
  if (piece >= 0 && file)
    atomic_store(&file->slots[piece].kind, kind);
}

void
in_hand_begin(int64_t key)
{
  g_assert(piece < 0);
  piece = in_hand_take(IN_HAND_AT_WORK, key);
}

void
in_hand_wait(void)
{
  mark_piece(IN_HAND_WAITING);
}

void
in_hand_go_on(void)
{
  mark_piece(IN_HAND_AT_WORK);
}

void
in_hand_end(void)
{
  in_hand_give(piece);
  piece = -1;
}

void
in_hand_join(void)
{
  pthread_once(&once, make_lock);
  int failed = pthread_rwlock_rdlock(&others);
  g_assert(failed == 0);
}

void
in_hand_leave(void)
{
  pthread_rwlock_unlock(&others);
}

bool
in_hand_alone(int64_t deadline)
{
  struct timespec until = thread_deadline(deadline);
  pthread_once(&once, make_lock);
  return pthread_rwlock_clockwrlock(&others, CLOCK_MONOTONIC, &until) == 0;
}

void
in_hand_not_alone(void)
{
  pthread_rwlock_unlock(&others);
}
