#include "outlet/smtp_access.h"
#include "base/log.h"
#include "net/tls.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD_MAX 1000

/* What connections share that began with the same certificates. */
struct smtp_tls {
  atomic_int holders;
  struct tls_context *context;
};

struct smtp_access {
  char *section; /* "[outlet NAME]" */
  enum outlet_tls tls;
  bool verify;
  char *tls_name, *ca_file, *certificate, *key, *user, *password_file;
  pthread_mutex_t lock; /* for what follows */
  struct smtp_tls *shared; /* NULL: not made yet */
  bool warned;             /* of who may read the password */
};

enum res
smtp_access_new(const struct outlet_options *options, struct smtp_access **access, GError **error)
{
  g_autofree char *section = outlet_section(options->section);
  bool login = options->user && *options->user, password = options->password_file && *options->password_file;
  if (login != password)
    return refuse(error, REPLY_SYNTAX, "%s %s: a login needs both user and password_file", section, login ? "user" : "password_file");
  struct smtp_access *made = g_new0(struct smtp_access, 1);
  *made = (struct smtp_access){ .section = g_steal_pointer(&section),
                                .tls = options->tls,
                                .verify = options->tls_verify,
                                .tls_name = g_strdup(options->tls_name ? options->tls_name : ""),
                                .ca_file = g_strdup(options->tls_ca_file ? options->tls_ca_file : ""),
                                .certificate = g_strdup(options->tls_certificate ? options->tls_certificate : ""),
                                .key = g_strdup(options->tls_key ? options->tls_key : ""),
                                .user = login ? g_strdup(options->user) : NULL,
                                .password_file = login ? g_strdup(options->password_file) : NULL };
  pthread_mutex_init(&made->lock, NULL);
  *access = made;
  return RES_OK;
}

static void
shared_put(struct smtp_tls *shared)
{
  if (shared == NULL || atomic_fetch_sub(&shared->holders, 1) > 1)
    return;
  tls_context_free(shared->context);
  g_free(shared);
}

void
smtp_access_free(struct smtp_access *access)
{
  if (access == NULL)
    return;
  shared_put(access->shared);
  pthread_mutex_destroy(&access->lock);
  g_free(access->section);
  g_free(access->tls_name);
  g_free(access->ca_file);
  g_free(access->certificate);
  g_free(access->key);
  g_free(access->user);
  g_free(access->password_file);
  g_free(access);
}

void
smtp_access_refresh(struct smtp_access *access)
{
  pthread_mutex_lock(&access->lock);
  struct smtp_tls *old = g_steal_pointer(&access->shared);
  access->warned = false;
  pthread_mutex_unlock(&access->lock);
  shared_put(old);
}

/* --- certificates --- */

static enum res
check_files(const struct smtp_access *way, GError **error)
{
  const struct {
    const char *key, *path;
  } files[] = { { "tls_ca_file", way->ca_file }, { "tls_certificate", way->certificate }, { "tls_key", way->key } };
  for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
    if (*files[i].path && access(files[i].path, R_OK) != 0)
      return refuse(error, REPLY_TROUBLE, "%s %s: %s: %s", way->section, files[i].key, files[i].path, g_strerror(errno));
  return RES_OK;
}

/* Locked. */
static enum res
make_shared(struct smtp_access *access, GError **error)
{
  g_autoptr(GError) problem = NULL;
  struct tls_context *context = NULL;
  enum res res = check_files(access, error);
  if (res != RES_OK)
    return res;
  res = tls_context_new(
    &(struct tls_options){ .ca_file = access->ca_file, .certificate = access->certificate, .key = access->key, .verify = access->verify }, &context, &problem);
  if (res != RES_OK)
    return refuse(error, REPLY_TROUBLE, "%s tls: %s", access->section, problem->message);
  access->shared = g_new(struct smtp_tls, 1);
  access->shared->context = context;
  atomic_init(&access->shared->holders, 1);
  return RES_OK;
}

static enum res
share(struct smtp_access *access, struct smtp_tls **shared, GError **error)
{
  enum res res = RES_OK;
  pthread_mutex_lock(&access->lock);
  if (access->shared == NULL)
    res = make_shared(access, error);
  if (res == RES_OK) {
    *shared = access->shared;
    atomic_fetch_add(&access->shared->holders, 1);
  }
  pthread_mutex_unlock(&access->lock);
  return res;
}

/* --- the password --- */

static void
check_permissions(struct smtp_access *access, FILE *file)
{
  struct stat status;
  if (fstat(fileno(file), &status) != 0 || (status.st_mode & S_IROTH) == 0)
    return;
  pthread_mutex_lock(&access->lock);
  bool first = !access->warned;
  access->warned = true;
  pthread_mutex_unlock(&access->lock);
  if (first)
    log_warn("everybody on this machine can read a password", log_str("key", access->section), log_str("file", access->password_file));
}

static enum res
read_password(struct smtp_access *access, char **password, GError **error)
{
  char line[PASSWORD_MAX + 2] = "";
  FILE *file = fopen(access->password_file, "re");
  if (file == NULL)
    return refuse(error, REPLY_TROUBLE, "%s password_file: %s: %s", access->section, access->password_file, g_strerror(errno));
  check_permissions(access, file);
  bool got = fgets(line, sizeof(line), file) != NULL;
  fclose(file);
  size_t n = strcspn(line, "\r\n");
  bool whole = n > 0 && n <= PASSWORD_MAX;
  line[n] = '\0';
  if (got && whole)
    *password = g_strdup(line);
  explicit_bzero(line, sizeof(line));
  return got && whole ? RES_OK
                      : refuse(error, REPLY_TROUBLE, "%s password_file: %s: its first line is no password of 1 to %d octets", access->section, access->password_file,
                               PASSWORD_MAX);
}

enum res
smtp_access_pass(struct smtp_access *access, struct smtp_pass *pass, GError **error)
{
  *pass = (struct smtp_pass){ .tls_implicit = access->tls == OUTLET_IMPLICIT_TLS, .tls_name = access->tls_name, .user = access->user };
  enum res res = access->tls == OUTLET_NO_TLS ? RES_OK : share(access, &pass->shared, error);
  if (res == RES_OK && access->user)
    res = read_password(access, &pass->password, error);
  if (res == RES_OK && pass->shared)
    pass->tls = pass->shared->context;
  if (res != RES_OK)
    smtp_pass_clear(pass);
  return res;
}

void
smtp_pass_clear(struct smtp_pass *pass)
{
  shared_put(pass->shared);
  if (pass->password)
    explicit_bzero(pass->password, strlen(pass->password));
  g_free(pass->password);
  *pass = (struct smtp_pass){ .tls = NULL };
}
