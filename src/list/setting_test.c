#include "list/setting.h"
#include <string.h>

/* --- the table --- */

/* Not an attribute of Mailman's. */
static bool
is_ours(const char *name)
{
  static const char *const ours[] = { "bounce_matching_headers", "conceal_members", "header_matches", "max_held", "max_size_action", "outlet", "personal", "require_subject", "verdict_at_rcpt", NULL };
  return g_strv_contains(ours, name);
}

static void
test_table(void)
{
  size_t n = 0, works = 0, facts = 0, ours = 0;
  for (const struct setting *setting = setting_table; setting->name; setting++, n++) {
    g_test_message("%s", setting->name);
    if (n)
      g_assert_cmpstr(setting[-1].name, <, setting->name);
    g_assert_true(setting_find(setting->name) == setting);
    g_assert_true(setting->doc && *setting->doc);
    /* What works is read somewhere, what is read works. */
    g_assert_cmpint(setting->works, ==, setting->offset != SIZE_MAX);
    g_assert_false(setting->works && setting->read_only);
    works += setting->works;
    facts += setting->read_only;
    ours += is_ours(setting->name);
  }
  g_assert_cmpuint(ours, ==, 9);
  /* Mailman's REST interface 3.1 has 92 attributes, 17 of them read-only. */
  g_assert_cmpuint(n - ours, ==, 92);
  g_assert_cmpuint(facts, ==, 17);
  g_assert_cmpuint(works, ==, 29);
  g_assert_null(setting_find(""));
  g_assert_null(setting_find("subject"));
  g_assert_null(setting_find("zzz"));
}

static void
test_defaults_are_canonical(void)
{
  const char *style;
  for (size_t i = 0; (style = style_nth(i)); i++)
    for (const struct setting *setting = setting_table; setting->name; setting++) {
      const char *fallback = setting_default(setting, style);
      g_test_message("%s of %s: %s", setting->name, style, fallback);
      g_autofree char *shown = setting_display(setting, fallback);
      g_autofree char *stored = NULL;
      g_autoptr(GError) error = NULL;
      g_assert_cmpint(setting_parse(setting, shown, &stored, &error), ==, RES_OK);
      g_assert_cmpstr(stored, ==, fallback);
    }
}

static const struct {
  const char *style, *setting, *want;
} default_rows[] = {
  { "listward-default", "default_member_action", "defer" },
  { "listward-default", "default_nonmember_action", "reject" },
  { "listward-default", "max_message_size", "10240" },
  { "listward-default", "max_size_action", "reject" },
  { "listward-default", "require_explicit_destination", "false" },
  { "listward-default", "max_num_recipients", "0" },
  { "listward-default", "administrivia", "true" },
  { "listward-default", "subject_prefix", "" },
  { "listward-default", "dmarc_mitigate_action", "no_mitigation" },
  { "listward-default", "personal", "auto" },
  { "listward-default", "subscription_policy", "confirm" },
  { "listward-default", "max_held", "500" },
  { "listward-default", "max_days_to_hold", "14" },
  { "listward-default", "conceal_members", "false" },
  { "listward-default", "verdict_at_rcpt", "banned" },
  { "legacy-default", "default_nonmember_action", "hold" },
  { "legacy-default", "max_message_size", "40" },
  { "legacy-default", "max_size_action", "hold" },
  { "legacy-default", "max_num_recipients", "10" },
  { "legacy-default", "require_explicit_destination", "true" },
  { "legacy-default", "max_days_to_hold", "0" },
  { "listward-default", "require_subject", "false" },
  { "legacy-default", "require_subject", "true" },
  { "legacy-announce", "allow_list_posts", "false" },
  { "legacy-announce", "default_member_action", "reject" },
  { "legacy-announce", "max_message_size", "40" },
  { "private-default", "advertised", "false" },
  { "private-default", "archive_policy", "private" },
  { "private-default", "conceal_members", "true" },
  { "private-default", "subscription_policy", "confirm_then_moderate" },
  { "private-default", "default_nonmember_action", "hold" },
  { "no-such-style", "max_message_size", "10240" },
};

