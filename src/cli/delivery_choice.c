#include "cli/delivery_choice.h"
#include <string.h>

static const struct delivery_choice choices[] = {
  { "regular", MODE_REGULAR, STATUS_ENABLED },         { "mime", MODE_MIME_DIGESTS, STATUS_ENABLED },
  { "plain", MODE_PLAINTEXT_DIGESTS, STATUS_ENABLED }, { "summary", MODE_SUMMARY_DIGESTS, STATUS_ENABLED },
  { "disabled", MODE_REGULAR, STATUS_BY_MODERATOR },
};

const struct delivery_choice *
delivery_choice_find(const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(choices); i++)
    if (strcmp(choices[i].name, name ? name : "regular") == 0)
      return &choices[i];
  return NULL;
}
