#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Offers a switch ten times the calls it can carry, one in a hundred of them with priority, and draws
what becomes of them.

  regime a   each call burns processor time while it is routed, so that the switch carries a few
             hundred a second, and no rate is configured anywhere: it is saturated for real
  regime b   nothing burns: what refusing the rest costs is what is left to lose

The public calls in an open loop, whatever becomes of its calls; the priority calls come from sipp; all
times are from a capture on loopback. The exit status is 1 when a figure misses what it must reach, and 2
when there are no figures.
"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(os.path.dirname(os.path.dirname(HERE)), 'common')]

import figures  # noqa: E402 (the path is set just above)
import network  # noqa: E402
import picture  # noqa: E402
import scene  # noqa: E402
from peers.process import ProcessError  # noqa: E402

OVERLOAD = 10
PRIORITY_SHARE = 0.01
BURN_US = 3000
CALIBRATION_S = 4
N_WEIGHED = 3000   # refusals whose cost is taken
# Of what a first search finds, at which of these rates most is answered.
SHARES = (0.85, 0.92, 1.0, 1.08, 1.17, 1.26, 1.36)
NEAR = (1.0, 1.1)  # the same, where the best is known
N_ROUNDS = 8
# What McGregor, Craighill and Mosley give of Katrina: calls that completed, percent.
FIELD = (('GETS', '94'), ('WPS', '84'), ('ordinary', 'under 10'))


def tell(words):
    print(words, file=sys.stderr, flush=True)


def calibrate(stage, rates):
    """The best that the switch does without overload: calls a second that are answered in time, and the
    processor time of one in microseconds."""
    best, cost_us, n_missed = 0, None, 0
    for rate in rates:
        run = stage.load(rate, CALIBRATION_S)
        good = run.goodput()
        tell(f'  {rate:.0f} calls/s offered, {good:.0f} answered in time')
        if good > best:
            best, cost_us = good, run.cpu_s / max(run.n_answered, 1) * 1e6
        n_missed = n_missed + 1 if good < 0.9 * rate else 0
        if n_missed == 2:
            break
    return best, cost_us


def find_capacity(stage, arguments):
    """What calibrate() says at rates near the best."""
    if arguments.regime == 'a':
        return calibrate(stage, [share * 1e6 / arguments.burn for share in (0.8, 0.9, 1.0)])
    about = calibrate(stage, [1000 * 1.5 ** step for step in range(10)])
    return max(about, calibrate(stage, [share * about[0] for share in SHARES]))


def has_forgers(arguments):
    return arguments.forged > 0 or arguments.replayed > 0


def start_switch(stage, arguments):
    stage.start_switch(arguments.burn if arguments.regime == 'a' else 0, arguments.stall or scene.STALL_S,
                       arguments.without, arguments.trouble,
                       # As long as the tokens that are shown, and shown again, are to be good.
                       min(round(arguments.seconds) + 300, 3600) if has_forgers(arguments) else 0)


def overload(stage, arguments, offered, seconds):
    priority_rate = max(1, offered * PRIORITY_SHARE)
    tell(f'{offered:.0f} calls/s for {seconds:g} s, {priority_rate:.0f} of them with priority')
    return stage.load(offered - priority_rate, seconds, priority_rate,
                      forged_rate=arguments.forged / seconds, replayed_rate=arguments.replayed / seconds,
                      at_half=stage.stall if arguments.stall else None)


def take_turns(stage, arguments, offered):
    """Overload, half of it and none in turn: in a minute a call gets dearer by a third, or cheaper, by what
    others do on the machine's host. Returns (the runs of overload, those of half of it, [(capacity, cost of
    a call)])."""
    runs, halves, gauges = [], [], []
    for _ in range(N_ROUNDS):
        runs.append(overload(stage, arguments, offered, arguments.seconds / N_ROUNDS))
        halves.append(overload(stage, arguments, offered / 2, arguments.seconds / N_ROUNDS))
        tell('without overload:')
        gauges.append(calibrate(stage, [share * offered / OVERLOAD for share in NEAR]))
    return runs, halves, gauges


