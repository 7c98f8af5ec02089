/* Each handler by itself: what it makes of a header, to the octet. */
#include "pipeline/copy.h"

struct row {
  const char *name;
  void (*handle)(struct copy *);
  struct settings settings; /* include_rfc2369_headers and allow_list_posts count as said */
  int64_t number;
  const char *input, *want;
  const char *local, *peer; /* NULL: "ant", "mta.example.org" */
  bool smtputf8, smtp;
};

#define GROESSE "Gr\xc3\xb6\xc3\x9f" "e"
#define SUBJECT .handle = prefix_subject, .number = 12
#define ANT .settings = { .subject_prefix = (char *)"[Ant] " }
#define NUMBERED .settings = { .subject_prefix = (char *)"[Ant %d]" }
#define UMLAUT .settings = { .subject_prefix = (char *)"[" GROESSE "] " }
#define UMLAUT_Q "=?UTF-8?Q?=5BGr=C3=B6=C3=9Fe=5D?="
#define UMLAUT_SPACED_Q "=?UTF-8?Q?=5BGr=C3=B6=C3=9Fe=5D_?="
#define LIST_FIELDS(post)                                       \
  "List-Help: <mailto:ant-request@example.com?subject=help>\r\n" \
  "List-Owner: <mailto:ant-owner@example.com>\r\n"               \
  "List-Post: " post "\r\n"                                      \
  "List-Subscribe: <mailto:ant-join@example.com>\r\n"            \
  "List-Unsubscribe: <mailto:ant-leave@example.com>\r\n"
#define REPLIES(...) .handle = direct_replies, .settings = { .display_name = (char *)"Ant", __VA_ARGS__ }
#define TO_LIST .reply_goes_to_list = REPLY_GOES_TO_LIST
#define EXPLICIT .reply_goes_to_list = REPLY_GOES_EXPLICIT, .reply_to_address = (char *)"desk@example.com"
#define FULL .handle = personalize, .settings = { .personalize = PERSONALIZE_FULL }
#define ONLY .reply_goes_to_list = REPLY_GOES_EXPLICIT_ONLY, .reply_to_address = (char *)"desk@example.com"

