"""Postfix: its packages, its configuration, its log."""
import json
import os
import re

from lib import events
from lib.mta.server import LOST, Delivery, Mta

MASTER = '''
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
lmtp      unix  - - n - - lmtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
lost      unix  - n n - - pipe user=vmail argv=/etc/postfix/lost
tlsmgr    unix  - - n 1000? 1 tlsmgr
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
'''

DEBIAN = {  # what its package asks for at installation, and what keeps a test from the network
    'compatibility_level': '3.6',
    'command_directory': '/usr/sbin',
    'daemon_directory': '/usr/lib/postfix/sbin',
    'mail_owner': 'postfix',
    'setgid_group': 'postdrop',
    'smtpd_banner': '$myhostname ESMTP $mail_name (Debian/GNU)',
    'biff': 'no',
    'append_dot_mydomain': 'no',
    'readme_directory': 'no',
    'smtpd_relay_restrictions': 'permit_mynetworks permit_sasl_authenticated defer_unauth_destination',
    'mydestination': '$myhostname, localhost',
    'mynetworks': '127.0.0.1/32',
    'mailbox_size_limit': '0',
    'virtual_mailbox_limit': '0',
    'inet_interfaces': '127.0.0.1',
    'inet_protocols': 'ipv4',
    'alias_maps': '',
    'alias_database': '',
    'in_flow_delay': '0',
    'smtpd_peername_lookup': 'no',
    'smtp_dns_support_level': 'disabled',
    'smtp_host_lookup': 'native',
    'default_transport': 'discard:',
}

LINE = re.compile(r'postfix/\w+\[\d+\]: (\w+): to=<([^>]*)>,.* status=(sent|deferred|bounced) \((.*)\)$')
QUEUE = {'public': 0o710, 'maildrop': 0o730}  # modes of the folders that setgid programs use


