/* The schema, as numbered migrations: a new one is a new row, a published one never changes. SQL that both back ends understand
 * (store/migrations.h). */
#include "store/migrations.h"

static const char version_1[] =
  "CREATE TABLE meta (name TEXT PRIMARY KEY, number BIGINT NOT NULL);\n"
  "INSERT INTO meta (name, number) VALUES ('list_generation', 0);\n"

  /* A removed domain stays as a tombstone, since its lists' tombstones name it. */
  "CREATE TABLE domain ( "
  "id $ID, name TEXT NOT NULL, alias TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '', created_at BIGINT NOT NULL, "
  "removed_at BIGINT);\n"
  "CREATE UNIQUE INDEX domain_by_name ON domain (name) WHERE removed_at IS NULL;\n"

  /* A removed list stays as a tombstone: ids are never reused, and the ledger still names it. */
  "CREATE TABLE list ( "
  "id $ID, domain_id BIGINT NOT NULL REFERENCES domain (id), local TEXT NOT NULL, style TEXT NOT NULL, generation BIGINT NOT NULL, "
  "next_number BIGINT NOT NULL DEFAULT 1, next_join BIGINT NOT NULL DEFAULT 1, "
  "created_at BIGINT NOT NULL, last_post_at BIGINT, removed_at BIGINT);\n"
  "CREATE UNIQUE INDEX list_by_name ON list (domain_id, local) WHERE removed_at IS NULL;\n"
  "CREATE INDEX list_by_generation ON list (generation);\n"

  /* Only what differs from the style. */
  "CREATE TABLE list_setting ( "
  "list_id BIGINT NOT NULL REFERENCES list (id), name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (list_id, name));\n"

  "CREATE TABLE address ( "
  "id $ID, key TEXT NOT NULL UNIQUE, email TEXT NOT NULL, name TEXT NOT NULL DEFAULT '', registered_at BIGINT NOT NULL, verified_at BIGINT);\n"

  /* role, mode, status: the enums of list/member.h. moderation, receive_own, receive_copy: NULL is the default. */
  "CREATE TABLE member ( "
  "id $ID, list_id BIGINT NOT NULL REFERENCES list (id), address_id BIGINT NOT NULL REFERENCES address (id), role BIGINT NOT NULL, "
  "join_number BIGINT NOT NULL, mode BIGINT NOT NULL DEFAULT 0, status BIGINT NOT NULL DEFAULT 0, moderation BIGINT, "
  "receive_own BIGINT, receive_copy BIGINT, joined_at BIGINT NOT NULL, left_at BIGINT);\n"
  "CREATE UNIQUE INDEX member_once ON member (list_id, role, address_id) WHERE left_at IS NULL;\n"
  "CREATE INDEX member_roster ON member (list_id, role, join_number) WHERE left_at IS NULL;\n"
  "CREATE INDEX member_of_address ON member (address_id);\n"

  /* list_id 0: the whole site. */
  "CREATE TABLE ban ( "
  "id $ID, list_id BIGINT NOT NULL, pattern TEXT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (list_id, pattern));\n"

  /* accepted 0: pieces of a message that is still arriving; swept at start. */
  "CREATE TABLE message ( "
  "id $ID, size BIGINT NOT NULL, accepted BIGINT NOT NULL, created_at BIGINT NOT NULL);\n"
  "CREATE INDEX message_arriving ON message (created_at) WHERE accepted = 0;\n"
  "CREATE TABLE message_piece ( "
  "message_id BIGINT NOT NULL REFERENCES message (id), number BIGINT NOT NULL, octets $BYTES NOT NULL, PRIMARY KEY (message_id, number));\n"

  /* What came in for a list or one of its role addresses. state: enum posting_state of queue/posting.h; role: enum role of
   * envelope/role.h. */
  "CREATE TABLE posting ( "
  "id $ID, code TEXT NOT NULL UNIQUE, list_id BIGINT NOT NULL, domain_id BIGINT NOT NULL, role BIGINT NOT NULL, address TEXT NOT NULL, "
  "argument TEXT NOT NULL DEFAULT '', message_id BIGINT NOT NULL REFERENCES message (id), state BIGINT NOT NULL, "
  "number BIGINT NOT NULL DEFAULT 0, reverse_path TEXT NOT NULL, sender TEXT NOT NULL, subject TEXT NOT NULL, "
  "rule TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', proven BIGINT NOT NULL DEFAULT 0, smtputf8 BIGINT NOT NULL DEFAULT 0, "
  "peer TEXT NOT NULL DEFAULT '', xforward TEXT NOT NULL DEFAULT '', received_at BIGINT NOT NULL, decided_at BIGINT);\n"
  "CREATE INDEX posting_of_list ON posting (list_id, state, received_at);\n"
  "CREATE INDEX posting_of_message ON posting (message_id);\n"

  /* The key by which an MTA's repeat is recognised (list, reverse-path, content): outcome already given. */
  "CREATE TABLE dedupe ( "
  "list_id BIGINT NOT NULL, key $BYTES NOT NULL, posting_id BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (list_id, key));\n"
  "CREATE INDEX dedupe_by_age ON dedupe (at);\n"

  /* Mail kept for a handler: bounces, commands, owners' mail without owners. */
  "CREATE TABLE job ( "
  "id $ID, kind TEXT NOT NULL, posting_id BIGINT NOT NULL REFERENCES posting (id), list_id BIGINT NOT NULL, created_at BIGINT NOT NULL, "
  "not_before BIGINT NOT NULL DEFAULT 0);\n"
  "CREATE INDEX job_by_kind ON job (kind, not_before);\n"
  "CREATE INDEX job_of_posting ON job (posting_id);\n"

  /* A posting on its way out: a cursor over the roster (roster 1), or only the rows in recipient (roster 0). state: enum delivery_state
   * of queue/delivery.h. header: the list's copy of the header, made when the first chunk is claimed, the same for all that follow. */
  "CREATE TABLE delivery ( "
  "id $ID, posting_id BIGINT NOT NULL REFERENCES posting (id), list_id BIGINT NOT NULL, state BIGINT NOT NULL, roster BIGINT NOT NULL, "
  "cursor BIGINT NOT NULL DEFAULT 0, last_join BIGINT NOT NULL DEFAULT 0, reverse_path TEXT NOT NULL, header $BYTES, "
  "strikes BIGINT NOT NULL DEFAULT 0, served_at BIGINT NOT NULL DEFAULT 0, created_at BIGINT NOT NULL, done_at BIGINT);\n"
  "CREATE INDEX delivery_open ON delivery (state, served_at) WHERE state <> 2;\n"
  "CREATE INDEX delivery_roster ON delivery (served_at) WHERE state = 0 AND roster = 1 AND (cursor < last_join OR served_at = 0);\n"
  "CREATE INDEX delivery_of_posting ON delivery (posting_id);\n"

  /* Recipients sent to together. members: their ids (courier/roster_chunk.h). The done ones are the ledger. */
  "CREATE TABLE chunk ( "
  "id $ID, delivery_id BIGINT NOT NULL REFERENCES delivery (id), state BIGINT NOT NULL, attempts BIGINT NOT NULL DEFAULT 0, "
  "not_before BIGINT NOT NULL DEFAULT 0, claimed_at BIGINT NOT NULL, done_at BIGINT, count BIGINT NOT NULL, members $BYTES NOT NULL, "
  "replies TEXT NOT NULL DEFAULT '');\n"
  "CREATE INDEX chunk_open ON chunk (state, not_before) WHERE state <> 2;\n"
  "CREATE INDEX chunk_of_delivery ON chunk (delivery_id, state);\n"

  /* Recipients with a row of their own: those answered 4xx or 5xx, and addresses that are on no roster. state: enum recipient_state of
   * courier/recipient.h. */
  "CREATE TABLE recipient ( "
  "id $ID, delivery_id BIGINT NOT NULL REFERENCES delivery (id), member_id BIGINT NOT NULL DEFAULT 0, address TEXT NOT NULL, state BIGINT NOT NULL, "
  "attempts BIGINT NOT NULL DEFAULT 0, next_at BIGINT NOT NULL, first_at BIGINT NOT NULL, done_at BIGINT, reply TEXT NOT NULL DEFAULT '');\n"
  "CREATE INDEX recipient_due ON recipient (state, next_at) WHERE state <= 1;\n"
  "CREATE INDEX recipient_of_delivery ON recipient (delivery_id, state);\n"

  /* A refusal seen in our own SMTP session, for the member's bounce score. */
  "CREATE TABLE bounce ( "
  "id $ID, list_id BIGINT NOT NULL, member_id BIGINT NOT NULL, address TEXT NOT NULL, delivery_id BIGINT NOT NULL, at BIGINT NOT NULL, reply TEXT NOT NULL);\n"
  "CREATE INDEX bounce_of_member ON bounce (member_id, at);\n"
  "CREATE INDEX bounce_by_age ON bounce (at);\n";

