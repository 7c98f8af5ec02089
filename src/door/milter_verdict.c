/* What a milter's MTA is told. */
#include "base/log.h"
#include "door/milter_session.h"
#include "door/session.h"

/* ---- answers ---- */

void
milter_say(struct milter *milter, enum milter_answer answer, struct slice data)
{
  g_string_truncate(milter->out, 0);
  milter_packet_write(milter->out, (char)answer, data);
  exchange_say(&milter->exchange, (struct slice){ milter->out->str, milter->out->len });
}

void
milter_say_continue(struct milter *milter, uint32_t mute)
{
  if ((milter->agreed.steps & mute) == 0)
    milter_say(milter, MILTER_CONTINUE, SLICE(""));
}

static void
say_line(struct milter *milter, struct slice line)
{
  g_autoptr(GString) text = g_string_sized_new(REPLY_LINE_MAX);
  milter_reply_text(line, text);
  milter_say(milter, MILTER_REPLY, (struct slice){ text->str, text->len });
}

void
milter_say_error(struct milter *milter, const GError *error)
{
  const char *message = error && error->domain == LISTWARD_ERROR ? error->message : NULL;
  g_autoptr(GString) line = g_string_sized_new(REPLY_LINE_MAX);
  reply_render(error_reply(error, REPLY_TROUBLE), &(struct reply_words){ .reason = message, .detail = message }, line);
  say_line(milter, (struct slice){ line->str, line->len });
}

/* ---- the verdict ---- */

/* What becomes of a message that could not be judged: with other recipients it goes on to them, and ours are judged when it is delivered. */
static void
conclude_failure(struct milter *milter)
{
  const struct arrival *arrival = &milter->message.arrival;
  log_note(milter->others ? "message not judged" : "message refused", log_str("from", milter->transaction.reverse_path), log_int("octets", arrival->octets), log_err(arrival->failure));
  if (milter->others) {
    milter_say(milter, MILTER_ACCEPT, SLICE(""));
    return;
  }
  transfer_count_failure(arrival->failure);
  milter_say_error(milter, arrival->failure);
}

/* The first recipient with that outcome, or NULL. */
static const struct door_recipient *
first_of(const struct milter *milter, enum door_outcome outcome)
{
  for (guint i = 0; i < milter->transaction.recipients->len; i++) {
    const struct door_recipient *recipient = g_ptr_array_index(milter->transaction.recipients, i);
    if (recipient->outcome == outcome)
      return recipient;
  }
  return NULL;
}

static void
say_reply_of(struct milter *milter, const struct door_recipient *recipient)
{
  if (recipient->reply->len > 0 && recipient->reply->str[0] != '2')
    say_line(milter, (struct slice){ recipient->reply->str, recipient->reply->len });
  else
    milter_say_error(milter, NULL);
}

/* The message passes: to all but those whose list discards it. The others of ours are answered, as was judged, when it is delivered. */
static void
pass(struct milter *milter)
{
  for (guint i = 0; i < milter->written->len && milter->agreed.actions & MILTER_MAY_DELETE_RCPT; i++) {
    const struct door_recipient *recipient = g_ptr_array_index(milter->transaction.recipients, i);
    const char *written = g_ptr_array_index(milter->written, i);
    if (recipient->outcome == DOOR_DISCARDED)
      milter_say(milter, MILTER_DELETE_RCPT, (struct slice){ written, strlen(written) + 1 });
  }
  milter_say(milter, MILTER_ACCEPT, SLICE(""));
}

/* As long as somebody gets the message it passes; else a trouble is tried again, then a refusal is told, and it vanishes only if all discard it. */
void
milter_conclude(struct milter *milter)
{
  const struct door_recipient *recipient;
  if (milter->message.arrival.failure)
    conclude_failure(milter);
  else if (milter->others || first_of(milter, DOOR_ACCEPTED) || first_of(milter, DOOR_HELD))
    pass(milter);
  else if ((recipient = first_of(milter, DOOR_TROUBLE)) || (recipient = first_of(milter, DOOR_REFUSED)))
    say_reply_of(milter, recipient);
  else
    milter_say(milter, MILTER_DISCARD, SLICE(""));
}
