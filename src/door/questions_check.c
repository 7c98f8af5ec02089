#include "door/questions_check.h"
#include "door/stub_hooks.h"
#include "net/memory_peer.h"

/* Cuts tried in one row at most. */
#define CUTS_MAX 600

GString *
questions_run(const struct service_ops *ops, struct slice input, size_t split, size_t piece, bool stopping, GString *log)
{
  static const struct door_peer who = { .session = "s", .listener = "test", .address = "unix", .unix_socket = true };
  OWN(stub) stub = stub_new();
  stub->options.transport = "lmtp:unix:/run/lmtp.sock";
  stub->options.stopping = stopping;
  const struct service service = { .ops = ops, .hooks = &stub->hooks, .options = &stub->options };
  struct memory_peer peer = { .input = input, .split = split, .piece = piece };
  void *session = ops->session_new(&service, memory_peer_stream(&peer), &who);
  ops->session_run(session);
  ops->session_free(session);
  g_assert(peer.closed);
  if (log)
    g_string_append_len(log, stub->log->str, (gssize)stub->log->len);
  return peer.output;
}

static void
check_cut(const struct service_ops *ops, const struct question_row *row, size_t split, size_t piece)
{
  g_autoptr(GString) log = g_string_new(NULL);
  g_autoptr(GString) output = questions_run(ops, row->input, split, piece, row->stopping, log);
  if (output->len != strlen(row->want) || strcmp(output->str, row->want) != 0)
    g_error("%s, cut at %zu:\n%s\nnot\n%s", row->name, split, output->str, row->want);
  if (strcmp(log->str, row->log ? row->log : "") != 0)
    g_error("%s, cut at %zu: hooks were told\n%s\nnot\n%s", row->name, split, log->str, row->log ? row->log : "");
}

void
questions_check(const struct service_ops *ops, const struct question_row *row)
{
  g_test_message("%s", row->name);
  for (size_t split = 0; split <= row->input.n && split < CUTS_MAX; split++)
    check_cut(ops, row, split, 0);
  check_cut(ops, row, 0, 1);
}

GString *
questions_fuzz(const struct service_ops *ops, struct slice input, unsigned char cut)
{
  g_autoptr(GString) told = g_string_new(NULL), told_cut = g_string_new(NULL), told_pieces = g_string_new(NULL);
  GString *whole = questions_run(ops, input, 0, 0, false, told);
  g_autoptr(GString) in_two = questions_run(ops, input, cut, 0, false, told_cut);
  g_autoptr(GString) pieces = questions_run(ops, input, 0, cut % 7 + 1, false, told_pieces);
  g_assert(g_string_equal(whole, in_two) && g_string_equal(whole, pieces));
  g_assert(g_string_equal(told, told_cut) && g_string_equal(told, told_pieces));
  return whole;
}
