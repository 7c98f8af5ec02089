"""How copies go out: chunks and transactions, pipelining, what is asked of the peer and when, connections kept and shared; what a peer lacks."""
import email
import email.header
import email.policy
import glob
import os
import re
import threading
import unittest

from lib import events
from lib.fanout import BOUNCES, LIST, Fanout, Gate, message
from lib.sink import KEYWORDS, Do
from lib.tags import untagged

UTF8_MEMBER = 'grüße@example.net'

TEXT = 'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n'
SIGNED = message('signed', more='MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"; micalg=pgp-sha256\n',
                 body=f'--b\n{TEXT}\ngrüße\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n')


def decoded(mail):
    """The text of a mail of one part."""
    return email.message_from_bytes(mail.octets, policy=email.policy.default).get_content().replace('\r\n', '\n')


def verbs(session):
    return [line.split(' ')[0].upper() for line in session.commands]


class Transactions(Fanout):
    def test_one_member(self):
        people = self.add_members(1)
        code = self.post()
        self.account(code, sent=people)
        mail = self.sink.messages[0]
        self.assertEqual(untagged(mail.sender.address), BOUNCES)
        self.assertEqual(mail.body, b'body\r\n')
        self.assertEqual(self.ledger(code)[people[0]].reply, '250 2.0.0 caught')
        self.assertEqual(self.sink.sessions[0].commands[0], 'EHLO lists.example.com')

    def test_up_to_500_recipients(self):
        people = self.add_members(2500)
        code = self.post()
        self.account(code, sent=people)
        self.assertEqual([len(mail.addresses) for mail in self.sink.messages], [500] * 5)
        self.assertEqual([untagged(sender) for sender in {mail.sender.address for mail in self.sink.messages}], [BOUNCES])
        self.assertEqual(len({mail.octets for mail in self.sink.messages}), 1)
        self.assertEqual(self.number('SELECT count(*) FROM chunk'), 5)
        self.assertEqual(self.number('SELECT count(*) FROM recipient'), 0)

    def test_body_as_it_came(self):
        people = self.add_members(1)
        body = '.\n..\n.dot\n\n\n' + 'x' * 5000 + '\n ends without a dot.\n'
        self.account(self.post(message('dots', body=body)), sent=people)
        self.assertEqual(self.sink.messages[0].body, body.replace('\n', '\r\n').encode())

    def test_message_of_several_megabytes(self):
        people = self.add_members(3)
        body = ('.' + 'y' * 70 + '\n') * 70000
        self.account(self.post(message('large', body=body)), sent=people)
        self.assertEqual(self.sink.messages[0].body, body.replace('\n', '\r\n').encode())

    def test_pipelined_in_few_writes(self):
        """To the same machine some commands in each: a round trip costs nothing, and is sooner than many refusals. (smtp_client_test has long flights.)"""
        people = self.add_members(450)
        self.account(self.post(), sent=people)
        session = self.sink.sessions[0]
        self.assertEqual(verbs(session)[:454], ['EHLO', 'MAIL'] + ['RCPT'] * 450 + ['DATA'] + verbs(session)[453:454])
        self.assertLess(len(session.reads), 450 / 4, session.reads)

    def test_a_second_message_on_the_same_connection(self):
        people = self.add_members(2)
        for _ in range(3):
            self.account(self.post(), sent=people)
        self.assertEqual(len(self.sink.sessions), 1)
        self.assertEqual(verbs(self.sink.sessions[0]), ['EHLO'] + ['MAIL', 'RCPT', 'RCPT', 'DATA'] * 3)

    def test_idle_connections_are_closed_with_quit(self):
        people = self.add_members(1)
        self.account(self.post(), sent=people)
        events.wait_for(lambda: not self.sink.open_sessions)
        self.assertEqual(verbs(self.sink.sessions[0])[-1], 'QUIT')

    def test_connection_closed_while_idle(self):
        """A fresh connection is tried at once; nobody is told of trouble."""
        people = self.add_members(2)
        self.sink.on['DOT'] = lambda session, mail: Do('250 2.0.0 last one', 'close')
        for _ in range(3):
            self.account(self.post(), sent=people)
        self.assertEqual(len(self.sink.sessions), 3)
        self.daemon.wait_log(event='copies handed over', count=3)
        self.assertEqual(self.daemon.log_lines(event='outlet not reached'), [])
        self.assertEqual({line['trouble'] for line in self.daemon.log_lines(event='copies handed over')}, {''})

    def test_quit_at_the_end(self):
        people = self.add_members(1)
        self.account(self.post(), sent=people)
        self.daemon.stop()
        events.wait_for(lambda: not self.sink.open_sessions)
        self.assertEqual(verbs(self.sink.sessions[0])[-1], 'QUIT')


