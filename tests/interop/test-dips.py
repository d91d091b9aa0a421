#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ROU-025, ROU-026: numbers are looked up at real sources; when one is unplugged in mid-run, calls go on."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import Agent, branch, description, field  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.postgresql import PostgreSQL, find_program  # noqa: E402
from peers.tandem import BUILD, Tandem  # noqa: E402
from peers.unbound import Unbound  # noqa: E402

PROGRAM = os.path.join(BUILD, 'modules', 'route', 'tandem-routes')
DEADLINE_S = 0.3
RATE, SECONDS = 40, 5
PORTED, STAYS, FREEPHONE = '12125550111', '12125550112', '18005550199'
PATTERN, NOT_TERMINAL = '12125550114', '12125550115'

# 212 is served at home, 201 away. The table knows another number than the sources do.
TABLES = {
    'plan': 'plan,pattern,min,max,nature,type,strip\n'
            'nanp,1800NXXXXXX,11,11,national,toll-free,1\nnanp,1NXXNXXXXXX,11,11,national,national,1\n',
    'translation': 'translation,step,party,pattern,action,argument\nout,1,called,NXX,prefix,+1\n',
    'list': 'label\nhome\naway\n',
    'target': 'label,position,trunk,translation\nhome,1,home,out\naway,1,away,out\n',
    'route': 'table,prefix,label\nmain,212,home\nmain,201,away\n',
    'ingress': 'trunk,plan,table,country,toll_free_dip,portability_dip\n'
               'customer,nanp,main,1,freephone,lnp\n',
    'ported': 'number,routing_number\n2125550113,2015550000\n',
    'toll_free': 'number,carrier,routing_number\n800555,0444,2125550123\n',
}
SQL = '''
CREATE TABLE ported (number TEXT PRIMARY KEY, routing_number TEXT NOT NULL);
INSERT INTO ported VALUES ('+12125550111', '+12015550000');
CREATE TABLE freephone (freephone TEXT PRIMARY KEY, number TEXT, carrier TEXT, holds INTEGER);
INSERT INTO freephone VALUES ('+18005550199', '+1-212-555-0122', '0288', 1);
'''


class SqlServer:
    """PostgreSQL."""
    MODULE = 'dip-sql'
    NEEDS = ()

    def __init__(self, case):
        self.server = PostgreSQL(case)
        self.uri = self.server.prefix + 'postgres'
        done = subprocess.run([find_program(case, 'psql'), '-q', '-d', self.uri], input=SQL,
                              text=True, capture_output=True, check=False, timeout=60)
        case.assertEqual((done.returncode, done.stderr), (0, ''))

    def keys(self):
        common = {'driver': 'sql', 'server': f'"{self.uri}"'}
        return ({**common, 'query': '"SELECT routing_number FROM ported WHERE number = $1"'},
                {**common, 'query': '"SELECT number, carrier, holds FROM freephone WHERE freephone = $1"'})

    def unplug(self):
        self.server.kill()

    def plug_in(self):
        self.server.restart()

    def freeze(self):
        """It takes connections and questions, and says nothing."""
        for pid in [self.server.process.pid, *self.server.children()]:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in [self.server.process.pid, *self.server.children()]:
            os.kill(pid, signal.SIGCONT)


class SqlFile:
    """SQLite."""
    MODULE = 'dip-sql'
    NEEDS = ()

    def __init__(self, case):
        self.path = case.path('numbers.db')
        self.plug_in()

    def keys(self):
        common = {'driver': 'sql', 'database': self.path}
        return ({**common, 'query': '"SELECT routing_number FROM ported WHERE number = ?1"'},
                {**common, 'query': '"SELECT number, carrier, holds FROM freephone WHERE freephone = ?1"'})

    def unplug(self):
        os.rename(self.path, self.path + '-away')

    def plug_in(self):
        if os.path.exists(self.path + '-away'):
            os.rename(self.path + '-away', self.path)
            return
        with sqlite3.connect(self.path) as database:
            database.executescript(SQL)


