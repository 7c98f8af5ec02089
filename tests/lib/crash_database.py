"""What stands in the database of a server that is dead, without healing it: the log that it left is for the next server to recover. And what must be true of it."""
import os
import pickle
import sqlite3

BATCH, PERSONAL = 500, 50  # recipients of a claim at most, by shape
SHAPE_LIMITS = {0: BATCH, 1: PERSONAL}


def ask_the_dead(path, question):
    """question(connection), asked in a child that ends without closing: the last connection that closes would carry the log over and take it away."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = question(sqlite3.connect(path, timeout=10))
        except Exception as trouble:  # pylint: disable=broad-except
            answer = trouble
        with os.fdopen(writer, 'wb') as out:
            out.write(pickle.dumps(answer))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, 'rb') as answer:
        octets = answer.read()
    os.waitpid(child, 0)
    answer = pickle.loads(octets)
    if isinstance(answer, Exception):
        raise answer
    return answer


def in_hand(database):
    """[(posting's id, shape, recipients)]: each claimed chunk, and the claimed recipients with rows of their own of each delivery."""
    chunks = database.execute('SELECT p.code, c.shape, c.count FROM chunk c JOIN delivery d ON d.id = c.delivery_id JOIN posting p ON p.id = d.posting_id '
                              'WHERE c.state <> 2 AND c.state = 1').fetchall()
    rows = database.execute('SELECT p.code, r.shape, count(*) FROM recipient r JOIN delivery d ON d.id = r.delivery_id JOIN posting p ON p.id = d.posting_id '
                            'WHERE r.state <= 1 AND r.state = 1 GROUP BY d.id, r.shape').fetchall()
    return chunks + rows


def too_much_in_hand(pieces, connections):
    """What is wrong with what in_hand() gave; [] if nothing is."""
    wrong = [f'{count} recipients of {code} in hand at once' for code, shape, count in pieces if count > SHAPE_LIMITS[shape]]
    return wrong + ([f'{len(pieces)} pieces of work in hand with {connections} connections'] if len(pieces) > connections else [])


def has_column(database, table, column):
    return any(row[1] == column for row in database.execute(f'PRAGMA table_info({table})'))


# Each gives a row for each thing that is wrong.
INVARIANTS = {
    'a posting stands there twice': "SELECT list_id, subject FROM posting WHERE subject LIKE 'n%' AND role = 0 GROUP BY list_id, subject HAVING count(*) > 1",
    'two postings of a list have one number': 'SELECT list_id, number FROM posting WHERE number > 0 AND list_id > 0 GROUP BY list_id, number HAVING count(*) > 1',
    'a message that was not accepted has a posting': 'SELECT p.code FROM posting p JOIN message m ON m.id = p.message_id WHERE m.accepted = 0',
    'an accepted message without a posting': 'SELECT m.id FROM message m WHERE m.accepted = 1 AND NOT EXISTS (SELECT 1 FROM posting p WHERE p.message_id = m.id)',
    'a job without octets': 'SELECT j.id FROM job j JOIN posting p ON p.id = j.posting_id JOIN message m ON m.id = p.message_id WHERE $SIZE < m.size',
    'a held posting without octets': 'SELECT p.code FROM posting p JOIN message m ON m.id = p.message_id WHERE p.state = 1 AND $SIZE <> m.size',
    'a delivery that is not done without octets': 'SELECT p.code FROM delivery d JOIN posting p ON p.id = d.posting_id JOIN message m ON m.id = p.message_id '
                                                  'WHERE d.state <> 2 AND $SIZE <> m.size',
    'a done delivery with something left': 'SELECT d.id FROM delivery d WHERE d.state = 2 AND (d.cursor < d.last_join '
                                           'OR EXISTS (SELECT 1 FROM chunk c WHERE c.delivery_id = d.id AND c.state < 2) '
                                           'OR EXISTS (SELECT 1 FROM recipient r WHERE r.delivery_id = d.id AND r.state <= 1))',
    'an accepted posting without a delivery': 'SELECT p.code FROM posting p WHERE p.role = 0 AND p.state = 0 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.posting_id = p.id)',
    'the cursor and the chunks do not agree': 'SELECT d.id FROM delivery d WHERE d.roster = 1 '
                                              'AND (SELECT COALESCE(sum(c.count), 0) FROM chunk c WHERE c.delivery_id = d.id) '
                                              '+ (SELECT count(*) FROM recipient r WHERE r.delivery_id = d.id) '
                                              '<> (SELECT count(*) FROM member m WHERE m.list_id = d.list_id AND m.role = 0 AND m.join_number <= d.cursor)',
    'set aside': 'SELECT d.id FROM delivery d WHERE d.state = 1',
}
OCTETS = '(SELECT COALESCE(sum(length(octets)), 0) FROM message_piece WHERE message_id = m.id)'


def wrongs(database, but=()):
    """[] if all is as it must be. For lists whose members do not change and all get copies."""
    size = OCTETS + (' + COALESCE(length(m.octets), 0)' if has_column(database, 'message', 'octets') else '')
    found = []
    for what, sql in INVARIANTS.items():
        rows = database.execute(sql.replace('$SIZE', f'({size})')).fetchmany(5) if what not in but else []
        found += [f'{what}: {row}' for row in rows]
    return found


def damage(database):
    """What SQLite finds wrong in the file."""
    found = [row[0] for row in database.execute('PRAGMA integrity_check')]
    return [word for word in found if word != 'ok'] + [f'foreign key: {row}' for row in database.execute('PRAGMA foreign_key_check')]


def all_of(path):
    return ask_the_dead(path, lambda database: damage(database) + wrongs(database))
