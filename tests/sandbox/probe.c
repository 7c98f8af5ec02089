/* Tries the sandbox from inside. It becomes what the server becomes, by the server's own code and with a configuration like the server's, then does
 * one thing and says how that went:
 *
 *   probe CONFIG THING [ARGUMENT…]
 *
 * One line: "done", with what came of it, or "refused" and errno. A thing that kills it is seen by who waits for it. With `[server] sandbox = no` the same
 * things are done outside of it. */
#include "base/clock.h"
#include "base/config.h"
#include "base/privilege.h"
#include "base/thread.h"
#include "server/helper.h"
#include "server/sandbox.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <resolv.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static struct helper *helper;

static void
done(const char *text)
{
  printf("done %s\n", text ? text : "");
}

static void
refused(void)
{
  printf("refused %s\n", strerrorname_np(errno));
}

static void
tell(bool ok)
{
  if (ok)
    done(NULL);
  else
    refused();
}

/* --- what must not work --- */

static void
try_execve(char **argv)
{
  (void)argv;
  execve("/bin/true", (char *[]){ (char *)"true", NULL }, NULL);
  refused();
}

static void
try_fork(char **argv)
{
  (void)argv;
  pid_t pid = fork();
  if (pid == 0)
    _exit(0);
  tell(pid > 0);
}

static void
try_system(char **argv)
{
  (void)argv;
  tell(system("true") == 0);
}

static void
try_read(char **argv)
{
  int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
  char octet;
  tell(fd >= 0 && read(fd, &octet, 1) >= 0);
}

static void
try_write(char **argv)
{
  int fd = open(argv[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  tell(fd >= 0 && write(fd, "x", 1) == 1);
}

static void
try_truncate(char **argv)
{
  tell(truncate(argv[0], 0) == 0);
}

static void
try_unlink(char **argv)
{
  tell(unlink(argv[0]) == 0);
}

static void
try_chmod(char **argv)
{
  tell(chmod(argv[0], 0600) == 0);
}

static void
try_rename(char **argv)
{
  tell(rename(argv[0], argv[1]) == 0);
}

static void
try_mkdir(char **argv)
{
  tell(mkdir(argv[0], 0700) == 0);
}

static void
try_symlink(char **argv)
{
  tell(symlink("/etc/passwd", argv[0]) == 0);
}

static void
try_list(char **argv)
{
  tell(open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
}

/* Family, "bound" or "unbound". */
static void
try_listen(char **argv)
{
  bool six = strcmp(argv[0], "inet6") == 0;
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && strcmp(argv[1], "bound") == 0 && bind(fd, six ? (struct sockaddr *)&in6 : (struct sockaddr *)&in, six ? sizeof in6 : sizeof in) != 0)
    refused();
  else
    tell(fd >= 0 && listen(fd, 1) == 0);
}

/* As if the address were short, as netlink's is. */
static void
try_short_bind(char **argv)
{
  (void)argv;
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  tell(fd >= 0 && bind(fd, (struct sockaddr *)&in, 12) == 0);
}

static void
try_unix_listen(char **argv)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_strlcpy(address.sun_path, argv[0], sizeof address.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  tell(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0);
}

static void
try_abstract(char **argv)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_strlcpy(address.sun_path + 1, argv[0], sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  tell(fd >= 0 && connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(argv[0]))) == 0);
}

static void
try_socket(char **argv)
{
  tell(socket(atoi(argv[0]), atoi(argv[1]) | SOCK_CLOEXEC, 0) >= 0);
}

static void
try_ptrace(char **argv)
{
  tell(ptrace(PTRACE_SEIZE, atoi(argv[0]), NULL, NULL) == 0);
}

static void
try_peek(char **argv)
{
  char octet;
  struct iovec here = { &octet, 1 }, there = { &octet, 1 };
  tell(process_vm_readv(atoi(argv[0]), &here, 1, &there, 1, 0) >= 0 || errno == EFAULT);
}

