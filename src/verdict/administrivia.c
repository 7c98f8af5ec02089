#include "message/first_text.h"
#include "verdict/moderation.h"
#include <string.h>

/* Lines of text looked at, blank ones not counted: Mailman's email_commands_max_lines. */
#define LINES_MAX 10
/* More words than any command has. */
#define WORDS_MAX 5

/* What people send to a list and mean for its robot: Mailman's table, and the newer names of two commands, which stand alone. */
static const struct command {
  const char *name;
  guint least, most; /* words behind it */
} commands[] = {
  { "confirm", 1, 1 },  { "help", 0, 0 },     { "info", 0, 0 }, { "join", 0, 0 },      { "leave", 0, 0 },       { "lists", 0, 0 }, { "options", 0, 0 },
  { "password", 2, 2 }, { "remove", 0, 0 },   { "set", 3, 3 },  { "subscribe", 0, 3 }, { "unsubscribe", 0, 1 }, { "who", 0, 1 },
};

/* The command that a line is, or NULL. `words`: how many it has, counted up to WORDS_MAX. */
static const char *
command_of(const char *line, guint *words)
{
  static const char blanks[] = " \t\r\n\f\v";
  const char *first = line + strspn(line, blanks);
  size_t n = strcspn(first, blanks);
  *words = 0;
  for (const char *word = first; *word && *words < WORDS_MAX; ++*words) {
    word += strcspn(word, blanks);
    word += strspn(word, blanks);
  }
  for (size_t i = 0; *words && i < G_N_ELEMENTS(commands); i++)
    if (strlen(commands[i].name) == n && g_ascii_strncasecmp(first, commands[i].name, n) == 0)
      return *words - 1 >= commands[i].least && *words - 1 <= commands[i].most ? commands[i].name : NULL;
  return NULL;
}

static const char *
command_in_subject(const struct header_view *header)
{
  const struct header_field *field = header_first(header, "Subject");
  g_autofree char *subject = field ? header_text(field) : g_strdup("");
  guint words;
  return command_of(subject, &words);
}

static const char *
command_in_text(const struct header_view *header)
{
  g_autofree char *text = first_text(header);
  guint lines = 0;
  for (char *line = text, *next; line && lines < LINES_MAX; line = next) {
    next = strchr(line, '\n');
    if (next)
      *next++ = '\0';
    guint words;
    const char *command = command_of(line, &words);
    if (command)
      return command;
    lines += words > 0;
  }
  return NULL;
}

static bool
check(const struct facts *facts, struct verdict *verdict, GString *seen)
{
  const struct header_view *header = facts->content->header;
  if (!facts->list->settings.administrivia || !header) {
    seen_add(seen, "the list takes what looks like a command");
    return false;
  }
  const char *command = command_in_subject(header), *where = "the subject";
  if (!command) {
    command = command_in_text(header);
    where = "the text";
  }
  if (!command) {
    seen_add(seen, "no command in the subject, nor in the first %d lines", LINES_MAX);
    return false;
  }
  seen_add(seen, "%s has the command %s", where, command);
  g_autofree char *request = list_role_address(facts->list, "request");
  return moderation_hold_content(facts, verdict, "%s has the command \"%s\", and commands to %s go to %s", where, command, facts->list->posting, request);
}

const struct rule rule_administrivia = { "administrivia", check };