static const struct row rows[] = {
  { .name = "cleanse: all of the table", .handle = cleanse,
    .input = "Return-Path: <a@b>\r\nFrom: a@b\r\napproved: secret\r\nApprove: s\r\nX-Approved: s\r\nX-Approve: s\r\nUrgent: s\r\nReturn-Receipt-To: a@b\r\n"
             "Disposition-Notification-To:\r\n a@b\r\nX-Confirm-Reading-To: a@b\r\nX-PMRQC: 1\r\nLIST-ID: <x>\r\nList-Software: y\r\nMessage-ID-Hash: H\r\n"
             "X-Message-ID-Hash: H\r\nSubject: x\r\n\r\n",
    .want = "From: a@b\r\nSubject: x\r\n\r\n" },
  { .name = "cleanse: what only looks alike stays", .handle = cleanse,
    .input = "X-List-Id: x\r\nListId: y\r\nApproved-By: z\r\nArchived-At: <https://x.test/1>\r\nReceived: x\r\n\r\n",
    .want = "X-List-Id: x\r\nListId: y\r\nApproved-By: z\r\nArchived-At: <https://x.test/1>\r\nReceived: x\r\n\r\n" },

  { .name = "identify: all there", .handle = identify, .input = "Date: x\r\nMessage-ID: <first>\r\n\r\n",
    .want = "Message-ID-Hash: 4CMWUN6BHVCMHMDAOSJZ2Q72G5M32MWB\r\nDate: x\r\nMessage-ID: <first>\r\n\r\n" },
  { .name = "identify: no date", .handle = identify, .input = "Message-ID: <first>\r\n\r\n",
    .want = "Message-ID-Hash: 4CMWUN6BHVCMHMDAOSJZ2Q72G5M32MWB\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <first>\r\n\r\n" },
  { .name = "identify: blank date, blank id", .handle = identify, .input = "Date: \r\nMESSAGE-ID:\r\n\r\n",
    .want = "Message-ID-Hash: SPNXUC4XOME2KXFE6QUEMSXAOZMQGOV2\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
            "MESSAGE-ID: <fa4gkc6h5lbzfehxnwx7d3s64iz7rov3@lists.example.com>\r\n\r\n" },
  { .name = "identify: an id that is none stays", .handle = identify, .input = "Date: x\r\nMessage-ID: (none)\r\n\r\n",
    .want = "Date: x\r\nMessage-ID: (none)\r\n\r\n" },
  { .name = "identify: spares a signature", .handle = identify,
    .input = "DKIM-Signature: h=from:date:message-id-hash\r\nMessage-ID: <first>\r\n\r\n",
    .want = "DKIM-Signature: h=from:date:message-id-hash\r\nMessage-ID: <first>\r\n\r\n" },

  { .name = "precedence: none", .handle = set_precedence, .input = "A: 1\r\n\r\n", .want = "Precedence: list\r\nA: 1\r\n\r\n" },
  { .name = "precedence: the author's", .handle = set_precedence, .input = "precedence: bulk\r\n\r\n", .want = "precedence: bulk\r\n\r\n" },

  { .name = "list fields", .handle = add_list_fields, .settings = { .include_rfc2369_headers = 1, .allow_list_posts = 1 },
    .input = "A: 1\r\n\r\n",
    .want = "List-Id: <ant.example.com>\r\n" LIST_FIELDS("<mailto:ant@example.com>") "A: 1\r\n\r\n" },
  { .name = "list fields: description as atoms", .handle = add_list_fields,
    .settings = { .include_rfc2369_headers = 1, .allow_list_posts = 1, .description = (char *)"All about ants" }, .input = "\r\n",
    .want = "List-Id: All about ants <ant.example.com>\r\n" LIST_FIELDS("<mailto:ant@example.com>") "\r\n" },
  { .name = "list fields: description quoted", .handle = add_list_fields,
    .settings = { .include_rfc2369_headers = 1, .description = (char *)"Ants, \"bees\" <x>" }, .input = "\r\n",
    .want = "List-Id: \"Ants, \\\"bees\\\" <x>\" <ant.example.com>\r\n" LIST_FIELDS("NO") "\r\n" },
  { .name = "list fields: description encoded", .handle = add_list_fields, .settings = { .include_rfc2369_headers = 1, .description = (char *)GROESSE },
    .input = "\r\n", .want = "List-Id: =?UTF-8?Q?Gr=C3=B6=C3=9Fe?= <ant.example.com>\r\n" LIST_FIELDS("NO") "\r\n" },
  { .name = "list fields: none wanted", .handle = add_list_fields, .input = "A: 1\r\n\r\n", .want = "A: 1\r\n\r\n" },
  { .name = "list fields: spare a signature", .handle = add_list_fields, .settings = { .include_rfc2369_headers = 1, .allow_list_posts = 1 },
    .input = "DKIM-Signature: h=from:list-id:list-post:list-help:list-owner\r\n\r\n",
    .want = "List-Subscribe: <mailto:ant-join@example.com>\r\nList-Unsubscribe: <mailto:ant-leave@example.com>\r\n"
            "DKIM-Signature: h=from:list-id:list-post:list-help:list-owner\r\n\r\n" },
  { .name = "list fields: percent-encoded", .handle = add_list_fields, .settings = { .include_rfc2369_headers = 1, .allow_list_posts = 1 }, .local = "a?b&c%\xc3\xa4+x",
    .input = "\r\n",
    .want = "List-Id: <ant.example.com>\r\nList-Help: <mailto:a%3Fb%26c%25%C3%A4+x-request@example.com?subject=help>\r\n"
            "List-Owner: <mailto:a%3Fb%26c%25%C3%A4+x-owner@example.com>\r\nList-Post: <mailto:a%3Fb%26c%25%C3%A4+x@example.com>\r\n"
            "List-Subscribe: <mailto:a%3Fb%26c%25%C3%A4+x-join@example.com>\r\nList-Unsubscribe: <mailto:a%3Fb%26c%25%C3%A4+x-leave@example.com>\r\n\r\n" },

  { .name = "personalize: not in full", .handle = personalize, .settings = { .personalize = PERSONALIZE_INDIVIDUAL }, .input = "To: x@y.test\r\n\r\n",
    .want = "To: x@y.test\r\n\r\n" },
  { .name = "personalize: to the list alone", FULL, .input = "From: a@b.test\r\nTO: Ant <ANT@example.com>\r\nA: 1\r\n\r\n",
    .want = "Cc: ant@example.com\r\nFrom: a@b.test\r\nTO: ant@example.com\r\nA: 1\r\n\r\n" },
  { .name = "personalize: no To", FULL, .input = "From: a@b.test\r\n\r\n", .want = "Cc: ant@example.com\r\nTo: ant@example.com\r\nFrom: a@b.test\r\n\r\n" },
  { .name = "personalize: others in To go to Cc", FULL, .input = "To: Joe <x@y.test>,\r\n ant@example.com, X@Y.test\r\nA: 1\r\n\r\n",
    .want = "Cc: ant@example.com, Joe <x@y.test>\r\nTo: ant@example.com\r\nA: 1\r\n\r\n" },
  { .name = "personalize: several To", FULL, .input = "To: x@y.test\r\nA: 1\r\nTo: ant@example.com\r\nTo: z@y.test\r\n\r\n",
    .want = "Cc: ant@example.com, x@y.test, z@y.test\r\nTo: ant@example.com\r\nA: 1\r\n\r\n" },
  { .name = "personalize: Cc names the list already", FULL, .input = "To: ant@example.com\r\nCC: \"O, W\" <o@y.test>,\r\n ant@example.com\r\n\r\n",
    .want = "To: ant@example.com\r\nCC: \"O, W\" <o@y.test>,\r\n ant@example.com\r\n\r\n" },
  { .name = "personalize: several Cc", FULL, .input = "Cc: \"O, W\" <o@y.test>\r\nTo: ant@example.com\r\nCc: p@y.test, o@y.test\r\n\r\n",
    .want = "Cc: \"O, W\" <o@y.test>, p@y.test, ant@example.com\r\nTo: ant@example.com\r\n\r\n" },
  { .name = "personalize: a broken Cc swallows nothing", FULL, .input = "To: x@y.test\r\nCc: o@y.test, (open \"<\r\n\r\n",
    .want = "Cc: o@y.test, ant@example.com, x@y.test\r\nTo: ant@example.com\r\n\r\n" },
  { .name = "personalize: undisclosed recipients", FULL, .input = "To: undisclosed-recipients:;\r\n\r\n",
    .want = "Cc: ant@example.com\r\nTo: ant@example.com\r\n\r\n" },
  { .name = "personalize: names encoded", FULL, .input = "To: =?iso-8859-1?Q?Gr=F6=DFe?= <x@y.test>\r\n\r\n",
    .want = "Cc: ant@example.com, =?UTF-8?Q?Gr=C3=B6=C3=9Fe?= <x@y.test>\r\nTo: ant@example.com\r\n\r\n" },

  { .name = "hop", .handle = add_hop, .input = "A: 1\r\n\r\n", .want = "X-Listward-Loop: ant@example.com\r\nA: 1\r\n\r\n" },
  { .name = "hop: another list's stays", .handle = add_hop, .input = "X-Listward-Loop: bee@example.com\r\n\r\n",
    .want = "X-Listward-Loop: ant@example.com\r\nX-Listward-Loop: bee@example.com\r\n\r\n" },
  { .name = "hop: once", .handle = add_hop, .input = "X-Listward-Loop: bee@example.com\r\nx-listward-loop:  Ant@example.com\r\n\r\n",
    .want = "X-Listward-Loop: bee@example.com\r\nx-listward-loop:  Ant@example.com\r\n\r\n" },
  { .name = "hop: no signature prevents it", .handle = add_hop, .input = "DKIM-Signature: h=x-listward-loop\r\n\r\n",
    .want = "X-Listward-Loop: ant@example.com\r\nDKIM-Signature: h=x-listward-loop\r\n\r\n" },

  { .name = "received", .handle = add_received, .input = "\r\n",
    .want = "Received: from mta.example.org by lists.example.com with LMTP id abc123def456\r\n for <ant@example.com>; Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n" },
  { .name = "received: nobody said who", .handle = add_received, .peer = "", .input = "\r\n",
    .want = "Received: by lists.example.com with LMTP id abc123def456 for\r\n <ant@example.com>; Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n" },
  { .name = "received: a name that is none", .handle = add_received, .peer = "x)\r\nEvil: y", .input = "\r\n",
    .want = "Received: by lists.example.com with LMTP id abc123def456 for\r\n <ant@example.com>; Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n" },
  { .name = "received: SMTPUTF8", .handle = add_received, .peer = "", .smtputf8 = true, .input = "\r\n",
    .want = "Received: by lists.example.com with UTF8LMTP id abc123def456 for\r\n <ant@example.com>; Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n" },

  { .name = "received: SMTP", .handle = add_received, .peer = "", .smtp = true, .input = "\r\n",
    .want = "Received: by lists.example.com with ESMTP id abc123def456 for\r\n <ant@example.com>; Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n" },
  { .name = "received: SMTP, SMTPUTF8", .handle = add_received, .peer = "", .smtp = true, .smtputf8 = true, .input = "\r\n",
    .want = "Received: by lists.example.com with UTF8SMTP id abc123def456 for\r\n <ant@example.com>; Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n" },

  { .name = "reply-to: as it came", REPLIES(.reply_goes_to_list = REPLY_GOES_NO_MUNGING), .input = "Reply-To: a@b.test\r\n\r\n",
    .want = "Reply-To: a@b.test\r\n\r\n" },
  { .name = "reply-to: stripped", REPLIES(.first_strip_reply_to = 1), .input = "Reply-To: a@b.test\r\nA: 1\r\nreply-to: x\r\n\r\n",
    .want = "A: 1\r\n\r\n" },
  { .name = "reply-to: list", REPLIES(TO_LIST), .input = "A: 1\r\n\r\n", .want = "Reply-To: Ant <ant@example.com>\r\nA: 1\r\n\r\n" },
  { .name = "reply-to: list behind the author's", REPLIES(TO_LIST), .input = "Reply-To: \"B, C\" <b@c.test>\r\n\r\n",
    .want = "Reply-To: \"B, C\" <b@c.test>, Ant <ant@example.com>\r\n\r\n" },
  { .name = "reply-to: list, author's stripped", REPLIES(TO_LIST, .first_strip_reply_to = 1), .input = "Reply-To: b@c.test\r\n\r\n",
    .want = "Reply-To: Ant <ant@example.com>\r\n\r\n" },
  { .name = "reply-to: list is there already", REPLIES(TO_LIST), .input = "reply-TO:  <Ant@EXAMPLE.com>\r\n\r\n",
    .want = "reply-TO:  <Ant@EXAMPLE.com>\r\n\r\n" },
  { .name = "reply-to: two fields become one", REPLIES(TO_LIST), .input = "Reply-To: ant@example.com\r\nReply-To: b@c.test\r\n\r\n",
    .want = "Reply-To: ant@example.com, b@c.test\r\n\r\n" },
  { .name = "reply-to: explicit first", REPLIES(EXPLICIT), .input = "Reply-To: b@c.test, Desk <desk@example.com>\r\n\r\n",
    .want = "Reply-To: desk@example.com, b@c.test\r\n\r\n" },
  { .name = "reply-to: explicit, stripped", REPLIES(EXPLICIT, .first_strip_reply_to = 1), .input = "Reply-To: b@c.test\r\n\r\n",
    .want = "Reply-To: desk@example.com\r\n\r\n" },
  { .name = "reply-to: explicit only", REPLIES(ONLY), .input = "Reply-To: b@c.test\r\n\r\n", .want = "Reply-To: desk@example.com\r\n\r\n" },
  { .name = "reply-to: explicit but not set", REPLIES(.reply_goes_to_list = REPLY_GOES_EXPLICIT_ONLY, .reply_to_address = (char *)""),
    .input = "Reply-To: b@c.test\r\n\r\n", .want = "Reply-To: b@c.test\r\n\r\n" },
  { .name = "reply-to: done though signed", REPLIES(TO_LIST), .input = "DKIM-Signature: h=reply-to\r\n\r\n",
    .want = "Reply-To: Ant <ant@example.com>\r\nDKIM-Signature: h=reply-to\r\n\r\n" },
  { .name = "reply-to: names encoded anew", REPLIES(TO_LIST), .input = "Reply-To: =?iso-8859-1?q?Gr=F6=DFe?= <b@c.test>\r\n\r\n",
    .want = "Reply-To: =?UTF-8?Q?Gr=C3=B6=C3=9Fe?= <b@c.test>, Ant <ant@example.com>\r\n\r\n" },

  { .name = "subject: off", .handle = prefix_subject, .input = "Subject: x\r\n\r\n", .want = "Subject: x\r\n\r\n" },
  { .name = "subject: blank prefix is off", .handle = prefix_subject, .settings = { .subject_prefix = (char *)"  " }, .input = "Subject: x\r\n\r\n",
    .want = "Subject: x\r\n\r\n" },
  { .name = "subject", SUBJECT, ANT, .input = "Subject: x\r\n\r\n", .want = "Subject: [Ant] x\r\n\r\n" },
  { .name = "subject: none", SUBJECT, ANT, .input = "A: 1\r\n\r\n", .want = "Subject: [Ant] (no subject)\r\nA: 1\r\n\r\n" },
  { .name = "subject: empty", SUBJECT, ANT, .input = "Subject:\r\n\r\n", .want = "Subject: [Ant] (no subject)\r\n\r\n" },
  { .name = "subject: there already", SUBJECT, ANT, .input = "Subject:[Ant] x\r\n\r\n", .want = "Subject:[Ant] x\r\n\r\n" },
  { .name = "subject: there in other case", SUBJECT, ANT, .input = "Subject: [ANT] x\r\n\r\n", .want = "Subject: [Ant] x\r\n\r\n" },
  { .name = "subject: reply", SUBJECT, ANT, .input = "Subject: Re: [Ant] x\r\n\r\n", .want = "Subject: [Ant] Re: x\r\n\r\n" },
  { .name = "subject: reply, there already", SUBJECT, ANT, .input = "Subject: [Ant] Re: x\r\n\r\n",
    .want = "Subject: [Ant] Re: x\r\n\r\n" },
  { .name = "subject: many replies", SUBJECT, ANT, .input = "Subject: AW: Re[2]: [Ant]  re : SV:[Ant] Re: x Re: [Ant] y\r\n\r\n",
    .want = "Subject: [Ant] Re: x Re: [Ant] y\r\n\r\n" },
  { .name = "subject: a word that starts like a mark", SUBJECT, ANT, .input = "Subject: Regarding: x\r\n\r\n",
    .want = "Subject: [Ant] Regarding: x\r\n\r\n" },
  { .name = "subject: nothing but a mark", SUBJECT, ANT, .input = "Subject: Re:\r\n\r\n",
    .want = "Subject: [Ant] Re: (no subject)\r\n\r\n" },
  { .name = "subject: a broken count", SUBJECT, ANT, .input = "Subject: Re[2: x\r\n\r\n", .want = "Subject: [Ant] Re[2: x\r\n\r\n" },
  { .name = "subject: cut prefix", SUBJECT, ANT, .input = "Subject: [Ant\r\n\r\n", .want = "Subject: [Ant] [Ant\r\n\r\n" },
  { .name = "subject: folding and octets of the rest stay", SUBJECT, ANT,
    .input = "Subject: Re:\r\n [Ant]\r\n\tx  \xe4\r\n  y =?gbk?B?xOM=?= \r\n\r\n",
    .want = "Subject: [Ant] Re: x  \xe4\r\n  y =?gbk?B?xOM=?= \r\n\r\n" },
  { .name = "subject: encoded rest stays", SUBJECT, ANT, .input = "Subject: =?gbk?B?xOM=?=\r\n =?gbk?B?xOM=?=\r\n\r\n",
    .want = "Subject: [Ant] =?gbk?B?xOM=?=\r\n =?gbk?B?xOM=?=\r\n\r\n" },
  { .name = "subject: long first line goes below", SUBJECT, ANT,
    .input = "Subject: =?utf-8?Q?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?=\r\n x\r\n\r\n",
    .want = "Subject: [Ant]\r\n =?utf-8?Q?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?=\r\n x\r\n\r\n" },
  { .name = "subject: prefix within an encoded word", SUBJECT, ANT, .input = "Subject: =?utf-8?Q?Re:_[Ant]_Gr=C3=B6=C3=9Fe?=\r\n\r\n",
    .want = "Subject: [Ant] Re: =?UTF-8?Q?Gr=C3=B6=C3=9Fe?=\r\n\r\n" },
  { .name = "subject: only a mark within an encoded word", SUBJECT, ANT, .input = "Subject: =?utf-8?Q?Re:_Gr=C3=B6=C3=9Fe?=\r\n\r\n",
    .want = "Subject: [Ant] =?utf-8?Q?Re:_Gr=C3=B6=C3=9Fe?=\r\n\r\n" },
  { .name = "subject: stray CR", SUBJECT, ANT, .input = "Subject: x\ry\nz\r\n\r\n", .want = "Subject: [Ant] x y z\r\n\r\n" },
  { .name = "subject: numbered", SUBJECT, NUMBERED, .input = "Subject: Re: [Ant 9] x\r\n\r\n", .want = "Subject: [Ant 12] Re: x\r\n\r\n" },
  { .name = "subject: number with zeros", SUBJECT, .settings = { .subject_prefix = (char *)"[%05d]" }, .input = "Subject: [7] x\r\n\r\n",
    .want = "Subject: [00012] x\r\n\r\n" },
  { .name = "subject: prefix without its number", SUBJECT, NUMBERED, .input = "Subject: [Ant ] x\r\n\r\n",
    .want = "Subject: [Ant 12] [Ant ] x\r\n\r\n" },
  { .name = "subject: a percent sign that is no number", SUBJECT, .settings = { .subject_prefix = (char *)"[100% %s %5d %0d]" },
    .input = "Subject: x\r\n\r\n",
    .want = "Subject: [100% %s %5d 12] x\r\n\r\n" },
  { .name = "subject: prefix encoded", SUBJECT, UMLAUT, .input = "Subject: x\r\n\r\n", .want = "Subject: " UMLAUT_Q " x\r\n\r\n" },
  { .name = "subject: prefix encoded, there already", SUBJECT, UMLAUT, .input = "Subject: " UMLAUT_Q " x\r\n\r\n",
    .want = "Subject: " UMLAUT_Q " x\r\n\r\n" },
  { .name = "subject: prefix and rest encoded", SUBJECT, UMLAUT, .input = "Subject: =?gbk?B?xOM=?=\r\n\r\n",
    .want = "Subject: " UMLAUT_SPACED_Q " =?gbk?B?xOM=?=\r\n\r\n" },
  { .name = "subject: prefix and rest encoded, there already", SUBJECT, UMLAUT,
    .input = "Subject: " UMLAUT_SPACED_Q " =?gbk?B?xOM=?=\r\n\r\n",
    .want = "Subject: " UMLAUT_SPACED_Q " =?gbk?B?xOM=?=\r\n\r\n" },
  { .name = "subject: prefix and rest encoded, reply", SUBJECT, UMLAUT, .input = "Subject: AW: " UMLAUT_SPACED_Q " =?gbk?B?xOM=?=\r\n\r\n",
    .want = "Subject: " UMLAUT_Q " Re: =?gbk?B?xOM=?=\r\n\r\n" },
  { .name = "subject: prefix in another encoding", SUBJECT, UMLAUT, .input = "Subject: =?iso-8859-1?Q?[Gr=F6=DFe]?= x\r\n\r\n",
    .want = "Subject: " UMLAUT_Q " x\r\n\r\n" },
  { .name = "subject: encoded and numbered", SUBJECT, .settings = { .subject_prefix = (char *)"[" GROESSE " %d] " },
    .input = "Subject: Re: =?UTF-8?Q?=5BGr=C3=B6=C3=9Fe_11=5D?= x\r\n\r\n",
    .want = "Subject: =?UTF-8?Q?=5BGr=C3=B6=C3=9Fe_12=5D?= Re: x\r\n\r\n" },
  { .name = "subject: encoded and numbered, folding of the rest stays", SUBJECT, .settings = { .subject_prefix = (char *)"[" GROESSE " %d] " },
    .input = "Subject: Re: =?UTF-8?Q?=5BGr=C3=B6=C3=9Fe_11=5D?= AW: =?gbk?B?xOM=?=\r\n  x\r\n\r\n",
    .want = "Subject: =?UTF-8?Q?=5BGr=C3=B6=C3=9Fe_12=5D?= Re: =?gbk?B?xOM=?=\r\n  x\r\n\r\n" },
  { .name = "subject: encoded words cut short", SUBJECT, ANT, .input = "Subject: =?UTF-8?Q?\r\n\r\n", .want = "Subject: [Ant] =?UTF-8?Q?\r\n\r\n" },
  { .name = "subject: only the first field", SUBJECT, ANT, .input = "Subject: x\r\nSubject: y\r\n\r\n",
    .want = "Subject: [Ant] x\r\nSubject: y\r\n\r\n" },
};

