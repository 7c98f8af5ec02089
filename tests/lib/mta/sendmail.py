"""Sendmail: its packages, its configuration, its log."""
import glob
import os
import re
import smtplib
import socket
import subprocess

from lib import events
from lib.mta.server import LOST, Delivery, Mail, Mta

MC = '''divert(-1)
include(`/usr/share/sendmail/cf/m4/cf.m4')
divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`confLOG_LEVEL', `10')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confDELAY_LA', `1000')dnl
define(`confTO_IDENT', `0')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confMAX_MESSAGE_SIZE', `{size}')dnl
define(`confMAX_RCPTS_PER_MESSAGE', `{recipients}')dnl
define(`confTRUSTED_USER', `root')dnl
define(`confDEF_USER_ID', `{user}:{user}')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`confPID_FILE', `/var/spool/mqueue/pid')dnl
define(`STATUS_FILE', `/var/spool/mqueue/statistics')dnl
define(`ALIAS_FILE', `')dnl
{tls}FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={port}')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
Klists regex -a@LISTS @({lists})>?$
Kgone regex -a@GONE ^<?gone
Klater regex -a@LATER ^<?{later}
Klost regex -a@LOST ^<?lost
LOCAL_RULE_0
{to_lists}
R$+ < @ $* >	$: $( lost $1 $: $1 $) < @ $2 >
R@LOST < @ $* >	$#lost $@ here $: lost
{to_mailboxes}
R$+ < @ $+ >	$#null $@ here $: $1 < @ $2 >
LOCAL_RULESETS
SLocal_check_rcpt
R$*	$: $1 $| $( lists $1 $: $)
R$* $| @LISTS	$@ $1
R$* $| $*	$: $1 $| $( gone $1 $: $)
R$* $| @GONE	$#error $@ 5.1.1 $: "550 gone"
R$* $| $*	$: $1 $| $( later $1 $: $)
R$* $| @LATER	$#error $@ 4.2.0 $: "450 come again later"
R$* $| $*	$: $1
Ssrv_features
R$*	$# {features}
MAILER_DEFINITIONS
Mmailbox, P=[FILE], F=sDFMPEu8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToL/HdrToL, T=DNS/RFC822/X-Unix, A=FILE $u.$i
Mnull, P=[FILE], F=sDFMmu8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, T=DNS/RFC822/X-Unix, A=FILE /dev/null
Mlost, P=/etc/mail/lost, F=sDFMu8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, T=DNS/RFC822/X-Unix, A=lost $u
{mailers}
'''
LISTS = ('Mlists{number}, P=[IPC], F=mDFMuXzn8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=0, r=100, T=DNS/RFC822/SMTP, '
         'A={how}')
OFFERED = {'PIPELINING': 'P', 'DSN': 'D', 'STARTTLS': 'S', 'AUTH': 'A', 'ETRN': 'E', 'EXPN': 'X'}  # the letter that turns it off
LINE = re.compile(r'(?:sm-mta|sendmail)\[\d+\]: (\w+): to=(.*?), (?:ctladdr=|delay=).*?stat=(\w+)(.*)$')


class FileMail(Mail):
    """As mailfile() writes it: into /var/mail/test/example.net/bat.QUEUEID, with an empty line at the end, which is left out."""

    @property
    def to(self):
        folder, name = os.path.split(self.path)
        return f'{name.rpartition(".")[0]}@{os.path.basename(folder)}'

    @property
    def sender(self):
        return '' if super().sender.startswith('MAILER-DAEMON@') else super().sender