static void
test_styles(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(default_rows); i++) {
    g_test_message("%s of %s", default_rows[i].setting, default_rows[i].style);
    g_assert_cmpstr(setting_default(setting_find(default_rows[i].setting), default_rows[i].style), ==, default_rows[i].want);
  }
  g_assert_cmpstr(style_nth(0), ==, "listward-default");
  g_assert_null(style_nth(4));
  g_assert_null(style_find("legacy"));
  g_assert_cmpstr(style_subject_prefix("listward-default"), ==, "");
  g_assert_cmpstr(style_subject_prefix("private-default"), ==, "[%s] ");
}

/* --- values --- */

#define NOT_ALLOWED NULL

static const struct {
  const char *name, *setting, *text, *want;
} parse_rows[] = {
  { .name = "bool", .setting = "emergency", .text = "true", .want = "true" },
  { .name = "bool yes", .setting = "emergency", .text = "Yes", .want = "true" },
  { .name = "bool on", .setting = "emergency", .text = "ON", .want = "true" },
  { .name = "bool 1", .setting = "emergency", .text = "1", .want = "true" },
  { .name = "bool enabled", .setting = "emergency", .text = "enabled", .want = "true" },
  { .name = "bool off", .setting = "emergency", .text = "off", .want = "false" },
  { .name = "bool 0", .setting = "emergency", .text = "0", .want = "false" },
  { .name = "bool else", .setting = "emergency", .text = "2", .want = NOT_ALLOWED },
  { .name = "bool with a blank", .setting = "emergency", .text = "true ", .want = NOT_ALLOWED },
  { .name = "bool empty", .setting = "emergency", .text = "", .want = NOT_ALLOWED },
  { .name = "enum", .setting = "default_member_action", .text = "hold", .want = "hold" },
  { .name = "enum's case", .setting = "default_member_action", .text = "Reject", .want = "reject" },
  { .name = "enum else", .setting = "default_member_action", .text = "refuse", .want = NOT_ALLOWED },
  { .name = "int", .setting = "max_held", .text = "007", .want = "7" },
  { .name = "int's top", .setting = "max_held", .text = "1000000", .want = "1000000" },
  { .name = "int over", .setting = "max_held", .text = "1000001", .want = NOT_ALLOWED },
  { .name = "int negative", .setting = "max_held", .text = "-1", .want = NOT_ALLOWED },
  { .name = "int no number", .setting = "max_held", .text = "1x", .want = NOT_ALLOWED },
  { .name = "int empty", .setting = "max_held", .text = "", .want = NOT_ALLOWED },
  { .name = "int of many digits", .setting = "max_held", .text = "99999999999999999999999", .want = NOT_ALLOWED },
  { .name = "size plain", .setting = "max_message_size", .text = "40", .want = "40" },
  { .name = "size K", .setting = "max_message_size", .text = "500K", .want = "500" },
  { .name = "size M", .setting = "max_message_size", .text = "10M", .want = "10240" },
  { .name = "size g", .setting = "max_message_size", .text = "1g", .want = "1048576" },
  { .name = "size zero", .setting = "max_message_size", .text = "0", .want = "0" },
  { .name = "size over", .setting = "max_message_size", .text = "1025G", .want = NOT_ALLOWED },
  { .name = "size without digits", .setting = "max_message_size", .text = "M", .want = NOT_ALLOWED },
  { .name = "size of two units", .setting = "max_message_size", .text = "1KM", .want = NOT_ALLOWED },
  { .name = "size MB", .setting = "max_message_size", .text = "10MB", .want = NOT_ALLOWED },
  { .name = "time days", .setting = "bounce_info_stale_after", .text = "7d", .want = "7d" },
  { .name = "time weeks", .setting = "bounce_info_stale_after", .text = "2w1d", .want = "15d" },
  { .name = "time carried", .setting = "bounce_info_stale_after", .text = "36h90m", .want = "1d13h30m" },
  { .name = "time as Mailman writes", .setting = "bounce_info_stale_after", .text = "3d7200.0s", .want = "3d2h" },
  { .name = "time with a fraction", .setting = "bounce_info_stale_after", .text = "1.5s", .want = "1.5s" },
  { .name = "time below a second", .setting = "bounce_info_stale_after", .text = "0.25s", .want = "0.25s" },
  { .name = "time zero", .setting = "bounce_info_stale_after", .text = "0", .want = "0d" },
  { .name = "time 0d", .setting = "bounce_info_stale_after", .text = "0d", .want = "0d" },
  { .name = "time without unit", .setting = "bounce_info_stale_after", .text = "7", .want = NOT_ALLOWED },
  { .name = "time out of order", .setting = "bounce_info_stale_after", .text = "1h1d", .want = NOT_ALLOWED },
  { .name = "time twice a unit", .setting = "bounce_info_stale_after", .text = "1d1d", .want = NOT_ALLOWED },
  { .name = "time unit alone", .setting = "bounce_info_stale_after", .text = "d", .want = NOT_ALLOWED },
  { .name = "time two dots", .setting = "bounce_info_stale_after", .text = "1.2.3d", .want = NOT_ALLOWED },
  { .name = "time negative", .setting = "bounce_info_stale_after", .text = "-1d", .want = NOT_ALLOWED },
  { .name = "time of ages", .setting = "bounce_info_stale_after", .text = "36501d", .want = NOT_ALLOWED },
  { .name = "time empty", .setting = "bounce_info_stale_after", .text = "", .want = NOT_ALLOWED },
  { .name = "float", .setting = "digest_size_threshold", .text = "30", .want = "30.0" },
  { .name = "float with a fraction", .setting = "digest_size_threshold", .text = "0.5", .want = "0.5" },
  { .name = "float infinite", .setting = "digest_size_threshold", .text = "inf", .want = NOT_ALLOWED },
  { .name = "float too large", .setting = "digest_size_threshold", .text = "1e300", .want = NOT_ALLOWED },
  { .name = "float negative", .setting = "digest_size_threshold", .text = "-1", .want = NOT_ALLOWED },
  { .name = "line's trailing blank", .setting = "subject_prefix", .text = "[Ant] ", .want = "[Ant] " },
  { .name = "line empty", .setting = "description", .text = "", .want = "" },
  { .name = "line UTF-8", .setting = "description", .text = "Ameisenb\303\244r", .want = "Ameisenb\303\244r" },
  { .name = "line break", .setting = "description", .text = "a\nb", .want = NOT_ALLOWED },
  { .name = "line's CR", .setting = "description", .text = "a\r", .want = NOT_ALLOWED },
  { .name = "line separator", .setting = "description", .text = "a\342\200\250b", .want = NOT_ALLOWED },
  { .name = "line's NEL", .setting = "description", .text = "a\302\205b", .want = NOT_ALLOWED },
  { .name = "line Latin-1", .setting = "description", .text = "b\344r", .want = NOT_ALLOWED },
  { .name = "text of lines", .setting = "info", .text = "a\nb\n", .want = "a\nb\n" },
  { .name = "text Latin-1", .setting = "info", .text = "\344", .want = NOT_ALLOWED },
  { .name = "address", .setting = "reply_to_address", .text = "a@example.com", .want = "a@example.com" },
  { .name = "address empty", .setting = "reply_to_address", .text = "", .want = "" },
  { .name = "address none", .setting = "reply_to_address", .text = "a", .want = NOT_ALLOWED },
  { .name = "list of lines", .setting = "filter_types", .text = "text/html\n image/png \n\n", .want = "[\"text/html\",\"image/png\"]" },
  { .name = "list's commas do not split", .setting = "filter_types", .text = "a,b", .want = "[\"a,b\"]" },
  { .name = "list of JSON", .setting = "filter_types", .text = " [\"a b\", \"c\"]", .want = "[\"a b\",\"c\"]" },
  { .name = "list's repeats", .setting = "filter_types", .text = "a\nb\na", .want = "[\"a\",\"b\"]" },
  { .name = "list empty", .setting = "filter_types", .text = "", .want = "[]" },
  { .name = "list of JSON empty", .setting = "filter_types", .text = "[]", .want = "[]" },
  { .name = "list's blanks and empty items", .setting = "filter_types", .text = "[\" a b \", \"\", \"\\t\"]", .want = "[\"a b\"]" },
  { .name = "list that shows like JSON", .setting = "filter_types", .text = "a\n[b", .want = "[\"a\",\"[b\"]" },
  { .name = "list that would be read as JSON", .setting = "filter_types", .text = "[\"[b\", \"a\"]", .want = "[\"[b\",\"a\"]" },
  { .name = "list of JSON numbers", .setting = "filter_types", .text = "[1]", .want = NOT_ALLOWED },
  { .name = "list of JSON broken", .setting = "filter_types", .text = "[\"a\"", .want = NOT_ALLOWED },
  { .name = "list of JSON with a line break", .setting = "filter_types", .text = "[\"a\\nb\"]", .want = NOT_ALLOWED },
  { .name = "patterns", .setting = "acceptable_aliases", .text = "A@Example.COM\n^b+@", .want = "[\"a@example.com\",\"^b+@\"]" },
  { .name = "header matches", .setting = "header_matches", .text = "Subject: ^free\nHOLD  X-Spam-Flag:yes", .want = "[\"subject: ^free\",\"hold x-spam-flag: yes\"]" },
  { .name = "header matches, colon", .setting = "header_matches", .text = "hold: a: b ", .want = "[\"hold: a: b\"]" },
  { .name = "header matches, no header", .setting = "header_matches", .text = ": a", .want = NOT_ALLOWED },
  { .name = "header matches, no colon", .setting = "header_matches", .text = "subject", .want = NOT_ALLOWED },
  { .name = "header matches, no pattern", .setting = "header_matches", .text = "subject: ", .want = NOT_ALLOWED },
  { .name = "header matches, no action", .setting = "header_matches", .text = "forward subject: a", .want = NOT_ALLOWED },
  { .name = "header matches, broken", .setting = "header_matches", .text = "hold subject: a(", .want = NOT_ALLOWED },
  { .name = "header matches, three words", .setting = "header_matches", .text = "hold hold subject: a", .want = NOT_ALLOWED },
  { .name = "header matches, not ASCII", .setting = "header_matches", .text = "s\303\244: a", .want = NOT_ALLOWED },
  { .name = "bounce_matching_headers", .setting = "bounce_matching_headers", .text = "X-Spam: .", .want = "[\"x-spam: .\"]" },
  { .name = "bounce_matching_headers, action", .setting = "bounce_matching_headers", .text = "hold X-Spam: .", .want = NOT_ALLOWED },
  { .name = "patterns broken", .setting = "acceptable_aliases", .text = "^b(", .want = NOT_ALLOWED },
  { .name = "patterns no address", .setting = "acceptable_aliases", .text = "b", .want = NOT_ALLOWED },
};