class Postfix(Mta):
    PACKAGES = ('postfix',)
    USERS = {'postfix': 64001, 'postdrop': 64002}
    FOLDERS = {'spool': '/var/spool/postfix', 'data': '/var/lib/postfix'}
    COMMAND = ('/usr/lib/postfix/sbin/master', '-c', '/etc/postfix')
    STARTED = 'daemon started'
    COMPLAINTS = r'warning: |improper command pipelining|lost connection|timeout after|reject: (?!RCPT)'

    def make_folders(self):
        super().make_folders()
        for folder in ('active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'private', 'saved', 'trace', *QUEUE):
            os.makedirs(self.path('spool', folder))
            self.give(f'spool/{folder}', self.USERS['postfix'], self.USERS['postdrop'] if folder in QUEUE else 0, QUEUE.get(folder, 0o700))
        os.makedirs(self.path('spool/pid'))
        self.give('data', self.USERS['postfix'])
        self.write('lower/etc/postfix/dynamicmaps.cf', [])
        self.write('lower/etc/postfix/lost', LOST, 0o755)

    def configure(self, main_cf=None, master_cf='', xverp=False, printed=None):
        """`main_cf`: {parameter: value} over these; `master_cf`: more lines. `xverp`: offers XVERP, so each copy has an envelope sender of its own.
        `printed`: as Debian has it, with what `listward mta` printed (Printed; or its parts) put into it; `main_cf` is what stood there before."""
        if printed is not None:
            self.configure_as_debian(main_cf or {}, printed)
            return
        boxes = ' '.join(f'{{ /@{re.escape(domain)}$$/ {domain}/ }}' for domain in self.mailboxes)
        later = '{/^later/ 450 4.2.0 come again later}' if self.defers else ''
        lists = '|'.join(map(re.escape, self.lists)) or '[[:cntrl:]]'
        routes = [f'{{ /@{re.escape(domain)}$$/ lmtp:{where} }}' for domain, where in self.lists.items()] + ['{ /^lost.*@/ lost: }']
        settings = {
            'compatibility_level': '3.6',
            'command_directory': '/usr/sbin',
            'daemon_directory': '/usr/lib/postfix/sbin',
            'mail_owner': 'postfix',
            'setgid_group': 'postdrop',
            'myhostname': self.hostname,
            'mydestination': '',
            'mynetworks': '127.0.0.0/8',
            'inet_interfaces': '127.0.0.1',
            'inet_protocols': 'ipv4',
            'disable_dns_lookups': 'yes',
            'smtp_dns_support_level': 'disabled',
            'lmtp_dns_support_level': 'disabled',
            'smtp_host_lookup': 'native',
            'lmtp_host_lookup': 'native',
            'alias_maps': '',
            'alias_database': '',
            'local_recipient_maps': '',
            'biff': 'no',
            'in_flow_delay': '0',
            'message_size_limit': self.size,
            'virtual_mailbox_limit': '0',
            'mailbox_size_limit': '0',
            'smtpd_discard_ehlo_keywords': ' '.join(self.lacks).lower(),
            'smtpd_relay_restrictions': 'permit_mynetworks, reject_unauth_destination',
            'smtpd_recipient_restrictions':
                f'check_recipient_access regexp:{{{{if !/@({lists})$$/}} {later} {{/^gone/ 550 5.1.1 gone}} {{endif}}}}',
            'virtual_mailbox_domains': ' '.join(self.mailboxes),
            'virtual_mailbox_base': self.path('mail'),
            'virtual_mailbox_maps': f'regexp:{{ {{ if !/^gone/ }} {boxes} {{ endif }} }}' if self.mailboxes else '',
            'virtual_uid_maps': f'static:{self.MAILBOX_USER}',
            'virtual_gid_maps': f'static:{self.MAILBOX_USER}',
            'relay_domains': ' '.join(self.lists),
            'transport_maps': f'regexp:{{ {" ".join(routes)} }}',
            'lmtp_send_xforward_command': 'yes',
            'default_transport': 'discard:',
        }
        if self.recipients:
            settings['smtpd_recipient_limit'] = self.recipients
        if self.tls:
            certificate, key, _ = self.keep_certificate('/etc/postfix')
            settings.update(smtpd_tls_security_level='may', smtpd_tls_cert_file=certificate, smtpd_tls_key_file=key, smtpd_tls_loglevel='1')
        if xverp:
            settings['smtpd_authorized_verp_clients'] = '127.0.0.0/8'
        settings.update(main_cf or {})
        self.write('lower/etc/postfix/main.cf', [f'{name} = {value}' for name, value in settings.items()])
        self.write('lower/etc/postfix/master.cf', MASTER.format(port=self.port).strip().splitlines() + master_cf.strip().splitlines())

    def configure_as_debian(self, main_cf, printed):
        """Members' domains are mailboxes here, and only 127.0.0.1 may relay: any other client is the world outside."""
        boxes = ' '.join(f'{{ /@{re.escape(domain)}$$/ {domain}/ }}' for domain in self.mailboxes)
        settings = {
            **DEBIAN, 'myhostname': self.hostname, 'virtual_mailbox_domains': ' '.join(self.mailboxes), 'virtual_mailbox_base': self.path('mail'),
            'virtual_mailbox_maps': f'regexp:{{ {boxes} }}', 'virtual_uid_maps': f'static:{self.MAILBOX_USER}', 'virtual_gid_maps': f'static:{self.MAILBOX_USER}', **main_cf,
        }
        with open(os.path.join(self.tree, 'usr/share/postfix/master.cf.dist'), encoding='utf-8') as file:
            services = [line for line in file.read().splitlines() if line and not line.startswith('#')]
        services = [re.sub('^smtp( +inet)', rf'127.0.0.1:{self.port}\1', line) for line in services]
        self.write('lower/etc/postfix/main.cf', [f'{name} = {value}' for name, value in settings.items()] + printed.text('main.cf').splitlines())
        self.write('lower/etc/postfix/master.cf', services[:1] + printed.text('master.cf', 'below the line "smtp inet"').splitlines() + services[1:] +
                   printed.text('master.cf', 'append').splitlines())

    def postmap(self):
        """The path of a postmap for those outside, who have neither its libraries nor its user. What it makes is the same."""
        self.write('postmap/main.cf', ['compatibility_level = 3.6', 'mail_owner = daemon', 'setgid_group = games'])
        libraries = f'{self.tree}/usr/lib/postfix:{self.tree}/usr/lib/x86_64-linux-gnu'
        self.write('postmap/postmap', ['#!/bin/sh', f'LD_LIBRARY_PATH={libraries} exec {self.tree}/usr/sbin/postmap -c {self.path("postmap")} "$@"'], 0o755)
        return self.path('postmap/postmap')

    def paste(self, printed):
        self.options['printed'] = printed
        self.configure(**self.options)

    def queue(self):
        """What waits: dictionaries of `postqueue -j` (queue_name, queue_id, sender, recipients, …)."""
        return [json.loads(line) for line in self.run('postqueue', '-j').splitlines()]

    def waiting(self):
        return [entry['queue_id'] for entry in self.queue()]

    def wait_queue(self, *names, seconds=events.SECONDS):
        """Until the queues' names of all that waits are these, sorted: wait_queue('deferred'), wait_queue() for nothing. Returns queue().
        The log's `status=deferred` comes before the message has moved to its queue."""
        waiting = []

        def is_so():
            waiting[:] = self.queue()
            return sorted(entry['queue_name'] for entry in waiting) == sorted(names)
        self.poll(is_so, f'the queue was to be {names}', seconds)
        return waiting

    def wait_deferred(self, count, seconds=events.SECONDS):
        self.wait_queue(*['deferred'] * count, seconds=seconds)

    def flush(self):
        self.run('postqueue', '-f')

    def deliveries_of(self, line):
        match = LINE.search(line)
        return [Delivery(match[1], match[2], match[3], match[4])] if match else []
