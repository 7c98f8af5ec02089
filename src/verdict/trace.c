#include "verdict/rule.h"

static void
trace_step_free(gpointer data)
{
  struct trace_step *step = data;
  g_free(step->facts);
  g_free(step);
}

struct trace *
trace_new(void)
{
  struct trace *trace = g_new(struct trace, 1);
  trace->steps = g_ptr_array_new_with_free_func(trace_step_free);
  return trace;
}

void
trace_free(struct trace *trace)
{
  if (!trace)
    return;
  g_ptr_array_unref(trace->steps);
  g_free(trace);
}

void
seen_add(GString *seen, const char *format, ...)
{
  if (!seen)
    return;
  if (seen->len)
    g_string_append(seen, "; ");
  va_list arguments;
  va_start(arguments, format);
  g_string_append_vprintf(seen, format, arguments);
  va_end(arguments);
}
