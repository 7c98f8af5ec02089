#include "server/landlock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface, in full: the headers of the machine that builds may be older than the kernel that runs. */
enum {
  CREATE_RULESET = 444,
  ADD_RULE = 445,
  RESTRICT_SELF = 446,
};
#define VERSION_FLAG 1u
#define PATH_BENEATH 1

struct ruleset {
  uint64_t handled_fs;
  uint64_t handled_net; /* from ABI 4 */
  uint64_t scoped;      /* from ABI 6 */
};

struct path_beneath {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

enum {
  FS_EXECUTE = 1 << 0,
  FS_WRITE_FILE = 1 << 1,
  FS_READ_FILE = 1 << 2,
  FS_READ_DIR = 1 << 3,
  FS_REMOVE_FILE = 1 << 5,
  FS_MAKE_DIR = 1 << 7,
  FS_MAKE_REG = 1 << 8,
  FS_REFER = 1 << 13,     /* ABI 2 */
  FS_TRUNCATE = 1 << 14,  /* ABI 3 */
  FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
};
enum { NET_BIND_TCP = 1 << 0 };
enum { SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, SCOPE_SIGNAL = 1 << 1 };

/* What can be said about a file; the others are about folders. */
#define FILE_RIGHTS (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define ABI_LEAST 2

/* By ABI: all rights that it knows, of which none is left but what a rule gives. */
static const struct ruleset all_rights[] = {
  [2] = { .handled_fs = (1 << 14) - 1 },
  [3] = { .handled_fs = (1 << 15) - 1 },
  [4] = { .handled_fs = (1 << 15) - 1, .handled_net = NET_BIND_TCP },
  [5] = { .handled_fs = (1 << 16) - 1, .handled_net = NET_BIND_TCP },
  [6] = { .handled_fs = (1 << 16) - 1, .handled_net = NET_BIND_TCP, .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL },
};

static const uint64_t rights_of[] = {
  [LANDLOCK_READ] = FS_READ_FILE | FS_READ_DIR,
  [LANDLOCK_WRITE] = FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REFER,
  [LANDLOCK_REMOVE] = FS_REMOVE_FILE,
};

struct landlock {
  int fd;
  uint64_t handled_fs;
};

int
landlock_abi(void)
{
  long abi = syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG);
  return abi < ABI_LEAST ? 0 : (int)abi;
}

/* An older kernel takes a shorter structure. */
static size_t
ruleset_size(int abi)
{
  return abi < 4 ? offsetof(struct ruleset, handled_net) : abi < 6 ? offsetof(struct ruleset, scoped) : sizeof(struct ruleset);
}

enum res
landlock_new(struct landlock **landlock, GError **error)
{
  int abi = landlock_abi();
  if (abi == 0)
    return trouble(error, REPLY_TROUBLE, "this kernel has no Landlock, or one before ABI %d", ABI_LEAST);
  struct ruleset ruleset = all_rights[MIN((size_t)abi, G_N_ELEMENTS(all_rights) - 1)];
  int fd = (int)syscall(CREATE_RULESET, &ruleset, ruleset_size(abi), 0); /* close-on-exec by itself */
  if (fd < 0)
    return trouble(error, REPLY_TROUBLE, "Landlock: %s", g_strerror(errno));
  *landlock = g_new0(struct landlock, 1);
  **landlock = (struct landlock){ .fd = fd, .handled_fs = ruleset.handled_fs };
  return RES_OK;
}

void
landlock_free(struct landlock *landlock)
{
  if (landlock == NULL)
    return;
  close(landlock->fd);
  g_free(landlock);
}

bool
landlock_allow(struct landlock *landlock, const char *path, enum landlock_access access)
{
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0)
    return false;
  struct stat status;
  struct path_beneath rule = { .allowed = rights_of[access] & landlock->handled_fs, .parent = fd };
  if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
    rule.allowed &= FILE_RIGHTS;
  bool added = rule.allowed == 0 || syscall(ADD_RULE, landlock->fd, PATH_BENEATH, &rule, 0) == 0;
  int saved = errno;
  close(fd);
  errno = saved;
  return added;
}

enum res
landlock_enforce(struct landlock *landlock, GError **error)
{
  if (syscall(RESTRICT_SELF, landlock->fd, 0) == 0)
    return RES_OK;
  return trouble(error, REPLY_TROUBLE, "Landlock: %s", g_strerror(errno));
}
