"""What no client may do is found by the sink, and what it may do is not taken for it."""
import re
import unittest

from lib.lmtp import Client
from lib.sink import KEYWORDS, Sink

ALL = [*KEYWORDS, 'DSN', 'CHUNKING', 'XVERP', 'AUTH PLAIN']
MAIL, RCPT, DATA = 'MAIL FROM:<a@b.example>', 'RCPT TO:<c@d.example>\r\n', 'DATA\r\n'
X = 'x' * 60


def with_mail(parameters):
    return [f'{MAIL} {parameters}\r\nRSET\r\n']


def with_rcpt(parameters, mail=''):
    return [f'{MAIL}{mail}\r\nRCPT TO:<c@d.example> {parameters}\r\nRSET\r\n']


def with_message(text, parameters=''):
    return [f'{MAIL}{parameters}\r\n{RCPT}{DATA}', (text.encode() if isinstance(text, str) else text) + b'\r\n.\r\n']


# name: (what the client sends behind EHLO, a group at a time; what is found, '' for nothing; what is offered)
ROWS = {
    # RFC 2920 3.1
    'a group that ends with DATA': ([f'{MAIL}\r\n{RCPT}{DATA}', 'a\r\n.\r\n'], ''),
    'RSET, MAIL and RCPT behind the dot': ([f'{MAIL}\r\n{RCPT}{DATA}', f'a\r\n.\r\nRSET\r\n{MAIL}\r\n{RCPT}{DATA}', 'b\r\n.\r\n'], ''),
    'QUIT behind the dot': ([f'{MAIL}\r\n{RCPT}{DATA}', 'a\r\n.\r\nQUIT\r\n'], ''),
    'content behind DATA': ([f'{MAIL}\r\n{RCPT}{DATA}a\r\n.\r\n'], 'sent behind DATA'),
    'behind EHLO': ([f'EHLO x\r\n{MAIL}\r\n'], 'sent behind EHLO'),
    'behind NOOP': ([f'NOOP\r\n{MAIL}\r\n'], 'sent behind NOOP'),
    'behind QUIT': (['QUIT\r\nNOOP\r\n'], 'sent behind QUIT'),
    'behind AUTH': (['AUTH PLAIN AGEAYg==\r\nRSET\r\n'], 'sent behind AUTH'),
    'a group without PIPELINING': ([f'{MAIL}\r\n{RCPT}'], 'without PIPELINING', []),
    'behind the dot without PIPELINING': ([f'{MAIL}\r\n', RCPT, DATA, 'a\r\n.\r\nRSET\r\n'], 'sent behind DOT.*without PIPELINING', []),
    'one by one without PIPELINING': ([f'{MAIL}\r\n', RCPT, DATA, 'a\r\n.\r\n', 'RSET\r\n'], '', []),
    # RFC 3030
    'a bare LF in BDAT': ([f'{MAIL}\r\n{RCPT}BDAT 1\r\na' + 'BDAT 1 LAST\r\n\n'], 'stray line end in a message'),
    'a line end in two chunks': ([f'{MAIL}\r\n{RCPT}BDAT 1\r\n\r' + 'BDAT 1 LAST\r\n\n'], ''),
    'two transactions in one flight': ([f'{MAIL}\r\n{RCPT}BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\nRSET\r\n{MAIL}\r\n{RCPT}BDAT 0 LAST\r\n'], ''),
    'BDAT behind LAST': ([f'{MAIL}\r\n{RCPT}BDAT 0 LAST\r\nBDAT 1 LAST\r\nx'], r"out of order: 'BDAT 1 LAST'"),
    'BDAT, then DATA': ([f'{MAIL}\r\n{RCPT}BDAT 1\r\nx{DATA}'], "out of order: 'DATA'"),
    'BDAT, then RCPT': ([f'{MAIL}\r\n{RCPT}BDAT 1\r\nx{RCPT}'], "out of order: 'RCPT"),
    'BDAT without MAIL': (['BDAT 1 LAST\r\nx'], "out of order: 'BDAT"),
    'BDAT that is not offered': ([f'{MAIL}\r\n{RCPT}BDAT 1 LAST\r\nx'], "out of order: 'BDAT", KEYWORDS),
    'BDAT of no size': ([f'{MAIL}\r\n{RCPT}BDAT x\r\n'], "out of order: 'BDAT x'"),
    # order
    'MAIL in a transaction': ([f'{MAIL}\r\n{MAIL}\r\n'], "out of order: 'MAIL"),
    'RCPT without MAIL': ([RCPT], "out of order: 'RCPT"),
    'DATA without MAIL': ([DATA], "out of order: 'DATA"),
    'STARTTLS that is not offered': (['STARTTLS\r\n'], "out of order: 'STARTTLS"),
    'AUTH that is not offered': (['AUTH CRAM-MD5\r\n'], "out of order: 'AUTH"),
    'AUTH in a transaction': ([f'{MAIL}\r\nAUTH PLAIN AGEAYg==\r\n'], "out of order: 'AUTH"),
    # lines
    'the longest MAIL': ([f'{MAIL} ENVID={X}\r\n'], ''),
    'a long command': ([f'NOOP {X * 9}\r\n'], 'NOOP has 547 octets, 512 at most'),
    'a long RCPT': ([f'{MAIL}\r\nRCPT TO:<c@{X * 9}>\r\n'], 'RCPT has', KEYWORDS),
    'as long, with DSN': ([f'{MAIL}\r\nRCPT TO:<c@{X * 8}> ORCPT=rfc822;{X}\r\n'], ''),
    'NUL': (['NOOP \0\r\n'], 'NUL in'),
    'a bare LF': (['NOOP a\nb\r\n'], 'stray line end'),
    'UTF-8 in another command': (['NOOP ä\r\n'], "UTF-8 in 'NOOP ä'"),
    'no UTF-8': ([b'MAIL FROM:<\xff@b.example> SMTPUTF8\r\n'], 'no UTF-8 in'),
    'UTF-8 in a path': (['MAIL FROM:<ä@b.example> SMTPUTF8\r\nRCPT TO:<ö@d.example>\r\n'], ''),
    'UTF-8 in MAIL without SMTPUTF8': (['MAIL FROM:<ä@b.example>\r\n'], 'UTF-8 without SMTPUTF8'),
    'UTF-8 in RCPT without SMTPUTF8': ([f'{MAIL}\r\nRCPT TO:<ö@d.example>\r\n'], 'UTF-8 without SMTPUTF8'),
    'a blank behind the colon': (['MAIL FROM: <a@b.example>\r\n'], 'a blank behind the colon'),
    'no path': (['MAIL FROM:a@b.example\r\n'], 'no path'),
    'a long local part': ([f'MAIL FROM:<{"x" * 65}@b.example>\r\n'], 'more than 64 octets'),
    'the longest local part': ([f'MAIL FROM:<{"x" * 64}@b.example>\r\n'], ''),
    # parameters
    'every parameter': (with_mail('BODY=8BITMIME SIZE=10 SMTPUTF8 RET=HDRS ENVID=a+2Bb XVERP=+= AUTH=<>'), ''),
    'XVERP without a value': (with_mail('XVERP'), ''),
    'XVERP with another value': (with_mail('XVERP=ab'), 'wrong value of XVERP'),
    'BODY unknown': (with_mail('BODY=9BIT'), 'wrong value of BODY'),
    'BODY=BINARYMIME': (with_mail('BODY=BINARYMIME'), 'BINARYMIME is not offered'),
    'SIZE of letters': (with_mail('SIZE=x'), 'wrong value of SIZE'),
    'SMTPUTF8 with a value': (with_mail('SMTPUTF8=1'), 'wrong value of SMTPUTF8'),
    'RET unknown': (with_mail('RET=ALL'), 'wrong value of RET'),
    'ENVID that is no xtext': (with_mail('ENVID=a+b'), 'wrong value of ENVID'),
    'ENVID in small letters': (with_mail('ENVID=a+2b'), ''),
    'ENVID too long': (with_mail(f'ENVID={X}{X}'), 'wrong value of ENVID'),
    'a parameter twice': (with_mail('RET=HDRS RET=FULL'), 'a parameter twice'),
    'unknown parameter of MAIL': (with_mail('FOO=1'), 'unknown parameter'),
    'NOTIFY and ORCPT': (with_rcpt('NOTIFY=FAILURE,DELAY ORCPT=rfc822;c+2Bx@d.example'), ''),
    'NOTIFY=NEVER': (with_rcpt('NOTIFY=NEVER'), ''),
    'NOTIFY with NEVER': (with_rcpt('NOTIFY=NEVER,DELAY'), 'wrong value of NOTIFY'),
    'NOTIFY unknown': (with_rcpt('NOTIFY=ALWAYS'), 'wrong value of NOTIFY'),
    'ORCPT without a type': (with_rcpt('ORCPT=c@d.example'), 'wrong value of ORCPT'),
    'ORCPT that is no xtext': (with_rcpt('ORCPT=rfc822;c+x@d.example'), 'wrong value of ORCPT'),
    'ORCPT with an equals sign': (with_rcpt('ORCPT=rfc822;c=x@d.example'), 'wrong value of ORCPT'),
    'ORCPT of RFC 6533': (with_rcpt(r'ORCPT=utf-8;\x{E4}@d.example'), ''),
    'ORCPT of RFC 6533 in UTF-8': (with_rcpt('ORCPT=utf-8;ä@d.example', ' SMTPUTF8'), ''),
    'ORCPT of RFC 6533 in xtext': (with_rcpt('ORCPT=utf-8;a+2Bb@d.example'), 'wrong value of ORCPT'),
    # messages
    'SIZE as it is': (with_message('abc', ' SIZE=5'), ''),
    'SIZE with dots undone': (with_message('..abc', ' SIZE=6'), ''),
    'SIZE too large': (with_message('abc', ' SIZE=6'), 'SIZE=6 and 5 octets'),
    'SIZE of BDAT': ([f'{MAIL} SIZE=4\r\n{RCPT}BDAT 1\r\naBDAT 2 LAST\r\nbc'], 'SIZE=4 and 3 octets in 2 chunks'),
    '8 bit as declared': (with_message('a: b\r\n\r\nä', ' BODY=8BITMIME'), ''),
    '8 bit in the body': (with_message('a: b\r\n\r\nä'), 'in a body without BODY=8BITMIME'),
    '8 bit in the body with BODY=7BIT': (with_message('a: b\r\n\r\nä', ' BODY=7BIT'), 'in a body without BODY=8BITMIME'),
    '8 bit in the body with SMTPUTF8': (with_message('a: b\r\n\r\nä', ' SMTPUTF8'), 'in a body without BODY=8BITMIME'),
    '8 bit in the header': (with_message('a: ä\r\n\r\nb'), 'header with neither'),
    'UTF-8 in the header': (with_message('a: ä\r\n\r\nb', ' BODY=8BITMIME'), 'UTF-8 in a header without SMTPUTF8'),
    'UTF-8 in the header with SMTPUTF8': (with_message('a: ä\r\n\r\nb', ' SMTPUTF8'), ''),
    '8 bit, no UTF-8, in the header': (with_message(b'a: \xff\r\n\r\nb', ' BODY=8BITMIME'), ''),
    'the longest line': (with_message('x' * 998 + '\r\nb'), ''),
    'the longest line, with a dot': (with_message('..' + 'x' * 997), ''),
    'a longer line': (with_message('x' * 999 + '\r\nb'), 'a line of 999 octets'),
}
NOT_OFFERED = {'SIZE=1': 'MAIL', 'BODY=8BITMIME': 'MAIL', 'SMTPUTF8': 'MAIL', 'RET=HDRS': 'MAIL', 'ENVID=a': 'MAIL', 'XVERP': 'MAIL', 'AUTH=<>': 'MAIL',
               'NOTIFY=NEVER': 'RCPT', 'ORCPT=rfc822;a@b': 'RCPT'}


