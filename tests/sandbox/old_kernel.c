/* Runs a command as on a kernel without Landlock, without seccomp, or without both:
 *
 *   old-kernel landlock|seccomp|both COMMAND… */
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool
hide(scmp_filter_ctx filter, bool landlock, bool seccomp)
{
  const struct scmp_arg_cmp set_seccomp = { 0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0 };
  bool ok = true;
  if (landlock)
    ok = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0, NULL) == 0;
  if (ok && seccomp)
    ok = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0, NULL) == 0 &&
         seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, &set_seccomp) == 0;
  return ok;
}

int
main(int argc, char **argv)
{
  if (argc < 3)
    return 2;
  bool landlock = strcmp(argv[1], "seccomp") != 0, seccomp = strcmp(argv[1], "landlock") != 0;
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter && hide(filter, landlock, seccomp) && seccomp_load(filter) == 0)
    execv(argv[2], argv + 2);
  perror("old-kernel");
  return 1;
}