def calls_for_a_refusal(runs, halves):
    """How many calls fewer are served for one refusal more; None when it cannot be told. The best of each
    stand against each other, as what others do on the machine only ever takes away. It is shown beside the
    refusal that was weighed, and no goal is judged by it: it is made of the goodput that it would judge."""
    full, half = max(runs, key=served_in_time), max(halves, key=served_in_time)
    served, refused = served_in_time(half) - served_in_time(full), full.n_refused - half.n_refused
    return served / refused if served > 0 and refused > 0 else None


def run_crisis(stage, arguments):
    """(what is printed as JSON, the run, what else is worth saying)."""
    stage.start_called()
    start_switch(stage, arguments)
    if arguments.capture:
        stage.start_capture(os.path.abspath(arguments.capture))
    # Of a fresh switch: what is left of calls, for half a minute, has a cost of its own. What a refusal costs
    # beside a call that burns 3 ms is next to nothing.
    refusal_us = stage.weigh_refusal(N_WEIGHED) if arguments.regime == 'b' else None
    amid_calls = None
    best, cost_us = arguments.capacity, None
    if not best:
        tell('without overload:')
        best, cost_us = find_capacity(stage, arguments)
    offered = OVERLOAD * best
    if arguments.regime == 'b' and not (arguments.capacity or arguments.stall or has_forgers(arguments)):
        rounds, halves, gauges = take_turns(stage, arguments, offered)
        best, cost_us = max([(best, cost_us), *gauges])
        amid_calls = calls_for_a_refusal(rounds, halves)
    else:
        rounds = [overload(stage, arguments, offered, arguments.seconds)]
    more = {'offered': offered, 'overflowed': stage.overflowed(), 'levels': stage.levels(), 'best': best,
            'cost_us': cost_us, 'refusal_us': refusal_us, 'amid_calls': amid_calls, 'rounds': rounds}
    more |= {'answered': stage.n_answered, 'records': stage.finish(),
             'gained': stage.n_gained(scene.N_SHOWN if arguments.replayed else 0)
                       if has_forgers(arguments) else 0,
             'proven': stage.classified().get('bearers', 0) if has_forgers(arguments) else 0}
    run = scene.joined(rounds)
    return found(arguments, run, more), run, more


def run_beside(stage, arguments):
    """The same for Kamailio: what it carries without overload is the limit that it is given."""
    hold_us = arguments.burn if arguments.regime == 'a' else 0
    stage.start_peer(hold_us, 1e6)
    tell('Kamailio without overload:')
    best, _ = find_capacity(stage, arguments)
    stage.stop_peer()
    stage.start_peer(hold_us, best)
    priority_rate = max(1, OVERLOAD * best * PRIORITY_SHARE)
    tell(f'{OVERLOAD * best:.0f} calls/s for {arguments.seconds} s')
    run = stage.load(OVERLOAD * best - priority_rate, arguments.seconds, priority_rate)
    stage.stop_peer()
    served = sum(call.is_good() for call in run.priority) / run.seconds
    return {
        'capacity_cps': round(best, 1),
        'offered_cps': round((len(run.ordinary) + len(run.priority)) / run.seconds, 1),
        'priority_offered': len(run.priority),
        'priority_alerting': sum(call.alerted is not None for call in run.priority),
        'p99_100_ms': figures.delay_ms(run.priority),
        'ordinary_goodput_ratio': round(run.goodput() / max(best - served, 1), 4),
    }


def served_in_time(run):
    return sum(call.is_good() for call in run.all)


def share_of_reach(arguments, run, best):
    """What the ordinary were served in RUN, of what they could be: BEST a second. What priority took is not
    there for them, nor what others did: forged marks give nothing, but their calls are served like others."""
    reach = best - sum(call.is_good() for call in run.priority + run.forged) / run.seconds
    return run.goodput() / reach if reach > 0 else None


