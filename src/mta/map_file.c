#include "mta/map_file.h"
#include "store/whole_file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 65536
/* The MTA reads it as whoever it is. */
#define MODE 0644

/* Reads `n` octets at `offset`, fewer at the end of the file. -1: errno. */
static ssize_t
read_at(int fd, char *block, size_t n, int64_t offset)
{
  size_t done = 0;
  while (done < n) {
    ssize_t got = pread(fd, block + done, n - done, offset + (int64_t)done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return got < 0 ? -1 : (ssize_t)done;
    done += (size_t)got;
  }
  return (ssize_t)done;
}

static enum res
write_all(struct map_file *file, const char *octets, size_t n, GError **error)
{
  while (n > 0) {
    ssize_t put = write(whole_file_descriptor(file->new), octets, n);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return file_trouble(file->path, "writing it", error);
    octets += put;
    n -= (size_t)put;
  }
  return RES_OK;
}

/* What was found the same in the old file. */
static enum res
copy_same(struct map_file *file, GError **error)
{
  char block[BLOCK];
  enum res res = RES_OK;
  for (int64_t offset = 0; offset < file->same && res == RES_OK;) {
    ssize_t n = read_at(file->old, block, (size_t)MIN((int64_t)sizeof block, file->same - offset), offset);
    if (n <= 0)
      return n < 0 ? file_trouble(file->path, "reading it", error) : trouble(error, REPLY_TROUBLE, "%s: somebody else has changed it", file->path);
    res = write_all(file, block, (size_t)n, error);
    offset += n;
  }
  return res;
}

static enum res
set_different(struct map_file *file, GError **error)
{
  file->differs = true;
  if (file->look_only)
    return RES_OK;
  enum res res = whole_file_begin(file->path, true, &file->new, error);
  if (res == RES_OK && fchmod(whole_file_descriptor(file->new), MODE) != 0)
    res = file_trouble(file->path, "setting its permissions", error);
  return res == RES_OK ? copy_same(file, error) : res;
}

/* True: `old` goes on with these octets. */
static bool
goes_on_with(struct map_file *file, const char *octets, size_t n)
{
  char block[4096];
  for (size_t done = 0; done < n;) {
    size_t want = MIN(n - done, sizeof block);
    if (read_at(file->old, block, want, file->same + (int64_t)done) != (ssize_t)want || memcmp(block, octets + done, want) != 0)
      return false;
    done += want;
  }
  file->same += (int64_t)n;
  return true;
}

enum res
map_file_begin(struct map_file *file, const char *path, bool look_only, GError **error)
{
  *file = (struct map_file){ .path = g_strdup(path), .look_only = look_only, .buffer = g_string_sized_new(2 * BLOCK) };
  file->old = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file->old >= 0)
    return RES_OK;
  return errno == ENOENT || errno == ELOOP ? set_different(file, error) : file_trouble(path, "reading it", error);
}

enum res
map_file_flush(struct map_file *file, GError **error)
{
  enum res res = RES_OK;
  if (!file->differs && !goes_on_with(file, file->buffer->str, file->buffer->len))
    res = set_different(file, error);
  if (res == RES_OK && file->new)
    res = write_all(file, file->buffer->str, file->buffer->len, error);
  g_string_truncate(file->buffer, 0);
  return res;
}

enum res
map_file_end(struct map_file *file, GError **error)
{
  char more;
  enum res res = map_file_flush(file, error);
  if (res == RES_OK && !file->differs && read_at(file->old, &more, 1, file->same) != 0)
    res = set_different(file, error);
  return res;
}

enum res
map_file_publish(struct map_file *file, GError **error)
{
  return file->new ? whole_file_publish(file->new, error) : RES_OK;
}

void
map_file_clear(struct map_file *file)
{
  whole_file_free(file->new);
  if (file->old >= 0)
    close(file->old);
  if (file->buffer)
    g_string_free(file->buffer, TRUE);
  g_free(file->path);
}
