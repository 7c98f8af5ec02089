/* Who may be refused where: the whole matrix of proof, ground, setting and reverse-path at both doors, and what counts as proof. */
#include "verdict/door_policy.h"
#include <string.h>

#define HOLD VERDICT_HOLD
#define DROP VERDICT_DISCARD
#define NO VERDICT_REJECT

/* What becomes of a refusal. Columns: [lmtp] unproven = hold, discard, refuse. */
static const struct row {
  const char *name;
  enum door_kind door;
  bool proven, null_path;
  enum verdict_ground ground;
  enum verdict_action want[3];
} rows[] = {
  { "lmtp, unproven, stranger", DOOR_LMTP, false, false, GROUND_STRANGER, { HOLD, DROP, NO } },
  { "lmtp, unproven, malformed", DOOR_LMTP, false, false, GROUND_CONTENT, { HOLD, DROP, NO } },
  { "lmtp, unproven, policy", DOOR_LMTP, false, false, GROUND_POLICY, { DROP, DROP, NO } },
  { "lmtp, unproven, loop", DOOR_LMTP, false, false, GROUND_LOOP, { DROP, DROP, NO } },
  { "lmtp, unproven, size", DOOR_LMTP, false, false, GROUND_SIZE, { NO, NO, NO } },
  { "lmtp, proven, stranger", DOOR_LMTP, true, false, GROUND_STRANGER, { NO, NO, NO } },
  { "lmtp, proven, malformed", DOOR_LMTP, true, false, GROUND_CONTENT, { NO, NO, NO } },
  { "lmtp, proven, policy", DOOR_LMTP, true, false, GROUND_POLICY, { NO, NO, NO } },
  { "lmtp, proven, loop", DOOR_LMTP, true, false, GROUND_LOOP, { NO, NO, NO } },
  { "lmtp, proven, size", DOOR_LMTP, true, false, GROUND_SIZE, { NO, NO, NO } },
  { "lmtp, null path, stranger", DOOR_LMTP, false, true, GROUND_STRANGER, { DROP, DROP, DROP } },
  { "lmtp, null path, malformed", DOOR_LMTP, false, true, GROUND_CONTENT, { DROP, DROP, DROP } },
  { "lmtp, null path, policy", DOOR_LMTP, false, true, GROUND_POLICY, { DROP, DROP, DROP } },
  { "lmtp, null path, loop", DOOR_LMTP, false, true, GROUND_LOOP, { DROP, DROP, DROP } },
  { "lmtp, null path, size", DOOR_LMTP, false, true, GROUND_SIZE, { NO, NO, NO } },
  { "lmtp, null path taken for proven, policy", DOOR_LMTP, true, true, GROUND_POLICY, { DROP, DROP, DROP } },
  { "front, unproven, stranger", DOOR_FRONT, false, false, GROUND_STRANGER, { NO, NO, NO } },
  { "front, unproven, malformed", DOOR_FRONT, false, false, GROUND_CONTENT, { NO, NO, NO } },
  { "front, unproven, policy", DOOR_FRONT, false, false, GROUND_POLICY, { NO, NO, NO } },
  { "front, unproven, loop", DOOR_FRONT, false, false, GROUND_LOOP, { NO, NO, NO } },
  { "front, unproven, size", DOOR_FRONT, false, false, GROUND_SIZE, { NO, NO, NO } },
  { "front, proven, policy", DOOR_FRONT, true, false, GROUND_POLICY, { NO, NO, NO } },
  { "front, null path, malformed", DOOR_FRONT, false, true, GROUND_CONTENT, { NO, NO, NO } },
};

static void
test_matrix(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    for (enum unproven_policy unproven = UNPROVEN_HOLD; unproven <= UNPROVEN_REFUSE; unproven++) {
      struct verdict verdict = { .action = VERDICT_REJECT, .ground = rows[i].ground, .rule = "rule", .reason = g_strdup("why"), .reply = REPLY_REFUSED };
      door_policy_apply(&verdict, rows[i].door, rows[i].proven ? PROOF_SPF : PROOF_NONE, unproven, rows[i].null_path ? "" : "bea@example.org");
      g_test_message("%s, setting %d: %s", rows[i].name, (int)unproven, verdict_action_name(verdict.action));
      g_assert_cmpstr(verdict_action_name(verdict.action), ==, verdict_action_name(rows[i].want[unproven]));
      g_assert_cmpstr(verdict.rule, ==, "rule");
      g_assert_cmpstr(verdict.reason, ==, "why");
      g_assert_cmpint(verdict.ground, ==, rows[i].ground);
      verdict_clear(&verdict);
    }
}

/* What is no refusal is not touched. */
static void
test_others_stay(void)
{
  static const enum verdict_action actions[] = { VERDICT_ACCEPT, VERDICT_HOLD, VERDICT_DISCARD };
  for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
    struct verdict verdict = { .action = actions[i] };
    door_policy_apply(&verdict, DOOR_LMTP, PROOF_NONE, UNPROVEN_DISCARD, "");
    g_assert_cmpint(verdict.action, ==, actions[i]);
  }
}

