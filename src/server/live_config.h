#pragma once
/* The configuration in force, replaced on reload. Any thread. */
#include "base/config.h"

struct live_config;

/* Takes `config` over. */
struct live_config *live_config_new(struct config *config);
void live_config_free(struct live_config *live);
/* The configuration in force now; stays valid until the release. */
const struct config *live_config_acquire(struct live_config *live);
void live_config_release(struct live_config *live, const struct config *config);
/* Takes `config` over; the one before goes when its last user releases it. */
void live_config_replace(struct live_config *live, struct config *config);
