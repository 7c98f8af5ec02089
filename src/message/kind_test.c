#include "message/kind.h"

static struct header_view *
view_of(const char *message)
{
  struct header_view *view = NULL;
  g_assert_cmpint(header_view_new(slice_of(message), &view, NULL), ==, RES_OK);
  return view;
}

#define REPLIED "Auto-Submitted: auto-replied"
#define DELIVERY "a delivery status report"
#define DISPOSITION "a disposition report"

static const struct {
  const char *name, *header, *want;
} automatic_rows[] = {
  { .name = "ordinary", .header = "From: a@x", .want = "" },
  { .name = "auto-replied", .header = "Auto-Submitted: auto-replied", .want = REPLIED },
  { .name = "capitals", .header = "AUTO-SUBMITTED:AUTO-REPLIED", .want = REPLIED },
  { .name = "with parameters", .header = "Auto-Submitted: auto-replied; owner-email=\"a@x\"", .want = REPLIED },
  { .name = "parameters without a blank", .header = "Auto-Submitted: auto-replied;x", .want = REPLIED },
  { .name = "comment behind", .header = "Auto-Submitted: auto-replied(vacation)", .want = REPLIED },
  { .name = "comment in front, folded", .header = "Auto-Submitted:\r\n (a (b) \\) c)\r\n auto-replied", .want = REPLIED },
  { .name = "second field", .header = "Auto-Submitted: no\r\nAuto-Submitted: auto-replied", .want = REPLIED },
  { .name = "auto-generated is a posting", .header = "Auto-Submitted: auto-generated", .want = "" },
  { .name = "no", .header = "Auto-Submitted: no", .want = "" },
  { .name = "a longer word", .header = "Auto-Submitted: auto-replied-not", .want = "" },
  { .name = "in a comment only", .header = "Auto-Submitted: (auto-replied) no", .want = "" },
  { .name = "as a parameter only", .header = "Auto-Submitted: no; auto-replied", .want = "" },
  { .name = "comment never closed", .header = "Auto-Submitted: (auto-replied", .want = "" },
  { .name = "empty", .header = "Auto-Submitted:", .want = "" },
  { .name = "Precedence says nothing", .header = "Precedence: auto_reply", .want = "" },
  { .name = "delivery report", .header = "Content-Type: multipart/report; report-type=delivery-status; boundary=x", .want = DELIVERY },
  { .name = "disposition report", .header = "Content-Type: multipart/report; boundary=\"x;y\"; report-type=\"disposition-notification\"",
    .want = DISPOSITION },
  { .name = "capitals in the type", .header = "CONTENT-TYPE: Multipart/Report; Report-Type=\"Delivery-Status\"", .want = DELIVERY },
  { .name = "folded and commented",
    .header = "Content-Type: multipart (x) / (y) report (z);\r\n\tboundary=\"a\"\r\n (;) ; report-type (q) = (r) delivery-status (s)",
    .want = DELIVERY },
  { .name = "boundary that looks like it", .header = "Content-Type: multipart/report; boundary=\"; report-type=delivery-status\"",
    .want = "" },
  { .name = "comment that looks like it", .header = "Content-Type: multipart/report (; report-type=delivery-status)", .want = "" },
  { .name = "a feedback report", .header = "Content-Type: multipart/report; report-type=feedback-report", .want = "" },
  { .name = "report without a type", .header = "Content-Type: multipart/report; boundary=x", .want = "" },
  { .name = "another multipart", .header = "Content-Type: multipart/mixed; report-type=delivery-status", .want = "" },
  { .name = "another report", .header = "Content-Type: text/report; report-type=delivery-status", .want = "" },
  { .name = "no slash", .header = "Content-Type: multipart report; report-type=delivery-status", .want = "" },
  { .name = "quotes never closed", .header = "Content-Type: multipart/report; boundary=\"x; report-type=delivery-status", .want = "" },
  { .name = "signs in disorder", .header = "Content-Type: multipart/report;;=;\"\";@;)(;report-type=;=report-type", .want = "" },
  { .name = "signs in disorder before it", .header = "Content-Type: multipart/report;;=;\"\";@;);report-type=delivery-status",
    .want = DELIVERY },
  { .name = "parameter without a value before it", .header = "Content-Type: multipart/report; x; report-type=delivery-status",
    .want = DELIVERY },
};

static void
test_automatic(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  g_autofree char *message = g_strconcat(automatic_rows[row].header, "\r\n\r\nbody\r\n", NULL);
  OWN(header_view) view = view_of(message);
  g_assert_cmpstr(kind_automatic(view), ==, automatic_rows[row].want);
}

static const struct {
  const char *name, *message;
  size_t hops;
  bool defect;
} rows[] = {
  { .name = "plain", .message = "A: 1\r\n\r\nbody" },
  { .name = "hops", .message = "Received: x\r\nA: 1\r\nreceived: y\r\nX-Received: z\r\n\r\nReceived: b\r\n", .hops = 2 },
  { .name = "8-bit header", .message = "A: \x80\r\n\r\nbody" },
  { .name = "8-bit body", .message = "A: 1\r\n\r\nbod\xff" },
  { .name = "8-bit line that is no field", .message = "A: 1\r\n\xc3\xa4\r\n\r\n" },
  { .name = "no From, no To", .message = "X: 1\r\n\r\nbody" },
  { .name = "a line that is no field", .message = "hello\r\nX: 1\r\n\r\nbody" },
  { .name = "no body", .message = "X: 1\r\n" },
  { .name = "nothing", .message = "", .defect = true },
  { .name = "no header", .message = "\r\nbody", .defect = true },
  { .name = "no field in the header", .message = "From a@x\r\nhello\r\n\r\nbody", .defect = true },
};

static void
test_rest(gconstpointer data)
{
  size_t row = GPOINTER_TO_SIZE(data);
  OWN(header_view) view = view_of(rows[row].message);
  g_assert_cmpuint(kind_hops(view), ==, rows[row].hops);
  g_assert_cmpint(kind_defect(view) != NULL, ==, rows[row].defect);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(automatic_rows); i++) {
    g_autofree char *path = g_strconcat("/kind/automatic/", automatic_rows[i].name, NULL);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_automatic);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/kind/rest/", rows[i].name, NULL);
    g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_rest);
  }
  return g_test_run();
}
