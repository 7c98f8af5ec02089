/* What concerns this machine: the server, its clock, its disk, its database, whose files are whose. */
#include "base/clock.h"
#include "mta/doctor.h"
#include "store/store.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#define MIB (1024 * 1024)

void
doctor_check_server(struct doctor *doctor)
{
  g_autoptr(GPtrArray) lines = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = doctor->ask(doctor->ask_ctx, "status", &lines, &error);
  if (res == RES_MORE)
    doctor_say(doctor, DOCTOR_PROBLEM, "server", "systemctl start listward", "no server is running on %s", doctor->config->state_dir);
  else if (res != RES_OK)
    doctor_say(doctor, DOCTOR_PROBLEM, "server", "systemctl restart listward", "the server does not answer: %s", error ? error->message : "");
  else
    doctor_say(doctor, DOCTOR_OK, "server", NULL, "it runs, and answers");
  for (guint i = 0; res == RES_OK && i < lines->len; i++) {
    const char *line = g_ptr_array_index(lines, i);
    if (g_str_has_prefix(line, "set_aside ") && strcmp(line, "set_aside 0") != 0)
      doctor_say(doctor, DOCTOR_NOTE, "server", "listward queue, then listward retry", "something is set aside: %s", line + strlen("set_aside "));
  }
}

static enum res
newest_posting(struct tx *tx, void *arg, GError **error)
{
  return sql_int_of(tx, "SELECT COALESCE(MAX(received_at), 0) FROM posting WHERE id = (SELECT MAX(id) FROM posting)", SQL_NO_ARGS, arg, error);
}

/* A clock that is behind what it has said before, and one that nobody keeps right. */
void
doctor_check_clock(struct doctor *doctor)
{
  int64_t newest = 0, now = clock_now();
  g_autoptr(GError) error = NULL;
  struct timex state = { .modes = 0 };
  if (doctor->store && store_read(doctor->store, newest_posting, &newest, &error) == RES_OK && newest > now + CLOCK_MINUTE)
    doctor_say(doctor, DOCTOR_PROBLEM, "clock", "set the clock, and let chrony or systemd-timesyncd keep it", "it is behind the newest posting by %" G_GINT64_FORMAT " seconds",
               (newest - now) / CLOCK_SECOND);
  else if (adjtimex(&state) == TIME_ERROR || state.status & STA_UNSYNC)
    doctor_say(doctor, DOCTOR_NOTE, "clock", "run chrony or systemd-timesyncd", "nobody keeps it right");
  else
    doctor_say(doctor, DOCTOR_OK, "clock", NULL, "it is kept right");
}

void
doctor_check_disk(struct doctor *doctor)
{
  struct statvfs room;
  const char *folder = doctor->config->state_dir;
  if (statvfs(folder, &room) != 0) {
    doctor_say(doctor, DOCTOR_PROBLEM, "disk", "make the folder, or correct [server] state_dir", "%s: %s", folder, g_strerror(errno));
    return;
  }
  int64_t mib = (int64_t)(room.f_bavail * room.f_frsize / MIB), least = doctor->config->min_free_space / MIB;
  if (mib < least)
    doctor_say(doctor, DOCTOR_PROBLEM, "disk", "make room on the disk, or lower [limits] min_free_space", "%s: %" G_GINT64_FORMAT " MiB are free, and no mail is taken below %" G_GINT64_FORMAT,
               folder, mib, least);
  else if (room.f_files && room.f_favail < 100)
    doctor_say(doctor, DOCTOR_PROBLEM, "disk", "make room on the disk", "%s: no inodes are left", folder);
  else
    doctor_say(doctor, mib < 4 * least ? DOCTOR_NOTE : DOCTOR_OK, "disk", mib < 4 * least ? "make room on the disk soon" : NULL, "%s: %" G_GINT64_FORMAT " MiB are free", folder, mib);
}

void
doctor_check_database(struct doctor *doctor)
{
  static const char advice[] = "see docs/durability.md, Disks";
  g_autoptr(GError) error = NULL;
  g_autofree char *problem = NULL;
  if (doctor->store == NULL)
    doctor_say(doctor, DOCTOR_PROBLEM, "database", advice, "%s", doctor->store_problem);
  else if (store_verify(doctor->store, &problem, &error) != RES_OK)
    doctor_say(doctor, DOCTOR_PROBLEM, "database", advice, "it cannot be read: %s", error ? error->message : "");
  else if (problem)
    doctor_say(doctor, DOCTOR_PROBLEM, "database", advice, "it is damaged: %s", problem);
  else
    doctor_say(doctor, DOCTOR_OK, "database", NULL, "no page of it is damaged");
}

/* A file with a secret that others can read. */
static void
check_secret(struct doctor *doctor, const char *key, const char *file)
{
  struct stat status;
  if (*file == '\0')
    return;
  g_autofree char *path = config_path(doctor->config, file), *fix = g_strdup_printf("chmod 640 %s", path);
  if (stat(path, &status) != 0)
    doctor_say(doctor, DOCTOR_PROBLEM, "permissions", key, "%s = %s: %s", key, path, g_strerror(errno));
  else if (status.st_mode & (S_IROTH | S_IWOTH))
    doctor_say(doctor, DOCTOR_PROBLEM, "permissions", fix, "everybody on this machine can read %s", path);
}

void
doctor_check_permissions(struct doctor *doctor)
{
  const struct config *config = doctor->config;
  guint before = doctor->findings->len;
  struct stat status;
  g_autofree char *fix = g_strdup_printf("chmod 700 %s", config->state_dir);
  if (stat(config->state_dir, &status) == 0 && status.st_mode & (S_IROTH | S_IWOTH | S_IWGRP))
    doctor_say(doctor, DOCTOR_PROBLEM, "permissions", fix, "%s is open to others (mode %04o): the database is in it", config->state_dir, status.st_mode & 07777);
  for (size_t i = 0; i < config->n_outlets; i++) {
    check_secret(doctor, "[outlet] password_file", config->outlets[i].password_file);
    check_secret(doctor, "[outlet] tls_key", config->outlets[i].tls_key);
  }
  check_secret(doctor, "[lmtp] tls_key", config->lmtp_tls_key);
  if (doctor->findings->len == before)
    doctor_say(doctor, DOCTOR_OK, "permissions", NULL, "nobody else can read the database or a key");
}
