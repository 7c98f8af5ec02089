#include "door/xtext.h"

bool
xtext_decode(struct slice text, GString *out)
{
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] != '+') {
      g_string_append_c(out, text.p[i]);
      continue;
    }
    int high = i + 2 < text.n ? g_ascii_xdigit_value(text.p[i + 1]) : -1;
    int low = i + 2 < text.n ? g_ascii_xdigit_value(text.p[i + 2]) : -1;
    if (high < 0 || low < 0)
      return false;
    g_string_append_c(out, (char)(high * 16 + low));
    i += 2;
  }
  return true;
}
