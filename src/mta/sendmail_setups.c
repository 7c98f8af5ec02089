/* Set-ups of Sendmail. */
#include "mta/setup.h"

const struct mta_setup sendmail_setups[] = {
  { NULL },
};
