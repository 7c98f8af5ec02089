/* The listeners, as the mail server sees them: is somebody there, may it connect, does it find the name, does its chroot hide the socket? */
#include "base/clock.h"
#include "mta/doctor.h"
#include "net/endpoint.h"
#include "net/stream.h"
#include "net/tls.h"
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECT_TIME (5 * CLOCK_SECOND)

/* Users as whom mail servers connect. */
static const char *const mta_users[] = { "postfix", "Debian-exim", "exim" };

/* Somebody answers there. */
static bool
can_connect(struct doctor *doctor, enum config_service service, const char *text)
{
  OWN(endpoint) endpoint = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *fix = g_strdup_printf("%s = %s, and restart the server", config_service_key(service), text);
  int fd = -1;
  if (endpoint_parse(text, &endpoint, &error) == RES_OK && endpoint_connect(endpoint, clock_monotonic() + CONNECT_TIME, &fd, &error) == RES_OK) {
    close(fd);
    return true;
  }
  if (!doctor->config->services[service].is_default)
    doctor_say(doctor, DOCTOR_PROBLEM, config_service_section(service), fix, "nobody answers: %s", error->message);
  return false;
}

/* May that user go through a folder, or write to a socket? */
static bool
may(const struct passwd *user, const char *path, mode_t bit)
{
  struct stat status;
  gid_t groups[64];
  int n = G_N_ELEMENTS(groups);
  if (stat(path, &status) != 0)
    return false;
  if (status.st_uid == user->pw_uid)
    return status.st_mode & (bit << 6);
  if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
    n = G_N_ELEMENTS(groups);
  for (int i = 0; i < n; i++)
    if (groups[i] == status.st_gid)
      return status.st_mode & (bit << 3);
  return status.st_mode & bit;
}

/* What an MTA's user may not use is no problem where it can come over TCP; the account may be left over, too. */
static enum doctor_level
level_of(const struct doctor *doctor, enum config_service service)
{
  return doctor->installation->services[service].has_tcp ? DOCTOR_NOTE : DOCTOR_PROBLEM;
}

/* The user, or everybody if it is NULL, and one folder above the socket `path`. */
static void
check_folder(struct doctor *doctor, enum config_service service, const char *path, const char *folder, const struct passwd *user)
{
  const char *section = config_service_section(service);
  struct stat status;
  g_autofree char *name = g_path_get_basename(path), *open = g_strdup_printf("chmod o+x %s", folder), *move = g_strdup_printf("%s = /run/listward/%s", config_service_key(service), name);
  if (user && !may(user, folder, S_IXOTH))
    doctor_say(doctor, level_of(doctor, service), section, open, "the user %s cannot get to %s: %s is closed to it", user->pw_name, path, folder);
  /* Sendmail connects to no such socket; nor should anybody. */
  if (user == NULL && stat(folder, &status) == 0 && status.st_mode & S_IWOTH)
    doctor_say(doctor, DOCTOR_PROBLEM, section, move, "%s lies below %s, which everybody can write to: Sendmail does not connect, and others could take its place", path, folder);
}

static void
check_folders(struct doctor *doctor, enum config_service service, const char *path, const struct passwd *user)
{
  g_autofree char *folder = g_path_get_dirname(path);
  while (strcmp(folder, "/") != 0) {
    check_folder(doctor, service, path, folder, user);
    char *above = g_path_get_dirname(folder);
    g_free(folder);
    folder = above;
  }
}

static void
check_user(struct doctor *doctor, enum config_service service, const char *path, const struct passwd *user)
{
  g_autofree char *fix = g_strdup_printf("[lmtp] socket_group = %s, and restart the server (or: usermod -aG listward %s)", user->pw_name, user->pw_name);
  if (!may(user, path, S_IWOTH))
    doctor_say(doctor, level_of(doctor, service), config_service_section(service), fix, "the user %s may not write to %s", user->pw_name, path);
  check_folders(doctor, service, path, user);
}

static void
check_socket(struct doctor *doctor, enum config_service service, const char *path)
{
  check_folders(doctor, service, path, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(mta_users); i++) {
    const struct passwd *user = getpwnam(mta_users[i]);
    if (user)
      check_user(doctor, service, path, user);
  }
}

