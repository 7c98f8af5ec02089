"""The process kills itself at each of the marks in the source (base/crash_point.h), once: then a new one starts, and all is as promised."""
import glob
import os
import re
import signal
import sqlite3
import unittest

from lib import crash_database, crash_load, crash_run, ports
from lib.crash_case import DAY, HELD, JOBS, LARGE, MANY, PERSONAL, PLAIN, SMALL, Stepping
from lib.crash_load import DOMAIN, List
from lib.lmtp import Client, Closed
from lib.sink import Sink
from lib.milter import Milter

TIMEOUT = 300
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Coming(Stepping):
    """A posting comes in and goes out."""

    def way(self, mark, passing=1, to=PLAIN, size=SMALL):
        if not self.start(mark, passing):
            self.died()
            self.assertTrue(self.start())
            self.hand_in(to, size)
        elif not self.hand_in(to, size):
            self.died()
        self.finish()

    def test_judged(self):
        self.way('judged')

    def test_accept_written(self):
        self.way('accept-written')
        self.assertEqual(self.rows('SELECT count(*) FROM posting'), [(1,)])

    def test_accept_committed(self):
        self.way('accept-committed')
        self.assertEqual(self.rows('SELECT count(*) FROM posting'), [(1,)])

    def test_reply_written(self):
        self.way('reply-written')
        self.assertEqual(self.rows('SELECT count(*) FROM posting'), [(1,)])

    def test_command_read(self):
        """The reply has reached the MTA: the first command of its next transaction shows it."""
        self.start('command-read', 5)
        self.assertFalse(self.hand_in())
        self.assertTrue(self.hand_in())
        self.finish()

    def test_batch_written(self):
        self.way('batch-written', 2)

    def test_batch_committed(self):
        self.way('batch-committed', 2)

    def test_claim_roster_written(self):
        self.way('claim-roster-written')

    def test_claim_committed(self):
        self.way('claim-committed')

    def test_parcel_made(self):
        self.way('parcel-made')

    def test_transaction_begun(self):
        self.way('transaction-begun')

    def test_dot_sent(self):
        self.way('dot-sent')

    def test_dot_answered(self):
        self.way('dot-answered')

    def test_dot_answered_personal(self):
        self.way('dot-answered', 2, PERSONAL)

    def test_sent_not_recorded(self):
        self.way('sent-not-recorded')
        self.assertEqual(sum(len(taken[-1]) for taken in self.hop.journal.taken), 2 * len(PLAIN.members), 'what was in hand comes twice')

    def test_record_written(self):
        self.way('record-written')

    def test_header_written(self):
        self.way('header-written', to=MANY)

    def test_record_committed(self):
        self.way('record-committed')
        self.assertEqual(sum(len(taken[-1]) for taken in self.hop.journal.taken), len(PLAIN.members), 'what was recorded comes once')


class InFront(Stepping):
    """A verdict in front of the MTA's queue, and the delivery that follows. The list thinks otherwise by then."""

    def settings(self):
        self.port = ports.free_port()
        return {'milter': {'listen': f'127.0.0.1:{self.port}'}}

    def judge(self):
        """The milter's answer to what is handed in next; '': it died."""
        with Milter(self.port) as milter:
            return milter.post(crash_load.PERSON, [PLAIN.address], crash_load.message(self.number + 1, SMALL)).answer

    def way(self, mark, remembered):
        self.start(mark)
        self.assertEqual(self.judge(), '')
        self.died()
        self.assertEqual(self.rows('SELECT count(*) FROM front_verdict'), [(remembered,)])
        self.assertTrue(self.start())
        if not remembered:
            self.assertEqual(self.judge(), 'a')
        self.command('set', PLAIN.address, 'default_nonmember_action=discard')
        self.hand_in()
        self.finish()

    def test_front_written(self):
        self.way('front-written', 0)

    def test_front_committed(self):
        self.way('front-committed', 1)


class Arriving(Stepping):
    """A large message is written in pieces while it arrives."""

    def way(self, mark, passing=1):
        self.start(mark, passing)
        self.assertTrue(self.hand_in(PLAIN, LARGE))
        self.finish()
        self.assertEqual(self.rows('SELECT count(*) FROM message WHERE accepted = 0'), [(0,)])

    def test_piece_begun(self):
        self.way('piece-begun', 2)

    def test_piece_committed(self):
        self.way('piece-committed', 3)

    def orphan(self, mark):
        """The next server sweeps what the MTA never sends again, and dies at it."""
        self.start('piece-committed', 2)
        self.assertTrue(self.hand_in(PLAIN, LARGE, again=False))
        self.assertEqual(self.rows('SELECT count(*) FROM message WHERE accepted = 0'), [(1,)])
        self.assertFalse(self.start(mark))
        self.died()
        self.finish()
        self.assertEqual(self.rows('SELECT count(*) FROM message'), [(0,)])
        self.assertEqual(self.rows('SELECT count(*) FROM message_piece'), [(0,)])

    def test_orphan_slice_written(self):
        self.orphan('orphan-slice-written')

    def test_orphan_slice_committed(self):
        self.orphan('orphan-slice-committed')

    def test_orphan_swept(self):
        self.orphan('orphan-swept')


