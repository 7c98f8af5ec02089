#pragma once
/* The system calls that a running server may make (seccomp(2)): an allow-list, for this thread and those it makes.
 *
 * What happens to the others, in this order:
 * - calls that nothing in this program has a reason to try, and that who has taken it over would try first (another program, another process's
 *   memory, a mount, a module): the process is killed. That loses no mail: it is a crash, and nothing is promised that is not on disk;
 * - calls that are allowed with other arguments, or that libraries try and can do without: EPERM;
 * - all others: ENOSYS, as from a kernel that does not have them, which is what libraries are prepared for. A call that is missing in the list
 *   is so a function that fails, not mail that is lost; the kernel's audit log tells its number ("type=1326"). */
#include "base/error.h"

/* From now on. Before other threads start; sets no_new_privs. RES_TEMP: the kernel will not, or was built without it. */
enum res seccomp_filter_enforce(GError **error) MUST_CHECK;