def enum_name(number, zone='e164.test'):
    return '.'.join(reversed(number.removeprefix('+'))) + f'.{zone}.'


class NameServer:
    """The DNS, with the records of RFC 4769 4."""
    MODULE = 'dip-enum'
    NEEDS = ()

    def __init__(self, case):
        records = [  # libunbound keeps for itself what has a TTL
            (PORTED, 0, 100, 20, 'u', 'E2U+pstn:tel', 'tel:+1-212-555-0111;npdi;rn=+1-201-555-0000'),
            (PORTED, 0, 100, 10, 'u', 'E2U+sip', 'sip:somebody@example.com'),
            (STAYS, 60, 100, 10, 'u', 'E2U+pstn:tel', 'tel:+1-212-555-0112;npdi'),
            (FREEPHONE, 60, 100, 10, 'u', 'E2U+pstn:tel', 'tel:+1-212-555-0122;cic=+1-0288'),
            (PATTERN, 60, 100, 10, 'u', 'E2U+pstn:sip', r'sip:+1\\1;npdi;rn=+12015550000@example.com'),
            (NOT_TERMINAL, 60, 100, 10, '', 'E2U+pstn', None),
        ]
        self.server = Unbound(case, 'e164.test.', [
            f'{enum_name(number)} {ttl} IN NAPTR {order} {preference} "{flags}" "{service}" ' +
            (f'"!^\\\\+1(.*)$!{uri}!" .' if uri else '"" other.e164.test.')
            for number, ttl, order, preference, flags, service, uri in records])

    def keys(self):
        keys = {'driver': 'enum', 'suffix': 'e164.test',
                'servers': f'127.0.0.1:{self.server.port}'}
        return keys, keys

    def unplug(self):
        self.server.stop()

    def plug_in(self):
        self.server.start()

    def freeze(self):
        self.server.freeze()

    def thaw(self):
        self.server.thaw()


class WebServer:
    """HTTP and JSON, by the standard library's server in a process of its own."""
    MODULE = 'dip-http'
    NEEDS = ('http',)

    def __init__(self, case):
        self.case, self.port = case, ports.free_port()
        self.answers = case.write('answers.json', json.dumps({
            f'/portability?n=%2B{PORTED}': {'number': '+12015550000', 'ttl': 60},
            f'/toll-free?n=%2B{FREEPHONE}': {'number': '+1-212-555-0122', 'carrier': '0288'},
        }))
        self.plug_in()

    def keys(self):
        keys = {'driver': 'http', 'url': f'http://127.0.0.1:{self.port}/{{kind}}?n={{number}}'}
        return keys, keys

    def unplug(self):
        self.process.stop()

    def plug_in(self):
        program = os.path.join(os.path.dirname(HERE), 'common', 'peers', 'numbers_server.py')
        self.process = self.case.spawn('numbers', [sys.executable, program, self.port, self.answers])
        self.process.wait_for(lambda: ports.is_served(self.port), 'listening socket')

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)


