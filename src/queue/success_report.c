#include "queue/success_report.h"
#include "base/clock.h"
#include "base/token.h"
#include "message/header_edit.h"
#include "queue/delivery.h"
#include "queue/posting.h"
#include <string.h>

/* Octets of a line and its CR (RFC 5322 2.1.1). */
#define LINE_OCTETS 999
/* The same, less the field's name. */
#define ADDRESS_LINE_MAX 950

static bool
has_long_line(struct slice field)
{
  while (field.n > 0) {
    struct slice line = slice_until(field, '\n');
    if (line.n > LINE_OCTETS)
      return true;
    field = slice_skip(field, line.n + 1);
  }
  return false;
}

/* The fields from the top that fit. Those of long lines are left out: an MTA may refuse them, and would have nobody to tell. */
static GString *
returned_header(const struct header_view *view)
{
  GString *header = g_string_new(NULL);
  for (size_t i = 0; view && i < view->n && header->len + view->fields[i].whole.n <= SUCCESS_REPORT_HEADER_MAX; i++) {
    struct slice field = view->fields[i].whole;
    if (!has_long_line(field))
      g_string_append_len(header, field.p, (gssize)field.n);
  }
  return header;
}

static bool
is_8bit(struct slice octets)
{
  for (size_t i = 0; i < octets.n; i++)
    if ((unsigned char)octets.p[i] > 0x7f)
      return true;
  return false;
}

/* "type; address". One that is not ASCII is of type utf-8, in the form that is (RFC 6533 3, utf-8-addr-xtext). */
static char *
typed_address(const char *type, size_t type_length, const char *address)
{
  GString *text = g_string_new(NULL);
  if (g_str_is_ascii(address)) {
    g_string_append_printf(text, "%.*s; %s", (int)type_length, type, address);
    return g_string_free(text, FALSE);
  }
  g_string_append(text, "utf-8; ");
  for (const char *p = address; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (c > 0x7f || strchr("\\+=", (int)c))
      g_string_append_printf(text, "\\x{%X}", c);
    else
      g_string_append_c(text, (char)c);
  }
  return g_string_free(text, FALSE);
}

static void
add_original_recipient(GString *out, const char *original)
{
  const char *semicolon = original ? strchr(original, ';') : NULL;
  if (semicolon == NULL)
    return;
  g_autofree char *text = typed_address(original, (size_t)(semicolon - original), semicolon + 1);
  if (strlen(text) <= ADDRESS_LINE_MAX)
    g_string_append_printf(out, "Original-Recipient: %s\r\n", text);
}

/* --- the parts --- */

static void
add_fields(GString *out, const struct success_report *report, const char *code, bool eight_bit)
{
  g_autofree char *date = clock_mail_date(report->at), *words = g_strdup_printf("Delivered to %s", report->list), *subject = header_encode(words);
  g_string_append_printf(out,
                         "From: <%s>\r\n"
                         "To: <%s>\r\n"
                         "Subject: %s\r\n"
                         "Date: %s\r\n"
                         "Message-ID: <%s@%s>\r\n"
                         "Auto-Submitted: auto-replied\r\n"
                         "MIME-Version: 1.0\r\n"
                         "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s.report\"\r\n",
                         report->owner, report->to, subject, date, code, report->hostname, code);
  if (eight_bit)
    g_string_append(out, "Content-Transfer-Encoding: 8bit\r\n");
  g_string_append(out, "\r\n");
}

static void
begin_part(GString *out, const char *code, const char *type, bool eight_bit)
{
  g_string_append_printf(out, "--%s.report\r\nContent-Type: %s\r\n%s\r\n", code, type, eight_bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
}

static void
add_words(GString *out, const struct success_report *report)
{
  g_string_append_printf(out,
                         "Your message was accepted by the mailing list\r\n"
                         "\r\n"
                         "    %s\r\n"
                         "\r\n"
                         "and goes to its members. You are told because you asked for it; what\r\n"
                         "becomes of the members' copies is not reported to you.\r\n"
                         "\r\n",
                         report->list);
}

/* RFC 3464 2.2 and 2.3. Status 2.1.5: what RFC 3463 3.2 has for positive reports. */
static void
add_status(GString *out, const struct success_report *report)
{
  g_autofree char *date = clock_mail_date(report->at);
  g_string_append_printf(out, "Reporting-MTA: dns; %s\r\n", report->hostname);
  if (report->envelope_id)
    g_string_append_printf(out, "Original-Envelope-Id: %s\r\n", report->envelope_id);
  g_string_append_printf(out, "Arrival-Date: %s\r\n\r\n", date);
  for (size_t i = 0; i < report->n && i < SUCCESS_REPORT_RECIPIENTS_MAX; i++) {
    g_autofree char *final = typed_address("rfc822", strlen("rfc822"), report->recipients[i].final);
    add_original_recipient(out, report->recipients[i].original);
    g_string_append_printf(out, "Final-Recipient: %s\r\nAction: delivered\r\nStatus: 2.1.5\r\n\r\n", final);
  }
}

GBytes *
success_report_compose(const struct success_report *report, const char *code)
{
  g_autoptr(GString) header = returned_header(report->header);
  bool words_8bit = !g_str_is_ascii(report->list), header_8bit = is_8bit((struct slice){ header->str, header->len });
  GString *out = g_string_new(NULL);
  add_fields(out, report, code, words_8bit || header_8bit);
  begin_part(out, code, "text/plain; charset=utf-8", words_8bit);
  add_words(out, report);
  begin_part(out, code, "message/delivery-status", false);
  add_status(out, report);
  begin_part(out, code, "text/rfc822-headers", header_8bit);
  g_string_append_len(out, header->str, (gssize)header->len);
  g_string_append_printf(out, "\r\n--%s.report--\r\n", code);
  return g_string_free_to_bytes(out);
}

/* The posting's address is the list's, so that its mark is in the header: should the report come to the list, it is known. */
enum res
success_report_send(struct tx *tx, const struct success_report *report, int64_t domain_id, GError **error)
{
  char code[TOKEN_ID + 1];
  token_id(code);
  g_autoptr(GBytes) octets = success_report_compose(report, code);
  struct posting posting = {
    .domain_id = domain_id, .received_at = report->at, .code = code, .role = ROLE_NOREPLY, .state = POSTING_ACCEPTED, .address = (char *)report->list,
    .sender = (char *)report->owner, .subject = (char *)"delivery report", .proven = true, .smtputf8 = report->smtputf8,
  };
  enum res res = posting_store_octets(tx, slice_bytes(octets), report->at, &posting.message_id, error);
  if (res == RES_OK)
    res = posting_insert(tx, &posting, &posting.id, error);
  const struct delivery_recipient recipient = { .address = report->to };
  return res == RES_OK ? delivery_create_addresses(tx, &(struct delivery_new){ .posting_id = posting.id, .outlet = "", .reverse_path = "", .now = report->at },
                                                        &recipient, 1, error) : res;
}
