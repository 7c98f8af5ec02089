#pragma once
/* `[alarm] command`: run by the helper when an alarm is raised, with the alarm's line of the log on its standard input; once a minute at most. Those that
 * are raised meanwhile are counted, and told with the next: the first of them, and how many followed. */
#include "server/helper.h"

struct alarm_command;

/* From now on alarms are taken; their command `number` of `helper`, which must outlive this, runs in a thread of its own. RES_TEMP: no thread. */
enum res alarm_command_start(struct helper *helper, size_t number, struct alarm_command **alarm, GError **error) MUST_CHECK;
/* Runs it once more if an alarm has not been told yet. NULL is allowed. */
void alarm_command_free(struct alarm_command *alarm);
