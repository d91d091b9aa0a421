#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left for calls with a priority when ordinary ones have used up the rest: places for calls,
media ports, transcoders, descriptors (PRI-078, PRI-081); and that a call has what it needs before anybody
is called.

With TANDEM_TEST_PRIORITY=off the switch has no module priority, and what marks are for fails."""

import os
import resource
import signal
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import Agent, branch, description, field, media_port  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

PCMA = description(9).replace('AVP 0', 'AVP 8').replace('rtpmap:0 PCMU', 'rtpmap:8 PCMA')
MARK = {'Resource-Priority': 'ets.0'}


class ReserveCase(PeerCase):
    """agency's marks count; carrier, and psap, are where calls go."""

    def start(self, **sections):
        self.port = ports.free_port()
        for name in 'agency', 'carrier', 'psap':
            setattr(self, name, Agent(self, self.port, name))
        config = {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'rtp', 'route-table', 'priority', 'emergency'),
                                     'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}'},
            'call': {'media': 'through'},
            'emergency': {'region': 'here', 'fallback': 'town'},
            'emergency-region here': {'numbers': '112'},
            'emergency-psap town': {'trunks': 'psap'},
            'trunk agency': {'address': f'sip:{self.agency.address}', 'rph-trust': 'accept',
                             'rph-accept': 'ets', 'rph-interface': '127.0.0.1'},
            'trunk carrier': {'address': f'sip:{self.carrier.address}'},
            'trunk psap': {'address': f'sip:{self.psap.address}'},
            'route all': {'targets': 'carrier'},
        }
        self.config = config | {name.replace('_', ' '): keys for name, keys in sections.items()}
        self.tandem = Tandem(self, self.config)
        # The calls are left as they are, and their peers are silent.
        self.addCleanup(self.tandem.process.signal, signal.SIGKILL)

    def dial(self, number, extra=None, sdp=description(9)):
        """Returns what a CANCEL of the call says as its INVITE does."""
        parties = {'From': '<sip:a@127.0.0.1>;tag=f', 'To': f'<sip:{number}@x>',
                   'Call-ID': uuid.uuid4().hex}
        invite = f'sip:{number}@127.0.0.1:{self.port}', parties, 1
        transaction = branch()
        self.agency.send(self.agency.request('INVITE', *invite, sdp, transaction, extra=extra))
        return invite, transaction

    def gets_through(self, number, extra=None, callee=None):
        """Dials, and rings at CALLEE. Returns the INVITE that came there."""
        callee = callee or self.carrier
        self.dial(number, extra)
        invite = callee.expect('INVITE ')
        callee.answer(invite, 180, 'c', description(9))
        self.agency.expect('SIP/2.0 180 ')
        return invite

    def is_refused(self, number, extra=None, sdp=description(9)):
        self.dial(number, extra, sdp)
        return self.agency.expect('SIP/2.0 503 ')

    def rings(self, number, extra=None, callee=None):
        """As gets_through(), but that nothing is said of media before the answer."""
        callee = callee or self.carrier
        self.dial(number, extra)
        invite = callee.expect('INVITE ')
        callee.answer(invite, 180, 'c')
        self.agency.expect('SIP/2.0 180 ')
        return invite

    def is_refused_unheard(self, *call):
        """And nobody has been called."""
        response = self.is_refused(*call)
        self.assertRegex(field(response, 'Reason'), r'Q\.850;cause=47')
        for callee in self.carrier, self.psap:
            self.assertEqual(callee.drain(), [])

    def the_others_get_through(self):
        """An ordinary call does not; one for help, and one with a mark, do."""
        self.is_refused('8009')
        self.gets_through('112', callee=self.psap)
        self.gets_through('8010', MARK)
        self.is_refused('8011')


