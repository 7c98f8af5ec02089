"""Restarts in the middle: stopped, killed and locked out while postings come in and go out. Nothing accepted is lost, and twice gets only what was in flight."""
import sqlite3
import os
import signal
import threading
import time
import unittest

from lib import events
from lib.daemon import Daemon
from lib.fanout import AUTHOR, LIST, Fanout, Gate, message
from lib.lmtp import Client


class Drain(Fanout):
    COURIER = {'connections': 3}

    def test_in_the_middle_of_a_fan_out(self):
        """What is in flight is finished and recorded; after the start the rest goes out; nobody gets two."""
        people = self.add_members(3000)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait(2)
        with Client(self.daemon.port) as idle, Client(self.daemon.port) as busy:
            idle.lhlo()
            busy.lhlo()
            busy.envelope(AUTHOR, [LIST])
            self.assertEqual(busy.command('DATA').code, 354)
            self.daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(idle.reply().code, 421)  # it has begun to stop; the busy session holds that up
            gate.open()
            self.daemon.wait_log(event='copies handed over', count=2)
            busy.send(message('last') + b'.\r\n')
            busy.reply()
        self.assertEqual(self.daemon.wait_end(), 0)
        self.assertEqual(set(self.copies(code)), {address for mail in gate.held for address in mail.addresses})
        self.assertEqual(self.number('SELECT count(*) FROM chunk WHERE state = 2'), 2)
        self.daemon.start()
        self.assertEqual(self.daemon.log_lines(event='deliveries in progress taken back'), [])
        self.account(code, sent=people)

    def test_again_and_again(self):
        """Stopped five times in one fan-out, at no special moment."""
        self.daemon.configure({'courier': {'connections': 2, 'max_recipients': 50}})
        self.daemon.restart()
        people = self.add_members(5000)
        code = self.post()
        for step in range(1, 6):
            events.wait_for(lambda step=step: len(self.sink.messages) >= step * 7)
            self.daemon.restart()
        self.account(code, sent=people)

    def test_reload_in_the_middle(self):
        """New options for the courier: the old one finishes what it has in hand."""
        people = self.add_members(3000)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait(2)
        self.daemon.configure({'courier': {'connections': 2, 'max_recipients': 100}})
        self.daemon.reload()
        gate.open()
        self.account(code, sent=people)
        self.daemon.wait_log(event='courier begins anew with the new options')


class Killed(Fanout):
    COURIER = {'connections': 3}

    def test_in_the_middle_of_a_fan_out(self):
        """The peer takes what it has got, and we never hear of it."""
        people = self.add_members(3000)
        gate = Gate()
        self.sink.on['DOT'] = lambda session, mail: gate(session, mail) if session.number < 2 else None
        code = self.post()
        gate.wait(2)
        in_flight = {address for mail in gate.held for address in mail.addresses}
        self.assertEqual(len(in_flight), 1000)
        self.daemon.kill()
        gate.open()
        self.daemon.start()
        self.daemon.wait_log(event='deliveries in progress taken back', deliveries=1)
        self.account(code, sent=people, twice=len(in_flight))
        self.assertLessEqual({address for address, count in self.copies(code).items() if count > 1}, in_flight)

    def test_before_the_dot(self):
        """What was in flight had not been taken: nobody gets two."""
        people = self.add_members(2000)
        gate = Gate()
        self.sink.on['DATA'] = lambda session, argument: gate(session, argument) if session.number < 2 else None
        code = self.post()
        gate.wait(2)
        self.daemon.kill()
        gate.open()
        self.daemon.start()
        self.account(code, sent=people)

    def test_in_the_middle_of_a_retry(self):
        people = self.add_members(3)
        refusing = [True]
        self.sink.on['RCPT'] = lambda session, rcpt: '450 4.2.0 wait' if refusing[0] else None
        self.daemon.configure({'courier': {'retry_first': '1s', 'retry_max': '1s'}})
        self.daemon.restart()
        code = self.post()
        self.daemon.wait_log(event='copies handed over', post=code, deferred=3)
        refusing[0] = False
        gate = self.sink.on['MAIL'] = Gate()
        gate.wait()
        self.daemon.kill()
        self.sink.on.clear()
        gate.open()
        self.daemon.start()
        self.account(code, sent=people)

    def test_at_random_moments(self):
        """Killed eight times in one fan-out: everybody gets it, and twice at most what was in flight at the kills."""
        self.daemon.configure({'courier': {'connections': 2}})
        self.daemon.restart()
        people = self.add_members(6000)
        code = self.post()
        for step in range(1, 9):
            # without a recorded step between two crashes it would be taken for poison and run alone
            self.daemon.wait_log(event='copies handed over', count=step)
            self.daemon.kill()
            self.daemon.start()
        self.wait_done()
        copies = self.copies(code)
        self.assertEqual(set(copies), set(people))
        self.assertLessEqual(sum(copies.values()) - len(people), 8 * 2 * 500)
        self.assertEqual({fate.state for fate in self.ledger(code).values()}, {'sent'})

    def test_right_after_the_250(self):
        people = self.add_members(10)
        self.sink.stop()
        codes = []
        for _ in range(5):
            codes.append(self.post())
            self.daemon.kill()
            self.daemon.start()
        self.sink.start()
        for code in codes:
            self.account(code, sent=people)

    def test_large_message_right_after_the_250(self):
        people = self.add_members(2)
        self.sink.stop()
        body = ('.' + 'q' * 69 + '\n') * 74000
        code = self.post(message('large', body=body))
        self.daemon.kill()
        self.assertGreater(self.number('SELECT count(*) FROM message_piece'), 10)
        self.sink.start()
        self.daemon.start()
        self.account(code, sent=people)
        for mail in self.sink.messages:
            self.assertEqual(mail.body, body.replace('\n', '\r\n').encode())

    def test_said_again_after_a_lost_250(self):
        """The MTA that missed our 250 sends again; the message is not posted twice."""
        people = self.add_members(2)
        octets = message('again')
        code = self.post(octets)
        self.daemon.kill()
        self.daemon.start()
        with Client(self.daemon.port) as client:
            client.lhlo()
            reply = client.deliver(AUTHOR, [LIST], octets)[0]
        self.assertEqual(str(reply), f'250 2.6.0 {code} already accepted for {LIST}')
        self.wait_done()
        self.assertEqual(set(self.copies(code)), set(people))
        self.assertEqual(self.number('SELECT count(*) FROM posting'), 1)

    def test_pieces_of_a_message_that_never_arrived(self):
        client = Client(self.daemon.port)
        self.addCleanup(client.close)
        client.lhlo()
        client.envelope(AUTHOR, [LIST])
        self.assertEqual(client.command('DATA').code, 354)
        client.send(message('torn') + (b'r' * 70 + b'\r\n') * 40000)
        self.wait_pieces(5)
        self.daemon.kill()
        self.assertNotEqual((self.number('SELECT count(*) FROM message'), self.number('SELECT count(*) FROM message_piece')), (0, 0))
        self.daemon.start()
        self.assertEqual((self.number('SELECT count(*) FROM message'), self.number('SELECT count(*) FROM message_piece')), (0, 0))

    def wait_pieces(self, count):
        """Until so many pieces are committed. The database announces nothing: another session's commands take their turn meanwhile."""
        with Client(self.daemon.port) as other:
            other.lhlo()
            deadline = time.monotonic() + events.SECONDS
            while self.number('SELECT count(*) FROM message_piece') < count:
                self.assertLess(time.monotonic(), deadline)
                other.command('NOOP')