static void
try_kill(char **argv)
{
  tell(kill(atoi(argv[0]), 0) == 0);
}

static void
try_prlimit(char **argv)
{
  struct rlimit limit;
  tell(prlimit(atoi(argv[0]), RLIMIT_NOFILE, NULL, &limit) == 0);
}

static void
try_setuid(char **argv)
{
  (void)argv;
  tell(setresuid(geteuid(), geteuid(), geteuid()) == 0);
}

static void
try_unshare(char **argv)
{
  (void)argv;
  tell(unshare(CLONE_NEWUTS) == 0);
}

static void
try_mount(char **argv)
{
  (void)argv;
  (void)syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, NULL); /* outside: there is no such folder */
  tell(errno == ENOENT || errno == EPERM);
}

static void
try_made_code(char **argv)
{
  (void)argv;
  tell(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static void
try_writable_code(char **argv)
{
  (void)argv;
  int fd = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
  tell(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED);
}

static void
try_data_as_code(char **argv)
{
  (void)argv;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  tell(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
}

static void
try_memfd(char **argv)
{
  (void)argv;
  tell(memfd_create("x", MFD_CLOEXEC) >= 0);
}

/* A call that no list has. */
static void
try_unlisted(char **argv)
{
  (void)argv;
  tell(syscall(SYS_pidfd_open, getpid(), 0) >= 0);
}

/* --- what must work --- */

static void
try_gbk(char **argv)
{
  (void)argv;
  char in[] = "\xd6\xd0\xce\xc4", out[16] = "", *from = in, *to = out;
  size_t in_left = 4, out_left = sizeof out - 1;
  iconv_t with = iconv_open("UTF-8", "GBK");
  if (with != (iconv_t)-1 && iconv(with, &from, &in_left, &to, &out_left) == 0)
    done(out);
  else
    refused();
}

/* The name, by whatever way this machine is set up to find it. */
static void
try_resolve(char **argv)
{
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *found = NULL;
  char text[INET6_ADDRSTRLEN] = "";
  int code = getaddrinfo(argv[0], "25", &hints, &found);
  if (code != 0) {
    printf("refused %s\n", gai_strerror(code));
    return;
  }
  getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
  freeaddrinfo(found);
  done(text);
}

/* A TXT record of the name, from the server at a port of 127.0.0.1. */
static void
try_query(char **argv)
{
  struct __res_state state = { 0 };
  unsigned char answer[512];
  if (res_ninit(&state) != 0) {
    printf("refused res_ninit\n");
    return;
  }
  state.nscount = 1;
  state.nsaddr_list[0] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)atoi(argv[0])) };
  int n = res_nquery(&state, argv[1], ns_c_in, ns_t_txt, answer, sizeof answer);
  ns_msg message;
  ns_rr record;
  if (n > 0 && ns_initparse(answer, n, &message) == 0 && ns_parserr(&message, ns_s_an, 0, &record) == 0)
    printf("done %.*s\n", ns_rr_rdata(record)[0], (const char *)ns_rr_rdata(record) + 1);
  else
    printf("refused %s\n", hstrerror(state.res_h_errno));
  res_nclose(&state);
}

static size_t
take_body(char *octets, size_t size, size_t n, void *ctx)
{
  g_string_append_len(ctx, octets, (gssize)(size * n));
  return size * n;
}

/* The document at an https URL; a file of authorities, or "" for the system's. */
static void
try_https(char **argv)
{
  g_autoptr(GString) body = g_string_new(NULL);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL *curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_URL, argv[0]);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
  if (*argv[1])
    curl_easy_setopt(curl, CURLOPT_CAINFO, argv[1]);
  CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_OK)
    done(body->str);
  else
    printf("refused %s\n", curl_easy_strerror(code));
  curl_easy_cleanup(curl);
}

