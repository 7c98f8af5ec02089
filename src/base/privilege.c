#include "base/privilege.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Being root means nothing any more, and nothing of this can be undone. */
#define SECUREBITS                                                                                                     \
  (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | \
   SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

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

/* Needs CAP_SETPCAP, which root in a container may lack. It matters only to a program that this process would execute, and no_new_privs
 * stands in its way too: no error. */
static void
lock_out_capabilities(void)
{
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  (void)prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0);
}

static enum res
clear_capabilities(GError **error)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* goes with the inheritable set as well */
  if (syscall(SYS_capset, &header, none) != 0)
    return trouble(error, REPLY_TROUBLE, "capabilities cannot be given up: %s", g_strerror(errno));
  return RES_OK;
}

static enum res
become(const struct passwd *user, GError **error)
{
  gid_t gid = user->pw_gid;
  uid_t uid = user->pw_uid;
  if (initgroups(user->pw_name, gid) != 0)
    return trouble(error, REPLY_TROUBLE, "cannot become user %s: %s", user->pw_name, g_strerror(errno));
  lock_out_capabilities();
  if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
    return trouble(error, REPLY_TROUBLE, "cannot become user %s: %s", user->pw_name, g_strerror(errno));
  enum res res = clear_capabilities(error);
  g_assert(res != RES_OK || setuid(0) != 0);
  return res;
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

enum res
privilege_renounce(GError **error)
{
  umask(077);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return trouble(error, REPLY_TROUBLE, "no_new_privs: %s", g_strerror(errno));
  return geteuid() == 0 ? RES_OK : clear_capabilities(error);
}