def found(arguments, run, more):
    """The figures. What others do on the machine only ever takes away: the best capacity stands against the
    best round."""
    ratio = more['refusal_us'] / more['cost_us'] if more['refusal_us'] and more['cost_us'] else None
    more['bound'] = more['best'] * figures.bound(more['offered'] / more['best'], ratio) if ratio else None
    best = more['bound'] or more['best'] * (1 - arguments.stall / run.seconds)
    if 'full' in arguments.trouble:
        best = min(best, scene.FULL_CPS)
    more['shares'] = [share_of_reach(arguments, some, best) for some in more['rounds']]
    share = max((share for share in more['shares'] if share is not None), default=None)
    return {
        'capacity_cps': round(more['best'], 1),
        'offered_cps': round((len(run.ordinary) + len(run.priority)) / run.seconds, 1),
        'priority_offered': len(run.priority),
        'priority_alerting': sum(call.alerted is not None for call in run.priority),
        'p99_100_ms': figures.delay_ms(run.priority),
        'ordinary_goodput_ratio': round(share, 4) if share is not None else None,
        # However much of the machine it got: of its processor time what calls burnt that were in time.
        'useful_work': round(served_in_time(run) * arguments.burn / 1e6 / run.cpu_s, 4)
                       if arguments.regime == 'a' and run.cpu_s else None,
        'refusal_to_call_cost': round(ratio, 4) if ratio else None,
        'records_lost': max(0, more['answered'] - min(more['records'].get('START', 0),
                                                      more['records'].get('STOP', 0))),
        'generator_late': run.n_late,
        **({'forged_offered': run.n_forged_sent, 'forged_gained': more['gained'],
            'proven_offered': len(run.proven), 'proven_classified': more['proven']}
           if run.forged else {}),
        'kernel_drops': run.watch['dropped'],
    }


def goals(arguments, result, run, more):
    """[(what, as it is, what it must reach, whether it does)]."""
    alerting = 100 * result['priority_alerting'] / max(result['priority_offered'], 1)
    ratio, p99 = result['ordinary_goodput_ratio'], result['p99_100_ms']
    shown = '-' if ratio is None else f'{100 * ratio:.1f} %'
    rows = [('priority calls that reach alerting', f'{alerting:.1f} %', '95 %', alerting >= 95)]
    if arguments.stall or arguments.trouble or has_forgers(arguments):
        # No collapse: half of what is left to do.
        rows.append(('ordinary goodput, of what could be carried', shown, '50 %', (ratio or 0) >= 0.5))
    elif arguments.regime == 'a':
        rows.append(('p99 of their INVITE to 100', f'{p99:.1f} ms', '50 ms', p99 <= 50))
        rows.append(('ordinary goodput, of the best without overload', shown, '90 %',
                     (ratio or 0) >= 0.9))
    else:
        refusal_us = more['refusal_us']
        rows.append(('ordinary goodput, of its bound', shown, '90 %', (ratio or 0) >= 0.9))
        rows.append(('a refusal', '-' if refusal_us is None else f'{refusal_us:.1f} us', '8 us',
                     refusal_us is not None and refusal_us <= 8))
    n_released = sum(call.is_released for call in run.all)
    rows.append(('records lost', str(result['records_lost']), '0', result['records_lost'] == 0))
    rows.append(('established calls released', str(n_released), '0', n_released == 0))
    if has_forgers(arguments):
        n_forged = arguments.forged + arguments.replayed
        proven = 100 * result['proven_classified'] / max(result['proven_offered'], 1)
        rows.append(('forged or replayed marks sent', str(run.n_forged_sent), str(n_forged),
                     run.n_forged_sent >= n_forged))
        rows.append(('of them gained a class', str(more['gained']), '0', more['gained'] == 0))
        rows.append(('true tokens that gave their call its class', f'{proven:.1f} %', '95 %', proven >= 95))
    return rows