class PassedOn(Stepping):
    """Over SMTP, for a list and for others: the next hop has it before it is stored."""

    def settings(self):
        self.next_hop = Sink()
        self.addCleanup(self.next_hop.stop)
        self.smtp = ports.free_port()
        return {'smtp': {'listen': f'127.0.0.1:{self.smtp}', 'next_hop': f'127.0.0.1:{self.next_hop.port}'}}

    def send(self):
        """The reply; None: the connection is lost."""
        with Client(self.smtp) as client:
            client.lhlo(verb='EHLO')
            self.assertEqual([reply.code for reply in client.envelope(crash_load.PERSON, [PLAIN.address, 'cat@users.example.org'])], [250] * 3)
            self.assertEqual(client.command('DATA').code, 354)
            try:
                client.send(crash_load.message(1, SMALL) + b'.\r\n')
                return str(client.reply())
            except (Closed, OSError):
                return None

    def test_passed_on(self):
        """The client was told nothing, so it sends again: others get it twice, the list once."""
        self.start('passed-on')
        self.assertIsNone(self.send())
        self.died()
        self.assertEqual(self.rows('SELECT count(*) FROM posting'), [(0,)])
        self.assertEqual(len(self.next_hop.messages), 1)
        self.assertTrue(self.start())
        self.told.settle(1, PLAIN, self.send().encode())
        self.assertEqual(len(self.next_hop.messages), 2)
        self.finish()
        self.assertEqual(sum(len(taken[-1]) for taken in self.hop.journal.taken), len(PLAIN.members))


class TakenBack(Stepping):
    """What the last one had in hand."""

    def test_takeback_written(self):
        self.start('dot-sent')
        if not self.hand_in(again=False):
            self.died()
        self.assertFalse(self.start('takeback-written'))
        self.died()
        self.finish()

    def test_takeback_committed(self):
        self.start('dot-sent')
        if not self.hand_in(again=False):
            self.died()
        self.assertFalse(self.start('takeback-committed'))
        self.died()
        self.finish()

    def test_claim_again_written(self):
        self.start('dot-sent')
        if not self.hand_in(again=False):
            self.died()
        self.start('claim-again-written')
        self.died()
        self.finish()

    def test_set_aside_written(self):
        self.start('dot-sent')
        if not self.hand_in(again=False):
            self.died()
        for _ in range(2):
            self.start('dot-sent')
            self.died()
        self.assertFalse(self.start('set-aside-written'))
        self.died()
        self.assertTrue(self.start())
        self.assertIn('set-aside', self.command('queue'))
        self.finish(retry=True)


class Moderated(Stepping):
    """What waits for moderators."""

    def test_hold_displacing(self):
        self.start('hold-displacing')
        self.assertFalse(self.hand_in(HELD))
        self.assertTrue(self.hand_in(HELD))
        self.finish()
        self.assertEqual(self.rows('SELECT state, count(*) FROM posting GROUP BY state ORDER BY state'), [(1, 1), (2, 1)])

    def decide(self, mark):
        """The command dies; the server goes on."""
        self.start()
        self.hand_in(HELD)
        code = self.command('held', HELD.address).split()[0]
        self.command('accept', HELD.address, code, mark=mark, status=-signal.SIGKILL)
        return code

    def finish_decided(self):
        self.told.sure[1, 'accepted'] = self.told.sure.pop((1, 'held'))
        self.run_to_the_end(retry=True)
        self.assertEqual([sorted(taken[-1]) for taken in self.hop.journal.read().taken], [HELD.members])
        self.assertEqual(crash_database.all_of(self.server.database), [])

    def test_hold_accepting(self):
        code = self.decide('hold-accepting')
        self.assertIn(code, self.command('held', HELD.address))
        self.command('accept', HELD.address, code)
        self.finish_decided()

    def test_decision_committed(self):
        self.decide('decision-committed')
        self.assertEqual(self.command('held', HELD.address), '')
        self.finish_decided()

    def expire(self, mark):
        self.start()
        self.hand_in(HELD)
        self.server.kill()
        self.change(f'UPDATE posting SET received_at = received_at - {15 * DAY}, held_at = held_at - {15 * DAY}')
        self.start(mark)
        self.died()
        self.finish(until='SELECT count(*) FROM posting WHERE state = 1')

    def test_hold_expiring(self):
        self.expire('hold-expiring')

    def test_housekeeping_committed(self):
        self.expire('housekeeping-committed')


