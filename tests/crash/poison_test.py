"""Messages that kill the process at a stage of their way, each time they get there (LISTWARD_POISON, base/crash_point.h): they are set aside after the third death, alarmed and shown; all
else flows; `retry` takes them back into service, and `retry --hold` gives them to the moderators."""
import re
import unittest

from lib import crash_database, crash_load, ports
from lib.crash_case import PERSONAL, PLAIN, SMALL, Stepping
from lib.crash_load import DOMAIN
from lib.milter import Milter

TIMEOUT = 300
DEATHS = 3


class Poisoned(Stepping):
    def start_poisoned(self):
        return self.start(LISTWARD_POISON='poison')

    def sender(self, stage):
        return f'poison-{stage}@example.org'

    def die_until(self, set_aside):
        """Started again each time it dies, until that count is not 0. How often it died."""
        for deaths in range(2 * DEATHS):
            if self.start_poisoned() and self.rows(set_aside)[0][0]:
                return deaths
            self.died()
        raise AssertionError(f'a crash loop\n{self.server.log()[-3000:]}')

    def check_shown(self, name):
        self.assertRegex(self.command('queue'), rf'(?m)^{name} +1 ')
        status = self.command('status')
        self.assertRegex(status, r'(?m)^set_aside\W+1\b')
        self.assertRegex(status, r'(?m)^alarms\W+[1-9]')
        self.assertRegex(self.server.log(), r'level=error event="?(a delivery is set aside|messages are refused for now|mail is set aside)')

    def check_flows(self, to=PLAIN):
        """A new posting goes out while the poison is there."""
        before = len(self.hop.journal.read().taken)
        self.assertFalse(self.hand_in(to))
        self.server.wait_for_none("SELECT count(*) FROM delivery WHERE state = 0", 30)
        self.assertEqual(sorted(address for taken in self.hop.journal.read().taken[before:] for address in taken[-1]), sorted(to.members))

    def check_survives(self):
        """A restart changes nothing."""
        self.mta.hang_up()
        self.server.stop()
        self.assertTrue(self.start_poisoned())


class OnItsWay(Poisoned):
    """An accepted posting."""
    SET_ASIDE = 'SELECT count(*) FROM delivery WHERE state = 1'

    def poison(self, stage):
        """Beside an innocent posting. Gives the posting's id."""
        self.assertTrue(self.start_poisoned())
        if not self.hand_in(PERSONAL, again=False, sender=self.sender(stage)):
            self.died()
        self.told.unsure.clear()
        self.assertEqual(self.die_until(self.SET_ASIDE), DEATHS - 1)
        return re.search(r'set aside: (\w+)', self.command('queue'))[1]

    def way(self, stage):
        self.poison(stage)
        self.check_shown('set-aside')
        self.check_flows()
        self.check_survives()
        self.check_shown('set-aside')
        self.mta.hang_up()
        self.server.stop()
        self.finish(retry=True)
        self.assertEqual(self.got(1), set(PERSONAL.members))

    def got(self, number):
        return {address for taken in self.hop.journal.read().taken for address in taken[-1] if taken[3] == str(number)}

    def test_making(self):
        self.way('make')

    def test_claiming(self):
        self.way('claim')

    def test_sending(self):
        self.way('send')

    def test_sent(self):
        self.way('sent')

    def test_recording(self):
        self.way('record')

    def test_still_poison(self):
        """`retry` while it is: it dies three times more, and is set aside again."""
        self.poison('make')
        self.command('retry')
        self.died()
        self.assertEqual(self.die_until(self.SET_ASIDE), DEATHS - 1)
        self.check_flows()

    def test_given_to_the_moderators(self):
        code = self.poison('make')
        self.assertIn('1 held', self.command('retry', '--hold', code))
        self.assertIn(code, self.command('held', PERSONAL.address))
        self.assertNotRegex(self.command('queue'), '(?m)^set-aside')
        self.check_flows()
        self.command('retry', '--hold', code, status=1)
        self.mta.hang_up()
        self.server.stop()
        self.start()
        self.command('accept', PERSONAL.address, code)
        self.finish()
        self.assertEqual(self.got(1), set(PERSONAL.members))

    def test_not_to_the_moderators_when_some_have_it(self):
        self.poison('make')
        code = re.search(r'set aside: (\w+)', self.command('queue'))[1]
        self.mta.hang_up()
        self.server.stop()
        self.change("INSERT INTO chunk (delivery_id, state, claimed_at, count, members) SELECT id, 2, 1, 3, x'' FROM delivery WHERE state = 1")
        self.command('retry', '--hold', code, status=1)
        self.command('retry', '--hold', 'nosuchid', status=1)

    def test_the_innocent(self):
        """What was in hand beside it at each crash is not set aside with it."""
        self.start('dot-sent', 1)
        if not self.hand_in(PLAIN, again=False):
            self.died()
        self.told.unsure.clear()
        self.poison('make')
        self.assertEqual(self.got(1), set(PLAIN.members))
        self.check_shown('set-aside')


