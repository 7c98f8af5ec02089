#include "list/setting.h"

struct override {
  const char *setting;
  const char *stored;
};

/* Mailman's defaults where ours differ. */
static const struct override legacy[] = {
  { "default_nonmember_action", "hold" },
  { "max_days_to_hold", "0" },
  { "max_message_size", "40" },
  { "max_num_recipients", "10" },
  { "max_size_action", "hold" },
  { "require_explicit_destination", "true" },
  { "require_subject", "true" },
  { NULL, NULL },
};

/* An announce list takes postings from owners and moderators (who are accepted as such), whatever List-Post says. */
static const struct override announce[] = {
  { "allow_list_posts", "false" },
  { "default_member_action", "reject" },
  { "default_nonmember_action", "reject" },
  { NULL, NULL },
};

static const struct override private[] = {
  { "advertised", "false" },
  { "archive_policy", "private" },
  { "conceal_members", "true" },
  { "subscription_policy", "confirm_then_moderate" },
  { NULL, NULL },
};

/* What a style does not name is the style's below it (`base`), at last the table's default. */
static const struct style {
  const char *name;
  const struct override *overrides, *base;
  const char *subject_prefix;
  const char *doc;
} styles[] = {
  { "listward-default", NULL, NULL, "", "a discussion among members; others are refused with a reason; postings pass unchanged" },
  { "legacy-default", legacy, NULL, "[%s] ", "a discussion as Mailman sets it up: others are held, small postings, subject prefix" },
  { "legacy-announce", announce, legacy, "[%s] ", "announcements: only owners and moderators post" },
  { "private-default", private, legacy, "[%s] ", "a closed circle: not advertised, members concealed, moderators decide who joins" },
};

static const struct style *
style_row(const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(styles); i++)
    if (g_str_equal(styles[i].name, name))
      return &styles[i];
  return NULL;
}

static const char *
overridden(const struct override *overrides, const char *setting)
{
  for (; overrides && overrides->setting; overrides++)
    if (g_str_equal(overrides->setting, setting))
      return overrides->stored;
  return NULL;
}

const char *
setting_default(const struct setting *setting, const char *style)
{
  const struct style *row = style_row(style);
  const char *stored = row ? overridden(row->overrides, setting->name) : NULL;
  if (!stored && row)
    stored = overridden(row->base, setting->name);
  return stored ? stored : setting->fallback;
}

const char *
style_nth(size_t n)
{
  return n < G_N_ELEMENTS(styles) ? styles[n].name : NULL;
}

const char *
style_find(const char *style)
{
  const struct style *row = style_row(style);
  return row ? row->name : NULL;
}

const char *
style_subject_prefix(const char *style)
{
  const struct style *row = style_row(style);
  return row ? row->subject_prefix : "";
}

const char *
style_doc(const char *style)
{
  const struct style *row = style_row(style);
  return row ? row->doc : "";
}
