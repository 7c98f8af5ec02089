/* The map files in [mta] maps: are they as the database is now, can the mail server read them, and have the tables been made of them? */
#include "mta/doctor.h"
#include "mta/maps.h"
#include <errno.h>
#include <sys/stat.h>

struct look {
  struct doctor *doctor;
  int stale;
};

static void
on_map(void *ctx, const struct map_kind *kind, bool changed)
{
  struct look *look = ctx;
  const struct config *config = look->doctor->config;
  g_autofree char *path = g_build_filename(config->mta_maps, kind->name, NULL), *fix = g_strdup("listward aliases");
  look->stale += changed;
  if (changed)
    doctor_say(look->doctor, DOCTOR_PROBLEM, "maps", fix, "%s is not what it should be now", path);
}

/* A table that is older than what it was made of: Postfix does not know the lists made since. */
static bool
check_table(struct doctor *doctor, const char *path, const struct stat *source, const char *extension)
{
  struct stat status;
  g_autofree char *table = g_strconcat(path, extension, NULL), *fix = g_strdup_printf("postmap %s, and [mta] command, which does so after each change", path);
  if (stat(table, &status) != 0 || status.st_mtime >= source->st_mtime)
    return true;
  doctor_say(doctor, DOCTOR_PROBLEM, "maps", fix, "%s is older than %s", table, path);
  return false;
}

/* A folder above that is closed hides them all. */
static bool
check_way(struct doctor *doctor)
{
  struct stat status;
  g_autofree char *folder = g_strdup(doctor->installation->maps);
  while (strcmp(folder, "/") != 0 && strcmp(folder, ".") != 0) {
    g_autofree char *fix = g_strdup_printf("[mta] maps = %s, or chmod o+x %s", INSTALLATION_MAPS, folder);
    if (stat(folder, &status) == 0 && !(status.st_mode & S_IXOTH)) {
      doctor_say(doctor, DOCTOR_PROBLEM, "maps", fix, "the mail server may not get to %s: %s is closed to it", doctor->installation->maps, folder);
      return false;
    }
    char *above = g_path_get_dirname(folder);
    g_free(folder);
    folder = above;
  }
  return true;
}

static bool
check_file(struct doctor *doctor, const struct map_kind *kind)
{
  struct stat status;
  g_autofree char *path = g_build_filename(doctor->config->mta_maps, kind->name, NULL), *fix = g_strdup_printf("chmod a+rX %s", path);
  if (stat(path, &status) != 0)
    return true; /* on_map has said it */
  if (status.st_mode & S_IROTH)
    return kind->folder || (check_table(doctor, path, &status, ".db") && check_table(doctor, path, &status, ".lmdb"));
  doctor_say(doctor, DOCTOR_PROBLEM, "maps", fix, "the mail server may not read %s", path);
  return false;
}

void
doctor_check_maps(struct doctor *doctor)
{
  const struct config *config = doctor->config;
  struct look look = { .doctor = doctor };
  g_autoptr(GError) error = NULL;
  if (*config->mta_maps == '\0' || doctor->store == NULL)
    return;
  const struct maps_options options = { .folder = doctor->installation->maps, .look_only = true };
  if (maps_write(doctor->installation, doctor->store, &options, on_map, &look, &error) != RES_OK) {
    doctor_say(doctor, DOCTOR_PROBLEM, "maps", "correct [mta] maps, or the folder's owner", "%s", error->message);
    return;
  }
  bool well = check_way(doctor) && look.stale == 0;
  const struct map_kind *kind;
  for (size_t i = 0; (kind = map_kind_nth(i)) != NULL; i++)
    well &= check_file(doctor, kind);
  if (maps_command_is_owed(doctor->installation->maps) && *config->mta_command)
    doctor_say(doctor, DOCTOR_PROBLEM, "maps", config->mta_command, "[mta] command has not succeeded since the last change");
  else if (well)
    doctor_say(doctor, DOCTOR_OK, "maps", NULL, "the files in %s are up to date", config->mta_maps);
}