static const char version_2[] =
  /* outlet: the name of a section [outlet NAME]; "" is the default one. */
  "ALTER TABLE delivery ADD COLUMN outlet TEXT NOT NULL DEFAULT '';\n"
  "DROP INDEX delivery_roster;\n"
  "CREATE INDEX delivery_roster ON delivery (outlet, served_at) WHERE state = 0 AND roster = 1 AND (cursor < last_join OR served_at = 0);\n"

  /* shape: the enum of smtp/transmission.h. */
  "ALTER TABLE chunk ADD COLUMN shape BIGINT NOT NULL DEFAULT 0;\n"
  "ALTER TABLE recipient ADD COLUMN shape BIGINT NOT NULL DEFAULT 0;\n"
  /* Earlier attempts, a line each (courier/attempts.h). */
  "ALTER TABLE recipient ADD COLUMN history TEXT NOT NULL DEFAULT '';\n"
  /* due_at: when the first of its chunks and recipients that wait is due; NULL: none waits. One that is too early does no harm: whoever looks sets it right. All that the
   * next claim is chosen by stands in the index. */
  "ALTER TABLE delivery ADD COLUMN due_at BIGINT;\n"
  "UPDATE delivery SET due_at = 0 WHERE state <> 2;\n"
  "CREATE INDEX delivery_due ON delivery (outlet, due_at, served_at, strikes, list_id, state) WHERE state = 0;\n"
  /* What of a delivery is due? */
  "DROP INDEX recipient_of_delivery;\n"
  "CREATE INDEX recipient_of_delivery ON recipient (delivery_id, state, next_at);\n"

  /* kind: the enum of courier/bounce.h. */
  "ALTER TABLE bounce ADD COLUMN kind BIGINT NOT NULL DEFAULT 0;\n"
  "CREATE INDEX bounce_of_delivery ON bounce (delivery_id);\n"

  /* Secrets of the tags in envelope senders (envelope/tag.h); the newest makes them, all of them are believed. */
  "CREATE TABLE tag_key ( "
  "id $ID, secret $BYTES NOT NULL, created_at BIGINT NOT NULL);\n";

