/* A file that has its name only when it is whole: where the file system knows files without a name, and where it does not. */
#include "store/whole_file.h"
#include "store/scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool nameless_unknown;

/* In place of the C library's: a file system that knows no files without a name. */
int
openat(int directory, const char *path, int flags, ...)
{
  va_list args;
  va_start(args, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
  va_end(args);
  if (nameless_unknown && (flags & O_TMPFILE) == O_TMPFILE) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return (int)syscall(SYS_openat, directory, path, flags, mode);
}

struct place {
  char *directory, *path, *part;
};

static void
place_make(struct place *place)
{
  place->directory = scratch_new();
  place->path = g_build_filename(place->directory, "a.db", NULL);
  place->part = g_strconcat(place->path, ".part", NULL);
}

static void
place_clear(struct place *place)
{
  scratch_free(place->directory);
  g_free(place->path);
  g_free(place->part);
}

static void
write_text(const struct whole_file *file, const char *text)
{
  g_assert_cmpint(write(whole_file_descriptor(file), text, strlen(text)), ==, (ssize_t)strlen(text));
}

static struct whole_file *
begin(const struct place *place, bool replace, const char *text)
{
  g_autoptr(GError) error = NULL;
  struct whole_file *file = NULL;
  enum res res = whole_file_begin(place->path, replace, &file, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  write_text(file, text);
  return file;
}

static void
publish(struct whole_file *file, enum res want)
{
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(whole_file_publish(file, &error), ==, want);
  g_assert_cmpint(error != NULL, ==, want != RES_OK);
}

/* NULL: there is no file. */
static void
assert_text(const char *path, const char *want)
{
  g_autofree char *text = NULL;
  (void)g_file_get_contents(path, &text, NULL, NULL);
  g_assert_cmpstr(text, ==, want);
}

static void
test_published(const struct place *place)
{
  OWN(whole_file) file = begin(place, false, "one");
  assert_text(place->path, NULL);
  publish(file, RES_OK);
  assert_text(place->path, "one");
  struct stat status;
  g_assert_cmpint(stat(place->path, &status), ==, 0);
  g_assert_cmpint(status.st_mode & 07777, ==, 0600);
  g_assert_cmpint((int)status.st_nlink, ==, 1);

  OWN(whole_file) second = begin(place, true, "two");
  g_assert_true(whole_file_replaces(second, place->path));
  assert_text(place->path, "one");
  publish(second, RES_OK);
  assert_text(place->path, "two");
}

static void
test_given_up(const struct place *place)
{
  whole_file_free(begin(place, false, "one"));
  assert_text(place->path, NULL);
}

static void
test_name_taken(const struct place *place)
{
  OWN(whole_file) file = begin(place, false, "one");
  g_assert_true(g_file_set_contents(place->path, "another's", -1, NULL));
  publish(file, RES_BAD);
  assert_text(place->path, "another's");

  OWN(whole_file) second = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(whole_file_begin(place->path, false, &second, &error), ==, RES_BAD);
  g_assert_nonnull(strstr(error->message, "exists already"));
}

/* The next one takes over what is left. */
static void
test_killed(const struct place *place)
{
  g_assert_true(g_file_set_contents(place->path, "precious", -1, NULL));
  pid_t child = fork();
  if (child == 0) {
    (void)begin(place, true, "longer than what follows");
    raise(SIGKILL);
  }
  int status;
  g_assert_cmpint(waitpid(child, &status, 0), ==, child);
  g_assert_true(WIFSIGNALED(status));
  assert_text(place->path, "precious");
  assert_text(place->part, nameless_unknown ? "longer than what follows" : NULL);

  OWN(whole_file) file = begin(place, true, "two");
  publish(file, RES_OK);
  assert_text(place->path, "two");
}

/* Two of the same name: with NAME.part the second is told so, else who ends first has the name. */
static void
test_at_once(const struct place *place)
{
  OWN(whole_file) first = begin(place, false, "one");
  OWN(whole_file) second = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = whole_file_begin(place->path, false, &second, &error);
  if (nameless_unknown) {
    g_assert_cmpint(res, ==, RES_TEMP);
    g_assert_nonnull(strstr(error->message, "another process is making it"));
    assert_text(place->part, "one");
  } else {
    g_assert_cmpint(res, ==, RES_OK);
    write_text(second, "two");
  }
  publish(first, RES_OK);
  if (second)
    publish(second, RES_BAD);
  assert_text(place->path, "one");
}

/* What NAME.part is beside: another's file, which is a symbolic link. */
static void
test_part_is_a_link(const struct place *place)
{
  g_autofree char *victim = g_build_filename(place->directory, "victim", NULL);
  g_assert_true(g_file_set_contents(victim, "precious", -1, NULL));
  g_assert_cmpint(symlink(victim, place->part), ==, 0);
  OWN(whole_file) file = NULL;
  enum res res = whole_file_begin(place->path, false, &file, NULL);
  g_assert_cmpint(res, ==, nameless_unknown ? RES_TEMP : RES_OK);
  assert_text(victim, "precious");
  g_assert_cmpint(unlink(place->part), ==, 0);
}

static const struct row {
  const char *name;
  void (*run)(const struct place *place);
} rows[] = {
  { .name = "published", .run = test_published },
  { .name = "given up", .run = test_given_up },
  { .name = "name taken", .run = test_name_taken },
  { .name = "killed", .run = test_killed },
  { .name = "at once", .run = test_at_once },
  { .name = "part is a link", .run = test_part_is_a_link },
};

static void
run_row(const struct row *row, bool unknown)
{
  struct place place;
  nameless_unknown = unknown;
  place_make(&place);
  row->run(&place);
  assert_text(place.part, NULL);
  place_clear(&place);
}

static void
run_nameless(gconstpointer row)
{
  run_row(row, false);
}

static void
run_part(gconstpointer row)
{
  run_row(row, true);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *nameless = g_strconcat("/whole_file/nameless/", rows[i].name, NULL), *part = g_strconcat("/whole_file/part/", rows[i].name, NULL);
    g_test_add_data_func(nameless, &rows[i], run_nameless);
    g_test_add_data_func(part, &rows[i], run_part);
  }
  return g_test_run();
}
