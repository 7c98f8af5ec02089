/* Any octets as a file of members: each line that is neither empty nor a comment is given, in order, and the file comes to an end. */
#include "cli/member_lines.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines with something in what can be a member's line. */
static guint
count_lines(struct slice file)
{
  guint lines = 0;
  while (file.n > 0) {
    const char *end = memchr(file.p, '\n', file.n);
    size_t n = end ? (size_t)(end - file.p) : file.n, at = 0, seen = MIN(n, MEMBER_LINE_MAX - 1);
    while (at < seen && g_ascii_isspace(file.p[at]))
      at++;
    lines += at < seen && file.p[at] != '#';
    file = slice_skip(file, end ? n + 1 : n);
  }
  return lines;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  int fd = memfd_create("members", MFD_CLOEXEC);
  g_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
  g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
  OWN(member_lines) lines = NULL;
  g_autoptr(GError) error = NULL;
  g_assert(member_lines_open(path, &lines, &error) == RES_OK);
  int64_t number = 0;
  guint found = 0;
  for (bool more = true; more;) {
    g_autoptr(GPtrArray) slice = member_lines_slice(lines, 7);
    for (guint i = 0; i < slice->len; i++) {
      const struct member_line *line = g_ptr_array_index(slice, i);
      g_assert(line->number > number && line->address && line->name);
      number = line->number;
    }
    found += slice->len;
    more = slice->len > 0;
  }
  g_assert(member_lines_end(lines, &error) == RES_OK && found == count_lines((struct slice){ (const char *)data, size }));
  close(fd);
  return 0;
}