class SmallTransactions(Fanout):
    COURIER = {'max_recipients': 100, 'connections': 1}

    def test_configured_maximum(self):
        people = self.add_members(1030)
        self.account(self.post(), sent=people)
        self.assertEqual([len(mail.addresses) for mail in self.sink.messages], [100] * 10 + [30])
        self.assertEqual(len(self.sink.sessions), 1)

    def test_one_connection_only(self):
        people = self.add_members(1200)
        codes = [self.post() for _ in range(3)]
        for code in codes:
            self.account(code, sent=people)
        self.assertEqual(len(self.sink.sessions), 1)


class Connections(Fanout):
    COURIER = {'connections': 4}

    def test_several_at_a_time(self):
        """Two at first, one more with each piece that went well, up to what is configured."""
        people = self.add_members(4000)
        first, then = Gate(), Gate()
        self.sink.on['DOT'] = lambda session, mail: (first if not first.opened.is_set() else then)(session, mail)
        code = self.post()
        first.wait(2)
        self.assertEqual(len(self.sink.open_sessions), 2)
        first.open()
        then.wait(4)
        self.assertEqual(len(self.sink.open_sessions), 4)
        self.assertEqual(sorted(len(mail.addresses) for mail in then.held), [500] * 4)
        then.open()
        self.account(code, sent=people)
        self.assertEqual(len(self.sink.sessions), 4)

    def test_several_postings_at_a_time(self):
        people = self.add_members(700)
        codes = []
        posters = [threading.Thread(target=lambda: codes.append(self.post())) for _ in range(8)]
        for poster in posters:
            poster.start()
        for poster in posters:
            poster.join()
        for code in codes:
            self.account(code, sent=people)
        self.assertEqual(len(codes), 8)


class WithoutPipelining(Fanout):
    KEYWORDS = ('8BITMIME', 'SMTPUTF8', 'SIZE 0')
    COURIER = {'connections': 1}

    def test_a_command_at_a_time(self):
        early = []

        def look(session, argument):
            if session.buffer:
                early.append(bytes(session.buffer))
        for name in 'EHLO', 'MAIL', 'RCPT', 'DATA', 'RSET':
            self.sink.on[name] = look
        people = self.add_members(620)
        self.account(self.post(), sent=people)
        self.assertEqual(early, [])

    def test_nobody_accepted(self):
        """DATA is not even sent; the next transaction begins with RSET."""
        self.sink.on['RCPT'] = lambda session, rcpt: '550 5.1.1 no such user'
        people = self.add_members(3)
        self.account(self.post(), failed=people, reason='^550 5.1.1 no such user$')
        self.sink.on.clear()
        self.daemon.run('set', LIST, 'personal=never')  # else those who bounced get copies of their own
        self.account(self.post(), sent=people)
        self.assertEqual(verbs(self.sink.sessions[0]), ['EHLO', 'MAIL', 'RCPT', 'RCPT', 'RCPT', 'RSET', 'MAIL', 'RCPT', 'RCPT', 'RCPT', 'DATA'])


class OldServer(Fanout):
    """It knows HELO only."""

    def setUp(self):
        super().setUp()
        self.sink.on['EHLO'] = lambda session, line: '502 5.5.1 what?'

    def test_helo(self):
        people = self.add_members(3)
        self.account(self.post(), sent=people)
        sender = self.sink.messages[0].sender.address
        self.assertEqual(untagged(sender), BOUNCES)
        self.assertEqual(self.sink.sessions[0].commands[:3], ['EHLO lists.example.com', 'HELO lists.example.com', f'MAIL FROM:<{sender}>'])

    def test_eight_bits(self):
        people = self.add_members(3)
        self.account(self.post(message('eight', more=TEXT, body='grüße\n'), mail=' BODY=8BITMIME'), sent=people)
        mail = self.sink.messages[0]
        self.assertEqual((mail.params, mail.octets.isascii(), decoded(mail)), ({}, True, 'grüße\n'))
        self.account(self.post(SIGNED), failed=people, reason='^550 5.6.3 ')
        self.assertEqual(self.bounces(), [])


