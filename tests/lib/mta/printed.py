"""What `listward mta` prints, done as a postmaster would: each part pasted where it says, then the commands, in order.

    printed = Printed(daemon, 'postfix', 'live')      # of a running server with its lists
    daemon.configure(printed.conf()); daemon.restart()
    mta.paste(printed); mta.start()
    printed.run_commands(mta)
"""
import collections
import json
import os
import shlex

Part = collections.namedtuple('Part', 'file place text')  # the file without its folders


class Printed:
    def __init__(self, daemon, mta, setup=None):
        """`setup`: of --setup; None: the recommended one."""
        self.daemon = daemon
        found = json.loads(daemon.run('mta', mta, *(['--setup', setup] if setup else []), '--json'))
        self.parts = [Part(os.path.basename(part['file']), part['place'], part['text']) for part in found['parts']]
        self.commands = [run['command'] for run in found['run']]

    def conf(self):
        """{section: {key: value}}: what is to stand in listward.conf."""
        settings = collections.defaultdict(dict)
        for part in self.of('listward.conf'):
            for line in part.text.splitlines():
                if line and not line.startswith('#'):
                    key, value = line.split(' = ', 1)
                    settings[part.place.strip('[]')][key] = value
        return dict(settings)

    def of(self, file):
        return [part for part in self.parts if part.file == file]

    def text(self, file, place=None):
        """All that is for this file, or this place of it."""
        return ''.join(part.text for part in self.of(file) if place in (None, part.place))

    def run_commands(self, mta):
        """Those about Listward here, the others inside the MTA's namespace. The folder of the maps must be one that both see, below /tmp."""
        for command in self.commands:
            words = shlex.split(command)
            if words[0] == 'listward':
                self.daemon.run(*words[1:])
            elif words != ['systemctl', 'restart', 'listward']:  # done before
                mta.run('sh', '-c', command)
