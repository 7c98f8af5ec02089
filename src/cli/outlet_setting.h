#pragma once
/* The setting `outlet` of a list names a section of the configuration, and what waits follows it. */
#include "cli/cli.h"

/* An assignment of the setting `name`: is it one that the configuration allows? RES_BAD: no section [outlet VALUE]; the error names those there are. */
enum res outlet_setting_check(const struct config *config, const char *name, const char *value, GError **error) MUST_CHECK;
/* After an assignment of the setting `name` in the same transaction: deliveries of the list that are not done go by `value` from now on. Does nothing for
 * other settings. */
enum res outlet_setting_follow(struct tx *tx, int64_t list_id, const char *name, const char *value, GError **error) MUST_CHECK;