class Parameters(Fanout):
    """What MAIL asks for, and nothing more."""

    def parameters(self, octets=None, mail=''):
        people = [row[0] for row in self.rows('SELECT email FROM member JOIN address ON address.id = address_id')]
        self.account(self.post(octets, mail=mail), sent=people)
        found = [mail.params for mail in self.sink.messages]
        self.sink.clear()
        for params in found:
            self.assertEqual(params.pop('SIZE', None) is not None, any(word.startswith('SIZE') for word in self.sink.keywords))
        return found[0] if len(found) == 1 else found

    def test_size_is_what_comes(self):
        people = self.add_members(1)
        self.account(self.post(message('size', body='.x\n' * 1000)), sent=people)
        mail = self.sink.messages[0]
        self.assertEqual(int(mail.params['SIZE']), len(mail.octets))

    def test_seven_bits(self):
        self.add_members(1)
        self.assertEqual(self.parameters(), {})
        self.assertEqual(self.parameters(message('seven'), mail=' BODY=8BITMIME'), {})

    def test_eight_bits_in_the_body(self):
        self.add_members(1)
        self.assertEqual(self.parameters(message('eight', body='grüße\n'), mail=' BODY=8BITMIME'), {'BODY': '8BITMIME'})
        self.assertEqual(self.parameters(message('undeclared', body='grüße\n')), {'BODY': '8BITMIME'})

    def test_eight_bits_in_the_header(self):
        """It came without SMTPUTF8: it goes on without."""
        self.add_members(1)
        self.assertEqual(self.parameters(message('raw', more='X-Name: grüße\n')), {'BODY': '8BITMIME'})

    def test_came_with_smtputf8(self):
        self.add_members(1)
        self.assertEqual(self.parameters(message('plain'), mail=' SMTPUTF8'), {})
        self.assertEqual(self.parameters(message('body', body='grüße\n'), mail=' SMTPUTF8 BODY=8BITMIME'), {'BODY': '8BITMIME'})
        self.assertEqual(self.parameters(message('header', more='X-Name: grüße\n'), mail=' SMTPUTF8'), {'BODY': '8BITMIME', 'SMTPUTF8': None})

    def test_a_members_address_needs_smtputf8(self):
        """It has a transaction of its own: the others' copies stay what they are."""
        people = self.add_members(['ann@example.net', UTF8_MEMBER, 'bob@example.net'])
        self.account(self.post(), sent=people)
        self.assertEqual([(mail.addresses, 'SMTPUTF8' in mail.params) for mail in self.sink.messages],
                         [(['ann@example.net', 'bob@example.net'], False), ([UTF8_MEMBER], True)])

    def test_a_members_domain_needs_none(self):
        self.add_members(['Ann@bücher.example'])
        code = self.post()
        mail = self.sink.wait_messages(1)[0]
        self.assertEqual((mail.addresses, 'SMTPUTF8' in mail.params), (['Ann@xn--bcher-kva.example'], False))
        self.wait_done()
        self.assertEqual({address: fate.state for address, fate in self.ledger(code).items()}, {'Ann@bücher.example': 'sent'})

    def test_the_lists_address_needs_smtputf8(self):
        name = 'größe@lists.example.com'
        self.make_list(name)
        people = self.add_members(2, to=name)
        code = self.post(message('utf8 list'), to=name, mail=' SMTPUTF8')
        self.account(code, sent=people)
        mail = self.sink.messages[0]
        self.assertEqual(untagged(mail.sender.address), 'größe-bounces@lists.example.com')
        self.assertIn('SMTPUTF8', mail.params)


class ParametersByTransaction(Fanout):
    COURIER = {'max_recipients': 1}

    def test_only_where_it_is_needed(self):
        people = self.add_members(['ann@example.net', UTF8_MEMBER, 'bob@example.net'])
        self.account(self.post(), sent=people)
        self.assertEqual({mail.addresses[0]: 'SMTPUTF8' in mail.params for mail in self.sink.messages},
                         {'ann@example.net': False, UTF8_MEMBER: True, 'bob@example.net': False})


