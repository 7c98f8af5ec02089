/* Any octets as a configuration file: an error with a sentence, or values that are written as they are read. */
#include "base/config.h"
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_values(const struct config *config)
{
  for (const struct config_key *key = config_table; key->section; key++) {
    g_autofree char *value = config_value(config, key);
    g_assert(value);
  }
  g_assert(config->n_outlets >= 1 && config->n_outlets <= CONFIG_OUTLETS_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  int fd = memfd_create("listward.conf", MFD_CLOEXEC);
  g_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
  g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
  OWN(config) config = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = config_load(path, &config, &error);
  g_assert((res == RES_OK) == (error == NULL) && (res == RES_OK) == (config != NULL));
  g_assert(error == NULL || *error->message);
  if (config)
    check_values(config);
  close(fd);
  return 0;
}
