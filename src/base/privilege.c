#include "base/privilege.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders above it stay root's, and open to all. */
static enum res
give_state_dir(const struct passwd *user, const char *state_dir, GError **error)
{
  if (g_file_test(state_dir, G_FILE_TEST_EXISTS))
    return RES_OK;
  g_autofree char *above = g_path_get_dirname(state_dir);
  if (g_mkdir_with_parents(above, 0755) != 0 || mkdir(state_dir, 0700) != 0 || chown(state_dir, user->pw_uid, user->pw_gid) != 0)
    return trouble(error, REPLY_TROUBLE, "%s: %s", state_dir, g_strerror(errno));
  return RES_OK;
}

static enum res
become(const struct passwd *user, GError **error)
{
  if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
    return trouble(error, REPLY_TROUBLE, "cannot become user %s: %s", user->pw_name, g_strerror(errno));
  g_assert(setuid(0) != 0);
  return RES_OK;
}

enum res
privilege_drop(const char *user, const char *state_dir, GError **error)
{
  if (geteuid() != 0 || user[0] == '\0')
    return RES_OK;
  const struct passwd *entry = getpwnam(user);
  if (entry == NULL)
    return refuse(error, REPLY_TROUBLE,
                  "[server] user = %s: there is no such user; make it (`adduser --system --group --home /var/lib/listward %s`) or set `user =` to stay as you are",
                  user, user);
  if (entry->pw_uid == 0)
    return RES_OK;
  enum res res = give_state_dir(entry, state_dir, error);
  return res == RES_OK ? become(entry, error) : res;
}