class Lacking(Fanout):
    """Each test takes a word away from the peer's reply to EHLO. What lies in the message or the peer is no bounce of the member."""

    def lack(self, *words):
        self.sink.keywords = [word for word in KEYWORDS if word.split(' ')[0] not in words]

    def check_failed(self, code, people, reason, sent=()):
        self.account(code, sent=sent, failed=people, reason=reason)
        self.assertEqual(self.bounces(), [])

    def test_no_size(self):
        self.lack('SIZE')
        people = self.add_members(1)
        self.account(self.post(), sent=people)
        self.assertEqual(self.sink.messages[0].params, {})

    def test_size_with_a_limit(self):
        self.sink.keywords = ['PIPELINING', 'SIZE 2000']
        people = self.add_members(5)
        self.check_failed(self.post(message('large', body='x\n' * 1500)), people, r'^552 5\.3\.4 ')
        self.assertEqual(verbs(self.sink.sessions[0]), ['EHLO'])
        self.account(self.post(message('small')), sent=people)
        self.daemon.wait_log(event='the outlet refuses a message')

    def test_no_8bitmime(self):
        self.lack('8BITMIME', 'SMTPUTF8')
        people = self.add_members(5)
        self.check_failed(self.post(SIGNED), people, r'^550 5\.6\.3 ')
        self.account(self.post(message('eight', more=TEXT, body='grüße\n')), sent=people)
        mail = self.sink.messages[0]
        self.assertEqual((mail.octets.isascii(), decoded(mail)), (True, 'grüße\n'))
        self.account(self.post(), sent=people)

    def test_no_smtputf8_for_the_message(self):
        self.lack('SMTPUTF8')
        people = self.add_members(5)
        code = self.post(message('address', more='Cc: grüße@example.org\n'), mail=' SMTPUTF8')
        self.check_failed(code, people, r'^550 5\.6\.7 ')
        self.account(self.post(message('header', more='X-Name: grüße\n' + TEXT, body='grüße\n'), mail=' SMTPUTF8'), sent=people)
        mail = self.sink.messages[0]
        self.assertEqual((mail.header.isascii(), 'SMTPUTF8' in mail.params, decoded(mail)), (True, False, 'grüße\n'))
        self.assertEqual(str(email.header.make_header(email.header.decode_header(mail.fields('X-Name')[0].decode()))), 'grüße')

    def test_no_smtputf8_for_one_member(self):
        self.lack('SMTPUTF8')
        people = self.add_members(['ann@example.net', UTF8_MEMBER, 'bob@example.net'])
        self.check_failed(self.post(), [UTF8_MEMBER], r'^550 5\.6\.7 ', sent=[people[0], people[2]])

    def test_no_smtputf8_for_the_list(self):
        self.lack('SMTPUTF8')
        name = 'größe@lists.example.com'
        self.make_list(name)
        people = self.add_members(2, to=name)
        self.check_failed(self.post(message('utf8 list'), to=name, mail=' SMTPUTF8'), people, r'^550 5\.6\.7 ')

    def test_keywords_in_small_letters(self):
        self.sink.keywords = ['pipelining', '8bitmime', 'smtputf8', 'size', 'X-ODD a=b', 'AUTH=LOGIN']
        people = self.add_members([UTF8_MEMBER])
        self.account(self.post(message('eight', body='grüße\n')), sent=people)
        self.assertEqual(set(self.sink.messages[0].params), {'SIZE', 'BODY', 'SMTPUTF8'})


class Maildir(Fanout):
    CONFIG = {'outlet': {'type': 'maildir', 'path': 'copies'}}

    def copies_written(self):
        texts = []
        for path in glob.glob(os.path.join(self.daemon.state, 'copies', 'new', '*')):
            with open(path, 'rb') as file:
                texts.append(file.read())
        return texts

    def test_a_file_for_each(self):
        people = self.add_members(520)
        code = self.post(message('files', body='.dot\nFrom here\n'))
        self.wait_done()
        texts = self.copies_written()
        self.assertEqual(sorted(text.split(b'Delivered-To: ')[1].split(b'\n')[0].decode() for text in texts), sorted(people))
        for text in texts:
            sender = re.match(rb'Return-Path: <(.*)>\nDelivered-To: ', text)[1]
            self.assertEqual(untagged(sender.decode()), BOUNCES)
            self.assertTrue(text.endswith(b'\n\n.dot\nFrom here\n'))
            self.assertNotIn(b'\r', text)
        self.assertEqual({fate.state for fate in self.ledger(code).values()}, {'sent'})
        self.assertEqual(set(self.ledger(code)), set(people))
        self.assertEqual(self.sink.sessions, [])


if __name__ == '__main__':
    unittest.main()
