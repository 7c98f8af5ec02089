#include "mta/doctor.h"
#include <stdarg.h>

const char *
doctor_level_name(enum doctor_level level)
{
  static const char *const names[] = { "ok", "note", "problem" };
  return names[level];
}

static void
finding_free(struct finding *finding)
{
  g_free(finding->what);
  g_free(finding->fix);
  g_free(finding);
}

void
doctor_say(struct doctor *doctor, enum doctor_level level, const char *check, const char *fix, const char *what, ...)
{
  va_list args;
  va_start(args, what);
  struct finding *finding = g_new0(struct finding, 1);
  *finding = (struct finding){ .level = level, .check = check, .what = g_strdup_vprintf(what, args), .fix = g_strdup(fix ? fix : "") };
  va_end(args);
  g_ptr_array_add(doctor->findings, finding);
}

/* In the order in which one would look: what the others need comes first. */
static void (*const checks[])(struct doctor *doctor) = {
  doctor_check_server,   doctor_check_clock, doctor_check_disk,    doctor_check_database, doctor_check_permissions, doctor_check_services,
  doctor_check_remote,   doctor_check_names, doctor_check_chroot,  doctor_check_maps,     doctor_check_outlets,     doctor_check_refusal,
  doctor_check_probe,    doctor_check_dns,
};

bool
doctor_run(struct doctor *doctor)
{
  bool well = true;
  doctor->findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
  for (size_t i = 0; i < G_N_ELEMENTS(checks); i++)
    checks[i](doctor);
  for (guint i = 0; i < doctor->findings->len; i++)
    well &= ((struct finding *)g_ptr_array_index(doctor->findings, i))->level != DOCTOR_PROBLEM;
  return well;
}

void
doctor_clear(struct doctor *doctor)
{
  g_clear_pointer(&doctor->findings, g_ptr_array_unref);
  g_clear_pointer(&doctor->smtp, g_free);
  g_clear_pointer(&doctor->dns, g_free);
}
