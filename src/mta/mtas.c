/* The MTAs that set-ups exist for. */
#include "mta/setup.h"

const struct mta mtas[] = {
  { "postfix", "Postfix", postfix_setups },
  { "exim", "Exim", exim_setups },
  { "sendmail", "Sendmail", sendmail_setups },
  { NULL },
};

const struct mta *
mta_find(const char *name)
{
  for (const struct mta *mta = mtas; mta->name; mta++)
    if (strcmp(mta->name, name) == 0)
      return mta;
  return NULL;
}

const struct mta_setup *
mta_setup_find(const struct mta *mta, const char *name)
{
  for (const struct mta_setup *setup = mta->setups; setup->name; setup++)
    if (strcmp(setup->name, name) == 0)
      return setup;
  return NULL;
}
