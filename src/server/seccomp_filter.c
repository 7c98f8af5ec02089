/* Two filters, since whether refusals are told to the audit log is a property of a filter: one for what the C library tries with every thread,
 * silent, and one for all else. The kernel takes the stricter answer of the two. */
#include "server/seccomp_filter.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The type in socket()'s second argument; the rest are flags. */
#define SOCKET_TYPE 0xf
/* clone()'s flags are its second argument there. */
#if defined(__s390__) || defined(__s390x__)
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* Whatever the arguments. Names that an architecture does not have are passed over. */
static const char *const allowed[] = {
  /* files: which ones is Landlock's matter */
  "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "open", "openat", "close", "close_range",
  "stat", "stat64", "fstat", "fstat64", "lstat", "lstat64", "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64",
  "access", "faccessat", "faccessat2", "lseek", "_llseek", "getdents", "getdents64", "fcntl", "fcntl64", "flock", "fsync", "fdatasync", "sync_file_range",
  "truncate", "truncate64", "ftruncate", "ftruncate64", "fallocate", "fadvise64", "fadvise64_64", "readahead", "rename", "renameat", "renameat2", "unlink",
  "unlinkat", "mkdir", "mkdirat", "link", "linkat", "readlink", "readlinkat", "fchmod", "fchown", "umask", "getcwd", "dup", "dup2",
  "dup3", "copy_file_range", "sendfile", "sendfile64", "pipe", "pipe2",
  /* memory; mmap and mprotect stand below */
  "munmap", "mremap", "madvise", "brk", "mlock", "munlock", "membarrier",
  /* threads */
  "futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "gettid", "getpid", "getppid", "exit",
  "exit_group", "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "restart_syscall", "arch_prctl", "set_thread_area",
  "wait4", "waitid", "waitpid",
  /* signals, of our own */
  "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigpending", "rt_sigsuspend",
  "sigaltstack", "pause",
  /* time and waiting */
  "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "gettimeofday", "time", "times", "nanosleep", "clock_nanosleep",
  "clock_nanosleep_time64", "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64", "epoll_create", "epoll_create1", "epoll_ctl",
  "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2",
  /* sockets that are there; new ones stand below */
  "connect", "accept", "accept4", "getsockname", "getpeername", "getsockopt", "setsockopt", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom",
  "recvmsg", "recvmmsg", "recvmmsg_time64", "shutdown",
  /* who and where we are */
  "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid", "getegid32", "getresuid", "getresuid32", "getresgid", "getresgid32",
  "getgroups", "getgroups32", "uname", "sysinfo", "getrandom", "getrlimit", "ugetrlimit", "getrusage", "getpriority", "getcpu", "capget",
};

/* Silently: every new thread tries it, and takes clone() then, whose flags a filter can see. */
static const char *const unknown[] = { "clone3" };

/* Permissions and owners are changed of files that are open alone: Landlock does not look at these calls, and by path they would reach all files. */
static const char *const refused[] = {
  "fork", "vfork", "listen", "setrlimit", "memfd_create", "symlink", "symlinkat", "chmod", "fchmodat", "fchmodat2", "chown", "chown32", "lchown", "lchown32",
  "fchownat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "utime", "utimes", "futimesat", "utimensat", "utimensat_time64",
};

static const char *const deadly[] = {
  "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
  "mount", "umount", "umount2", "mount_setattr", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "pivot_root", "chroot",
  "unshare", "setns", "open_by_handle_at", "name_to_handle_at", "mknod", "mknodat", "swapon", "swapoff", "quotactl", "quotactl_fd", "acct",
  "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "bpf", "perf_event_open", "userfaultfd",
  "add_key", "request_key", "keyctl", "iopl", "ioperm", "modify_ldt", "vm86", "vm86old", "personality", "syslog", "vhangup",
  "settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex", "stime", "sethostname", "setdomainname",
  "setuid", "setuid32", "setgid", "setgid32", "setreuid", "setreuid32", "setregid", "setregid32", "setresuid", "setresuid32", "setresgid", "setresgid32",
  "setfsuid", "setfsuid32", "setfsgid", "setfsgid32", "setgroups", "setgroups32", "capset",
};

/* Allowed (or refused with EPERM) if all conditions hold. At most one for each argument. */
struct conditional {
  const char *name;
  struct scmp_arg_cmp conditions[2];
  bool refuse;
};

#define BITS(argument, mask, value) { (argument), SCMP_CMP_MASKED_EQ, (mask), (value) }
#define IS(argument, value) { (argument), SCMP_CMP_EQ, (value), 0 }