static void
check_service(struct doctor *doctor, enum config_service service)
{
  guint before = doctor->findings->len;
  int answer = 0;
  for (char **text = doctor->config->services[service].listen; *text; text++) {
    OWN(endpoint) endpoint = NULL;
    if (!can_connect(doctor, service, *text))
      continue;
    answer++;
    if (endpoint_parse(*text, &endpoint, NULL) == RES_OK && endpoint->path)
      check_socket(doctor, service, endpoint->path);
  }
  if (answer == 0 && service == CONFIG_LMTP)
    doctor_say(doctor, DOCTOR_PROBLEM, "lmtp", "[lmtp] listen = 127.0.0.1:8024, and restart the server", "no mail can come in: nobody listens");
  else if (answer && doctor->findings->len == before)
    doctor_say(doctor, DOCTOR_OK, config_service_section(service), NULL, "%d listener%s, within the mail server's reach", answer, answer == 1 ? "" : "s");
}

void
doctor_check_services(struct doctor *doctor)
{
  for (enum config_service service = 0; service < CONFIG_SERVICES; service++)
    check_service(doctor, service);
}

/* --- other hosts --- */

/* The server does not start with it. */
static void
check_allow(struct doctor *doctor, enum config_service service)
{
  const struct config_listen *rule = &doctor->config->services[service == CONFIG_CALLOUT ? CONFIG_LMTP : service];
  const char *section = config_service_section(service);
  g_autofree char *fix = g_strdup_printf("[%s] allow = the mail server's address, or its network (10.0.0.0/8)", section);
  for (char **text = doctor->config->services[service].listen; *text; text++) {
    OWN(endpoint) endpoint = NULL;
    if (endpoint_parse(*text, &endpoint, NULL) != RES_OK || endpoint->path)
      continue;
    const struct service_address address = { .host = endpoint->host, .port = endpoint->port };
    if (service_address_is_remote(&address) && *rule->allow == NULL)
      doctor_say(doctor, DOCTOR_PROBLEM, section, fix, "%s = %s is beyond this machine, and nobody is allowed: the server does not start so", config_service_key(service), *text);
  }
}

/* What is offered with STARTTLS. */
static void
check_tls(struct doctor *doctor)
{
  const struct config *config = doctor->config;
  OWN(tls_context) context = NULL;
  g_autoptr(GError) error = NULL;
  if (*config->lmtp_tls_certificate == '\0')
    return;
  const char *const paths[] = { config->lmtp_tls_certificate, config->lmtp_tls_key, config->lmtp_tls_client_ca };
  char *files[G_N_ELEMENTS(paths)];
  for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
    files[i] = *paths[i] ? config_path(config, paths[i]) : g_strdup("");
  if (tls_context_new_server(&(struct tls_server_options){ .certificate = files[0], .key = files[1], .client_ca = files[2] }, &context, &error) != RES_OK)
    doctor_say(doctor, DOCTOR_PROBLEM, "lmtp", "[lmtp] tls_certificate, tls_key, tls_client_ca; the server's user must be able to read them", "STARTTLS cannot be offered: %s", error->message);
  for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
    g_free(files[i]);
}

void
doctor_check_remote(struct doctor *doctor)
{
  for (enum config_service service = 0; service < CONFIG_SERVICES; service++)
    check_allow(doctor, service);
  check_tls(doctor);
}

/* --- names --- */

static bool
has_address(const char *name, bool (*is_so)(const struct sockaddr *address))
{
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *addresses = NULL;
  bool found = false;
  if (getaddrinfo(name, NULL, &hints, &addresses) != 0)
    return false;
  for (const struct addrinfo *a = addresses; a; a = a->ai_next)
    found |= is_so(a->ai_addr);
  freeaddrinfo(addresses);
  return found;
}

/* 127.0.1.1: where Debian puts the machine's own name. */
static bool
is_other_loopback(const struct sockaddr *address)
{
  const struct sockaddr_in *in = (const struct sockaddr_in *)address;
  return address->sa_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127 && ntohl(in->sin_addr.s_addr) != INADDR_LOOPBACK;
}

