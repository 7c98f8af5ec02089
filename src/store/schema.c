#include "store/migrations.h"

static const struct migration migrations[] = {
  { .version = 1, .sql = "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL);" },
};

const struct migration_list schema = { migrations, G_N_ELEMENTS(migrations) };
