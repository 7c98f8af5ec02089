/* `explain`: what would be answered to a message, and why. */
#include "queue/explain.h"
#include "base/reply.h"
#include "cli/commands.h"
#include "cli/open_list.h"
#include "message/header.h"
#include <errno.h>
#include <stdio.h>

static char *sender, *door_name;
static gboolean proven;

static const GOptionEntry options[] = {
  { "sender", 0, 0, G_OPTION_ARG_STRING, &sender, "the reverse-path; without it the address in From; empty: the null reverse-path", "ADDRESS" },
  { "door", 0, 0, G_OPTION_ARG_STRING, &door_name, "lmtp (the default) or front", "DOOR" },
  { "proven", 0, 0, G_OPTION_ARG_NONE, &proven, "as if the return path were proven to be the author's", NULL },
  { NULL },
};

/* Reads all of `path` ("-": standard input), up to the largest message that would be taken. */
static enum res
read_file(const char *path, int64_t max, GString **text, GError **error)
{
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  if (file == NULL)
    return refuse(error, REPLY_SYNTAX, "%s: %s", path, g_strerror(errno));
  g_autoptr(GString) all = g_string_new(NULL);
  char block[65536];
  size_t n;
  while ((n = fread(block, 1, sizeof block, file)) > 0 && (int64_t)all->len <= max)
    g_string_append_len(all, block, (gssize)n);
  bool failed = ferror(file);
  if (file != stdin)
    fclose(file);
  if (failed)
    return trouble(error, REPLY_TROUBLE, "%s cannot be read", path);
  if ((int64_t)all->len > max)
    return refuse(error, REPLY_TOO_LARGE, "%s is larger than [limits] max_message_size", path);
  *text = g_steal_pointer(&all);
  return RES_OK;
}

/* A file has LF line ends, or CRLF; a door gives CRLF and replaces what is stray. */
static GString *
as_from_a_door(const GString *text)
{
  GString *wire = g_string_sized_new(text->len + text->len / 32);
  for (gsize i = 0; i < text->len; i++) {
    char c = text->str[i];
    if (c == '\n')
      g_string_append(wire, "\r\n");
    else if (c != '\r')
      g_string_append_c(wire, c);
    else if (i + 1 == text->len || text->str[i + 1] != '\n')
      g_string_append_c(wire, ' ');
  }
  return wire;
}

/* The first address in From, "" if there is none; owned by the caller. */
static char *
author_of(struct slice message)
{
  OWN(header_view) view = NULL;
  if (header_view_new(message, &view, NULL) != RES_OK)
    return g_strdup("");
  g_autoptr(GPtrArray) from = header_addresses(view, "From");
  return g_strdup(from->len ? ((struct mailbox *)g_ptr_array_index(from, 0))->address : "");
}

static void
print_steps(const struct explanation *explanation)
{
  for (guint i = 0; i < explanation->trace->steps->len; i++) {
    const struct trace_step *step = g_ptr_array_index(explanation->trace->steps, i);
    g_autofree char *facts = cli_clean(step->facts);
    cli_print("%-22s %-4s %-8s %s\n", step->rule, step->hit ? "HIT" : "miss", step->hit ? verdict_action_name(step->action) : "", facts);
  }
}

static json_t *
steps_json(const struct explanation *explanation)
{
  json_t *steps = json_array();
  for (guint i = 0; i < explanation->trace->steps->len; i++) {
    const struct trace_step *step = g_ptr_array_index(explanation->trace->steps, i);
    g_autofree char *facts = cli_clean(step->facts);
    json_array_append_new(steps, json_pack("{s:s, s:b, s:s, s:s}", "rule", step->rule, "hit", step->hit, "action",
                                           step->hit ? verdict_action_name(step->action) : "", "facts", facts));
  }
  return steps;
}

static void
print(const struct explain_input *input, const struct explanation *explanation, bool json)
{
  g_autoptr(GString) line = g_string_new(NULL);
  const struct reply_words words = {
    .id = "ID", .list = input->list->posting, .reason = explanation->done.reason, .detail = explanation->done.reason,
  };
  reply_render(explanation->reply, &words, line);
  g_string_truncate(line, line->len - 2);
  g_autofree char *from = cli_clean(input->reverse_path);
  const char *door = door_kind_name(input->door), *proof = input->proof == PROOF_NONE ? "unproven" : "proven";
  if (json) {
    cli_print_json(json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "sender", from, "door", door, "return_path", proof, "rules",
                             steps_json(explanation), "verdict", verdict_action_name(explanation->judged.action), "done",
                             verdict_action_name(explanation->done.action), "rule", explanation->judged.rule, "reply", line->str));
    return;
  }
  print_steps(explanation);
  cli_print("sender: %s\ndoor: %s, return path %s\n", from[0] ? from : "<>", door, proof);
  cli_print("verdict: %s", verdict_action_name(explanation->judged.action));
  if (explanation->done.action != explanation->judged.action)
    cli_print(", at this door %s", verdict_action_name(explanation->done.action));
  cli_print("\nreply: %s\n", line->str);
}

static int
explain(struct cli *cli, const char *list_name, const char *path, enum door_kind door)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) text = NULL;
  OWN(store) store = NULL;
  OWN(list) list = NULL;
  OWN(explanation) explanation = NULL;
  enum res res = cli_open_list(cli, list_name, &store, &list, &error);
  if (res == RES_OK)
    res = read_file(path, cli->config->max_message_size, &text, &error);
  if (res != RES_OK)
    return cli_fail(error);
  g_autoptr(GString) wire = as_from_a_door(text);
  struct slice octets = { wire->str, wire->len };
  g_autofree char *reverse_path = sender ? g_strdup(sender) : author_of(octets);
  const struct explain_input input = {
    .list = list, .octets = octets, .reverse_path = reverse_path, .door = door, .proof = proven ? PROOF_FRONT : PROOF_NONE,
    .unproven = (enum unproven_policy)cli->config->lmtp_unproven,
  };
  res = explain_message(store, &input, &explanation, &error);
  if (res != RES_OK)
    return cli_fail(error);
  print(&input, explanation, cli->json);
  return CLI_DONE;
}

static int
run(struct cli *cli, int argc, char **argv)
{
  (void)argc;
  bool front = door_name && strcmp(door_name, "front") == 0;
  if (door_name && !front && strcmp(door_name, "lmtp") != 0)
    return cli_usage("explain: \"%s\" is no door; it is lmtp or front", door_name);
  return explain(cli, argv[0], argv[1], front ? DOOR_FRONT : DOOR_LMTP);
}

const struct cli_command explain_command = {
  .name = "explain", .arguments = "LIST FILE", .summary = "what would be answered to a message, and why, rule by rule", .options = options, .lists = true,
  .min = 2, .max = 2, .run = run,
  .help = "FILE is a message, - standard input. Nothing is sent or stored. The last line is `reply: CODE X.Y.Z text`; the exit status is 0 whatever the verdict.",
};