class Kept(Stepping):
    """Mail for people and programs behind a list."""

    def keep(self, role, sender=crash_load.PERSON):
        """Killed while nothing is done with it yet."""
        self.start()
        role = List(f'own-{role}', 1)
        self.number += 1
        client = self.mta
        client.connect()
        client.sock.sendall(f'MAIL FROM:<{sender}>\r\nRCPT TO:<{role.address}>\r\nDATA\r\n'.encode())
        self.assertEqual([client.reply()[:3] for _ in range(3)], [b'250', b'250', b'354'])
        client.sock.sendall(crash_load.message(self.number, SMALL) + b'.\r\n')
        try:
            self.assertIn(b' taken for ', client.reply())
        except EOFError:
            pass

    def test_owner_mail_releasing(self):
        self.keep('owner')
        self.server.kill()
        self.command('addmembers', '-W', '--role', 'owner', '-', PERSONAL.address, stdin='owner@example.com\n')
        self.start('owner-mail-releasing')
        self.died()
        self.run_to_the_end(until=JOBS)
        self.assertEqual([taken[-1] for taken in self.hop.journal.read().taken], [['owner@example.com']])

    def test_stale_jobs_dropping(self):
        self.keep('confirm')
        self.server.kill()
        self.change(f'UPDATE job SET created_at = created_at - {4 * DAY}')
        self.start('stale-jobs-dropping')
        self.died()
        self.finish(until=JOBS)

    def come_back(self, mark):
        """A member's copy comes back: that is noted once."""
        self.start()
        self.hand_in(PERSONAL)
        self.run_to_the_end()
        sender = self.hop.journal.read().taken[0][5]
        self.start(mark)
        self.mta.hang_up()
        role = sender.split('@')[0]
        self.mta.connect()
        self.mta.sock.sendall(f'MAIL FROM:<>\r\nRCPT TO:<{role}@{DOMAIN}>\r\nDATA\r\n'.encode())
        self.assertEqual([self.mta.reply()[:3] for _ in range(3)], [b'250', b'250', b'354'])
        self.mta.sock.sendall(crash_load.message(7, SMALL) + b'.\r\n')
        self.died()
        self.run_to_the_end(until=JOBS)
        self.assertEqual(self.rows('SELECT count(*) FROM bounce'), [(1,)])

    def test_bounce_noting(self):
        self.come_back('bounce-noting')

    def test_bounce_committed(self):
        self.come_back('bounce-committed')


class Aged(Stepping):
    """What time takes away."""

    def deliver(self):
        self.start()
        self.hand_in(PLAIN, LARGE)
        self.run_to_the_end()

    def retention(self, mark):
        self.deliver()
        self.start(mark)
        self.died()
        self.finish(until='SELECT count(*) FROM message_piece')

    def test_retention_slice_written(self):
        self.retention('retention-slice-written')

    def test_retention_slice_committed(self):
        self.retention('retention-slice-committed')

    def test_ledger_pruning(self):
        self.deliver()
        self.change(f'UPDATE delivery SET created_at = created_at - {40 * DAY}, done_at = done_at - {40 * DAY}')
        self.start('ledger-pruning')
        self.died()
        self.run_to_the_end(until='SELECT count(*) FROM delivery')
        self.account(but=['an accepted posting without a delivery'])


class Carried(Stepping):
    """The write-ahead log is carried over."""

    def way(self, mark):
        """It is carried over when it has 16 MB."""
        self.start(mark)
        for _ in range(8):
            if self.hand_in(PLAIN, 6000000):
                break
        else:
            self.died()
        self.finish()

    def test_checkpoint_beginning(self):
        self.way('checkpoint-beginning')

    def test_checkpoint_done(self):
        self.way('checkpoint-done')

    def test_log_begun_anew(self):
        self.way('log-begun-anew')


