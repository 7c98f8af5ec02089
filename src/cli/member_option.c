#include "cli/member_option.h"
#include "cli/cli.h"
#include <string.h>

static const struct delivery_choice choices[] = {
  { "regular", MODE_REGULAR, STATUS_ENABLED },         { "mime", MODE_MIME_DIGESTS, STATUS_ENABLED },
  { "plain", MODE_PLAINTEXT_DIGESTS, STATUS_ENABLED }, { "summary", MODE_SUMMARY_DIGESTS, STATUS_ENABLED },
  { "disabled", MODE_REGULAR, STATUS_BY_MODERATOR },
};

const struct delivery_choice *
delivery_option_value(const char *command, const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(choices); i++)
    if (strcmp(choices[i].name, name ? name : "regular") == 0)
      return &choices[i];
  cli_usage("%s: \"%s\" is no delivery mode; it is " DELIVERY_CHOICES, command, name);
  return NULL;
}

int
role_option_value(const char *command, const char *name)
{
  int role = member_role_parse(name ? name : "member");
  if (role < 0)
    cli_usage("%s: \"%s\" is no role; it is " ROLE_CHOICES, command, name);
  return role;
}