class Calls(ReserveCase):
    """The limit of all calls: the class is known before the first place is taken."""

    def fill(self, reserve):
        self.start(call={'media': 'through', 'max-calls': 4, 'reserve': reserve})
        for number in range(4 - 4 * int(reserve.split()[0]) // 100):
            self.gets_through(f'800{number}')

    def test_pri_078_reserved_places(self):
        self.fill('50 %')
        self.the_others_get_through()

    def test_without_reserve(self):
        self.fill('0 %')
        self.is_refused('8009')
        self.is_refused('112')
        self.is_refused('8010', MARK)

    def test_pri_078_reload(self):
        self.fill('0 %')
        self.is_refused('112')
        self.tandem.rewrite(self.config | {'call': {'media': 'through', 'max-calls': 8,
                                                    'reserve': '50 %'}})
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        self.the_others_get_through()


class Ports(ReserveCase):
    """Media ports."""

    N_PORTS = 16  # eight pairs, of which a call takes two

    def fill(self, reserve):
        self.first = ports.free_range(self.N_PORTS, alignment=2)
        self.start(call={'media': 'anchor'},
                   rtp={'first-port': self.first, 'last-port': self.first + self.N_PORTS - 1,
                        'port-reserve': reserve})

    def used(self, invite):
        return media_port(invite) - self.first

    def test_pri_081_reserved_ports_are_the_last_and_taken_first(self):
        self.fill('25 %')
        for number in range(3):
            self.assertLess(self.used(self.gets_through(f'800{number}')), 12)
        self.is_refused('8009')
        self.assertGreaterEqual(self.used(self.gets_through('112', callee=self.psap)), 12)
        self.is_refused('8010', MARK)   # the last two pairs are taken

    def test_pri_081_mark(self):
        self.fill('25 %')
        self.assertGreaterEqual(self.used(self.gets_through('8001', MARK)), 12)

    def test_without_reserve(self):
        self.fill('0 %')
        for number in range(4):
            self.gets_through(f'800{number}')
        self.is_refused('112')

    def test_pri_078_both_legs_from_the_reserve(self):
        """Three ordinary calls have six pairs of eight."""
        self.fill('25 %')
        for number in range(3):
            self.rings(f'800{number}')
        self.is_refused_unheard('8009')
        self.assertGreaterEqual(self.used(self.rings('8010', MARK)), 12)
        self.is_refused_unheard('8011', MARK)


class Room(ReserveCase):
    """What a call needs for its media is there before anybody is called, and is given back."""

    def fill(self, n_pairs, rest='0 s', **sections):
        self.first = ports.free_range(2 * n_pairs, alignment=2)
        self.start(call={'media': 'anchor'},
                   rtp={'first-port': self.first, 'last-port': self.first + 2 * n_pairs - 1,
                        'port-rest': rest}, **sections)

    def test_a_place_for_one_leg_calls_nobody(self):
        self.fill(1)
        self.is_refused_unheard('8001')

    def test_nor_when_the_offer_is_to_come(self):
        self.fill(1)
        self.is_refused_unheard('8001', None, '')

    def spill(self, n_pairs, early):
        """carrier fails after EARLY media; the port that it was offered. psap is the next target."""
        self.fill(n_pairs, '10 min', route_all={'targets': 'carrier, psap'})
        self.dial('8001')
        first = self.carrier.expect('INVITE ')
        self.carrier.answer(first, 183, 'c', early)
        self.agency.expect('SIP/2.0 183 ' if early else 'SIP/2.0 100 ')
        self.carrier.answer(first, 503, 'c')
        self.carrier.expect('ACK ')
        return media_port(first)

    def test_next_target_has_the_ports_of_the_one_before(self):
        port = self.spill(2, '')
        invite = self.psap.expect('INVITE ')
        self.assertEqual(media_port(invite), port)
        self.psap.answer(invite, 200, 'p', description(9))
        self.psap.expect('ACK ')
        self.agency.expect('SIP/2.0 200 ')

    def test_but_not_those_that_somebody_may_send_to(self):
        port = self.spill(3, description(9))
        self.assertNotEqual(media_port(self.psap.expect('INVITE ')), port)

    def test_without_others_it_is_not_called(self):
        self.spill(2, description(9))
        self.agency.expect('SIP/2.0 503 ')
        self.assertEqual(self.psap.drain(), [])

    def test_targets_that_ring_together_need_one_each(self):
        self.fill(2, route_all={'targets': 'carrier + psap'})
        self.dial('8001')
        called = [callee for callee in (self.carrier, self.psap) if callee.receive(2)]
        self.assertEqual(called, [self.carrier])

    def cancelled(self, sdp, early):
        invite, transaction = self.dial('8001', None, sdp)
        call = self.carrier.expect('INVITE ')
        self.carrier.answer(call, 183 if early else 180, 'c', early)
        self.agency.expect(f'SIP/2.0 18{3 if early else 0} ')
        self.agency.send(self.agency.request('CANCEL', *invite, transaction=transaction))
        self.agency.expect('SIP/2.0 200 ')
        self.carrier.answer(self.carrier.expect('CANCEL '), 200)
        self.carrier.answer(call, 487, 'c')
        self.carrier.expect('ACK ')
        self.agency.expect('SIP/2.0 487 ')
        self.wait_for_the_end()

    def wait_for_the_end(self):
        """A call is there until its media have gone."""
        self.tandem.process.wait_for(lambda: not self.tandem.ctl_json('call', 'list'), 'end of the call')

    def test_nothing_is_left_of_calls_that_end_on_their_way(self):
        """Each finds all that there is: two pairs."""
        self.fill(2)
        for sdp in description(9), '':
            self.cancelled(sdp, '')
        self.cancelled(description(9), description(9))
        for _ in range(2):
            self.dial('8001')
            self.carrier.answer(self.carrier.expect('INVITE '), 486, 'c')
            self.carrier.expect('ACK ')
            self.agency.expect('SIP/2.0 486 ')
            self.wait_for_the_end()
        self.dial('8001', None, '')
        call = self.carrier.expect('INVITE ')
        self.carrier.answer(call, 180, 'c')
        self.agency.expect('SIP/2.0 180 ')
        number = self.tandem.ctl_json('call', 'list')[0]['call']
        self.assertEqual(self.tandem.ctl('call', 'hangup', number)[0], 0)
        self.carrier.answer(self.carrier.expect('CANCEL '), 200)
        self.carrier.answer(call, 487, 'c')
        self.carrier.expect('ACK ')
        self.agency.expect('SIP/2.0 ')
        self.wait_for_the_end()
        self.rings('8001')


class Transcodes(ReserveCase):
    """Calls between a peer that has PCMU and one that has PCMA."""

    def fill(self, reserve, n_left=0):
        """Leaves N_LEFT of what ordinary calls may have."""
        self.start(modules=dict.fromkeys(('cli', 'sip', 'rtp', 'route-table', 'priority',
                                          'emergency', 'codec-g711'), 'required'),
                   call={'media': 'anchor', 'transcode': 'yes'},
                   rtp={'first-port': ports.free_range(64, 2), 'max-transcodes': 4,
                        'transcode-reserve': reserve})
        for number in range(4 - 4 * int(reserve.split()[0]) // 100 - n_left):
            self.is_answered(f'700{number}')

    def place(self, number, extra=None, callee=None):
        """Returns the INVITE that comes to CALLEE, and whether more codecs are in it than in the caller's."""
        callee = callee or self.carrier
        self.dial(number, extra)
        invite = callee.expect('INVITE ')
        return invite, 'PCMA' in invite

    def is_answered(self, number, extra=None, callee=None):
        """CALLEE has another codec than the caller."""
        callee = callee or self.carrier
        invite, has_more = self.place(number, extra, callee)
        self.assertTrue(has_more, invite)
        self.pick_up(callee, invite, PCMA)

    def pick_up(self, callee, invite, sdp):
        callee.answer(invite, 200, 'c', sdp)
        callee.expect('ACK ')
        self.assertIn('m=audio', self.agency.expect('SIP/2.0 200 '))

    def has_the_callers_alone(self, number, extra=None):
        """Nothing can be answered that would have to be transcoded."""
        invite, has_more = self.place(number, extra)
        self.assertFalse(has_more, invite)
        return invite

    def test_pri_078_reserved_transcodes(self):
        self.fill('50 %')
        self.pick_up(self.carrier, self.has_the_callers_alone('8009'), description(9))
        self.is_answered('112', callee=self.psap)
        self.is_answered('8010', MARK)
        self.has_the_callers_alone('8011', MARK)

    def test_without_reserve(self):
        self.fill('0 %')
        self.has_the_callers_alone('8009')
        self.has_the_callers_alone('8010', MARK)

    def test_kept_while_it_rings_and_given_back_with_an_answer_without_need(self):
        self.fill('50 %', 1)
        waiting, has_more = self.place('8001')
        self.assertTrue(has_more)
        self.has_the_callers_alone('8002')
        self.pick_up(self.carrier, waiting, description(9))
        self.is_answered('8003')

    def test_kept_for_the_offer_of_who_is_rung(self):
        """A call without an offer: the called party's codec is turned into the caller's, whoever calls meanwhile."""
        self.fill('50 %', 1)
        self.dial('8001', sdp='')
        waiting = self.carrier.expect('INVITE ')
        self.has_the_callers_alone('8002')
        self.carrier.answer(waiting, 200, 'c', PCMA)
        offer = self.agency.expect('SIP/2.0 200 ')
        self.assertIn('PCMU', offer)
        parties = {name: field(offer, name) for name in ('From', 'To', 'Call-ID')}
        self.agency.send(self.agency.request('ACK', field(offer, 'Contact').strip('<>'), parties, 1,
                                             description(9)))
        self.assertIn('PCMA', self.carrier.expect('ACK '))

    def test_given_back_by_who_does_not_pick_up(self):
        self.fill('50 %', 1)
        waiting, has_more = self.place('8001')
        self.assertTrue(has_more)
        self.carrier.answer(waiting, 486, 'c')
        self.carrier.expect('ACK ')
        self.agency.expect('SIP/2.0 486 ')
        self.tandem.process.wait_for(lambda: len(self.tandem.ctl_json('call', 'list')) == 1, 'end of the call')
        self.is_answered('8002')


class Descriptors(ReserveCase):
    """Four for a call with media."""

    def descriptors(self):
        """What the switch has open, by number."""
        folder, found = f'/proc/{self.tandem.pid}/fd', {}
        for number in os.listdir(folder):
            try:
                found[number] = os.readlink(os.path.join(folder, number))
            except FileNotFoundError:   # closed meanwhile
                pass
        return found

    def sockets(self):
        return {name for name in self.descriptors().values() if name.startswith('socket:')}

    def command(self, *words):
        """The switch has done it, and closed the connection by which it was told: that one's descriptor
        would be one that the next call does not find."""
        before = self.sockets()
        self.assertEqual(self.tandem.ctl(*words)[0], 0)
        self.tandem.process.wait_for(lambda: self.sockets() <= before, 'end of the connection')

    def fill(self, reserve_percent):
        """Leaves room for one ordinary call."""
        self.start(call={'media': 'anchor'}, rtp={'first-port': ports.free_range(64, 2)},
                   tandem={'drain': '0 s', 'descriptor-reserve': f'{reserve_percent} %'})
        self.command('call', 'list')   # all that is there for good has been opened
        n_open = len(self.descriptors())
        limit = (n_open + 4) * 100 // (100 - reserve_percent)
        hard = resource.prlimit(self.tandem.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.tandem.pid, resource.RLIMIT_NOFILE, (limit, hard))
        self.tandem.rewrite(self.config | {'call': {'media': 'anchor', 'no-answer': '100 s'}})
        self.command('config', 'reload')
        self.gets_through('8000')

    def test_pri_078_reserved_descriptors(self):
        self.fill(50)
        self.the_others_get_through()

    def test_without_reserve(self):
        self.fill(0)
        self.is_refused('8009')
        self.is_refused('112')
        self.is_refused('8010', MARK)


if __name__ == '__main__':
    tap.main()
