# SPDX-License-Identifier: LGPL-2.1-or-later
"""A name server of the test's own on loopback: unbound, which answers with what it is given."""

import signal

from peers import ports


class Unbound:
    """RECORDS are lines as in a zone file, below ZONE."""

    def __init__(self, case, zone, records):
        self.case = case
        self.program = case.need('unbound')
        self.port = ports.free_port()
        quoted = '\n'.join(f"  local-data: '{record}'" for record in records)
        self.config = case.write('unbound.conf', f'''server:
  directory: "{case.folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  interface: 127.0.0.1@{self.port}
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  local-zone: "{zone}" static
{quoted}
remote-control:
  control-enable: no
''')
        self.start()

    def start(self):
        self.process = self.case.spawn('unbound', [self.program, '-d', '-c', self.config])
        self.process.wait_for(lambda: ports.is_served(self.port), 'listening socket')

    def stop(self):
        self.process.stop()

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)
