"""Exim (exim4-daemon-heavy): its packages, its configuration, its log."""
import re

from lib.mta.server import Delivery, Mta

CONFIG = '''
primary_hostname = {hostname}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
disable_ipv6 = true
spool_directory = /var/spool/exim4
log_file_path = syslog
syslog_timestamp = no
syslog_duplication = no
log_selector = +smtp_connection +tls_peerdn
keep_environment =
never_users =
trusted_users = root
host_lookup =
rfc1413_query_timeout = 0s
message_size_limit = {size}
recipients_max = {recipients}
recipients_max_reject = false
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
allow_utf8_domains = true
dns_dnssec_ok = 0
dns_ipv4_lookup = *
pipelining_advertise_hosts = {PIPELINING}
pipelining_connect_advertise_hosts =
chunking_advertise_hosts = {CHUNKING}
dsn_advertise_hosts = {DSN}
smtputf8_advertise_hosts = {SMTPUTF8}
accept_8bitmime = {eight_bit}
tls_advertise_hosts = {STARTTLS}
{tls}
domainlist lists = {lists}
domainlist mailboxes = {mailboxes}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
{own}

begin acl
rcpt:
  deny  domains = !+lists
        local_parts = ^gone
        message = 550 5.1.1 gone
  defer domains = !+lists
        local_parts = {later}
        message = 450 4.2.0 come again later
  accept

begin routers
lists:
  driver = accept
  domains = +lists
  transport = lists
lost:
  driver = redirect
  local_parts = ^lost
  allow_fail
  data = :fail: no such user
mailboxes:
  driver = accept
  domains = +mailboxes
  transport = mailbox
elsewhere:
  driver = redirect
  data = :blackhole:

begin transports
lists:
{to_lists}
mailbox:
  driver = appendfile
  directory = /var/mail/test/$domain_data
  maildir_format
  user = vmail
  group = vmail
  return_path_add
  headers_add = Delivered-To: $local_part@$domain

begin retry
*  *  F,1d,1s

begin rewrite

begin authenticators
{authenticators}
'''
LIST_TRANSPORTS = {
    'inet': '''  driver = smtp
  protocol = lmtp
  hosts = {host}
  port = {port}
  allow_localhost
  rcpt_include_affixes = true
  message_linelength_limit = 1000000''',
    'unix': '''  driver = lmtp
  socket = {path}
  user = vmail''',
}
PLAIN = '''
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth2:$auth3}}{{{user}:{password}}}}}
  server_set_id = $auth2
  server_advertise_condition = {when}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if eq{{$auth1:$auth2}}{{{user}:{password}}}}}
  server_set_id = $auth1
  server_advertise_condition = {when}
'''
LINE = re.compile(r'(?:^|\s)(\w{6}-\w{6}-\w{2}) (=>|->|\*\*|==) (\S+)(?: <([^>]*)>)?(.*)$')
STATUS = {'=>': 'sent', '->': 'sent', '**': 'bounced', '==': 'deferred'}


class Exim(Mta):
    PACKAGES = ('exim4-daemon-heavy', 'exim4-base', 'exim4-config')
    USERS = {'Debian-exim': 64004}
    FOLDERS = {'spool': '/var/spool/exim4', 'mail': '/var/mail/test'}
    COMMAND = ('/usr/sbin/exim4', '-bdf')
    STARTED = 'daemon started'
    COMPLAINTS = r'SMTP (protocol|syntax|call|command|data)|\] lost|unexpected|[^y] rejected (?!RCPT)|TLS error|synchronization'

    def make_folders(self):
        super().make_folders()
        self.give('spool', self.USERS['Debian-exim'])

    def configure(self, own=''):
        """`own`: more lines of the main section. All domains of `lists` must go to one place; one user at most for AUTH."""
        offered = {word: '' if word in self.lacks else '*' for word in ('PIPELINING', 'CHUNKING', 'DSN', 'SMTPUTF8')}
        tls = ''
        if self.tls:
            certificate, key, _ = self.keep_certificate('/etc/exim4/tls', self.USERS['Debian-exim'])
            tls = f'tls_certificate = {certificate}\ntls_privatekey = {key}'
        kind, _, where = next(iter(self.lists.values()), 'inet:127.0.0.1:9').partition(':')
        host, _, port = where.rpartition(':')
        user, password = next(iter(self.users.items()), ('', ''))
        when = '${if def:tls_in_cipher}' if self.tls else 'yes'
        self.write('lower/etc/exim4/exim4.conf', CONFIG.format(
            hostname=self.hostname, port=self.port, size=self.size, recipients=self.recipients, eight_bit='false' if '8BITMIME' in self.lacks else 'true',
            STARTTLS='*' if self.tls else '', tls=tls, lists=' : '.join(self.lists), mailboxes=' : '.join(self.mailboxes), own=own, later='^later' if self.defers else '',
            to_lists=LIST_TRANSPORTS[kind].format(host=host, port=port, path=where),
            authenticators=PLAIN.format(user=user, password=password, when=when) if user else '', **offered))

    def waiting(self):
        return re.findall(r'\w{6}-\w{6}-\w{2}', self.run('/usr/sbin/exim4', '-bpr'))

    def flush(self):
        self.run('/usr/sbin/exim4', '-qff')

    def deliveries_of(self, line):
        match = LINE.search(line)
        return [Delivery(match[1], match[4] or match[3], STATUS[match[2]], match[5])] if match else []
