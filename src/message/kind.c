#include "message/kind.h"

/* Structured field values are read by hand: words, quoted strings and comments are all that is needed here. */

/* Takes a word (RFC 2045 5.1 token) or the inside of a quoted string. */
static struct slice
take_word(struct slice *text)
{
  *text = header_skip_cfws(*text);
  struct slice start = *text;
  if (start.n && start.p[0] == '"') {
    struct slice inside = slice_until(slice_skip(start, 1), '"');
    *text = slice_skip(start, inside.n + 2);
    return inside;
  }
  size_t n = 0;
  while (n < start.n && !strchr(" \t\r\n()<>@,;:\\\"/[]?=", start.p[n]))
    n++;
  *text = slice_skip(start, n);
  return slice_head(start, n);
}

static bool
take_octet(struct slice *text, char c)
{
  *text = header_skip_cfws(*text);
  if (!text->n || text->p[0] != c)
    return false;
  *text = slice_skip(*text, 1);
  return true;
}

/* Goes on behind the next ';', whatever stands before it. False: there is none. */
static bool
next_parameter(struct slice *text)
{
  while (text->n) {
    if (take_octet(text, ';'))
      return true;
    if (text->n && take_word(text).n == 0 && text->n)
      *text = slice_skip(*text, 1);
  }
  return false;
}

/* The value of the parameter `name` behind a media type; empty if it is not there. */
static struct slice
find_parameter(struct slice text, struct slice name)
{
  while (next_parameter(&text)) {
    bool found = slice_equal_nocase(take_word(&text), name);
    if (take_octet(&text, '=')) {
      struct slice value = take_word(&text);
      if (found)
        return value;
    }
  }
  return (struct slice){ 0 };
}

/* RFC 6522 3: the report-type of a multipart/report; empty if the message is none. */
static struct slice
report_type(const struct header_view *view)
{
  const struct header_field *field = header_first(view, "Content-Type");
  struct slice text = field ? field->value : (struct slice){ 0 };
  bool report = slice_equal_nocase(take_word(&text), SLICE("multipart")) && take_octet(&text, '/') &&
                slice_equal_nocase(take_word(&text), SLICE("report"));
  if (!report)
    return (struct slice){ 0 };
  return find_parameter(text, SLICE("report-type"));
}

const char *
kind_automatic(const struct header_view *view)
{
  for (const struct header_field *f = header_first(view, "Auto-Submitted"); f; f = header_next(view, "Auto-Submitted", f)) {
    struct slice text = f->value;
    if (slice_equal_nocase(take_word(&text), SLICE("auto-replied")))
      return "Auto-Submitted: auto-replied";
  }

  static const struct {
    const char *type, *reason;
  } reports[] = {
    { "delivery-status", "a delivery status report" },
    { "disposition-notification", "a disposition report" },
  };
  struct slice type = report_type(view);
  for (size_t i = 0; i < G_N_ELEMENTS(reports); i++)
    if (slice_equal_nocase(type, slice_of(reports[i].type)))
      return reports[i].reason;
  return "";
}

size_t
kind_hops(const struct header_view *view)
{
  return header_count(view, "Received");
}

const char *
kind_defect(const struct header_view *view)
{
  for (size_t i = 0; i < view->n; i++)
    if (view->fields[i].name.n)
      return NULL;
  return "it has no header fields";
}
