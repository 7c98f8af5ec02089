#include "store/store.h"
#include "base/clock.h"
#include "store/committer.h"
#include "store/connection.h"
#include "store/damage.h"
#include "store/disk_space.h"
#include "store/migrations.h"
#include "store/readers.h"
#include "store/wal_owner.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define SCHEME "sqlite:"

struct store {
  struct checkpointer *checkpointer; /* NULL in a command */
  struct committer *committer;
  struct readers *readers;
  struct connection *watch; /* for store_version: data_version counts the commits of all other connections */
  struct disk_space *space;
  pthread_mutex_t watch_lock;
  int file; /* -1, or kept open until all else is closed */
};

/* --- opening --- */

enum res
store_path(const char *url, const char *state_dir, char **path, GError **error)
{
  struct slice text = slice_of(url);
  if (slice_starts_nocase(text, SLICE("postgresql:")) || slice_starts_nocase(text, SLICE("postgres:")))
    return refuse(error, REPLY_TROUBLE, "[database] url = %s: PostgreSQL is not supported yet; use sqlite:PATH", url);
  if (!slice_starts_nocase(text, SLICE(SCHEME)) || text.n == strlen(SCHEME))
    return refuse(error, REPLY_TROUBLE, "[database] url = %s: it must be sqlite:PATH", url ? url : "");
  const char *file = url + strlen(SCHEME);
  *path = g_path_is_absolute(file) ? g_strdup(file) : g_build_filename(state_dir, file, NULL);
  return RES_OK;
}

static enum res
sync_directory_of(const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname(path);
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool durable = fd >= 0 && fsync(fd) == 0;
  enum res res = durable ? RES_OK : file_trouble(directory, "making the database durable", error);
  if (fd >= 0)
    close(fd);
  return res;
}

/* An existing file is not touched: closing it would drop the locks of connections in this process. */
static enum res
make_file(const char *path, GError **error)
{
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno == EEXIST ? RES_OK : file_trouble(path, "making the database", error);
  close(fd);
  return sync_directory_of(path, error);
}

/* `fd` as of wal_owner_check(). */
static enum res
prepare_file(const struct store_options *options, const char *path, int *fd, GError **error)
{
  if (options->state_dir && g_mkdir_with_parents(options->state_dir, 0700) != 0)
    return file_trouble(options->state_dir, "making the state directory", error);
  enum res res = make_file(path, error);
  if (res == RES_OK)
    res = wal_owner_check(path, fd, error);
  if (res == RES_OK && options->mode == STORE_SERVER)
    res = damage_check(path, error);
  if (res != RES_OK)
    return res;
  return migrations_apply(&(struct migration_plan){ .path = path, .migrations = schema, .no_backup = options->no_backup,
                                                    .migrating = options->migrating, .migrating_arg = options->migrating_arg },
                          error);
}

/* The engine syncs the directory with a new log, but does not hear it when that fails: all that is committed would then be in a file without a
 * name. The log stays from its first use until the last connection is closed. */
static enum res
make_log_durable(struct store *store, const char *path, GError **error)
{
  int64_t version;
  enum res res = store_version(store, &version, error);
  return res == RES_OK ? sync_directory_of(path, error) : res;
}

static enum res
start(struct store *store, const char *path, enum store_mode mode, GError **error)
{
  enum res res = RES_OK;
  if (mode == STORE_SERVER)
    res = checkpointer_start(path, &store->checkpointer, error);
  if (res == RES_OK)
    res = committer_start(&(struct committer_options){ .path = path, .mode = mode, .schema = migration_newest(schema),
                                                       .checkpointer = store->checkpointer },
                          &store->committer, error);
  if (res == RES_OK)
    res = connection_open(&(struct connection_options){ .path = path, .cache_kib = 16, .statements = 2, .patience = 10 * CLOCK_SECOND,
                                                        .query_only = true },
                          &store->watch, error);
  return res == RES_OK ? make_log_durable(store, path, error) : res;
}

enum res
store_open(const struct store_options *options, struct store **store, GError **error)
{
  g_autofree char *path = NULL;
  enum res res = store_path(options->url, options->state_dir, &path, error);
  if (res != RES_OK)
    return res;

  OWN(store) made = g_new0(struct store, 1);
  pthread_mutex_init(&made->watch_lock, NULL);
  made->readers = readers_new(path);
  made->space = disk_space_new(path);
  made->file = -1;
  res = prepare_file(options, path, &made->file, error);
  if (res == RES_OK)
    res = start(made, path, options->mode, error);
  if (res == RES_OK)
    *store = OWN_GIVE(made);
  return res;
}

/* The committer ends first, so that nothing is left to be written; the checkpointer last, so that no reader keeps the WAL. */
void
store_free(struct store *store)
{
  if (store == NULL)
    return;
  committer_stop(store->committer);
  readers_free(store->readers);
  connection_close(store->watch);
  checkpointer_stop(store->checkpointer);
  if (store->file >= 0)
    close(store->file);
  disk_space_free(store->space);
  pthread_mutex_destroy(&store->watch_lock);
  g_free(store);
}

/* --- use --- */

enum res
store_write(struct store *store, store_fn write, void *arg, GError **error)
{
  g_assert(!connection_calling()); /* it would wait for itself */
  return committer_write(store->committer, write, arg, error);
}

enum res
store_read(struct store *store, store_fn read, void *arg, GError **error)
{
  g_assert(!connection_calling()); /* eight of them could wait for each other */
  return readers_run(store->readers, read, arg, error);
}

size_t
store_waiting(struct store *store)
{
  return committer_waiting(store->committer);
}

enum res
store_version(struct store *store, int64_t *version, GError **error)
{
  pthread_mutex_lock(&store->watch_lock);
  enum res res = connection_int(store->watch, "PRAGMA data_version", version, error);
  pthread_mutex_unlock(&store->watch_lock);
  return res;
}

enum res
store_room(struct store *store, int64_t least, int64_t more, GError **error)
{
  return disk_space_check(store->space, least, more, error);
}
