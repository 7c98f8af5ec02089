#include "pipeline/pipeline.h"
#include "pipeline/copy.h"

/* In the order in which they work. Fields are added on top, so that the last one's stand highest: Received, as RFC 5321 4.4 wants it.
 * What an owner chose (subject, Reply-To, To) comes before what is only added: a signature that these broke is no ground to leave something
 * out. */
static const struct handler {
  const char *name;
  void (*handle)(struct copy *copy);
  bool owner; /* for mail to the owners too */
} handlers[] = {
  { .name = "cleanse", .handle = cleanse },
  { .name = "subject-prefix", .handle = prefix_subject },
  { .name = "reply-to", .handle = direct_replies },
  { .name = "personalize", .handle = personalize },
  { .name = "identity", .handle = identify },
  { .name = "precedence", .handle = set_precedence },
  { .name = "list-fields", .handle = add_list_fields },
  { .name = "hop", .handle = add_hop, .owner = true },
  { .name = "received", .handle = add_received, .owner = true },
};

static GBytes *
run(const struct pipeline_input *input, bool owner)
{
  OWN(header_edit) edit = header_edit_new(input->message);
  struct copy copy = { .input = input, .edit = edit };
  for (size_t i = 0; i < G_N_ELEMENTS(handlers); i++)
    if (!owner || handlers[i].owner)
      handlers[i].handle(&copy);
  return header_edit_apply(edit);
}

GBytes *
pipeline_posting(const struct pipeline_input *input)
{
  return run(input, false);
}

GBytes *
pipeline_owner(const struct pipeline_input *input)
{
  return run(input, true);
}

const char *
pipeline_handler_name(size_t n)
{
  return n < G_N_ELEMENTS(handlers) ? handlers[n].name : NULL;
}