class Violations(unittest.TestCase):
    def found(self, groups, offered=ALL):
        """Each group is sent when the one before has been answered."""
        with Sink(offered, strict=True, users={'a': 'b'} if any('AUTH' in word for word in offered) else None) as sink, Client(sink.port) as client:
            client.lhlo(verb='EHLO')
            for group in groups:
                client.send(group)
                client.reply()
                while client.buffer:  # the replies to a group come together
                    client.reply()
            client.socket.shutdown(1)
            while client.fill():
                pass
        return sink.violations

    def test_table(self):
        for name, (groups, pattern, *offered) in ROWS.items():
            with self.subTest(name):
                self.check(self.found(groups, *offered), pattern)

    def check(self, found, pattern):
        if pattern == '':
            self.assertEqual(found, [])
        else:
            self.assertTrue(any(re.search(pattern, text) for text in found), found)

    def test_parameters_that_are_not_offered(self):
        for parameter, verb in NOT_OFFERED.items():
            with self.subTest(parameter):
                groups = with_mail(parameter) if verb == 'MAIL' else with_rcpt(parameter)
                self.check(self.found(groups, ['PIPELINING']), f'{parameter.split("=")[0]} without .* being offered')

    def test_before_the_greeting(self):
        with Sink() as sink:
            with Client(sink.port, greeting=False) as client:
                client.send('EHLO x\r\n')
                client.reply()
            self.assertLessEqual(len(sink.violations), 1)  # it may have come behind the greeting after all

    def test_mail_before_ehlo(self):
        with Sink() as sink, Client(sink.port) as client:
            client.command(MAIL)
            self.assertEqual(len(sink.violations), 1)

    def test_what_lies_in_the_socket(self):
        """What came while the reply was being thought about came too early, too."""
        with Sink() as sink, Client(sink.port) as client:
            client.lhlo(verb='EHLO')
            sink.on['NOOP'] = lambda session, line: client.send('RSET\r\n')
            client.command('NOOP')
            client.reply()
            self.check(sink.violations, 'sent behind NOOP')

    def test_what_was_offered_by_a_hook(self):
        with Sink() as sink, Client(sink.port) as client:
            sink.on['EHLO'] = lambda session, line: '250-x\r\n250 DSN'
            client.lhlo(verb='EHLO')
            client.command(MAIL + ' RET=HDRS')
            self.assertEqual(sink.violations, [])
            client.command('RSET')
            client.command(MAIL + ' SIZE=1')
            self.assertEqual(len(sink.violations), 1)

    def test_lenient(self):
        with Sink() as sink, Client(sink.port) as client:
            client.lhlo(verb='EHLO')
            client.deliver('a@b.example', ['c@d.example'], 'a: ä\r\n\r\n' + 'x' * 999, ' BODY=8BITMIME')
            self.assertEqual(sink.violations, [])


if __name__ == '__main__':
    unittest.main()