class Sendmail(Mta):
    PACKAGES = ('sendmail-bin', 'sendmail-base', 'sendmail-cf', 'm4')
    USERS = {'smmta': 64005, 'smmsp': 64006}
    FOLDERS = {'spool': '/var/spool/mqueue', 'mail': '/var/mail/test'}
    COMMAND = ('/usr/libexec/sendmail/sendmail', '-L', 'sm-mta', '-bD')
    STARTED = 'starting daemon'
    COMPLAINTS = r'SYSERR|lost input|unexpected close|improper|rejecting|possible'

    def configure(self, own=''):
        """`own`: more lines of sendmail.mc. It knows no SMTPUTF8, CHUNKING or XVERP, and cannot do without 8BITMIME."""
        tls = ''
        if self.tls:
            certificate, key, ca = self.keep_certificate('/etc/mail/tls')
            tls = ''.join(f"define(`conf{name}', `{path}')dnl\n" for name, path in
                          (('SERVER_CERT', certificate), ('SERVER_KEY', key), ('CACERT', ca), ('CACERT_PATH', os.path.dirname(ca))))
        off = ['A'] + [OFFERED[word] for word in self.lacks if word in OFFERED] + ([] if self.tls else ['S'])
        routes, mailers = [], []
        for number, (domain, where) in enumerate(self.lists.items()):
            kind, _, place = where.partition(':')
            host, _, port = place.rpartition(':')
            routes.append(f'R$+ < @ {domain} $* >\t$#lists{number} $@ [{host if kind == "inet" else "127.0.0.1"}] $: $1 < @ {domain} $2 >')
            mailers.append(LISTS.format(number=number, how=f'TCP $h {port}' if kind == 'inet' else f'FILE {place}'))
        boxes = [f'R$+ < @ {domain} $* >\t$#mailbox $@ here $: /var/mail/test/{domain}/$1' for domain in self.mailboxes]
        self.write('lower/etc/mail/sendmail.mc', MC.format(
            hostname=self.hostname, port=self.port, size=self.size, recipients=self.recipients, user=self.MAILBOX_USER, tls=tls + own,
            features=' '.join(off), lists='|'.join(map(re.escape, self.lists)) or '-', to_lists='\n'.join(routes), to_mailboxes='\n'.join(boxes),
            mailers='\n'.join(mailers), later='later' if self.defers else 'none-begins-so'))
        self.write('lower/etc/hosts', ['127.0.0.1 localhost', f'127.0.1.1 {self.hostname} {socket.gethostname()}'])  # it waits for a name with a dot
        self.write('lower/etc/mail/service.switch', 'hosts files\naliases files')
        self.write('lower/etc/mail/local-host-names', [])
        self.write('lower/etc/mail/lost', LOST, 0o755)
        self.make_cf()

    def make_cf(self):
        """m4 and its macros are among the packages."""
        with open(self.path('lower/etc/mail/sendmail.mc'), encoding='utf-8') as file:
            text = file.read().replace('/usr/share/sendmail', os.path.join(self.tree, 'usr/share/sendmail'))
        done = subprocess.run([os.path.join(self.tree, 'usr/bin/m4'), f'-D_CF_DIR_={self.tree}/usr/share/sendmail/cf/', '-'], input=text,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f'm4: {done.stderr}')
        self.write('lower/etc/mail/sendmail.cf', done.stdout)

    def start(self):
        """It says that it starts before it listens. One that was killed leaves files of queueup(), which keep the next one from delivering."""
        for left in glob.glob(self.path('spool', 'tf*')):
            os.unlink(left)
        super().start()
        self.poll(lambda: self.log_ended or self.is_listening(), 'Sendmail was to listen')
        return self

    def is_listening(self):
        try:
            with smtplib.SMTP('127.0.0.1', self.port, timeout=events.SECONDS):
                return True
        except OSError:
            return False

    def waiting(self):
        return re.findall(r'(?m)^(\w{14})[*X-]? ', self.run('/usr/libexec/sendmail/sendmail', '-bp'))

    def flush(self):
        self.run('/usr/libexec/sendmail/sendmail', '-q')

    def deliveries_of(self, line):
        match = LINE.search(line)
        status = {'Sent': 'sent', 'Deferred': 'deferred'}.get(match[3], 'bounced') if match else None
        return [Delivery(match[1], address.strip('<> '), status, match[3] + match[4]) for address in match[2].split(',')] if match else []

    def read_mailbox(self, domain):
        """A file for each copy, which it writes in place: there is none before it is logged."""
        done = {f'{one.address.rpartition("@")[0]}.{one.queue_id}' for one in self.deliveries() if one.status == 'sent'}
        return [path for path in glob.glob(os.path.join(self.path('mail'), domain, '*')) if os.path.basename(path) in done]

    def mail_of(self, path, octets):
        return FileMail(path, octets[:-1])
