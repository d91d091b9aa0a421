# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: Tandem and the peers it is compared with, each started afresh for each run."""

import os
import time
import typing

from peers import ports
from peers.case import ROOT, PeerCase
from peers.kamailio import Kamailio
from peers.process import cpu_seconds, descriptors, rss_kib
from peers.tandem import Tandem

# The profiles in etc/profiles/ name these; the callers' and called parties' are beside them.
SIP_PORT, CALLER_PORT, CALLED_PORT = 5060, 5070, 5080
NG_PORT, MGCP_PORT = 2223, 2427
RELAY_PORTS = (20000, 39998)
PORTS = (SIP_PORT, CALLER_PORT, CALLED_PORT, NG_PORT, MGCP_PORT)

OSMO_MGW = '''log stderr
 logging level set-all error
line vty
 no login
mgcp
 bind ip 127.0.0.1
 bind port {port}
 rtp port-range {first} {last}
 rtp bind-ip 127.0.0.1
 sdp audio payload number 0
 sdp audio payload name PCMU
 number endpoints 1100
 loop 0
 force-realloc 1
 rtcp-omit
 rtp-patch ssrc
 rtp-patch timestamp
'''


class Stage(PeerCase):
    """The folder and the processes of one run, as a context."""

    def runTest(self):
        """Not a test of its own."""

    def __enter__(self):
        self.setUp()
        return self

    def __exit__(self, *_):
        self.doCleanups()


class Footprint(typing.NamedTuple):
    rss_kib: int
    n_descriptors: int


class Subject:
    """NAME; after start(), PROCESS, which takes calls at SIP_PORT."""

    name = ''
    sip_port = SIP_PORT

    def __init__(self, stage):
        self.stage = stage
        self.process = None
        self.ready_ms = 0

    def begin(self):
        """Starts it and waits until it serves; notes how long that took."""
        started = time.monotonic()
        self.start()
        self.ready_ms = (time.monotonic() - started) * 1000
        return self

    def start(self):
        """Starts the process and returns when it serves."""

    def cpu_s(self):
        return cpu_seconds(self.process.pid)

    def rss_kib(self):
        return rss_kib(self.process.pid)

    def footprint(self):
        return Footprint(self.rss_kib(), descriptors(self.process.pid))

    def wait_for_port(self, port):
        self.process.wait_for(lambda: ports.is_served(port), f'port {port}', interval_s=0.001)


class TandemSignalling(Subject):
    name = 'tandem'
    profile = 'bench-signalling.conf'
    arguments = ()
    tandem = None

    def configure(self, text):
        """What the profile is for this subject."""
        return text

    def start(self):
        path = os.path.join(ROOT, 'etc', 'profiles', self.profile)
        with open(path, encoding='utf-8') as file:
            text = self.configure(file.read())
        self.tandem = Tandem(self.stage, text, self.arguments, is_awaited=False)
        self.process = self.tandem.process
        self.tandem.wait_until_ready(interval_s=0.001)


class TandemMedia(TandemSignalling):
    profile = 'bench-media.conf'


class TandemTranscoding(TandemMedia):
    arguments = ('--set', 'call.transcode=yes', '--set', 'modules.codec-g711=required')


class TandemWhole(TandemSignalling):
    """Every module of the tree."""

    profile = 'all-modules.conf'


class Nobody(Subject):
    """No switch: the caller's sipp calls the other one. What they can do at all on this machine."""

    name = 'sipp alone'
    sip_port = CALLED_PORT

    def cpu_s(self):
        return 0


class KamailioProxy(Subject):
    name = 'kamailio'

    def start(self):
        kamailio = Kamailio(self.stage, f'127.0.0.1:{CALLED_PORT}', port=SIP_PORT)
        self.process = kamailio.process


class Rtpengine(Subject):
    """In user space, as Tandem is: no kernel table."""

    name = 'rtpengine'

    def start(self):
        self.process = self.stage.spawn('rtpengine', [
            self.stage.need('rtpengine'), '--foreground', '--log-stderr', '--log-level=3',
            '--table=-1', '--interface=127.0.0.1', f'--listen-ng=127.0.0.1:{NG_PORT}',
            f'--port-min={RELAY_PORTS[0]}', f'--port-max={RELAY_PORTS[1]}',
            '--pidfile=' + self.stage.path('rtpengine.pid'), '--config-file=none'])
        self.wait_for_port(NG_PORT)


class OsmoMgw(Subject):
    name = 'osmo-mgw'

    def start(self):
        config = self.stage.write('osmo-mgw.cfg', OSMO_MGW.format(
            port=MGCP_PORT, first=RELAY_PORTS[0], last=RELAY_PORTS[1]))
        self.process = self.stage.spawn('osmo-mgw', [self.stage.need('osmo-mgw'), '-c', config])
        self.wait_for_port(MGCP_PORT)