class GivenUp(Fanout):
    def pieces(self):
        return self.number('SELECT count(*) FROM message'), self.number('SELECT count(*) FROM message_piece')

    def test_connection_lost_in_the_middle_of_data(self):
        """Without any restart, too, what never arrived is taken away."""
        client = Client(self.daemon.port)
        client.lhlo()
        client.envelope(AUTHOR, [LIST])
        client.command('DATA')
        client.send(message('torn') + (b'r' * 70 + b'\r\n') * 40000)
        client.close()
        self.daemon.stop()
        self.assertEqual(self.pieces(), (0, 0))

    def test_drained_in_the_middle_of_data(self):
        """A message on its way when the server is told to stop: it may arrive whole and be accepted, or be put off with 4xx; nothing half."""
        people = self.add_members(1)
        with Client(self.daemon.port) as client:
            client.lhlo()
            client.envelope(AUTHOR, [LIST])
            client.command('DATA')
            client.send(message('slow') + (b'r' * 70 + b'\r\n') * 20000)
            self.daemon.process.send_signal(signal.SIGTERM)
            self.daemon.wait_log(event='stopping')
            client.send(b'end\r\n.\r\n')
            reply = client.reply()
        self.assertEqual(self.daemon.wait_end(), 0)
        self.assertIn(reply.code, (250, 451))
        if reply.code == 250:
            self.daemon.start()
            self.account(reply.text.split()[1], sent=people)
        else:
            self.assertEqual(self.pieces(), (0, 0))


class Locked(Fanout):
    def lock(self):
        database = sqlite3.connect(os.path.join(self.daemon.state, 'listward.db'), isolation_level=None, check_same_thread=False)
        self.addCleanup(database.close)
        database.execute('BEGIN IMMEDIATE')
        return database

    def test_by_a_foreign_writer(self):
        """Postings that come in meanwhile wait, and are accepted when it is gone."""
        people = self.add_members(10)
        database = self.lock()
        codes, waiting = [], []

        def post(number):
            waiting.append(number)
            codes.append(self.post())
        posters = [threading.Thread(target=post, args=(number,)) for number in range(10)]
        for poster in posters:
            poster.start()
        posters[0].join(3)  # nobody is answered while it is locked
        self.assertEqual((codes, len(waiting)), ([], 10))
        database.execute('COMMIT')
        for poster in posters:
            poster.join()
        self.assertEqual(len(codes), 10)
        for code in codes:
            self.account(code, sent=people)

    def test_while_copies_go_out(self):
        """What was sent is recorded when the lock is gone; nobody gets it again."""
        people = self.add_members(1200)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait(2)
        database = self.lock()
        gate.open()
        self.sink.wait_recipients(1000)
        events.wait_for(lambda: len(self.sink.messages) >= 2)
        database.execute('COMMIT')
        self.account(code, sent=people)


class TwoServers(Fanout):
    def test_on_one_state_dir(self):
        """The second one is refused, and has touched nothing: what the first has in flight stays its own, and so does what is arriving there."""
        people = self.add_members(1200)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait(2)
        with Client(self.daemon.port) as client:
            client.lhlo()
            client.envelope(AUTHOR, [LIST])
            client.command('DATA')
            client.send(message('arriving') + (b'r' * 70 + b'\r\n') * 20000)
            second = Daemon(self.sink, config={'server': {'state_dir': self.daemon.state}})
            self.addCleanup(second.close)
            second.start(wait=False)
            self.assertEqual(second.wait_end(), 1)
            self.assertRegex('\n'.join(second.lines), 'another (process|server)')
            self.assertEqual(self.number('SELECT count(*) FROM chunk WHERE state = 1'), 2)
            gate.open()
            client.send(b'.\r\n')
            reply = client.reply()
        self.assertEqual(reply.code, 250)
        self.account(code, sent=people)
        self.account(reply.text.split()[1], sent=people)


if __name__ == '__main__':
    unittest.main()
