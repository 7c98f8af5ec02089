#pragma once
/* For tests: a view of a text, which must be a good one. */
#include "message/header.h"

static inline struct header_view *
view_of(const char *text)
{
  struct header_view *view = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = header_view_new(slice_of(text), &view, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return view;
}
