"""One posting through a real Postfix: until its last recipient lies in Postfix's queue, where all is held, so that only what it takes is measured."""
from lib.mta.postfix import Postfix

from bench.group import Group
from bench.meter import Meter
from bench.server import LIST, Server
from bench.table import Limit, Row, Sample

HOLD = {'smtpd_data_restrictions': 'check_client_access static:HOLD'}
EACH = 50  # recipients of a message of smtp-source


class Queue(Group):
    NAME = 'postfix'
    ROWS = (
        Row('postfix', '10,000 members into the queue of a Postfix, batch', 's', (Limit('ratio', '<=', 1.2),), 'smtp-source -d -r 50 into the same Postfix'),
        Row('postfix_4', 'the same, beside 4 sessions of smtp-source', 's', (), 'smtp-source -d -r 50 -s 4'),
    )

    def start(self):
        self.postfix = self.keep(Postfix(main_cf=HOLD).start())
        self.server = self.keep(Server(self.postfix.port)).start()
        self.server.make_list(LIST, 'personal=never')
        self.server.add_members(self.sizes.queue_members)

    def source(self, sessions):
        count = max(1, self.sizes.queue_members // EACH)
        seconds = self.tools.source(self.postfix.port, '-d', '-r', EACH, '-m', count, '-s', sessions, '-l', 4096, '-t', 'member@example.net')
        self.empty_queue()
        return seconds

    def empty_queue(self):
        self.postfix.run('postsuper', '-d', 'ALL', 'hold')

    def round(self):
        one, four = self.source(1), self.source(4)
        with Meter(self.server.pid) as meter:
            code, _ = self.server.post()
            self.server.wait_done()
        self.server.check_sent(code, self.sizes.queue_members)
        self.empty_queue()
        yield 'postfix', Sample(meter.seconds, one, meter.peak, meter.others)
        yield 'postfix_4', Sample(meter.seconds, four, others=meter.others)