static void
test_handler(gconstpointer data)
{
  const struct row *row = data;
  OWN(header_view) view = NULL;
  g_autoptr(GError) error = NULL;
  enum res res = header_view_new(slice_of(row->input), &view, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  struct list list = { .local = (char *)(row->local ? row->local : "ant"), .domain = (char *)"example.com", .posting = (char *)"ant@example.com",
                       .list_id = (char *)"ant.example.com", .settings = row->settings };
  struct pipeline_input input = { .list = &list, .message = view, .posting = "abc123def456", .number = row->number,
                                  .received_at = INT64_C(1795341600000000), .hostname = "lists.example.com",
                                  .peer = row->peer ? row->peer : "mta.example.org", .smtputf8 = row->smtputf8, .smtp = row->smtp };
  OWN(header_edit) edit = header_edit_new(view);
  struct copy copy = { .input = &input, .edit = edit };
  row->handle(&copy);
  g_autoptr(GBytes) bytes = header_edit_apply(edit);
  g_autofree char *got = slice_dup(slice_bytes(bytes));
  g_assert_cmpstr(got, ==, row->want);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_set_nonfatal_assertions();
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/handler/", rows[i].name, NULL);
    g_test_add_data_func(path, &rows[i], test_handler);
  }
  return g_test_run();
}
