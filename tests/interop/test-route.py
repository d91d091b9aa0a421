#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The module route over real sockets: calls go where the tables say, also while the tables change."""

import os
import shutil
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import Agent, branch, description  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import BUILD, Tandem  # noqa: E402

PROGRAM = os.path.join(BUILD, 'modules', 'route', 'tandem-routes')

TABLES = {
    'list': 'label,mode,tries,causes\nnear,least-cost,2,\nfar,sequence,2,\nhelp,sequence,2,\n'
            'phone,sequence,1,\n',
    'target': 'label,position,trunk,cost,translation,number\nnear,1,carrier-a,20,,\n'
              'near,2,carrier-b,10,,\nfar,1,carrier-a,,national,\nfar,2,carrier-b,,,\n'
              'help,1,carrier-b,,,5550911\nphone,1,carrier-b,,,\n',
    'translation': 'translation,step,party,pattern,action,argument\n'
                   'e164,10,called,00,replace,+\nnational,10,called,+49,replace,0\n'
                   'national,20,calling,+1,replace,001\n',
    'screening': 'list,rank,calling,called,action,cause\npolite,1,,+4990,deny,21\n',
    'route': 'table,prefix,rank,category,label\nmain,+4930,0,,near\nmain,+49,1,payphone,phone\n'
             'main,+49,2,,far\nmain,+1212,0,,near\n',
    'ingress': 'trunk,translation,screening,table,region\ncustomer,e164,polite,main,home\n',
    'emergency': 'region,number,label\nhome,112,help\n',
    'ported': 'number,routing_number\n+493012345,+49305550000\n',
}


