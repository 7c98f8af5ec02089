/* All handlers together. */
#include "pipeline/pipeline.h"
#include "message/header_edit.h"
#include "message/test_view.h"

static struct list ant = {
  .local = (char *)"ant", .domain = (char *)"example.com", .posting = (char *)"ant@example.com", .list_id = (char *)"ant.example.com",
  .settings = { .include_rfc2369_headers = 1, .allow_list_posts = 1 },
};

static struct list choices = {
  .local = (char *)"ant", .domain = (char *)"example.com", .posting = (char *)"ant@example.com", .list_id = (char *)"ant.example.com",
  .settings = { .include_rfc2369_headers = 1, .allow_list_posts = 1, .subject_prefix = (char *)"[Ant %d]", .reply_goes_to_list = REPLY_GOES_TO_LIST },
};

static char *
handled(const struct list *list, const char *text, GBytes *(*pipeline)(const struct pipeline_input *))
{
  OWN(header_view) view = view_of(text);
  struct pipeline_input input = { .list = list, .message = view, .posting = "abc123def456", .number = 12, .received_at = INT64_C(1795341600000000),
                                  .hostname = "lists.example.com", .peer = "mta.example.org" };
  g_autoptr(GBytes) bytes = pipeline(&input);
  return slice_dup(slice_bytes(bytes));
}

#define RECEIVED "Received: from mta.example.org by lists.example.com with LMTP id abc123def456\r\n for <ant@example.com>; Sun, 22 Nov 2026 10:00:00 +0000\r\n"
#define HOP "X-Listward-Loop: ant@example.com\r\n"
#define LIST_ID "List-Id: <ant.example.com>\r\n"
#define LIST_REST                                               \
  "List-Help: <mailto:ant-request@example.com?subject=help>\r\n" \
  "List-Owner: <mailto:ant-owner@example.com>\r\n"               \
  "List-Post: <mailto:ant@example.com>\r\n"                      \
  "List-Subscribe: <mailto:ant-join@example.com>\r\n"            \
  "List-Unsubscribe: <mailto:ant-leave@example.com>\r\n"
#define AUTHOR                                                     \
  "From: Joe <joe@author.test>\r\nTo: ant@example.com,\r\n\tx@y.test\r\nsubject :  Food\r\n" \
  "Date: Sun, 22 Nov 2026 09:59:00 +0000\r\nMessage-ID: <first>\r\nContent-Type: text/plain\r\n"
#define HASH "Message-ID-Hash: 4CMWUN6BHVCMHMDAOSJZ2Q72G5M32MWB\r\n"

static void
test_default(void)
{
  g_autofree char *got = handled(&ant, "From joe Sun Nov 22\r\n" AUTHOR "\r\nbody\r\n", pipeline_posting);
  g_assert_cmpstr(got, ==, RECEIVED HOP LIST_ID LIST_REST "Precedence: list\r\n" HASH AUTHOR "\r\n");
}

static void
test_owner(void)
{
  g_autofree char *got = handled(&choices, "Approved: x\r\nList-Id: <y>\r\n" AUTHOR "\r\nbody\r\n", pipeline_owner);
  g_assert_cmpstr(got, ==, RECEIVED HOP "Approved: x\r\nList-Id: <y>\r\n" AUTHOR "\r\n");
}

static void
test_choices(void)
{
  g_autofree char *got = handled(&choices, "Reply-To: j@home.test\r\nFrom: joe@author.test\r\nSubject: Re: [Ant 9] Food\r\nDate: x\r\nMessage-ID: <first>\r\n\r\n", pipeline_posting);
  g_assert_cmpstr(got, ==, RECEIVED HOP LIST_ID LIST_REST "Precedence: list\r\n" HASH "Reply-To: j@home.test, ant@example.com\r\n"
                                                          "From: joe@author.test\r\nSubject: [Ant 12] Re: Food\r\nDate: x\r\nMessage-ID: <first>\r\n\r\n");
}

#define SIGNED                                                                                                         \
  "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=author.test; s=s1;\r\n"                                       \
  " h=From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:List-Id:\r\n\tList-Post:Precedence:From; bh=x=; b=y=\r\n"