def show(result, rows, run, more):
    """The tables that people read."""
    for name, value in result.items():
        print(f'{name:26} {value}')
    if more['cost_us']:
        print(f"{'cost of a call':26} {more['cost_us']:.0f} us")
    if more['refusal_us']:
        print(f"{'cost of a refusal':26} {more['refusal_us']:.1f} us at a stretch")
    if more['amid_calls']:
        print(f"{'':26} {more['amid_calls'] * more['cost_us']:.1f} us amid calls, by what it takes from them")
    print(f"{'processor time it got':26} {run.cpu_s / run.seconds:.2f} s a second, {run.n_refused} calls refused")
    if len(more['rounds']) > 1:
        print(f"{'goodput round by round':26} {' '.join(f'{100 * (share or 0):.1f} %' for share in more['shares'])}")
    print(f"{'lost by the switch':26} {more['overflowed']:.0f} datagrams")
    if run.forged:
        share = 100 * served_in_time(run) / run.seconds / more['best']
        print(f"{'goodput of everybody':26} {share:.1f} % of the capacity")
    if run.counts:
        print(f"{'as sipp counts':26} {run.counts.successful} done, {run.counts.failed} failed, "
              f'{run.counts.retransmissions} sent again')
    for level in more['levels']:
        print(f"{'its congestion':26} {level}")
    print(f"{'generator':26} at worst {run.public['worst_late_ms']} ms late, {run.public['dropped']} "
          'dropped')
    print()
    for what, value, limit, is_reached in rows:
        print(f"{'  ' if is_reached else '! '}{what:50} {value:>18}   must: {limit}")
    done = {'priority': (run.priority, lambda call: call.alerted is not None),
            'ordinary': (run.ordinary, lambda call: call.answered is not None)}
    print('\ncalls that complete, %       here     Katrina 2005')
    for name, share in FIELD:
        calls, is_done = done['ordinary' if name == 'ordinary' else 'priority']
        print(f'{name:24} {100 * sum(map(is_done, calls)) / max(len(calls), 1):8.1f}     {share}')


def finite(value):
    """VALUE as JSON can say it: who has waited for ever has no delay."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return None if value == float('inf') else value


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--regime', choices='ab', default='a')
    parser.add_argument('--seconds', type=float, default=15, help='of overload (15)')
    parser.add_argument('--burn', type=int, default=BURN_US, metavar='US',
                        help=f'what each call burns in regime a ({BURN_US})')
    parser.add_argument('--capacity', type=float, metavar='CPS',
                        help='what the switch carries without overload, where it is known: it is not '
                             'tried out')
    parser.add_argument('--stall', type=float, default=0, metavar='S',
                        help='half-way the lane stands still for so long')
    parser.add_argument('--trouble', action='append', default=[], choices=('policy', 'full'),
                        help='what else is wrong: a policy server that is asked and never answers, or a '
                             'full trunk group, for which calls with priority wait')
    parser.add_argument('--beside', choices=('kamailio',),
                        help='show a peer under the same load, tests/bench/crisis/kamailio.cfg')
    parser.add_argument('--forged', type=int, default=0, metavar='N',
                        help='so many calls carry marks that give nothing, half of them with a token '
                             'that nobody has signed')
    parser.add_argument('--replayed', type=int, default=0, metavar='N',
                        help='so many calls carry a token that was true for another one, half of them '
                             'by the trunk which that one came by; of the calls with priority half '
                             'have a token then')
    parser.add_argument('--without', choices=('marks', 'wait'),
                        help='leave out what it does about a crisis: no marks count, or no call is '
                             'refused for having waited')
    parser.add_argument('--capture', metavar='FILE',
                        help='keep what goes between the switch, priority callers and the called party, '
                             'for tshark and others')
    parser.add_argument('--json', action='store_true', help='print the figures as JSON')
    parser.add_argument('--svg', metavar='FILE', help='draw the picture (crisis-REGIME.svg)')
    return parser.parse_args()


def main():
    arguments = parse()
    network.enter(scene.PORTS)
    try:
        with scene.Scene() as stage:
            result, run, more = run_crisis(stage, arguments)
            if arguments.beside:
                result[arguments.beside] = run_beside(stage, arguments)
    except ProcessError as error:
        print(f'crisis: {error}', file=sys.stderr)
        return 2
    rows = goals(arguments, result, run, more)
    svg = arguments.svg or f'crisis-{arguments.regime}.svg'
    with open(svg, 'w', encoding='utf-8') as file:
        file.write(picture.draw(f"{OVERLOAD} times what the switch carries, {arguments.seconds:g} s",
                                run, more['best'], more['bound']))
    if arguments.json:
        print(json.dumps(finite(result)))
    else:
        show(result, rows, run, more)
        print(f'\n{svg}')
    for what, value, limit, is_reached in rows:
        if not is_reached:
            tell(f'missed: {what}: {value}, must be {limit}')
    return 0 if all(row[3] for row in rows) else 1


if __name__ == '__main__':
    sys.exit(main())
