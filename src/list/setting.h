#pragma once
/* The one table of list settings: name, type, default, range, one line of doc. It drives the command line, and will drive REST, web forms and import.
 * Names, types, units and enum values are Mailman's (REST), plus ours. */
#include "base/error.h"
#include "base/own.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum setting_type {
  SETTING_BOOL,
  SETTING_INT,      /* range in min, max */
  SETTING_SIZE_KIB, /* an integer of KiB; `set` takes 10M, 500K too */
  SETTING_TIME,     /* timedelta: 7d, 1d12h, 30m, 10s */
  SETTING_FLOAT,
  SETTING_ENUM,
  SETTING_TEXT,     /* any text */
  SETTING_LINE,     /* one line of text; blanks at its ends count */
  SETTING_LIST,     /* list of texts */
  SETTING_PATTERNS, /* list of addresses and ^patterns */
  SETTING_HEADER_MATCHES, /* list of header_match.h's; choices: the actions that may be named, or NULL */
  SETTING_ADDRESS,  /* an address, or empty */
};

/* The stored form of a value, in the database and in `fallback`, is the canonical way to type it: "true", "10240", "7d", "defer"; of a
 * list it is a JSON array. */
struct setting {
  const char *name;
  enum setting_type type;
  const char *fallback;       /* default of style listward-default, stored form */
  const char *const *choices; /* SETTING_ENUM, SETTING_HEADER_MATCHES: NULL-terminated */
  int64_t min, max;           /* SETTING_INT, SETTING_SIZE_KIB */
  size_t offset;              /* in struct settings; SIZE_MAX: not there */
  bool works;                 /* false: its work does not exist yet; `set` refuses it */
  bool read_only;             /* a fact about the list; the database's rows tell it, not list_setting */
  const char *doc;            /* one line */
};

/* Enum values; the order is that of `choices`. */
enum moderation { MODERATION_HOLD, MODERATION_REJECT, MODERATION_DISCARD, MODERATION_ACCEPT, MODERATION_DEFER };
enum reply_goes_to { REPLY_GOES_NO_MUNGING, REPLY_GOES_TO_LIST, REPLY_GOES_EXPLICIT, REPLY_GOES_EXPLICIT_ONLY };
enum oversize { OVERSIZE_REJECT, OVERSIZE_HOLD };
enum personal { PERSONAL_AUTO, PERSONAL_ALWAYS, PERSONAL_NEVER };
enum personalize { PERSONALIZE_NONE, PERSONALIZE_INDIVIDUAL, PERSONALIZE_FULL };
enum roster_visibility { ROSTER_PUBLIC, ROSTER_MEMBERS, ROSTER_MODERATORS };
enum verdict_at_rcpt { VERDICT_AT_RCPT_NO, VERDICT_AT_RCPT_BANNED, VERDICT_AT_RCPT_SURE };

/* Values of the settings that somebody reads in C. All others live in `others`. A snapshot: never changed once made. */
struct settings {
  int64_t default_member_action, default_nonmember_action; /* enum moderation */
  int64_t max_message_size;                                /* KiB, 0: no limit */
  int64_t max_message_size_action;                         /* enum oversize; setting max_size_action */
  int64_t max_held, max_days_to_hold;
  int64_t max_num_recipients; /* 0: no limit */
  int64_t require_subject;
  int64_t reply_goes_to_list; /* enum reply_goes_to */
  int64_t emergency, conceal_members, allow_list_posts, first_strip_reply_to, include_rfc2369_headers, advertised;
  int64_t personal, personalize, verdict_at_rcpt;
  int64_t administrivia, require_explicit_destination;
  char **acceptable_aliases;                       /* stored forms of pattern.h; these lists are NULL-terminated, never NULL */
  char **header_matches, **bounce_matching_headers; /* stored forms of header_match.h */
  char *subject_prefix, *reply_to_address, *description, *display_name, *info, *outlet; /* never NULL; changed by setting_apply alone */
};

/* The table, sorted by name; ends with a row whose name is NULL. Any thread may call everything below. */
extern const struct setting setting_table[];
/* The row called `name`, or NULL. */
const struct setting *setting_find(const char *name);
/* True for types whose value is a list. */
bool setting_is_list(const struct setting *setting);

/* Checks `text` as a value and gives its stored form, owned by the caller. Lists: all of it, a JSON array of texts or one item a line.
 * RES_BAD: the error names setting, value and what is allowed. Whether the setting may be set is setting_check's question. */
enum res setting_parse(const struct setting *setting, const char *text, char **stored, GError **error) MUST_CHECK;
/* A list's stored form with the items of `text` (as for setting_parse) added where they are missing, or taken away. RES_BAD: `setting` is
 * no list, an item is not allowed, an item to take away is not there. `changed` is owned by the caller. */
enum res setting_list_add(const struct setting *setting, const char *stored, const char *text, char **changed, GError **error) MUST_CHECK;
enum res setting_list_remove(const struct setting *setting, const char *stored, const char *text, char **changed, GError **error) MUST_CHECK;
/* May `setting` be set in this version? RES_BAD: it is read-only, or its work does not exist yet; the error says which. */
enum res setting_check(const struct setting *setting, GError **error) MUST_CHECK;
/* The stored form as people type and read it: lists one item a line (as an array, if the first begins with '['), all else as stored. Owned
 * by the caller. */
char *setting_display(const struct setting *setting, const char *stored);
/* What values are allowed, in words: "one of hold, reject, discard, accept, defer". Owned by the caller. */
char *setting_allowed(const struct setting *setting);
/* The manual's page of all settings, Markdown: docs/settings.md is this. Owned by the caller. */
char *setting_manual(void);

/* Sets the field in `into` from the stored form (rows with offset != SIZE_MAX only). A stored form that is none (a damaged database)
 * leaves the field as it is. */
void setting_apply(const struct setting *setting, const char *stored, struct settings *into);
/* All fields at their defaults for `style`. RES_BAD: no such style; `settings` is untouched. To be ended with settings_clear. */
enum res settings_init(struct settings *settings, const char *style, GError **error) MUST_CHECK;
void settings_clear(struct settings *settings);

/* A setting's default under `style` in stored form; of an unknown style that of the first. Static. */
const char *setting_default(const struct setting *setting, const char *style);
/* Style names; NULL after the last. The first is the default for new lists. */
const char *style_nth(size_t n);
/* The static name equal to `style`, or NULL: no such style. */
const char *style_find(const char *style);
/* What new lists of that style get as subject prefix, with "%s" for the display name: "" or "[%s] ". Static. */
const char *style_subject_prefix(const char *style);
/* One line about the style. Static. */
const char *style_doc(const char *style);