/* Who is told to join and send again is not told that a moderator has the message. */
static void
test_advice(void)
{
  static const struct { const char *name; enum unproven_policy unproven; const char *reason, *want; } advice[] = {
    { "held", UNPROVEN_HOLD, "you are not a member; join", "you are not a member" },
    { "held, no advice", UNPROVEN_HOLD, "you are not a member", "you are not a member" },
    { "refused", UNPROVEN_REFUSE, "you are not a member; join", "you are not a member; join" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(advice); i++) {
    struct verdict verdict = { .action = VERDICT_REJECT, .ground = GROUND_STRANGER, .reply = REPLY_REFUSED, .reason = g_strdup(advice[i].reason) };
    door_policy_apply(&verdict, DOOR_LMTP, PROOF_NONE, advice[i].unproven, "eve@example.org");
    g_test_message("%s", advice[i].name);
    g_assert_cmpstr(verdict.reason, ==, advice[i].want);
    verdict_clear(&verdict);
  }
}

#define RESULTS(text) "Authentication-Results: mx.example.net; " text "\r\nFrom: bea@example.org\r\n\r\nhello\r\n"

static const struct proof_row {
  const char *name, *message, *reverse_path, *source;
  bool trusted, no_ids;
  enum proof want;
} proofs[] = {
  { .name = "spf", .message = RESULTS("spf=pass smtp.mailfrom=bea@example.org"), .reverse_path = "bea@example.org", .trusted = true, .want = PROOF_SPF },
  { .name = "spf, domain in capitals", .message = RESULTS("spf=pass smtp.mailfrom=example.org"), .reverse_path = "bea@EXAMPLE.org", .trusted = true, .want = PROOF_SPF },
  { .name = "dkim", .message = RESULTS("dkim=pass header.d=example.org"), .reverse_path = "bea@example.org", .trusted = true, .want = PROOF_DKIM },
  { .name = "spf for another domain", .message = RESULTS("spf=pass smtp.mailfrom=example.net"), .reverse_path = "bea@example.org", .trusted = true },
  { .name = "spf fails", .message = RESULTS("spf=fail smtp.mailfrom=bea@example.org"), .reverse_path = "bea@example.org", .trusted = true },
  { .name = "untrusted peer", .message = RESULTS("spf=pass smtp.mailfrom=bea@example.org"), .reverse_path = "bea@example.org" },
  { .name = "nobody is trusted", .message = RESULTS("spf=pass smtp.mailfrom=bea@example.org"), .reverse_path = "bea@example.org", .trusted = true, .no_ids = true },
  { .name = "null reverse-path", .message = RESULTS("spf=pass smtp.mailfrom=example.org"), .reverse_path = "", .trusted = true, .source = "LOCAL" },
  { .name = "local", .message = NULL, .reverse_path = "root@local.example", .source = "LOCAL", .trusted = true, .want = PROOF_LOCAL },
  { .name = "local, in small letters", .message = NULL, .reverse_path = "root@local.example", .source = "local", .trusted = true, .want = PROOF_LOCAL },
  { .name = "local, folded", .message = NULL, .reverse_path = "root@Local.Example", .source = "LOCAL", .trusted = true, .want = PROOF_LOCAL },
  { .name = "local, not our domain", .message = NULL, .reverse_path = "root@example.org", .source = "LOCAL", .trusted = true },
  { .name = "remote", .message = NULL, .reverse_path = "root@local.example", .source = "REMOTE", .trusted = true },
  { .name = "local by an untrusted peer", .message = NULL, .reverse_path = "root@local.example", .source = "LOCAL" },
  { .name = "no XFORWARD", .message = NULL, .reverse_path = "root@local.example", .trusted = true },
};

static void
test_proof(void)
{
  static const char *const ids[] = { "mx.example.net", NULL };
  static const char *const domains[] = { "local.example", NULL };
  for (size_t i = 0; i < G_N_ELEMENTS(proofs); i++) {
    const struct proof_row *row = &proofs[i];
    OWN(header_view) header = NULL;
    if (row->message)
      g_assert_cmpint(header_view_new(slice_of(row->message), &header, NULL), ==, RES_OK);
    const struct proof_input input = {
      .header = header, .reverse_path = row->reverse_path, .xforward_source = row->source, .trusted_peer = row->trusted,
      .trusted_ids = row->no_ids ? NULL : ids, .local_domains = domains,
    };
    g_test_message("%s", row->name);
    g_assert_cmpstr(proof_name(proof_find(&input)), ==, proof_name(row->want));
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/door_policy/matrix", test_matrix);
  g_test_add_func("/door_policy/others_stay", test_others_stay);
  g_test_add_func("/door_policy/advice", test_advice);
  g_test_add_func("/door_policy/proof", test_proof);
  return g_test_run();
}
