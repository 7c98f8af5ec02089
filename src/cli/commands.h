#pragma once
/* Every command's row; each stands in a file named after it, or after the family it belongs to. */
#include "cli/cli.h"

extern const struct cli_command create_command;
extern const struct cli_command remove_command;
extern const struct cli_command lists_command;
extern const struct cli_command domains_command;
extern const struct cli_command adddomain_command;
extern const struct cli_command deldomain_command;
extern const struct cli_command info_command;
extern const struct cli_command members_command;
extern const struct cli_command addmembers_command;
extern const struct cli_command delmembers_command;
extern const struct cli_command syncmembers_command;
extern const struct cli_command member_command;
extern const struct cli_command findmember_command;
extern const struct cli_command changeaddress_command;
extern const struct cli_command ban_command;
extern const struct cli_command unban_command;
extern const struct cli_command bans_command;
extern const struct cli_command set_command;
extern const struct cli_command show_command;
extern const struct cli_command held_command;
extern const struct cli_command accept_command;
extern const struct cli_command reject_command;
extern const struct cli_command discard_command;
extern const struct cli_command explain_command;
extern const struct cli_command queue_command;
extern const struct cli_command retry_command;
extern const struct cli_command ledger_command;
extern const struct cli_command tagkeys_command;
extern const struct cli_command mta_command;
extern const struct cli_command aliases_command;
extern const struct cli_command backup_command;
extern const struct cli_command restore_command;
extern const struct cli_command status_command;
extern const struct cli_command doctor_command;
extern const struct cli_command conf_command;
extern const struct cli_command help_command;
extern const struct cli_command version_command;
