"""Sendmail with Debian's own sendmail.mc, and what `listward mta sendmail` printed put in its places.

Beside that it has only what a test needs: a port, a log that can be read, no limits of load, and rules that put mail for the domains of `mailboxes` into mailboxes, all other
mail for the world nowhere.
"""
import os
import re

from lib.mta.sendmail import Sendmail

MAKE = """#!/bin/sh
test "$*" = "-C /etc/mail" && m4 /etc/mail/sendmail.mc >/etc/mail/sendmail.cf
"""
SYSTEMCTL = """#!/bin/sh
test "$*" = "reload sendmail" && kill -HUP "$(head -n 1 /run/sendmail/mta/sendmail.pid)"
"""
# Before anything is pasted; /etc/mail/sendmail.mc is read by the commands that were printed.
START = """mkdir -p /run/sendmail/mta /var/lib/sendmail/host_status
PATH=/usr/libexec/sendmail:$PATH
cd /etc/mail
m4 before.mc >sendmail.cf && makemap hash access <access && newaliases >/dev/null && exec /usr/libexec/sendmail/sendmail -L sm-mta -bD
"""
SITE = """undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`confLOG_LEVEL', `10')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confDELAY_LA', `1000')dnl
define(`confTO_IDENT', `0')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confCONNECTION_RATE_THROTTLE', `0')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`SMART_HOST', `null:elsewhere')dnl
FEATURE(`accept_unresolvable_domains')dnl
{relay}"""
MAILBOXES = """LOCAL_RULE_0
{boxes}
MAILER_DEFINITIONS
Mmailbox, P=[FILE], F=sDFMPEu8, U={user}:{user}, S=EnvFromSMTP/HdrFromSMTP, R=EnvToL/HdrToL, T=DNS/RFC822/X-Unix, A=FILE $u.$i
Mnull, P=[FILE], F=sDFMmu8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, T=DNS/RFC822/X-Unix, A=FILE /dev/null
"""
FIRST_MAILER = '\nMAILER_DEFINITIONS\n'
IN_PLACE = re.compile(r"in place of the line (FEATURE\(`(\w+)'\)), or before the first MAILER line")


class DebianSendmail(Sendmail):
    COMMAND = ('/bin/sh', '-ec', START)

    def configure(self, own_domains=(), access=(), own='', rules=''):
        """`own_domains`: of this host's users. `access`: more lines of that table. `own`: more lines of sendmail.mc before the mailers, `rules`: at
        the end."""
        with open(os.path.join(self.tree, 'usr/share/sendmail/cf/debian/sendmail.mc'), encoding='utf-8') as file:
            text = file.read()
        text = re.sub(r'(?m)^DAEMON_OPTIONS.*Name=MSP.*\n', '', text)
        text, count = re.subn(r'(?m)^(DAEMON_OPTIONS.*)Port=smtp', rf'\g<1>Port={self.port}', text)
        assert count == 1, 'the line with the port'
        relay = ''.join(f"RELAY_DOMAIN(`{domain}')dnl\n" for domain in self.mailboxes)
        site = SITE.format(hostname=self.hostname, relay=relay) + own
        boxes = '\n'.join(f'R$+ < @ {domain} $* >\t$#mailbox $@ here $: /var/mail/test/{domain}/$1' for domain in self.mailboxes)
        self.mc = text.replace(FIRST_MAILER, '\n' + site + FIRST_MAILER[1:]) + MAILBOXES.format(boxes=boxes, user=self.MAILBOX_USER) + rules
        self.write('lower/etc/mail/before.mc', self.mc)
        self.write('lower/etc/mail/sendmail.mc', self.mc)
        self.write('lower/etc/hosts', ['127.0.0.1 localhost', f'127.0.1.1 {self.hostname} mta'])
        self.write('lower/etc/mail/service.switch', 'hosts files\naliases files')
        self.write('lower/etc/mail/local-host-names', list(own_domains))
        self.write('lower/etc/mail/access', ['GreetPause:127.0.0 0', *access])
        self.write('lower/etc/mail/aliases', 'postmaster: root\nroot: root@example.net\ndora: dora@example.net')
        for name in 'dialup', 'provider':
            self.write(f'lower/etc/mail/m4/{name}.m4', 'divert(-1)dnl')
        self.write('lower/usr/local/sbin/make', MAKE, 0o755)
        self.write('lower/usr/local/sbin/systemctl', SYSTEMCTL, 0o755)

    def makemap(self):
        """The path of a makemap for those outside, who have neither its libraries nor /etc/mail/sendmail.cf. What it makes is the same."""
        libraries = f'{self.tree}/usr/lib/x86_64-linux-gnu'
        self.write('makemap', ['#!/bin/sh', f'LD_LIBRARY_PATH={libraries} exec {self.tree}/usr/libexec/sendmail/makemap -C /dev/null "$@"'], 0o755)
        return self.path('makemap')

    def paste(self, printed):
        """Puts the parts of lib/mta/printed.py where they say; takes effect with the commands that were printed."""
        text = self.mc
        for part in printed.of('sendmail.mc'):
            if part.place == 'at the end':
                text += part.text
                continue
            place = IN_PLACE.fullmatch(part.place)
            line = place and re.search(rf'(?m)^{re.escape(place[1][:-1])}.*\n', text)
            assert place or part.place == 'before the first MAILER line', part.place
            text = text.replace(line[0], part.text) if line else text.replace(FIRST_MAILER, '\n' + part.text + FIRST_MAILER[1:], 1)
        self.write('lower/etc/mail/sendmail.mc', text)
