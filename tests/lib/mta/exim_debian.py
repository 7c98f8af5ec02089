"""Exim with Debian's own configuration, as `dpkg-reconfigure exim4-config` leaves it, and what `listward mta exim` printed put in its places.

Beside that it has only what a test needs: a log that can be read, and routers behind those of the lists that put all other mail into mailboxes:
each domain's of `mailboxes` in its own, that for everybody else, bounces above all, in the one of 'elsewhere'.
"""
import os
import re

from lib.mta.exim import Exim

DEBCONF = '''dc_eximconfig_configtype='internet'
dc_other_hostnames='{own}'
dc_local_interfaces='127.0.0.1.{port}'
dc_readhost=''
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='{split}'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
'''
MACROS = '''MAIN_HARDCODE_PRIMARY_HOSTNAME = {hostname}
DC_minimaldns = 1
MESSAGE_SIZE_LIMIT = {size}
MAIN_SMTPUTF8_ADVERTISE_HOSTS = *
MAIN_LOG_SELECTOR = +smtp_connection +tls_peerdn
'''
MAIN = '''log_file_path = syslog
syslog_timestamp = no
syslog_duplication = no
disable_ipv6 = true
rfc1413_query_timeout = 0s
dsn_advertise_hosts = *
'''
ROUTERS = '''mailboxes:
  driver = accept
  domains = {mailboxes}
  transport = mailbox
elsewhere:
  driver = accept
  domains = ! +local_domains
  transport = elsewhere
'''
MAILBOX = r'''{name}:
  driver = appendfile
  directory = /var/mail/test/{folder}
  maildir_format
  user = vmail
  group = vmail
  return_path_add
  message_prefix = Delivered-To: $local_part@$domain\n
'''
# What is printed is in place before Exim starts: there is nothing to be read again.
SYSTEMCTL = """#!/bin/sh
test "$*" = "reload exim4"
"""
TEMPLATE, DEBCONF_FILE = 'exim4.conf.template', 'update-exim4.conf.conf'
ACLS = {'acl_check_rcpt, first': '30_exim4-config_check_rcpt', 'acl_check_data, first': '40_exim4-config_check_data'}
# place: the line of exim4.conf.template below which the text goes
BELOW = {'acl section, first': 'begin acl', 'acl_check_rcpt, first': 'acl_check_rcpt:', 'acl_check_data, first': 'acl_check_data:',
         'routers, first': 'begin routers', 'transports': 'begin transports'}
# place: the file of its own in the split configuration
SPLIT = {'main section': 'main/50_', 'acl section, first': 'acl/10_', 'routers, first': 'router/050_', 'transports': 'transport/50_'}


class DebianExim(Exim):
    COMMAND = ('/bin/sh', '-c', 'mkdir -p /run/exim4; update-exim4.conf && exec /usr/sbin/exim4 -bdf')

    def configure(self, own_domains='', own='', split=False):
        """`own_domains`: of this host's users, as in dc_other_hostnames. `own`: more lines of the main section."""
        self.split = split
        self.texts = {}  # of files below /etc/exim4
        self.debconf = DEBCONF.format(port=self.port, split=str(split).lower(), own=own_domains)
        macros = MACROS.format(hostname=self.hostname, size=self.size)
        self.texts['conf.d/main/000_localmacros' if split else 'exim4.conf.localmacros'] = macros
        self.put('transports', MAILBOX.format(name='mailbox', folder='$domain_data') + MAILBOX.format(name='elsewhere', folder='elsewhere'), 'test')
        self.put('routers, first', ROUTERS.format(mailboxes=' : '.join(self.mailboxes)), 'test')
        self.put('main section', MAIN + own, 'test')
        self.write('lower/etc/mailname', self.hostname)
        self.write('lower/etc/aliases', 'postmaster: root\nroot: root@example.net')
        self.write('lower/usr/local/sbin/systemctl', SYSTEMCTL, 0o755)
        self.write_texts()

    def paste(self, printed):
        """Puts the parts of lib/mta/printed.py where they say."""
        for part in printed.of(DEBCONF_FILE):
            line = re.search(rf'^{part.place}=.*', part.text, re.M)[0]
            self.debconf, count = re.subn(rf'(?m)^{part.place}=.*', lambda _: line, self.debconf)
            assert count == 1, part.place
        for part in printed.of(TEMPLATE):
            self.put(part.place, part.text, 'listward')
        self.write_texts()

    def write_texts(self):
        self.texts[DEBCONF_FILE] = self.debconf
        for path, text in self.texts.items():
            self.write('lower/etc/exim4/' + path, text)

    def put(self, place, text, owner):
        if self.split and place in SPLIT:
            self.texts[f'conf.d/{SPLIT[place].replace("050", "051") if owner == "test" else SPLIT[place]}{owner}'] = text
        elif self.split:
            self.insert('conf.d/acl/' + ACLS[place], BELOW[place], text)
        elif place == 'main section':
            self.insert(TEMPLATE, 'begin acl', text, above=True)
        else:
            self.insert(TEMPLATE, BELOW[place], text)

    def insert(self, path, mark, text, above=False):
        """Below or above the line `mark` of a file below /etc/exim4."""
        if path not in self.texts:
            with open(os.path.join(self.tree, 'etc/exim4', path), encoding='utf-8') as file:
                self.texts[path] = file.read()
        whole = self.texts[path]
        assert whole.count(f'\n{mark}\n') == 1, f'{path}: {mark}'
        self.texts[path] = whole.replace(f'\n{mark}\n', f'\n{text}\n{mark}\n' if above else f'\n{mark}\n{text}\n')
