#pragma once
/* Options about members that several commands have: rows of their tables, and what the values mean. */
#include "list/member.h"

struct delivery_choice {
  const char *name;
  enum delivery_mode mode;
  enum delivery_status status;
};

#define DELIVERY_CHOICES "regular, mime, plain, summary or disabled"
#define ROLE_CHOICES "member, owner, moderator or nonmember"
#define ROLE_GROUP_CHOICES "member, owner, moderator, nonmember, administrator (owners and moderators) or any"

/* `variable` is a static char *, NULL if the option is not given. */
#define DELIVERY_OPTION(variable) { "delivery", 'd', 0, G_OPTION_ARG_STRING, &(variable), DELIVERY_CHOICES " (regular if not given)", "MODE" }
#define ROLE_OPTION(variable) { "role", 0, 0, G_OPTION_ARG_STRING, &(variable), ROLE_CHOICES " (member if not given)", "ROLE" }

/* What `name`, or NULL, means. NULL: no such mode; it has been said on stderr in the name of `command`, and the exit status is CLI_USAGE. */
const struct delivery_choice *delivery_option_value(const char *command, const char *name);
/* The same: an enum member_role, or -1. */
int role_option_value(const char *command, const char *name);

/* A set of roles. */
#define ROLE_BIT(role) (1u << (role))
/* Of ROLE_GROUP_CHOICES: a set of ROLE_BIT(), or 0 after saying so. */
unsigned role_group_value(const char *command, const char *name);