static bool
is_loopback6(const struct sockaddr *address)
{
  return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static bool
listens_on(const struct doctor *doctor, const char *host)
{
  bool found = false;
  for (char **text = doctor->config->services[CONFIG_LMTP].listen; *text; text++) {
    OWN(endpoint) endpoint = NULL;
    found |= endpoint_parse(*text, &endpoint, NULL) == RES_OK && endpoint->host && strcmp(endpoint->host, host) == 0;
  }
  return found;
}

/* What somebody may have written into the mail server's configuration instead of the address. */
void
doctor_check_names(struct doctor *doctor)
{
  char name[256] = "";
  guint before = doctor->findings->len;
  (void)gethostname(name, sizeof name - 1);
  if (has_address(name, is_other_loopback))
    doctor_say(doctor, DOCTOR_NOTE, "names", "write 127.0.0.1 into the mail server's configuration, not the name", "the name %s means 127.0.1.1 here, where nobody listens", name);
  if (has_address("localhost", is_loopback6) && listens_on(doctor, "127.0.0.1") && !listens_on(doctor, "::1"))
    doctor_say(doctor, DOCTOR_NOTE, "names", "[lmtp] listen = 127.0.0.1:8024, [::1]:8024", "localhost means ::1, too, where nobody listens");
  if (doctor->findings->len == before)
    doctor_say(doctor, DOCTOR_OK, "names", NULL, "localhost means where we listen");
}

/* --- Postfix's chroot --- */

/* A line of master.cf: service type private unpriv chroot … command; `-` as chroot is "n" since Postfix 3.0. Its service, if that speaks LMTP; owned by the caller. */
static char *
lmtp_service_of(const char *line, bool *chrooted)
{
  g_auto(GStrv) words = g_regex_split_simple("[ \t]+", line, 0, 0);
  if (g_strv_length(words) < 8 || *line == '#' || strcmp(words[1], "unix") != 0 || strcmp(words[7], "lmtp") != 0)
    return NULL;
  *chrooted = strcmp(words[4], "y") == 0;
  return g_strdup(words[0]);
}

/* Is there a service for lists alone? Then others, such as Debian's own "lmtp", do not matter. */
static bool
has_service(char *const *lines, const char *wanted)
{
  for (bool chrooted; *lines; lines++) {
    g_autofree char *name = lmtp_service_of(*lines, &chrooted);
    if (g_strcmp0(name, wanted) == 0)
      return true;
  }
  return false;
}

/* In Postfix's queue directory, where its chroot is. */
static bool
is_in_chroot(const char *path)
{
  return !g_path_is_absolute(path) || g_str_has_prefix(path, "/var/spool/postfix/");
}

/* A service in Postfix's chroot looks for an absolute path below the queue directory. */
void
doctor_check_chroot(struct doctor *doctor)
{
  const char *folder = g_getenv("MAIL_CONFIG"); /* as Postfix's own programs do */
  g_autofree char *path = g_build_filename(folder ? folder : "/etc/postfix", "master.cf", NULL), *text = NULL;
  const struct installation_service *lmtp = &doctor->installation->services[CONFIG_LMTP];
  if (!lmtp->has_unix || is_in_chroot(lmtp->local.path) || !g_file_get_contents(path, &text, NULL, NULL))
    return;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  const char *configured = doctor->config->mta_postfix_service, *own = *configured && strcmp(configured, "lmtp") != 0 ? configured : "listward";
  bool own_alone = has_service(lines, own);
  for (char **line = lines; *line; line++) {
    bool chrooted = false;
    g_autofree char *name = lmtp_service_of(*line, &chrooted);
    if (!chrooted || (own_alone && strcmp(name, own) != 0))
      continue;
    g_autofree char *fix = g_strdup_printf("postconf -F %s/unix/chroot=n && postfix reload, or 127.0.0.1:8024 in place of the socket", name);
    doctor_say(doctor, DOCTOR_NOTE, "chroot", fix, "Postfix's service \"%s\" runs in its chroot: it does not find %s there", name, lmtp->local.path);
  }
}
