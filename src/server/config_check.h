#pragma once
/* The checks of a configuration's values that config_load() cannot make, as it knows neither addresses nor services: at the start and before each reload. */
#include "base/config.h"

/* RES_BAD: the error names file, key and what is wrong. What is allowed but unwise is a warning in the log. */
enum res config_check(const struct config *config, GError **error) MUST_CHECK;
