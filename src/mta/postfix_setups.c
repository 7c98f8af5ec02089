/* Set-ups of Postfix. */
#include "mta/setup.h"

const struct mta_setup postfix_setups[] = {
  { NULL },
};