static void
test_parse(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(parse_rows); i++) {
    g_test_message("%s", parse_rows[i].name);
    const struct setting *setting = setting_find(parse_rows[i].setting);
    g_autofree char *stored = NULL;
    g_autoptr(GError) error = NULL;
    enum res res = setting_parse(setting, parse_rows[i].text, &stored, &error);
    g_assert_cmpstr(stored, ==, parse_rows[i].want);
    g_assert_cmpint(res, ==, parse_rows[i].want ? RES_OK : RES_BAD);
    if (error)
      g_assert_nonnull(strstr(error->message, setting->name));
    if (!parse_rows[i].want)
      continue;
    g_autofree char *shown = setting_display(setting, stored);
    g_autofree char *again = NULL;
    g_assert_cmpint(setting_parse(setting, shown, &again, NULL), ==, RES_OK);
    g_assert_cmpstr(again, ==, stored);
  }
}

static void
test_parse_long(void)
{
  g_autofree char *text = g_strnfill(65537, 'a');
  g_autofree char *stored = NULL;
  g_assert_cmpint(setting_parse(setting_find("info"), text, &stored, NULL), ==, RES_BAD);
  g_assert_cmpint(setting_parse(setting_find("info"), text + 1, &stored, NULL), ==, RES_OK);
  g_assert_cmpuint(strlen(stored), ==, 65536);
  g_clear_pointer(&stored, g_free);
  g_assert_cmpint(setting_parse(setting_find("description"), text + 65537 - 1001, &stored, NULL), ==, RES_BAD);
  g_assert_cmpint(setting_parse(setting_find("description"), text + 65537 - 1000, &stored, NULL), ==, RES_OK);
  g_clear_pointer(&stored, g_free);

  g_autoptr(GString) items = g_string_new(NULL);
  for (int i = 0; i < 10000; i++)
    g_string_append_printf(items, "%d\n", i);
  g_assert_cmpint(setting_parse(setting_find("filter_types"), items->str, &stored, NULL), ==, RES_OK);
  g_autofree char *more = NULL;
  g_assert_cmpint(setting_list_add(setting_find("filter_types"), stored, "one more", &more, NULL), ==, RES_BAD);
}

