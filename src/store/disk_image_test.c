#include "store/disk_image.h"
#include <glib/gstdio.h>
#include <string.h>

/* A file in memory: 8 sectors of 'a', of which the test makes others. */
struct memory {
  uint8_t octets[8 * DISK_SECTOR];
  size_t size;
};

static size_t
read_memory(void *arg, int64_t offset, uint8_t *octets, size_t n)
{
  struct memory *memory = arg;
  if ((size_t)offset >= memory->size)
    return 0;
  n = MIN(n, memory->size - (size_t)offset);
  memcpy(octets, memory->octets + offset, n);
  return n;
}

static void
write_sector(struct disk_image *image, struct memory *memory, size_t at, char value)
{
  memset(memory->octets + at * DISK_SECTOR, value, DISK_SECTOR);
  memory->size = MAX(memory->size, (at + 1) * DISK_SECTOR);
  disk_image_written(image, (int64_t)at * DISK_SECTOR, DISK_SECTOR);
}

/* `steps`: w written, s synced, f sync failed, c cut to two sectors; of a file of four sectors 'a' whose second and fourth become 'b', 'c' … with
 * each w. `want`: the first octet of each sector after the power was lost. */
static const struct {
  const char *name, *steps, *want;
} rows[] = {
  { "untouched", "", "aaaa" },
  { "not synced", "w", "aaaa" },
  { "synced", "ws", "abab" },
  { "synced, then written", "wsw", "abab" },
  { "sync failed", "wf", "aaaa" },
  { "the next sync does not help", "wfs", "aaaa" },
  { "written anew it does", "wfws", "acac" },
  { "cut, not synced", "c", "aaaa" },
  { "cut", "cs", "aa" },
  { "cut and written", "cws", "ab?b" },
};

static void
test_steps(void)
{
  g_autofree char *directory = g_dir_make_tmp("store-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(directory, "file", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("%s", rows[i].name);
    struct memory memory = { .size = 4 * DISK_SECTOR };
    memset(memory.octets, 'a', sizeof memory.octets);
    struct disk_image *image = disk_image_new(path, true, read_memory, &memory);
    char value = 'a';
    for (const char *step = rows[i].steps; *step; step++)
      switch (*step) {
      case 'w':
        value++;
        write_sector(image, &memory, 1, value);
        write_sector(image, &memory, 3, value);
        break;
      case 's': disk_image_synced(image, read_memory, &memory); break;
      case 'f': disk_image_sync_failed(image); break;
      case 'c':
        memory.size = 2 * DISK_SECTOR;
        memset(memory.octets + memory.size, '?', 2 * DISK_SECTOR);
        disk_image_cut(image, 2 * DISK_SECTOR);
        break;
      }
    disk_image_restore(image, NULL);
    g_autofree char *left = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &left, &size, NULL));
    g_assert_cmpuint(size, ==, strlen(rows[i].want) * DISK_SECTOR);
    for (size_t at = 0; rows[i].want[at]; at++)
      g_assert_cmpint(left[at * DISK_SECTOR], ==, rows[i].want[at]);
    disk_image_free(image);
  }
  g_unlink(path);
  g_rmdir(directory);
}

/* Whether the name of a file survives. */
static const struct {
  const char *name;
  bool was_there, deleted, durable, anew, want;
} name_rows[] = {
  { .name = "a new one", .want = false },
  { .name = "an old one", .was_there = true, .want = true },
  { .name = "deleted, perhaps", .was_there = true, .deleted = true, .want = true },
  { .name = "deleted", .was_there = true, .deleted = true, .durable = true, .want = false },
  { .name = "deleted and made anew", .was_there = true, .deleted = true, .durable = true, .anew = true, .want = false },
};

static void
test_names(void)
{
  g_autofree char *directory = g_dir_make_tmp("store-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(directory, "file", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(name_rows); i++) {
    g_test_message("%s", name_rows[i].name);
    struct memory memory = { .size = DISK_SECTOR };
    struct disk_image *image = disk_image_new(path, name_rows[i].was_there, read_memory, &memory);
    if (name_rows[i].deleted)
      disk_image_deleted(image, name_rows[i].durable);
    if (name_rows[i].anew)
      disk_image_anew(image);
    g_assert_true(g_file_set_contents(path, "in memory", -1, NULL));
    disk_image_restore(image, NULL);
    g_assert_cmpint(g_file_test(path, G_FILE_TEST_EXISTS), ==, name_rows[i].want);
    disk_image_free(image);
  }
  g_unlink(path);
  g_rmdir(directory);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/disk-image/steps", test_steps);
  g_test_add_func("/disk-image/names", test_names);
  return g_test_run();
}
