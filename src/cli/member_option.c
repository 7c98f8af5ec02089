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

unsigned
role_group_value(const char *command, const char *name)
{
  int role = member_role_parse(name);
  if (role >= 0)
    return ROLE_BIT(role);
  if (strcmp(name, "administrator") == 0)
    return ROLE_BIT(MEMBER_OWNER) | ROLE_BIT(MEMBER_MODERATOR);
  if (strcmp(name, "any") == 0)
    return ROLE_BIT(MEMBER_MEMBER) | ROLE_BIT(MEMBER_OWNER) | ROLE_BIT(MEMBER_MODERATOR) | ROLE_BIT(MEMBER_NONMEMBER);
  cli_usage("%s: \"%s\" is no role; it is member, owner, moderator, nonmember, administrator or any", command, name);
  return 0;
}
