#include "queue/intake_log.h"
#include "base/counter.h"
#include "base/log.h"

struct outcome {
  const char *event;
  enum counter counter;
};

static struct outcome
outcome_of(const struct item *item)
{
  switch (item->reply) {
  case REPLY_ACCEPTED:
    return (struct outcome){ "posting accepted", COUNTER_ACCEPTED };
  case REPLY_HELD:
    return (struct outcome){ "posting held", COUNTER_HELD };
  case REPLY_DISCARDED:
    return (struct outcome){ "posting discarded", COUNTER_DISCARDED };
  case REPLY_TAKEN:
    return (struct outcome){ item->settled && !item->repeated ? "mail to a role dropped" : "mail to a role taken", COUNTER_TAKEN };
  default:
    break;
  }
  return reply_is_temporary(item->reply) ? (struct outcome){ "posting put off", COUNTER_TROUBLE } : (struct outcome){ "posting refused", COUNTER_REFUSED };
}

static void
intake_log_room(const struct item *item)
{
  if (!item->displaced[0])
    return;
  counter_add(COUNTER_DISCARDED, 1);
  log_note("held posting discarded to make room", log_str("list", intake_subject(item->target)), log_str("discarded", item->displaced));
}

/* A delivery follows a verdict that lets the message pass, and is told and counted then. */
void
intake_log_front(const struct item *item, bool passes)
{
  const struct intake *intake = item->intake;
  bool put_off = reply_is_temporary(item->reply), refused = !passes && reply_code(item->reply) >= 500;
  const char *event = put_off ? "posting put off in front" : refused ? "posting refused in front" : "posting judged in front";
  counter_add(COUNTER_FRONT, 1);
  if (refused || put_off)
    counter_add(refused ? COUNTER_REFUSED : COUNTER_TROUBLE, 1);
  log_write(passes && !put_off ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, event,
            LOG_FIELDS(log_str("list", intake_subject(item->target)), log_str("from", intake->message->reverse_path),
                       log_str("sender", content_sender(intake->content)), log_int("size", (int64_t)intake->content->message.n),
                       log_str("rule", item->verdict.rule ? item->verdict.rule : ""), log_str("reason", item->reason),
                       log_str("verdict", verdict_action_name(item->verdict.action)), log_int("code", reply_code(item->reply))));
}

void
intake_log(const struct item *item)
{
  const struct intake *intake = item->intake;
  const char *rule = item->verdict.rule ? item->verdict.rule : "";
  struct outcome outcome = item->repeated ? (struct outcome){ "posting repeated", COUNTER_REPEATED } : outcome_of(item);
  counter_add(outcome.counter, 1);
  log_posting(item->code[0] ? item->code : NULL);
  log_note(outcome.event, log_str("list", intake_subject(item->target)), log_str("from", intake->message->reverse_path),
           log_str("sender", content_sender(intake->content)), log_int("size", (int64_t)intake->content->message.n), log_str("rule", rule),
           log_str("reason", item->reason), log_str("proof", proof_name(item->proof)), log_int("code", reply_code(item->reply)));
  intake_log_room(item);
  if (item->reported)
    log_note("delivery report made", log_str("to", intake->message->reverse_path));
  if (item->orphan)
    log_alarm("mail to the owners has nobody to go to: it is kept", log_str("to", item->target->address), log_str("from", intake->message->reverse_path));
  log_posting(NULL);
}
