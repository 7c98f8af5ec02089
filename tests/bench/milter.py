"""What the milter adds to a message that is not for us, through a real Postfix, with the milter and without, by turns. Postfix refuses each message when it is whole, when the milter
has said all that it says: the disk, whose speed varies more than what is measured, has no part in it."""
import statistics

from lib import ports
from lib.mta.postfix import Postfix

from bench.group import Group
from bench.meter import Meter
from bench.server import Server
from bench.table import Limit, Row, Sample

TURNS = 20
REFUSE = {'smtpd_end_of_data_restrictions': 'check_client_access static:REJECT', 'smtpd_error_sleep_time': '0', 'smtpd_hard_error_limit': '1000000',
          'smtpd_junk_command_limit': '1000000'}
WAYS = {  # of each row: how Postfix reaches the milter, whom the message is for, whether the connection is kept
    'milter': ('unix', 'cat@example.net', ()),
    'milter_tcp': ('inet', 'cat@example.net', ()),
    'milter_kept': ('unix', 'cat@example.net', ('-d',)),
}


class Milter(Group):
    NAME = 'milter'
    ROWS = (
        Row('milter', 'added by the milter to a message not for us, an SMTP connection each', 'ms', (Limit('figure', '<=', 0.3),), 'the same Postfix without it'),
        Row('milter_tcp', 'the same over TCP', 'ms', (), 'the same Postfix without it'),
        Row('milter_kept', 'the same, all messages over one SMTP connection', 'ms', (Limit('figure', '<=', 0.3),), 'the same Postfix without it'),
    )

    def start(self):
        self.server, inet = self.keep(Server(ports.free_port())), ports.free_port()
        path = f'{self.server.state}/milter.sock'
        self.server.configure({'milter': {'listen': f'127.0.0.1:{inet}, {path}'}, 'lmtp': {'socket_mode': '0666'}})
        self.server.start().make_list()
        where = {'unix': f'unix:{path}', 'inet': f'inet:127.0.0.1:{inet}'}
        self.ports = {kind: ports.free_port() for kind in where}
        services = ''.join(f'127.0.0.1:{port} inet n - n - - smtpd\n  -o smtpd_milters={where[kind]}\n' for kind, port in self.ports.items())
        self.postfix = self.keep(Postfix(main_cf=REFUSE, master_cf=services).start())

    def source(self, port, to, options):
        """Seconds for each message."""
        count = max(1, self.sizes.milter_messages // TURNS)
        return self.tools.source(port, '-A', *options, '-m', count, '-s', 1, '-l', 4096, '-t', to) / count

    def round(self):
        for row, (kind, to, options) in WAYS.items():
            without, through = [], []
            with Meter(self.server.pid) as meter:
                for _ in range(TURNS):
                    without.append(self.source(self.postfix.port, to, options))
                    through.append(self.source(self.ports[kind], to, options))
            plain, added = statistics.median(without) * 1000, (statistics.median(through) - statistics.median(without)) * 1000
            note = f'{meter.cpu / max(1, self.sizes.milter_messages) * 1000:.2f} ms of the server\'s processor each'
            yield row, Sample(max(0.0, added), plain, others=meter.others, note=note)
