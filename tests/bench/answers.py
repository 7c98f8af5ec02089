"""How fast the services that only answer do it, over one connection that is kept, as smtpd keeps it."""
import itertools
import random
import time

from lib import ports
from lib.questions import Policy, SocketMap, netstring, request

from bench import meter
from bench.group import Group
from bench.lists import DOMAIN, percentile, populate
from bench.server import Server
from bench.table import Limit, Row, Sample

IN_FLIGHT = 100  # questions that a pipelining client has asked and not yet heard about
SERVICES = {  # what asks, one question about a list by a member
    'policy': (Policy, lambda to, sender: request(to, sender, size=4096).encode()),
    'socketmap': (SocketMap, lambda to, sender: netstring(f'recipient {to}')),
}


def rows():
    for service in SERVICES:
        yield Row(service, f'{service} answers, one connection, pipelined, 10,000 lists, 1,000,000 members', '/s', (Limit('figure', '>=', 20_000),))
        yield Row(f'{service}_1', f'{service} answers, one connection, one by one', '/s', (Limit('figure', '>=', 8_000),))
        yield Row(f'{service}_p99', f'{service} answer, one by one, p99', 'ms', (Limit('figure', '<=', 1),))
        yield Row(f'{service}_cpu', f'CPU of a {service} answer, pipelined', 'ms')


class Answers(Group):
    NAME = 'answers'
    ROWS = tuple(rows())

    def start(self):
        self.ports = {service: ports.free_port() for service in SERVICES}
        listening = {service: {'listen': f'127.0.0.1:{port}'} for service, port in self.ports.items()}
        self.server = self.keep(Server(self.keep(self.tools.sink()).port, listening))
        self.server.run('create', f'ant@{DOMAIN}')
        populate(self.server.database, self.sizes.lists, self.sizes.all_members)
        self.server.start()
        self.choose = random.Random(1)

    def questions(self, make, count):
        return [make(f'list{self.choose.randrange(self.sizes.lists):06}@{DOMAIN}', f'member{self.choose.randrange(self.sizes.all_members):07}@example.net')
                for _ in range(count)]

    def expect(self, answer):
        if answer != 'DUNNO' and not answer.startswith('OK '):
            raise AssertionError(f'answered {answer}')

    def one_by_one(self, client, questions):
        """Seconds that each answer took."""
        for question in questions:
            began = time.perf_counter()
            client.send(question)
            answer = client.answer()
            yield time.perf_counter() - began
            self.expect(answer)

    def pipelined(self, client, questions):
        """Answers a second."""
        began = time.perf_counter()
        for at in range(0, len(questions), IN_FLIGHT):
            group = questions[at:at + IN_FLIGHT]
            client.send(b''.join(group))
            for _ in group:
                self.expect(client.answer())
        return len(questions) / (time.perf_counter() - began)

    def round(self):
        for service, (client_class, make) in SERVICES.items():
            with client_class(self.ports[service]) as client:
                list(itertools.islice(self.one_by_one(client, self.questions(make, 100)), 100))  # the connection and its statements are there
                alone, together = self.questions(make, self.sizes.answers), self.questions(make, self.sizes.answers * 10)
                with meter.Meter(self.server.pid) as running:
                    times = list(self.one_by_one(client, alone))
                yield f'{service}_1', Sample(len(times) / sum(times), None, running.peak, running.others)
                yield f'{service}_p99', Sample(percentile(times, 99) * 1000, others=running.others)
                with meter.Meter(self.server.pid) as running:
                    rate = self.pipelined(client, together)
                yield service, Sample(rate, None, running.peak, running.others)
                yield f'{service}_cpu', Sample(running.cpu / len(together) * 1000, others=running.others)
