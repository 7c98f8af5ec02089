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
  struct list full = ant;
  full.settings.personalize = PERSONALIZE_FULL;
  const struct list *lists[] = { &ant, &choices, &full };
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

/* The field of a member's own copy. */
static void
test_to(void)
{
  static const struct {
    const char *name, *display, *address, *want;
  } rows[] = {
    { .name = "no name", .display = "", .address = "m@y.test", .want = "To: m@y.test\r\n" },
    { .name = "atoms", .display = "Mia Maier", .address = "m@y.test", .want = "To: Mia Maier <m@y.test>\r\n" },
    { .name = "to be quoted", .display = "Maier, \"Mia\" \\ <x@evil.test>", .address = "m@y.test",
      .want = "To: \"Maier, \\\"Mia\\\" \\\\ <x@evil.test>\" <m@y.test>\r\n" },
    { .name = "to be encoded", .display = "Gr\xc3\xb6\xc3\x9f" "e", .address = "m@y.test", .want = "To: =?UTF-8?Q?Gr=C3=B6=C3=9Fe?= <m@y.test>\r\n" },
    { .name = "line ends in a name", .display = "Mia\r\nBcc: x@evil.test", .address = "m@y.test", .want = "To: \"Mia  Bcc: x@evil.test\" <m@y.test>\r\n" },
    { .name = "blanks alone", .display = "  ", .address = "m@y.test", .want = "To: m@y.test\r\n" },
    { .name = "quoted local part", .display = "Mia", .address = "\"m m\"@y.test", .want = "To: Mia <\"m m\"@y.test>\r\n" },
    { .name = "UTF-8 address", .display = "", .address = "\xc3\xa4@y.test", .want = "To: \xc3\xa4@y.test\r\n" },
    { .name = "folded", .display = "A name that is so long that it does not stand on one line together with its address",
      .address = "somebody.with.a.long.name@y.test",
      .want = "To: A name that is so long that it does not stand on one line together with\r\n its address <somebody.with.a.long.name@y.test>\r\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *got = pipeline_to(rows[i].display, rows[i].address);
    if (strcmp(got, rows[i].want) != 0)
      g_error("%s: got \"%s\"", rows[i].name, got);
  }
}

/* To is the list's own, and the signature that named it counts no more. */
static void
test_personalized(void)
{
  struct list full = ant;
  full.settings.personalize = PERSONALIZE_FULL;
  g_autofree char *got = handled(&full, SIGNED AUTHOR "\r\nbody\r\n", pipeline_posting);
  OWN(header_view) view = view_of(got);
  static const char *const names[] = { "List-Id", "List-Post", "Precedence", "To", "Cc" };
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    g_assert_cmpuint(header_count(view, names[i]), ==, 1);
  g_assert_true(slice_equal(header_first(view, "To")->whole, SLICE("To: ant@example.com\r\n")));
  g_assert_true(slice_equal(header_first(view, "Cc")->whole, SLICE("Cc: ant@example.com, x@y.test\r\n")));
  g_assert_true(header_first(view, "To") > header_first(view, "List-Unsubscribe"));
}

static void
test_names(void)
{
  size_t n = 0;
  while (pipeline_handler_name(n))
    n++;
  g_assert_cmpuint(n, ==, 9);
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
  g_test_add_func("/pipeline/personalized", test_personalized);
  g_test_add_func("/pipeline/to", test_to);
  g_test_add_func("/pipeline/signed and broken", test_signed_and_broken);
  g_test_add_func("/pipeline/another list's", test_other_list);
  g_test_add_func("/pipeline/twice", test_twice);
  g_test_add_func("/pipeline/names", test_names);
  return g_test_run();
}