static const struct {
  const char *name, *setting, *stored, *add, *remove, *want;
} list_rows[] = {
  { .name = "add", .setting = "filter_types", .stored = "[\"a\"]", .add = "b", .want = "[\"a\",\"b\"]" },
  { .name = "add what is there", .setting = "filter_types", .stored = "[\"a\"]", .add = "a", .want = "[\"a\"]" },
  { .name = "add to none", .setting = "filter_types", .stored = "[]", .add = "a", .want = "[\"a\"]" },
  { .name = "add an array", .setting = "filter_types", .stored = "[]", .add = "[\"a\",\"b\"]", .want = "[\"a\",\"b\"]" },
  { .name = "add a bad one", .setting = "acceptable_aliases", .stored = "[]", .add = "^(", .want = NOT_ALLOWED },
  { .name = "remove", .setting = "filter_types", .stored = "[\"a\",\"b\"]", .remove = "a", .want = "[\"b\"]" },
  { .name = "remove what is not there", .setting = "filter_types", .stored = "[\"a\"]", .remove = "b", .want = NOT_ALLOWED },
  { .name = "remove folded", .setting = "acceptable_aliases", .stored = "[\"a@example.com\"]", .remove = "A@example.com", .want = "[]" },
  { .name = "add to no list", .setting = "max_held", .stored = "1", .add = "2", .want = NOT_ALLOWED },
};