/* Nothing that the signature names is changed, taken out or added; the rest comes. */
static void
test_signed(void)
{
  g_autofree char *got = handled(&ant, SIGNED AUTHOR "\r\nbody\r\n", pipeline_posting);
  g_assert_cmpstr(got, ==,
                  RECEIVED HOP "List-Help: <mailto:ant-request@example.com?subject=help>\r\nList-Owner: <mailto:ant-owner@example.com>\r\n"
                               "List-Subscribe: <mailto:ant-join@example.com>\r\nList-Unsubscribe: <mailto:ant-leave@example.com>\r\n" HASH SIGNED AUTHOR "\r\n");
}

/* The owner's prefix breaks the signature anyway: nothing is left out for it any more. */
static void
test_signed_and_broken(void)
{
  g_autofree char *got = handled(&choices, SIGNED AUTHOR "\r\nbody\r\n", pipeline_posting);
  OWN(header_view) view = view_of(got);
  static const char *const names[] = { "List-Id", "List-Post", "Precedence", "Reply-To" };
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    g_assert_cmpuint(header_count(view, names[i]), ==, 1);
}

/* A signature of the other list, which its fields' removal breaks, keeps ours from nothing. */
static void
test_other_list(void)
{
  g_autofree char *got = handled(&ant, "List-Id: <bee.test>\r\nList-Archive: <https://bee.test/>\r\nDKIM-Signature: d=bee.test; h=from:list-id:list-post; b=x\r\n" AUTHOR "\r\n",
                                 pipeline_posting);
  g_assert_cmpstr(got, ==, RECEIVED HOP LIST_ID LIST_REST "Precedence: list\r\n" HASH "DKIM-Signature: d=bee.test; h=from:list-id:list-post; b=x\r\n" AUTHOR "\r\n");
}

/* A posting that comes round again changes by its trace alone. */
static void
test_twice(void)
{
  const struct list *lists[] = { &ant, &choices };
  static const char *const inputs[] = { AUTHOR "\r\nbody\r\n", SIGNED AUTHOR "\r\n", "\r\n", "junk\r\n", "Subject: =?gbk?B?xOM=?= [Ant 1]\r\nApproved: x\r\n\r\n" };
  for (size_t l = 0; l < G_N_ELEMENTS(lists); l++)
    for (size_t i = 0; i < G_N_ELEMENTS(inputs); i++) {
      g_autofree char *once = handled(lists[l], inputs[i], pipeline_posting);
      g_autofree char *again = handled(lists[l], inputs[i], pipeline_posting);
      g_autofree char *twice = handled(lists[l], once, pipeline_posting);
      g_assert_cmpstr(once, ==, again);
      OWN(header_view) first = view_of(once);
      OWN(header_view) second = view_of(twice);
      g_assert_cmpuint(second->n, ==, first->n + 1);
      g_assert_cmpuint(header_count(second, "Received"), ==, header_count(first, "Received") + 1);
      for (size_t f = 0; f < first->n; f++) {
        g_autofree char *name = slice_dup(first->fields[f].name);
        const struct header_field *same = header_first(second, name);
        if (same)
          g_assert_true(slice_equal(same->whole, header_first(first, name)->whole));
      }
    }
}

static void
test_names(void)
{
  size_t n = 0;
  while (pipeline_handler_name(n))
    n++;
  g_assert_cmpuint(n, ==, 8);
  g_assert_cmpstr(pipeline_handler_name(0), ==, "cleanse");
  g_assert_cmpstr(pipeline_handler_name(n - 1), ==, "received");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pipeline/default list", test_default);
  g_test_add_func("/pipeline/owner", test_owner);
  g_test_add_func("/pipeline/choices", test_choices);
  g_test_add_func("/pipeline/signed", test_signed);
  g_test_add_func("/pipeline/signed and broken", test_signed_and_broken);
  g_test_add_func("/pipeline/another list's", test_other_list);
  g_test_add_func("/pipeline/twice", test_twice);
  g_test_add_func("/pipeline/names", test_names);
  return g_test_run();
}