class Route(PeerCase):
    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.customer = Agent(self, self.port, 'customer')
        self.carrier_a = Agent(self, self.port, 'a')
        self.carrier_b = Agent(self, self.port, 'b')
        self.database = self.path('route.db')
        for table, text in TABLES.items():
            self.write(os.path.join(self.path('tables'), f'{table}.csv'), text)
        self.change('import', self.path('tables'))
        self.tandem = Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route'), 'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}'], 'strangers': 'refuse'},
            'routing': {'database': self.database, 'poll': '100 ms'},
            'call': {'media': 'through'},
            'trunk customer': {'address': f'sip:{self.customer.address}'},
            'trunk carrier-a': {'address': f'sip:{self.carrier_a.address}'},
            'trunk carrier-b': {'address': f'sip:{self.carrier_b.address}'},
        })

    def write(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return super().write(path, text)

    def change(self, *words, text=''):
        subprocess.run([PROGRAM, '-d', self.database, *words], input=text, text=True, timeout=60,
                       check=True, stdout=subprocess.DEVNULL)

    def call(self, number, calling='+12125550100'):
        parties = {'From': f'<sip:{calling}@127.0.0.1>;tag=f', 'To': f'<sip:{number}@x>',
                   'Call-ID': uuid.uuid4().hex}
        self.customer.send(self.customer.request(
            'INVITE', f'sip:{number}@127.0.0.1:{self.port}', parties, 1, description(9), branch()))

    def refuse(self, carrier, invite, status):
        carrier.answer(invite, status, 'x')
        carrier.expect('ACK ')

    def routing(self):
        return self.tandem.ctl_json('routing', 'show')

    def wait_for_version(self, version):
        self.tandem.process.wait_for(lambda: self.routing()['version'] == version,
                                     f'version {version}')

    # --- Where calls go

    def test_least_cost_then_the_next_carrier(self):
        self.call('+49309999999')
        self.refuse(self.carrier_b, self.carrier_b.expect('INVITE sip:+49309999999;npdi@'), 503)
        self.refuse(self.carrier_a, self.carrier_a.expect('INVITE sip:+49309999999;npdi@'), 486)
        self.customer.expect('SIP/2.0 486 ')

    def test_numbers_are_translated_in_and_out(self):
        """00 in front becomes +; carrier-a wants national numbers, and is told the caller's so."""
        self.call('0049891234')
        invite = self.carrier_a.expect('INVITE sip:0891234;npdi@')
        self.assertIn('<sip:0012125550100@', invite)
        self.refuse(self.carrier_a, invite, 503)
        invite = self.carrier_b.expect('INVITE sip:+49891234;npdi@')
        self.assertIn('<sip:+12125550100@', invite)

    def test_category_of_the_caller_decides(self):
        self.call('+49891234', calling='+12125550100;cpc=payphone')
        self.carrier_b.expect('INVITE sip:+49891234;npdi@')

    def test_screened_number_is_refused(self):
        self.call('+49900123')
        self.customer.expect('SIP/2.0 403 ')

    def test_number_without_a_route(self):
        self.call('+33123')
        self.customer.expect('SIP/2.0 404 ')

    def test_emergency_number_has_a_list_of_its_own(self):
        self.call('112')
        self.carrier_b.expect('INVITE sip:5550911@')

    def test_ported_number_goes_where_it_is_served(self):
        """RFC 4694 5.2: the number that was found goes with it, and that it was looked up."""
        self.call('+493012345')
        self.carrier_b.expect('INVITE sip:+493012345;npdi;rn=+49305550000@')

    def call_with(self, parameters):
        uri = f'sip:+493012345{parameters}@127.0.0.1:{self.port}'
        parties = {'From': '<sip:+12125550100@127.0.0.1>;tag=f', 'To': '<sip:+493012345@x>',
                   'Call-ID': uuid.uuid4().hex}
        self.customer.send(self.customer.request('INVITE', uri, parties, 1, description(9), branch()))

    def test_routing_number_with_separators_is_routed_by(self):
        """RFC 4694 4: visual separators in the "rn" are optional."""
        self.call_with(';npdi;rn=+1-212-555-0000')
        self.carrier_b.expect('INVITE sip:+493012345;npdi;rn=+12125550000@')

    def test_context_stays_with_its_routing_number(self):
        """RFC 4694 4: a local number says in which network it holds; a new one is not in that."""
        self.call_with(';rn=1234;rn-context=+44;x=y')
        self.carrier_b.expect('INVITE sip:+493012345;x=y;npdi;rn=+49305550000@')

    def test_name_of_a_carrier_is_no_code(self):
        self.change('import', 'ingress', text='trunk,translation,table,region,carrier\n'
                                              'customer,e164,main,home,smith\n')
        self.wait_for_version(2)
        self.call('+4930111')
        self.carrier_b.expect('INVITE sip:+4930111;npdi@')

    def test_line_information_that_is_none_is_not_zero(self):
        self.change('import', 'route', text='table,prefix,rank,line_information,label\n'
                                            'main,+4989,0,0,phone\n')
        self.wait_for_version(2)
        self.call('+49891234', calling='+12125550100;oli=payphone')
        self.carrier_a.expect('INVITE sip:0891234;npdi@')

    def test_number_of_a_target_is_not_what_was_looked_up(self):
        self.change('import', 'target', text='label,position,trunk,cost,number\n'
                                             'near,2,carrier-b,10,+498005551\n')
        self.wait_for_version(2)
        self.call('+493012345')
        self.refuse(self.carrier_b, self.carrier_b.expect('INVITE sip:+498005551@'), 503)
        self.carrier_a.expect('INVITE sip:+493012345;npdi;rn=+49305550000@')

    def test_route_test_explains_every_step(self):
        answer = self.tandem.ctl_json('route', 'test', '0049891234', '--trunk', 'customer')
        steps = [step['step'] for step in answer['steps']]
        self.assertEqual(answer['route'], 'far')
        self.assertEqual([target['number'] for target in answer['targets']],
                         ['0891234', '+49891234'])
        for step in 'ingress', 'translation', 'screening', 'portability', 'route', 'target':
            self.assertIn(step, steps)

    # --- Tables that change

    def test_new_version_holds_for_the_next_call(self):
        self.change('import', 'target', text='label,position,trunk,cost\nnear,1,carrier-a,5\n')
        self.wait_for_version(2)
        self.call('+4930111')
        self.carrier_a.expect('INVITE sip:+4930111;npdi@')

    def test_version_with_a_mistake_is_not_taken(self):
        self.change('import', 'target', text='label,position,trunk\nnear,3,nobody\n')
        self.tandem.process.wait_for(lambda: 'trouble' in self.routing(), 'trouble')
        shown = self.routing()
        self.assertEqual(shown['version'], 1)
        self.assertIn('version 2 has 1 mistakes', shown['trouble'])
        errors = [row for row in self.tandem.ctl_json('routing', 'check') if row['kind'] == 'error']
        self.assertEqual([(row['table'], row['line']) for row in errors], [('target', 2)])
        self.assertIn('nobody', errors[0]['what'])
        self.call('+4930111')
        self.carrier_b.expect('INVITE sip:+4930111;npdi@')
        self.change('roll-back', '1')
        self.wait_for_version(3)
        self.assertNotIn('trouble', self.routing())

    def test_database_that_vanishes_leaves_the_tables(self):
        for name in os.listdir(self.path('')):
            if name.startswith('route.db'):
                os.unlink(self.path(name))
        self.tandem.process.wait_for(lambda: 'trouble' in self.routing(), 'trouble')
        self.assertIn('route.db', self.routing()['trouble'])
        self.call('+4930111')
        self.carrier_b.expect('INVITE sip:+4930111;npdi@')
        self.assertFalse(os.path.exists(self.database))

    def database_files(self):
        return [name for name in os.listdir(self.path('')) if name.startswith('route.db')]

    def test_database_that_comes_back_ends_the_trouble(self):
        away = self.path('away')
        os.mkdir(away)
        for name in self.database_files():
            os.rename(self.path(name), os.path.join(away, name))
        self.tandem.process.wait_for(lambda: 'trouble' in self.routing(), 'trouble')
        for name in os.listdir(away):
            os.rename(os.path.join(away, name), self.path(name))
        self.tandem.process.wait_for(lambda: 'trouble' not in self.routing(), 'no trouble')

    def test_database_made_anew_is_read_though_its_version_is_the_same(self):
        self.write(os.path.join(self.path('tables'), 'target.csv'),
                   TABLES['target'].replace('near,1,carrier-a,20', 'near,1,carrier-a,5'))
        subprocess.run([PROGRAM, '-d', self.path('next.db'), 'import', self.path('tables')],
                       timeout=60, check=True, stdout=subprocess.DEVNULL)
        for name in self.database_files():
            os.unlink(self.path(name))
        os.rename(self.path('next.db'), self.database)

        def first_trunk():
            return self.tandem.ctl_json('route', 'test', '+4930111', '--trunk',
                                        'customer')['targets'][0]['trunk']
        self.tandem.process.wait_for(lambda: first_trunk() == 'carrier-a', 'carrier-a')
        self.assertEqual(self.routing()['version'], 1)

    def test_version_is_told_from_the_start(self):
        shown = self.tandem.ctl_json('metric', 'tandem_routing_version')
        self.assertEqual([row['value'] for row in shown], [1])

    def test_upgrade_keeps_routing(self):
        self.assertEqual(self.tandem.ctl('module', 'upgrade', 'route')[0], 0)
        self.call('+4930111')
        self.carrier_b.expect('INVITE sip:+4930111;npdi@')

    def test_empty_tables_leave_calls_to_others(self):
        shutil.rmtree(self.path('tables'))
        self.change('roll-back', '0')
        self.wait_for_version(2)
        self.assertIn('tandem-routes fills them', self.tandem.ctl(
            'route', 'test', '+4930111', '--trunk', 'customer')[2])
        self.call('+4930111')
        self.customer.expect('SIP/2.0 404 ')


if __name__ == '__main__':
    tap.main()