static void
test_lists(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(list_rows); i++) {
    g_test_message("%s", list_rows[i].name);
    const struct setting *setting = setting_find(list_rows[i].setting);
    g_autofree char *changed = NULL;
    enum res res = list_rows[i].add ? setting_list_add(setting, list_rows[i].stored, list_rows[i].add, &changed, NULL)
                                    : setting_list_remove(setting, list_rows[i].stored, list_rows[i].remove, &changed, NULL);
    g_assert_cmpstr(changed, ==, list_rows[i].want);
    g_assert_cmpint(res, ==, list_rows[i].want ? RES_OK : RES_BAD);
  }
}

static const struct {
  const char *setting, *says; /* NULL: allowed */
} check_rows[] = {
  { "emergency", NULL },
  { "subject_prefix", NULL },
  { "archive_policy", "archive_policy cannot be set yet: its work does not exist in this version" },
  { "posting_address", "posting_address is read-only" },
};

static void
test_check(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(check_rows); i++) {
    g_test_message("%s", check_rows[i].setting);
    g_autoptr(GError) error = NULL;
    enum res res = setting_check(setting_find(check_rows[i].setting), &error);
    g_assert_cmpint(res, ==, check_rows[i].says ? RES_BAD : RES_OK);
    g_assert_cmpstr(error ? error->message : NULL, ==, check_rows[i].says);
  }
}

/* --- struct settings --- */

static void
test_fields(void)
{
  struct settings settings;
  g_assert_cmpint(settings_init(&settings, "no-such-style", NULL), ==, RES_BAD);
  g_assert_cmpint(settings_init(&settings, "legacy-announce", NULL), ==, RES_OK);
  g_assert_cmpint(settings.default_member_action, ==, MODERATION_REJECT);
  g_assert_cmpint(settings.max_message_size, ==, 40);
  g_assert_cmpint(settings.max_message_size_action, ==, OVERSIZE_HOLD);
  g_assert_cmpint(settings.allow_list_posts, ==, 0);
  g_assert_cmpint(settings.advertised, ==, 1);
  g_assert_cmpint(settings.verdict_at_rcpt, ==, VERDICT_AT_RCPT_BANNED);
  g_assert_cmpint(settings.personal, ==, PERSONAL_AUTO);
  g_assert_cmpstr(settings.subject_prefix, ==, "");
  g_assert_cmpstr(settings.info, ==, "");

  setting_apply(setting_find("subject_prefix"), "[x] ", &settings);
  setting_apply(setting_find("subject_prefix"), "[y] ", &settings);
  setting_apply(setting_find("reply_goes_to_list"), "explicit_header_only", &settings);
  setting_apply(setting_find("max_held"), "7", &settings);
  setting_apply(setting_find("max_held"), "seven", &settings);
  setting_apply(setting_find("emergency"), "true", &settings);
  setting_apply(setting_find("archive_policy"), "never", &settings);
  g_assert_cmpstr(settings.subject_prefix, ==, "[y] ");
  g_assert_cmpint(settings.reply_goes_to_list, ==, REPLY_GOES_EXPLICIT_ONLY);
  g_assert_cmpint(settings.max_held, ==, 7);
  g_assert_cmpint(settings.emergency, ==, 1);

  g_assert_null(settings.acceptable_aliases[0]);
  setting_apply(setting_find("acceptable_aliases"), "[\"a@example.com\",\"^b\"]", &settings);
  setting_apply(setting_find("acceptable_aliases"), "[broken", &settings);
  g_assert_cmpuint(g_strv_length(settings.acceptable_aliases), ==, 2);
  g_assert_cmpstr(settings.acceptable_aliases[1], ==, "^b");
  setting_apply(setting_find("acceptable_aliases"), "[]", &settings);
  g_assert_null(settings.acceptable_aliases[0]);
  setting_apply(setting_find("acceptable_aliases"), "[\"^c\"]", &settings);
  settings_clear(&settings);
  settings_clear(&settings);
}