class Dips:
    """What holds for every source. Whoever inherits says which, and is a PeerCase."""
    SOURCE = None

    def setUp(self):
        super().setUp()
        self.source = self.SOURCE(self)
        self.port = ports.free_port()
        self.database = self.path('route.db')
        for table, text in TABLES.items():
            self.write(os.path.join('tables', table + '.csv'), text)
        subprocess.run([PROGRAM, '-d', self.database, 'import', self.path('tables')], timeout=60,
                       check=True, stdout=subprocess.DEVNULL)

    def start(self, addresses, **keys):
        """ADDRESSES: of the customer, at home, away."""
        lnp, freephone = self.source.keys()
        common = {'deadline': f'{DEADLINE_S * 1000:.0f} ms', **keys}
        self.tandem = Tandem(self, {
            'tandem': {'drain': '0 s', 'lanes': 2},
            'modules': dict.fromkeys(('cli', 'sip', 'route', self.source.MODULE, *self.source.NEEDS),
                                     'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}'], 'strangers': 'refuse'},
            'routing': {'database': self.database},
            'call': {'media': 'through'},
            'dip lnp': {**lnp, **common},
            'dip freephone': {**freephone, **common},
            **{f'trunk {name}': {'address': f'sip:{address}'}
               for name, address in zip(('customer', 'home', 'away'), addresses)},
        })

    def start_with_agents(self, **keys):
        self.customer, self.home, self.away = (Agent(self, self.port, name)
                                               for name in ('customer', 'home', 'away'))
        self.start([agent.address for agent in (self.customer, self.home, self.away)], **keys)

    def call(self, number):
        parties = {'From': '<sip:+12125550100@127.0.0.1>;tag=f', 'To': f'<sip:{number}@x>',
                   'Call-ID': uuid.uuid4().hex}
        self.uri, self.branch = f'sip:{number}@127.0.0.1:{self.port}', branch()
        self.customer.send(self.customer.request('INVITE', self.uri, parties, 1, description(9),
                                                 self.branch))

    def expect_call(self, called, start):
        """A call comes to CALLED, who is busy."""
        invite = called.expect(f'INVITE sip:{start}')
        self.refuse(called, invite)

    def refuse(self, called, invite):
        called.answer(invite, 486, 'x')
        called.expect('ACK ')
        response = self.customer.expect('SIP/2.0 486 ')
        dialog = {name: field(response, name) for name in ('From', 'To', 'Call-ID')}
        self.customer.send(self.customer.request('ACK', self.uri, dialog, 1, '', self.branch))

    def dip(self, name='lnp'):
        return next(row for row in self.tandem.ctl_json('dip', 'list') if row['dip'] == name)

    # --- What is found

    def test_ported_number_goes_where_it_is_served(self):
        """RFC 4694 5.2.1, with the number in its global form."""
        self.start_with_agents()
        self.call(PORTED)
        self.expect_call(self.away, '+12125550111;npdi;rn=+12015550000@')

    def test_number_that_is_not_there_stays(self):
        self.start_with_agents()
        self.call(STAYS)
        self.expect_call(self.home, '+12125550112;npdi@')

    def test_freephone_number_is_replaced(self):
        """RFC 4694 5.2.2."""
        self.start_with_agents()
        self.call(FREEPHONE)
        self.expect_call(self.home, '+12125550122;npdi;cic=+10288@')

    def test_answer_is_kept(self):
        self.start_with_agents()
        self.call(STAYS)
        self.expect_call(self.home, '+12125550112;npdi@')
        self.source.unplug()
        self.call(STAYS)
        self.expect_call(self.home, '+12125550112;npdi@')
        self.assertEqual((self.dip()['answers'], self.dip()['cached']), (1, 1))

    def test_route_test_waits_and_explains(self):
        self.start_with_agents()
        for how in 'not kept', 'number':
            answer = self.tandem.ctl_json('route', 'test', PORTED, '--trunk', 'customer')
            said = ' '.join(step['what'] for step in answer['steps'])
            self.assertEqual(answer['route'], 'away')
            self.assertIn('dip "lnp" was asked for +12125550111: number "+12015550000"', said)
            self.assertIn(how, said)

    # --- What is not

    def test_unplugged_source_is_the_tables_turn(self):
        self.start_with_agents()
        self.source.unplug()
        self.call('12125550113')
        self.expect_call(self.away, '+12125550113;npdi;rn=+12015550000@')
        self.call(FREEPHONE)
        self.expect_call(self.home, '+12125550123;npdi;cic=+10444@')
        self.assertGreater(self.dip()['failures'], 0)
        self.assertNotEqual(self.dip()['last_failure'], '')

    def test_unplugged_under_load(self):
        """No call is lost; when the source is back, it is asked again."""
        home, away = (sipp.uas(self, timeout_s=SECONDS + 40) for _ in range(2))
        port = ports.free_port()
        self.start([f'127.0.0.1:{port}', home.address, away.address], keep='0 s')
        calling = sipp.uac(self, f'127.0.0.1:{self.port}', number=PORTED, rate=RATE,
                           n_calls=RATE * SECONDS, hold_ms=100, port=port, timeout_s=SECONDS + 40)
        self.tandem.process.wait_for(lambda: self.dip()['answers'] > 0, 'answer')
        self.source.unplug()
        self.tandem.process.wait_for(lambda: self.dip()['failures'] > 0, 'failure')
        n_before = self.dip()['answers']
        time.sleep(1)  # calls go on: a part of the load, not a wait for something
        self.source.plug_in()
        self.tandem.process.wait_for(lambda: self.has_answered(n_before), 'answer', 20, 0.2)
        counts = calling.wait()
        self.assertEqual((counts.successful, counts.failed), (RATE * SECONDS, 0))
        served = [peer.finish().successful for peer in (home, away)]
        self.assertEqual(sum(served), RATE * SECONDS)
        self.assertGreater(min(served), 0)

    def has_answered(self, n_before):
        """Asks on, should the calls be over."""
        self.tandem.ctl_json('route', 'test', PORTED, '--trunk', 'customer')
        return self.dip()['answers'] > n_before


