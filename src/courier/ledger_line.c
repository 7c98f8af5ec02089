#include "courier/ledger_line.h"
#include "courier/chunk.h"
#include "courier/recipient.h"

void
ledger_line_free(struct ledger_line *line)
{
  if (line == NULL)
    return;
  g_free(line->address);
  g_free(line->via);
  g_free(line->reply);
  g_free(line);
}

struct ledger_line *
ledger_line_new(const char *address, const char *state, const char *via, const char *reply)
{
  struct ledger_line *line = g_new(struct ledger_line, 1);
  *line = (struct ledger_line){ .address = g_strdup(address), .state = state, .via = g_strdup(via ? via : ""), .reply = g_strdup(reply ? reply : "") };
  return line;
}

static const char *
recipient_state_text(int64_t state, int64_t attempts)
{
  static const char *const names[] = {
    [RECIPIENT_WAITING] = "waiting", [RECIPIENT_CLAIMED] = "sending", [RECIPIENT_SENT] = "sent", [RECIPIENT_FAILED] = "failed", [RECIPIENT_LEFT] = "left",
  };
  if (state == RECIPIENT_WAITING && attempts > 0)
    return "deferred";
  return state >= 0 && (size_t)state < G_N_ELEMENTS(names) ? names[state] : "unknown";
}

struct ledger_line *
ledger_line_of_recipient(struct rows *rows)
{
  struct attempt attempt, last = { .via = SLICE("") };
  for (struct slice history = slice_of(row_text(rows, 8)); attempts_next(&history, &attempt);)
    last = attempt;
  g_autofree char *via = slice_dup(last.via);
  int64_t state = row_int(rows, 3), attempts = row_int(rows, 4);
  struct ledger_line *line = ledger_line_new(row_text(rows, 2), recipient_state_text(state, attempts), via, row_text(rows, 7));
  line->member_id = row_int(rows, 1);
  line->attempts = (int)attempts;
  line->next_at = state == RECIPIENT_WAITING ? row_int(rows, 5) : 0;
  line->at = row_int(rows, 6);
  return line;
}

struct ledger_line *
ledger_line_of_chunk(struct rows *rows, const char *address, const struct chunk_reply *reply)
{
  static const char *const names[] = { [CHUNK_WAITING] = "waiting", [CHUNK_CLAIMED] = "sending", [CHUNK_DONE] = "sent" };
  int64_t state = row_int(rows, 1);
  bool known = state >= 0 && (size_t)state < G_N_ELEMENTS(names);
  struct ledger_line *line = ledger_line_new(address, known ? names[state] : "unknown", reply->via->str, reply->text->str);
  line->attempts = (int)row_int(rows, 2) + (state == CHUNK_DONE);
  line->next_at = state == CHUNK_WAITING ? row_int(rows, 3) : 0;
  line->at = reply->at ? reply->at : row_int(rows, 4);
  return line;
}