class Migrated(Stepping):
    """A database of version 1 is brought up."""

    def setUp(self):
        super().setUp()
        with open(os.path.join(ROOT, 'src/store/schema.c'), encoding='utf-8') as file:
            source = file.read()
        text = re.search(r'(?s)version_1\[\] =(.*?);\n\n', source)[1]
        sql = ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', re.sub(r'(?s)/\*.*?\*/', '', text))).replace('\\n', '\n')
        sql = sql.replace('$ID', 'INTEGER PRIMARY KEY AUTOINCREMENT').replace('$BYTES', 'BLOB')
        application = self.rows('PRAGMA application_id')[0][0]
        for end in ('', '-wal', '-shm'):
            if os.path.exists(self.server.database + end):
                os.unlink(self.server.database + end)
        database = sqlite3.connect(self.server.database)
        database.executescript(f'PRAGMA journal_mode=WAL; {sql} PRAGMA user_version=1; PRAGMA application_id={application}; '
                               f"INSERT INTO domain (name, created_at) VALUES ('{DOMAIN}', 1);")
        database.close()

    def way(self, mark, version):
        self.assertFalse(self.start(mark))
        self.assertEqual(self.server.join(), -signal.SIGKILL)
        self.assertEqual(self.rows('PRAGMA user_version')[0][0] > 1, version > 1)
        self.assertTrue(self.start())
        self.assertIn(DOMAIN, self.command('domains'))
        self.command('create', 'ant@' + DOMAIN)
        self.server.stop()
        self.assertEqual(crash_database.all_of(self.server.database), [])
        copies = glob.glob(self.server.database + '.pre-v*')
        self.assertEqual([name for name in copies if name.endswith('.part')], [])
        self.assertEqual([crash_database.ask_the_dead(name, lambda database: database.execute('PRAGMA user_version').fetchone()[0]) for name in copies], [1])

    def test_copy_written(self):
        self.way('copy-written', 1)

    def test_migration_copied(self):
        self.way('migration-copied', 1)

    def test_migration_written(self):
        self.way('migration-written', 1)

    def test_migration_committed(self):
        self.way('migration-committed', 2)


class Commanded(Stepping):
    """Commands beside the server."""

    def add(self, mark):
        """More than one slice of them. The second time those are added who are not there."""
        people = ''.join(f'more{number}@example.net\n' for number in range(20000))
        self.start()
        self.command('addmembers', '-W', '-', HELD.address, stdin=people, mark=mark, passing=2, status=-signal.SIGKILL)
        there = len(self.command('members', HELD.address).splitlines()) - len(HELD.members)
        self.assertGreater(there, 0)
        self.assertLess(there, 20000)
        self.assertIn(f'{20000 - there} added, {there} were there already', self.command('addmembers', '-W', '-', HELD.address, stdin=people))
        self.finish()

    def test_addmembers_slice_written(self):
        self.add('addmembers-slice-written')

    def test_addmembers_slice_committed(self):
        self.add('addmembers-slice-committed')

    def test_control_done(self):
        self.start('control-done')
        self.command('retry', status=1)
        self.died()
        self.finish()

    def test_control_answered(self):
        self.start('control-answered')
        self.command('retry')
        self.died()
        self.finish()


class Restored(Stepping):
    """A backup takes the place of a database that has something in its log alone."""

    def restore_in_part(self, mark):
        """What was there, after a posting that is not in the backup. The command is given again by each test."""
        self.backup = os.path.join(self.folder, 'backup.db')
        self.command('backup', self.backup)
        self.start()
        self.hand_in(HELD)
        self.server.kill()
        self.mta.hang_up()
        self.assertGreater(os.path.getsize(self.server.database + '-wal'), 0)
        self.command('restore', self.backup, mark=mark, status=-signal.SIGKILL)

    def postings(self, path):
        return crash_database.ask_the_dead(path, lambda database: database.execute('SELECT count(*) FROM posting').fetchone()[0])

    def kept(self):
        return sorted(name for name in glob.glob(self.server.database + '.replaced-*') if not name.endswith(('-wal', '-shm')))

    def restore_again(self):
        kept = self.command('restore', self.backup).split('the database that was there: ')[1].splitlines()[0]
        self.assertTrue(self.start())
        self.server.stop()
        self.assertEqual(self.postings(self.server.database), 0)
        self.assertEqual(crash_database.all_of(self.server.database), [])
        return kept

    def test_replaced_kept(self):
        """The old one goes on with its log, as if nothing had been."""
        self.restore_in_part('replaced-kept')
        self.assertTrue(self.start())
        self.hand_in(HELD)
        self.server.stop()
        self.assertEqual(self.postings(self.server.database), 2)
        kept = self.restore_again()
        self.assertEqual(self.kept(), [kept], 'what the first attempt left is gone')
        self.assertEqual(self.postings(kept), 2)

    def test_replaced_published(self):
        """No server starts; nothing of the old one is lost."""
        self.restore_in_part('replaced-published')
        self.assertFalse(self.start())
        self.assertEqual(self.server.join(), 1)
        self.assertIn('is the write-ahead log of another database', self.server.log())
        [old] = self.kept()
        self.assertEqual(self.postings(old), 1)
        self.restore_again()
        self.assertEqual(self.postings(old), 1)


class Complete(unittest.TestCase):
    def test_every_mark_is_reached(self):
        """Each has a method of its name above, which fails unless the process dies there."""
        found = crash_run.marks()
        self.assertGreater(len(found), 40)
        self.assertEqual(sorted(set(found)), sorted(found), 'a name stands in the source twice')
        methods = {name for test in Stepping.__subclasses__() for name in dir(test)}
        self.assertEqual([mark for mark in found if 'test_' + mark.replace('-', '_') not in methods], [])


if __name__ == '__main__':
    unittest.main()