class Remote(Dips):
    """A source that is another process."""

    def test_frozen_source_holds_calls_up_until_the_deadline(self):
        """It takes the question and does not answer: the table is asked at the deadline; and as long as it
        is silent, nobody waits."""
        self.start_with_agents(keep='0 s')
        self.call(PORTED)
        self.expect_call(self.away, '')
        self.source.freeze()
        waits = []
        for i in range(8):
            number, begun = f'1212555020{i}', time.monotonic()
            self.call(number)
            invite = self.home.expect(f'INVITE sip:+{number}')
            waits.append(time.monotonic() - begun)
            self.refuse(self.home, invite)
        self.assertTrue(all(DEADLINE_S * 0.9 < wait < DEADLINE_S + 0.5 for wait in waits[:5]), waits)
        self.assertTrue(all(wait < DEADLINE_S * 0.9 for wait in waits[5:]), waits)
        self.assertEqual(self.dip()['state'], 'silent')
        self.source.thaw()
        n_before = self.dip()['answers']
        self.tandem.process.wait_for(lambda: self.has_answered(n_before), 'answer', 20, 0.2)
        self.assertEqual(self.dip()['state'], 'up')

    def test_source_that_is_not_there_at_the_start(self):
        self.source.unplug()
        self.start_with_agents()
        self.call(PORTED)
        self.expect_call(self.home, '+12125550111;npdi@')



class Server(Remote, PeerCase):
    SOURCE = SqlServer

    def test_bad_query_is_told(self):
        lnp, freephone = self.source.keys()
        lnp['query'] = '"SELECT routing_number FROM portet WHERE number = $1"'
        self.source.keys = lambda: (lnp, freephone)
        self.start_with_agents()
        self.call(STAYS)
        self.expect_call(self.home, '+12125550112')
        self.assertIn('relation "portet" does not exist', self.dip()['last_failure'])


class File(Dips, PeerCase):
    SOURCE = SqlFile


class Web(Remote, PeerCase):
    SOURCE = WebServer

    def test_module_http_is_upgraded(self):
        self.start_with_agents(keep='0 s')
        self.tandem.ctl_json('module', 'upgrade', 'http')
        self.call(PORTED)
        self.expect_call(self.away, '+12125550111;npdi;rn=+12015550000@')


class Enum(Remote, PeerCase):
    SOURCE = NameServer

    def test_groups_of_the_expression_are_in_the_uri(self):
        self.start_with_agents()
        self.call(PATTERN)
        self.expect_call(self.away, '+12125550114;npdi;rn=+12015550000@')

    def test_record_that_is_not_terminal_is_not_followed(self):
        """RFC 6116 3.4.1."""
        self.start_with_agents()
        self.call(NOT_TERMINAL)
        self.expect_call(self.home, '+12125550115;npdi@')
        self.assertIn('not terminal', self.dip()['last_failure'])


if __name__ == '__main__':
    tap.main()
