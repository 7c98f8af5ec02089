#include "store/disk_image.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum sector { CLEAN, DIRTY, LOST };

struct disk_image *
disk_image_new(const char *path, bool named, disk_read_fn read, void *arg)
{
  struct disk_image *image = g_new0(struct disk_image, 1);
  uint8_t octets[DISK_SECTOR];
  size_t n;
  *image = (struct disk_image){ .path = g_strdup(path), .durable = g_byte_array_new(), .sectors = g_byte_array_new(), .named = named, .present = true };
  while (named && (n = read(arg, image->durable->len, octets, sizeof octets)) > 0)
    g_byte_array_append(image->durable, octets, (guint)n);
  return image;
}

void
disk_image_free(struct disk_image *image)
{
  if (image == NULL)
    return;
  g_byte_array_unref(image->durable);
  g_byte_array_unref(image->sectors);
  g_free(image->path);
  g_free(image);
}

/* Longer by zeroes, never shorter. */
static void
grow(GByteArray *array, size_t size)
{
  guint before = array->len;
  if (size <= before)
    return;
  g_byte_array_set_size(array, (guint)size);
  memset(array->data + before, 0, size - before);
}

static void
mark(struct disk_image *image, int64_t from, int64_t to)
{
  grow(image->sectors, (size_t)(to + DISK_SECTOR - 1) / DISK_SECTOR);
  for (int64_t at = from / DISK_SECTOR; at * DISK_SECTOR < to; at++)
    image->sectors->data[at] = DIRTY;
}

void
disk_image_written(struct disk_image *image, int64_t offset, int64_t n)
{
  mark(image, offset, offset + n);
}

/* Whatever comes behind it later is new. */
void
disk_image_cut(struct disk_image *image, int64_t size)
{
  mark(image, size, MAX((int64_t)image->durable->len, (int64_t)image->sectors->len * DISK_SECTOR));
}

void
disk_image_deleted(struct disk_image *image, bool durable)
{
  image->present = false;
  image->named &= !durable;
}

void
disk_image_anew(struct disk_image *image)
{
  image->present = true;
  if (image->named)
    disk_image_cut(image, 0);
  else {
    g_byte_array_set_size(image->durable, 0);
    g_byte_array_set_size(image->sectors, 0);
  }
}

static void
put_sector(GByteArray *to, size_t at, const uint8_t *octets, size_t n)
{
  grow(to, at * DISK_SECTOR + n);
  memcpy(to->data + at * DISK_SECTOR, octets, n);
}

void
disk_image_synced(struct disk_image *image, disk_read_fn read, void *arg)
{
  uint8_t octets[DISK_SECTOR];
  for (size_t at = 0; at < image->sectors->len; at++) {
    if (image->sectors->data[at] != DIRTY)
      continue;
    size_t n = read(arg, (int64_t)at * DISK_SECTOR, octets, sizeof octets);
    image->sectors->data[at] = CLEAN;
    if (n > 0)
      put_sector(image->durable, at, octets, n);
    if (n < sizeof octets && at * DISK_SECTOR + n < image->durable->len)
      g_byte_array_set_size(image->durable, (guint)(at * DISK_SECTOR + n)); /* the end of the file */
  }
}

void
disk_image_sync_failed(struct disk_image *image)
{
  for (size_t at = 0; at < image->sectors->len; at++)
    if (image->sectors->data[at] == DIRTY)
      image->sectors->data[at] = LOST;
}

/* Some sectors of `memory` as if they had been written just before the end. */
static void
keep_some(struct disk_image *image, const uint8_t *memory, size_t size, GRand *luck)
{
  for (size_t at = 0; at < image->sectors->len; at++)
    if (image->sectors->data[at] != CLEAN && at * DISK_SECTOR < size && g_rand_boolean(luck))
      put_sector(image->durable, at, memory + at * DISK_SECTOR, MIN(DISK_SECTOR, size - at * DISK_SECTOR));
  if (size < image->durable->len && g_rand_boolean(luck))
    g_byte_array_set_size(image->durable, (guint)size);
}

static void
write_file(const struct disk_image *image)
{
  int fd = open(image->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(write(fd, image->durable->data, image->durable->len), ==, (gssize)image->durable->len);
  close(fd);
}

void
disk_image_restore(struct disk_image *image, GRand *luck)
{
  g_autofree char *memory = NULL;
  gsize size = 0;
  bool there = g_file_get_contents(image->path, &memory, &size, NULL);
  if (there && luck)
    keep_some(image, (const uint8_t *)memory, size, luck);
  unlink(image->path);
  if (image->named || (there && luck && g_rand_boolean(luck)))
    write_file(image);
}
