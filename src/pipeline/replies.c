#include "pipeline/copy.h"

/* Addresses of the author's own Reply-To that are kept at most. */
#define REPLY_ADDRESSES_MAX 100

/* Reply-To as the owner wants it: the explicit address, then the author's (unless stripped), then the list, each once. A choice, so done
 * whatever a signature says; nothing is touched where it is so already. */
void
direct_replies(struct copy *copy)
{
  const struct list *list = copy->input->list;
  const struct settings *settings = &list->settings;
  int64_t how = settings->reply_goes_to_list;
  struct copy_addresses replies;
  copy_addresses_init(&replies);
  if (how == REPLY_GOES_EXPLICIT || how == REPLY_GOES_EXPLICIT_ONLY)
    copy_addresses_add(&replies, "", settings->reply_to_address, REPLY_ADDRESSES_MAX);
  bool munging = how == REPLY_GOES_TO_LIST || replies.keys->len > 0; /* an explicit address that is not set munges nothing */
  bool only = how == REPLY_GOES_EXPLICIT_ONLY && munging;
  if (munging && !only && !settings->first_strip_reply_to)
    copy_addresses_add_all(&replies, copy->input->message, "Reply-To", REPLY_ADDRESSES_MAX);
  if (how == REPLY_GOES_TO_LIST)
    copy_addresses_add(&replies, settings->display_name ? settings->display_name : "", list->posting, REPLY_ADDRESSES_MAX);

  bool there = munging && copy_addresses_stand_in(&replies, copy->input->message, "Reply-To");
  if (!there && (munging || settings->first_strip_reply_to))
    header_edit_remove_all(copy->edit, "Reply-To");
  if (munging && !there)
    header_edit_add(copy->edit, "Reply-To", replies.value->str);
  copy_addresses_clear(&replies);
}
