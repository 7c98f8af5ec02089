#include "queue/explain.h"

void
explanation_free(struct explanation *explanation)
{
  if (!explanation)
    return;
  trace_free(explanation->trace);
  verdict_clear(&explanation->judged);
  verdict_clear(&explanation->done);
  g_free(explanation);
}

struct explain {
  const struct explain_input *input;
  const struct content *content;
  struct explanation *explanation;
};

static enum res
explain_judge(struct tx *tx, void *arg, GError **error)
{
  struct explain *explain = arg;
  OWN(facts) facts = NULL;
  enum res res = facts_gather(tx, explain->input->list, explain->content, &facts, error);
  if (res != RES_OK)
    return res;
  verdict_judge(facts, &explain->explanation->judged, explain->explanation->trace);
  return RES_OK;
}

static enum reply
explain_door(const struct explain_input *input, struct explanation *explanation)
{
  explanation->done = explanation->judged;
  explanation->done.reason = g_strdup(explanation->judged.reason);
  door_policy_apply(&explanation->done, input->door, input->proof, input->unproven, input->reverse_path);
  return verdict_reply(&explanation->done);
}

enum res
explain_message(struct store *store, const struct explain_input *input, struct explanation **explanation, GError **error)
{
  OWN(content) content = content_read(input->octets, input->reverse_path);
  OWN(explanation) made = g_new0(struct explanation, 1);
  made->trace = trace_new();
  struct explain explain = { .input = input, .content = content, .explanation = made };
  enum res res = store_read(store, explain_judge, &explain, error);
  if (res != RES_OK)
    return res;
  made->reply = explain_door(input, made);
  *explanation = OWN_GIVE(made);
  return RES_OK;
}