static const struct conditional conditionals[] = {
  /* Threads, and no processes. */
  { "clone", { BITS(CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD) } },
  { "clone", { BITS(CLONE_FLAGS, CLONE_THREAD, 0) }, .refuse = true },

  /* Code comes out of files alone: modules of iconv and of the resolver are loaded when they are first needed. */
  { "mmap", { BITS(2, PROT_EXEC, 0) } },
  { "mmap", { BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), BITS(3, MAP_ANONYMOUS, 0) } },
  { "mmap2", { BITS(2, PROT_EXEC, 0) } },
  { "mmap2", { BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), BITS(3, MAP_ANONYMOUS, 0) } },
  { "mprotect", { BITS(2, PROT_EXEC, 0) } },
  { "mprotect", { BITS(2, PROT_EXEC, PROT_EXEC) }, .refuse = true },

  /* Connections of the kinds there are; getaddrinfo asks the kernel over netlink which addresses this machine has. */
  { "socket", { IS(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_STREAM) } },
  { "socket", { IS(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_DGRAM) } },
  { "socket", { IS(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_STREAM) } },
  { "socket", { IS(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_DGRAM) } },
  { "socket", { IS(0, AF_UNIX), BITS(1, SOCKET_TYPE, SOCK_STREAM) } },
  { "socket", { IS(0, AF_UNIX), BITS(1, SOCKET_TYPE, SOCK_DGRAM) } },
  { "socket", { IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE) } },
  { "socketpair", { IS(0, AF_UNIX) } },
  /* An address of so few octets is netlink's: the kernel demands at least 16 for IPv4 and 24 for IPv6. */
  { "bind", { IS(2, sizeof(struct sockaddr_nl)) } },
  { "bind", { { 2, SCMP_CMP_NE, sizeof(struct sockaddr_nl), 0 } }, .refuse = true },

  { "prctl", { IS(0, PR_SET_NAME) } },
  { "prctl", { IS(0, PR_GET_NAME) } },
  { "prlimit64", { IS(0, 0), IS(2, 0) } }, /* to read our own */

  { "ioctl", { IS(1, TCGETS) } },
  { "ioctl", { IS(1, FIONREAD) } },
  { "ioctl", { IS(1, FIONBIO) } },
  { "ioctl", { IS(1, FICLONE) } },
  { "ioctl", { IS(1, SIOCGIFINDEX) } },
  { "ioctl", { IS(1, SIOCGIFNAME) } },
};

/* Signals to ourselves: abort(), and whoever cancels a thread. */
static const char *const to_self[] = { "kill", "tgkill", "tkill" };

static int
add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned n, const struct scmp_arg_cmp *conditions)
{
  int number = seccomp_syscall_resolve_name(name);
  return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(filter, action, number, n, conditions);
}

static int
add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t n)
{
  int failure = 0;
  for (size_t i = 0; i < n && failure == 0; i++)
    failure = add(filter, action, names[i], 0, NULL);
  return failure;
}

static int
add_conditionals(scmp_filter_ctx filter)
{
  int failure = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(conditionals) && failure == 0; i++) {
    const struct conditional *row = &conditionals[i];
    failure = add(filter, row->refuse ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW, row->name, row->conditions[1].op ? 2 : 1, row->conditions);
  }
  return failure;
}

static int
add_to_self(scmp_filter_ctx filter)
{
  int failure = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(to_self) && failure == 0; i++) {
    const struct scmp_arg_cmp self = { 0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 }, other = { 0, SCMP_CMP_NE, (scmp_datum_t)getpid(), 0 };
    failure = add(filter, SCMP_ACT_ALLOW, to_self[i], 1, &self);
    if (failure == 0)
      failure = add(filter, SCMP_ACT_ERRNO(EPERM), to_self[i], 1, &other);
  }
  return failure;
}

static int
fill(scmp_filter_ctx filter)
{
  int failure = add_all(filter, SCMP_ACT_ALLOW, allowed, G_N_ELEMENTS(allowed));
  if (failure == 0)
    failure = add_all(filter, SCMP_ACT_ALLOW, unknown, G_N_ELEMENTS(unknown)); /* the other filter's matter */
  if (failure == 0)
    failure = add_all(filter, SCMP_ACT_ERRNO(EPERM), refused, G_N_ELEMENTS(refused));
  if (failure == 0)
    failure = add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, G_N_ELEMENTS(deadly));
  if (failure == 0)
    failure = add_conditionals(filter);
  return failure == 0 ? add_to_self(filter) : failure;
}

/* `told`: refusals are told to the audit log. */
static int
set_up(scmp_filter_ctx filter, bool told)
{
  int failure = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (failure == 0)
    failure = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  /* What older kernels lack and we can do without. The second: this program runs no code of strangers that speculation would have to be slowed for. */
  if (failure == 0 && told)
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
  (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
  return failure;
}

static int
enforce_quiet(void)
{
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  int failure = filter ? set_up(filter, false) : -ENOMEM;
  if (failure == 0)
    failure = add_all(filter, SCMP_ACT_ERRNO(ENOSYS), unknown, G_N_ELEMENTS(unknown));
  if (failure == 0)
    failure = seccomp_load(filter);
  seccomp_release(filter);
  return failure;
}

static int
enforce_list(void)
{
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  int failure = filter ? set_up(filter, true) : -ENOMEM;
  if (failure == 0)
    failure = fill(filter);
  if (failure == 0)
    failure = seccomp_load(filter);
  seccomp_release(filter);
  return failure;
}

enum res
seccomp_filter_enforce(GError **error)
{
  int failure = enforce_quiet();
  if (failure == 0)
    failure = enforce_list(); /* forbids itself to be followed by another */
  return failure == 0 ? RES_OK : trouble(error, REPLY_TROUBLE, "seccomp: %s", g_strerror(-failure));
}
