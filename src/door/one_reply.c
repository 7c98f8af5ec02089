#include "door/one_reply.h"

/* Octets of the line that verdicts may fill; the rest is for what is said of those that do not fit. */
#define VERDICTS_MAX (REPLY_LINE_MAX - 60)

/* The first reply of that class ('2', '4', '5'), or NULL. No reply at all counts as '4'. */
static const struct door_recipient *
first_of(const GPtrArray *recipients, char class)
{
  for (guint i = 0; i < recipients->len; i++) {
    const struct door_recipient *recipient = g_ptr_array_index(recipients, i);
    if ((recipient->reply->len > 0 ? recipient->reply->str[0] : '4') == class)
      return recipient;
  }
  return NULL;
}

/* What a reply says behind its codes. */
static struct slice
words_of(const GString *reply)
{
  struct slice words = slice_trim(slice_skip((struct slice){ reply->str, reply->len - 2 }, 4));
  struct slice code = slice_until(words, ' ');
  return code.n > 0 && g_ascii_isdigit(code.p[0]) && code.n < words.n && code.p[1] == '.' ? slice_trim(slice_skip(words, code.n)) : words;
}

/* The words of each reply of class 2, those alike once. */
static GString *
verdicts_joined(const GPtrArray *recipients)
{
  GString *joined = g_string_new(NULL);
  unsigned more = 0;
  for (guint i = 0; i < recipients->len; i++) {
    const struct door_recipient *recipient = g_ptr_array_index(recipients, i);
    if (recipient->reply->str[0] != '2')
      continue;
    struct slice words = words_of(recipient->reply);
    g_autofree char *text = g_strndup(words.p, words.n);
    if (strstr(joined->str, text))
      continue;
    if (joined->len + words.n + 2 > VERDICTS_MAX && joined->len > 0)
      more++;
    else
      g_string_append_printf(joined, "%s%s", joined->len > 0 ? "; " : "", text);
  }
  if (more > 0)
    g_string_append_printf(joined, "; and %u more", more);
  return joined;
}

static void
say_first(const struct door_recipient *recipient, GString *out)
{
  if (recipient->reply->len > 0)
    g_string_append_len(out, recipient->reply->str, (gssize)recipient->reply->len);
  else
    reply_render(REPLY_TROUBLE, NULL, out);
}

void
one_reply_render(const GPtrArray *recipients, const char *also, GString *out)
{
  const struct door_recipient *trouble = first_of(recipients, '4'), *taken = first_of(recipients, '2'), *refused = first_of(recipients, '5');
  if (trouble) {
    say_first(trouble, out);
  } else if (taken || also) {
    g_autoptr(GString) detail = verdicts_joined(recipients);
    if (also)
      g_string_append_printf(detail, "%s%s", detail->len > 0 ? "; " : "", also);
    reply_render(REPLY_SEVERAL, &(struct reply_words){ .detail = detail->str }, out);
  } else if (refused) {
    say_first(refused, out);
  } else {
    reply_render(REPLY_TROUBLE, NULL, out);
  }
}