static const char version_3[] =
  /* octets: of a message that came in one piece, which most do; longer ones are in message_piece. */
  "ALTER TABLE message ADD COLUMN octets $BYTES;\n"
  "CREATE INDEX message_kept ON message (id) WHERE octets IS NOT NULL;\n"

  /* repeat_key: by which an MTA's repeat is recognised (queue/repeat.h): a column here is a page and two indexes less to write for each posting than
   * a table of its own. NULL: not remembered. */
  "ALTER TABLE posting ADD COLUMN repeat_key $BYTES;\n"
  "CREATE INDEX dedupe_of_posting ON dedupe (posting_id);\n"
  "UPDATE posting SET repeat_key = (SELECT SUBSTR(key, 1, 16) FROM dedupe WHERE posting_id = posting.id) "
  "WHERE id IN (SELECT posting_id FROM dedupe);\n"
  "DROP TABLE dedupe;\n"
  "CREATE INDEX posting_repeat ON posting (repeat_key) WHERE repeat_key IS NOT NULL;\n"

  /* What a new delivery, a claim and its record need not touch stands in no index. */
  "DROP INDEX delivery_open;\n"
  "CREATE INDEX delivery_open ON delivery (state, outlet) WHERE state <> 2;\n"
  "DROP INDEX delivery_due;\n"
  "CREATE INDEX delivery_due ON delivery (outlet, due_at, served_at, strikes, list_id, state) WHERE state = 0 AND due_at IS NOT NULL;\n"

  /* Since when a posting waits for the moderators: not always since it came. NULL: it does not. */
  "ALTER TABLE posting ADD COLUMN held_at BIGINT;\n"
  "UPDATE posting SET held_at = received_at WHERE state = 1;\n"
  "CREATE INDEX posting_held ON posting (list_id, held_at) WHERE state = 1;\n"

  /* Who left, and when. */
  "CREATE INDEX member_left ON member (left_at) WHERE left_at IS NOT NULL;\n"

  /* How much owners' mail does a list keep? */
  "CREATE INDEX job_of_list ON job (list_id, kind);\n"

  /* What the process died with (queue/suspect.h): messages that were coming in, by a key of their octets, and jobs. */
  "CREATE TABLE suspect (key BIGINT PRIMARY KEY, strikes BIGINT NOT NULL, at BIGINT NOT NULL);\n"
  "ALTER TABLE job ADD COLUMN strikes BIGINT NOT NULL DEFAULT 0;\n";

static const char version_4[] =
  /* Verdicts given in front of the MTA's queue, by the key of queue/repeat.h: the LMTP delivery that follows obeys them (queue/front.h). action, ground: the
   * enums of verdict/verdict.h; reply: the enum of base/reply.h is not stable, so a word of queue/front.c stands here; told: nobody got the message,
   * and its author knows. */
  "CREATE TABLE front_verdict ( "
  "list_id BIGINT NOT NULL, key $BYTES NOT NULL, action BIGINT NOT NULL, ground BIGINT NOT NULL, rule TEXT NOT NULL, reason TEXT NOT NULL, reply TEXT NOT NULL, "
  "told BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (list_id, key));\n"
  "CREATE INDEX front_verdict_by_age ON front_verdict (told, at);\n"

  /* It came over SMTP, not LMTP: Received says so. */
  "ALTER TABLE posting ADD COLUMN smtp BIGINT NOT NULL DEFAULT 0;\n";

static const struct migration migrations[] = {
  { .version = 1, .sql = version_1 },
  { .version = 2, .sql = version_2 },
  { .version = 3, .sql = version_3 },
  { .version = 4, .sql = version_4 },
};

const struct migration_list schema = { migrations, G_N_ELEMENTS(migrations) };
