"""Set-ups of Sendmail: see setup_checks.py."""
import json
import shutil
import tempfile

from lib.mta.sendmail_debian import DebianSendmail
from lib.mta.setup_checks import SetUp

FRONT = frozenset({'banned', 'refused', 'size', 'SIZE'})  # the whole verdict in the dialogue
BOXES = ('example.net', 'outside.example')


class SendmailSetUp(SetUp):
    MTA = 'sendmail'
    OWN = {}  # what the MTA had before: arguments of DebianSendmail

    @classmethod
    def setUpClass(cls):
        """Sendmail uses no socket and no table below a folder that everybody can write to, as /tmp is."""
        before, tempfile.tempdir = tempfile.tempdir, tempfile.mkdtemp(prefix='listward-test-', dir='/var/lib')
        cls.addClassCleanup(shutil.rmtree, tempfile.tempdir, ignore_errors=True)
        cls.addClassCleanup(setattr, tempfile, 'tempdir', before)
        super().setUpClass()
        cls.reloaded()

    @classmethod
    def reloaded(cls, since=0):
        """Until it has done what `systemctl reload sendmail` asks for."""
        cls.mta.wait_log(r'restarting .* due to signal', since=since)
        cls.mta.wait_log(cls.mta.STARTED, 2, since=since)
        cls.mta.poll(cls.mta.is_listening, 'Sendmail was to listen')

    @classmethod
    def make_mta(cls):
        return DebianSendmail(mailboxes=BOXES, **cls.OWN)

    @classmethod
    def adapted(cls, conf):
        if 'command' in conf.get('mta', {}):
            conf['mta']['command'] = conf['mta']['command'].replace('/usr/sbin/makemap', cls.mta.makemap())
        return conf

    def test_8_bit_and_utf8(self):
        """Debian's Sendmail has no SMTPUTF8."""
        self.assertNotIn('SMTPUTF8', self.mta.keywords())
        octets = self.message('eight', 'eve@outside.example', body='grüße\r\n', more='X-Name: ä\r\n')
        self.assert_taken(self.patient('eve@outside.example', [self.bee], octets, options=['BODY=8BITMIME']))
        mail, = self.wait_copies('eight', 1)
        self.assertEqual((mail.body, mail.field('X-Name')), ('grüße\n'.encode(), 'ä'))
        self.assert_no_bounce()

    def test_sendmail_finds_no_fault(self):
        """m4 and the daemon say nothing about what was pasted."""
        self.assertEqual(self.mta.run('sh', '-c', 'm4 /etc/mail/sendmail.mc 2>&1 >/dev/null'), '')
        self.assertEqual(self.mta.log_lines(r'SYSERR|NOQUEUE: .*(unsafe|error|cannot)|WARNING'), [])

    def test_the_table_of_ways_says_so(self):
        ways = json.loads(self.daemon.run('mta', 'sendmail', '--list', '--json'))
        way, = [way for way in ways if way['setup'] == (self.SETUP or 'live')]
        self.assertEqual('Nothing bounces' in way['author'], FRONT <= self.DIALOGUE)
        self.assertEqual('banned senders' in way['refuses'], 'banned' in self.DIALOGUE)
        self.assertEqual('announced size' in way['refuses'], 'SIZE' in self.DIALOGUE)