static void
try_map(char **argv)
{
  g_autoptr(GString) output = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  if (helper_run(helper, 0, argv[0], (struct slice){ "", 0 }, output, &error) == RES_OK)
    done(output->str);
  else
    printf("refused %s\n", error->message);
}

static void *
thread(void *data)
{
  int *n = data;
  *n = 42;
  return NULL;
}

static void
try_thread(char **argv)
{
  (void)argv;
  pthread_t made;
  int n = 0;
  bool ok = thread_start(&made, thread, &n);
  if (ok)
    pthread_join(made, NULL);
  tell(ok && n == 42);
}

static void
try_abort(char **argv)
{
  (void)argv;
  abort();
}

/* --- the program --- */

static const struct {
  const char *name;
  void (*attempt)(char **argv);
  int arguments;
} things[] = {
  { "execve", try_execve, 0 },
  { "fork", try_fork, 0 },
  { "system", try_system, 0 },
  { "read", try_read, 1 },
  { "write", try_write, 1 },
  { "truncate", try_truncate, 1 },
  { "unlink", try_unlink, 1 },
  { "chmod", try_chmod, 1 },
  { "rename", try_rename, 2 },
  { "mkdir", try_mkdir, 1 },
  { "symlink", try_symlink, 1 },
  { "list", try_list, 1 },
  { "listen", try_listen, 2 },
  { "short-bind", try_short_bind, 0 },
  { "unix-listen", try_unix_listen, 1 },
  { "abstract", try_abstract, 1 },
  { "socket", try_socket, 2 },
  { "ptrace", try_ptrace, 1 },
  { "peek", try_peek, 1 },
  { "kill", try_kill, 1 },
  { "prlimit", try_prlimit, 1 },
  { "setuid", try_setuid, 0 },
  { "unshare", try_unshare, 0 },
  { "mount", try_mount, 0 },
  { "made-code", try_made_code, 0 },
  { "writable-code", try_writable_code, 0 },
  { "data-as-code", try_data_as_code, 0 },
  { "memfd", try_memfd, 0 },
  { "unlisted", try_unlisted, 0 },
  { "gbk", try_gbk, 0 },
  { "resolve", try_resolve, 1 },
  { "query", try_query, 2 },
  { "https", try_https, 2 },
  { "map", try_map, 1 },
  { "thread", try_thread, 0 },
  { "abort", try_abort, 0 },
};

/* As the server does it: serve.c. */
static struct sandbox *
settle_in(const char *file, GError **error)
{
  static const char *const argv[] = { "/bin/sh", "-c", "cp \"$1\" \"$1.db\" && echo \"mapped $(wc -l <\"$1.db\")\"", "map", NULL };
  static struct helper_command map;
  OWN(config) config = NULL;
  enum res res = config_load(file, &config, error);
  if (res == RES_OK)
    res = privilege_drop(config->user, config->state_dir, error);
  if (res == RES_OK)
    res = privilege_renounce(error);
  if (res != RES_OK)
    return NULL;
  map = (struct helper_command){
    .name = "map", .argv = argv, .folder = g_strdup(config->state_dir), .time_limit = 20 * CLOCK_SECOND, .output_max = 100,
  };
  if (helper_start(&map, 1, &helper, error) != RES_OK)
    return NULL;
  return sandbox_enter(config);
}

int
main(int argc, char **argv)
{
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc < 3)
    return 2;
  for (size_t i = 0; i < G_N_ELEMENTS(things); i++) {
    if (strcmp(things[i].name, argv[2]) != 0 || argc - 3 != things[i].arguments)
      continue;
    g_autoptr(GError) error = NULL;
    OWN(sandbox) sandbox = settle_in(argv[1], &error);
    if (sandbox == NULL) {
      fprintf(stderr, "probe: %s\n", error->message);
      return 1;
    }
    things[i].attempt(argv + 3);
    helper_free(helper);
    return 0;
  }
  fprintf(stderr, "probe: no such thing as %s with %d arguments\n", argv[2], argc - 3);
  return 2;
}
