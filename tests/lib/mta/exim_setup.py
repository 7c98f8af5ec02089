"""Set-ups of Exim: see setup_checks.py."""
import smtplib

from lib import events
from lib.mta.exim_debian import DebianExim
from lib.mta.setup_checks import OUTSIDE, Answer, SetUp, text_of

FRONT = frozenset({'banned', 'refused', 'size', 'SIZE'})  # the whole verdict in the dialogue
BOXES = ('example.net', 'outside.example')


class EximSetUp(SetUp):
    MTA = 'exim'
    SPLIT = False
    OWN = ''  # more domains of the host's own users

    @classmethod
    def make_mta(cls):
        return DebianExim(mailboxes=BOXES, own_domains=';'.join(filter(None, (*BOXES, cls.OWN))), split=cls.SPLIT)

    def bounces(self):
        """Wherever they went."""
        return [mail for box in (*BOXES, 'elsewhere') for mail in self.mta.mail(box) if 'MAILER-DAEMON' in (mail.field('From') or '').upper()]

    def send_prdr(self, sender, recipients, octets):
        """As send(), of a client that knows PRDR and more than one recipient of whom is accepted: `data` is a list, an answer for each accepted one, and one for all."""
        with smtplib.SMTP('127.0.0.1', self.mta.port, local_hostname='client.outside.example', source_address=(OUTSIDE, 0), timeout=events.SECONDS) as client:
            client.ehlo()
            mail = text_of(client.mail(sender, ['PRDR']))
            rcpt = [text_of(client.rcpt(recipient)) for recipient in recipients]
            code, words = client.data(octets)
            assert code == 353, words
            data = [text_of(client.getreply()) for text in rcpt if text.startswith('2')] + [text_of(client.getreply())]
        return Answer(mail, rcpt, data)


class Splitting:
    """A client that sends once more, by itself, what it is told to: 452."""
    def patient(self, sender, recipients, octets, **options):
        """`data`: the worst answer."""
        waiting, answers, data = list(recipients), {}, []
        while waiting:
            answer = super().patient(sender, waiting[:1], octets, **options) if len(waiting) == 1 else self.send(sender, waiting, octets, **options)
            later = [name for name, text in zip(waiting, answer.rcpt) if text.startswith('452 4.5.3 mail for a list comes by itself')]
            self.assertLess(len(later), len(waiting))
            answers.update(zip(waiting, answer.rcpt))
            data.append(answer.data)
            waiting = later
        return Answer(answer.mail, [answers[name] for name in recipients], max(data))

    def test_a_list_and_somebody_else(self):
        answer = self.patient('eve@outside.example', [self.ant, 'dora@example.net'], self.message('both', 'eve@outside.example'))
        self.assertEqual([text[:3] for text in answer.rcpt], ['250', '250'])
        self.assertRegex(answer.data, r'^550 5\.7\.1 .*member')
        self.assertEqual([mail.to for mail in self.wait_copies('both', 1)], ['dora@example.net'])
        self.assertNotIn('both', self.held(self.ant))
        self.assert_no_bounce()
