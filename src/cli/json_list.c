#include "cli/json_list.h"
#include "cli/cli.h"
#include <stdlib.h>

/* No line end stands inside a string of JSON, so that each is one of the text's own. */
void
json_list_add(struct json_list *list, json_t *item)
{
  char *text = json_dumps(item, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY); /* Jansson's malloc */
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autofree char *indented = g_strjoinv("\n  ", lines);
  cli_print("%s\n  %s", list->begun ? "," : "[", indented);
  list->begun = true;
  free(text);
  json_decref(item);
}

void
json_list_end(struct json_list *list)
{
  cli_print(list->begun ? "\n]\n" : "[]\n");
}
