#pragma once
/* An array of JSON that is printed item by item, since it may be as long as a roster. The text is that of cli_print_json(). If the command fails before the
 * end, the array stays open. */
#include <jansson.h>
#include <stdbool.h>

struct json_list {
  bool begun;
};
/* Prints `item` and releases it. */
void json_list_add(struct json_list *list, json_t *item);
void json_list_end(struct json_list *list);