class Entering(Poisoned):
    """A message that kills before anything is durable: its MTA keeps it and comes again."""

    def send(self, stage):
        """The reply; None: it died."""
        try:
            if self.mta.sock is None:
                self.mta.connect()
            self.mta.sock.sendall(f'MAIL FROM:<{self.sender(stage)}>\r\nRCPT TO:<{PLAIN.address}>\r\nDATA\r\n'.encode())
            self.assertEqual([self.mta.reply()[:3] for _ in range(3)], [b'250', b'250', b'354'])
            self.mta.sock.sendall(crash_load.message(1000, SMALL, self.sender(stage)) + b'.\r\n')
            return self.mta.reply()
        except (OSError, EOFError):
            self.died()
            return None

    def way(self, stage):
        for _ in range(DEATHS):
            self.assertTrue(self.start_poisoned())
            self.check_flows()
            self.assertIsNone(self.send(stage))
        self.assertTrue(self.start_poisoned())
        self.assertRegex(self.send(stage), rb'^451 4\.3\.0 ')
        self.check_shown('set-aside:incoming')
        self.check_flows()
        self.check_survives()
        self.assertRegex(self.send(stage), rb'^451 4\.3\.0 ')
        self.check_shown('set-aside:incoming')
        self.mta.hang_up()
        self.server.stop()
        self.start()
        self.assertRegex(self.send(stage), rb'^451 ')
        self.command('retry')
        self.assertRegex(self.send(stage), rb'^250 ')
        self.assertNotRegex(self.command('queue'), 'set-aside')
        self.mta.hang_up()
        self.server.stop()
        self.assertEqual(crash_database.all_of(self.server.database), [])

    def forgiven(self):
        """Two deaths, and then it goes well: no suspect any more."""
        for _ in range(DEATHS - 1):
            self.start_poisoned()
            self.assertIsNone(self.send('judge'))
        self.start()
        self.assertRegex(self.send('judge'), rb'^250 ')
        self.assertEqual(self.rows('SELECT count(*) FROM suspect'), [(0,)])


class ComingIn(Entering):
    """Over LMTP."""

    def test_judging(self):
        self.way('judge')

    def test_keeping(self):
        self.way('keep')

    def test_success_forgives(self):
        self.forgiven()


class InFront(Entering):
    """In front of the queue, over a milter: the author's MTA keeps it."""

    def settings(self):
        self.port = ports.free_port()
        return {'milter': {'listen': f'127.0.0.1:{self.port}'}}

    def send(self, stage):
        with Milter(self.port) as milter:
            verdict = milter.post(self.sender(stage), [PLAIN.address], crash_load.message(1000, SMALL, self.sender(stage)))
        if not verdict.answer:
            self.died()
            return None
        return verdict.text.encode() if verdict.answer == 'y' else b'250 '

    def test_judging(self):
        self.way('judge')

    def test_success_forgives(self):
        self.forgiven()


class Handled(Poisoned):
    """Mail for a handler, and for owners."""
    SET_ASIDE = 'SELECT count(*) FROM job WHERE strikes >= 12'

    def keep(self, role, stage):
        address = f'{role}@{DOMAIN}'
        self.mta.connect()
        self.mta.sock.sendall(f'MAIL FROM:<x@example.org>\r\nRCPT TO:<{address}>\r\nDATA\r\n'.encode())
        self.assertEqual([self.mta.reply()[:3] for _ in range(3)], [b'250', b'250', b'354'])
        self.mta.sock.sendall(crash_load.message(1000, SMALL, self.sender(stage)) + b'.\r\n')
        try:
            self.assertRegex(self.mta.reply(), b'^250 ')
        except EOFError:
            pass

    def test_bounce(self):
        self.start()
        self.hand_in(PERSONAL)
        self.run_to_the_end()
        sender = self.hop.journal.read().taken[0][5].split('@')[0]
        self.start()
        self.mta.hang_up()
        self.server.kill()
        self.start_poisoned()
        self.keep(sender, 'bounce')
        self.died()
        self.assertEqual(self.die_until(self.SET_ASIDE), DEATHS - 1)
        self.check_shown('set-aside:kept')
        self.check_flows()
        self.check_survives()
        self.mta.hang_up()
        self.server.stop()
        self.start()
        self.command('retry')
        self.run_to_the_end(until='SELECT count(*) FROM job')
        self.assertEqual(self.rows('SELECT count(*) FROM bounce'), [(1,)])

    def test_owners_mail(self):
        self.start()
        self.keep('own-owner', 'release')
        self.mta.hang_up()
        self.server.kill()
        self.command('addmembers', '-W', '--role', 'owner', '-', PERSONAL.address, stdin='owner@example.com\n')
        self.assertEqual(self.die_until(self.SET_ASIDE), DEATHS)
        self.check_shown('set-aside:kept')
        self.check_flows()
        self.check_survives()
        self.mta.hang_up()
        self.server.stop()
        self.start()
        self.command('retry')
        self.run_to_the_end(until='SELECT count(*) FROM job')
        self.run_to_the_end()
        self.assertIn(['owner@example.com'], [taken[-1] for taken in self.hop.journal.read().taken])


if __name__ == '__main__':
    unittest.main()