static const struct {
  const char *setting;
  int value;
  const char *name;
} enum_rows[] = {
  { "default_member_action", MODERATION_HOLD, "hold" },
  { "default_member_action", MODERATION_REJECT, "reject" },
  { "default_member_action", MODERATION_DISCARD, "discard" },
  { "default_nonmember_action", MODERATION_ACCEPT, "accept" },
  { "default_nonmember_action", MODERATION_DEFER, "defer" },
  { "reply_goes_to_list", REPLY_GOES_NO_MUNGING, "no_munging" },
  { "reply_goes_to_list", REPLY_GOES_TO_LIST, "point_to_list" },
  { "reply_goes_to_list", REPLY_GOES_EXPLICIT, "explicit_header" },
  { "reply_goes_to_list", REPLY_GOES_EXPLICIT_ONLY, "explicit_header_only" },
  { "max_size_action", OVERSIZE_REJECT, "reject" },
  { "max_size_action", OVERSIZE_HOLD, "hold" },
  { "personal", PERSONAL_AUTO, "auto" },
  { "personal", PERSONAL_ALWAYS, "always" },
  { "personal", PERSONAL_NEVER, "never" },
  { "member_roster_visibility", ROSTER_PUBLIC, "public" },
  { "member_roster_visibility", ROSTER_MODERATORS, "moderators" },
  { "verdict_at_rcpt", VERDICT_AT_RCPT_NO, "no" },
  { "verdict_at_rcpt", VERDICT_AT_RCPT_BANNED, "banned" },
  { "verdict_at_rcpt", VERDICT_AT_RCPT_SURE, "sure" },
};

static void
test_enums(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(enum_rows); i++) {
    g_test_message("%s %s", enum_rows[i].setting, enum_rows[i].name);
    g_assert_cmpstr(setting_find(enum_rows[i].setting)->choices[enum_rows[i].value], ==, enum_rows[i].name);
  }
}

/* The manual's page must be what the table says. LISTWARD_WRITE_DOCS=1 writes it anew. */
static void
test_manual(void)
{
  g_autofree char *folder = g_path_get_dirname(__FILE__);
  g_autofree char *page = g_build_filename(folder, "..", "..", "docs", "settings.md", NULL);
  g_autofree char *want = setting_manual();
  if (g_getenv("LISTWARD_WRITE_DOCS"))
    g_assert_true(g_file_set_contents(page, want, -1, NULL));
  g_autofree char *have = NULL;
  if (!g_file_get_contents(page, &have, NULL, NULL)) {
    g_test_skip("docs/settings.md is not to be found from here");
    return;
  }
  g_test_message("LISTWARD_WRITE_DOCS=1 setting_test writes docs/settings.md anew");
  g_assert_cmpstr(have, ==, want);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/setting/table", test_table);
  g_test_add_func("/setting/defaults-are-canonical", test_defaults_are_canonical);
  g_test_add_func("/setting/styles", test_styles);
  g_test_add_func("/setting/parse", test_parse);
  g_test_add_func("/setting/parse-long", test_parse_long);
  g_test_add_func("/setting/lists", test_lists);
  g_test_add_func("/setting/check", test_check);
  g_test_add_func("/setting/fields", test_fields);
  g_test_add_func("/setting/enums", test_enums);
  g_test_add_func("/setting/manual", test_manual);
  return g_test_run();
}
