/* Set-ups of Exim. */
#include "mta/setup.h"

const struct mta_setup exim_setups[] = {
  { NULL },
};
