# SPDX-License-Identifier: LGPL-2.1-or-later
"""What became of the calls of a crisis, from the messages that crisis-watch noted."""

import collections
import dataclasses
import struct

NOTE = struct.Struct('<qIHBBBB6x')
PATIENCE_US = 4_000_000   # an answer after this comes too late
ORDINARY, PRIORITY, FORGED, REPLAYED, SIGNED = 'g', 'p', 'f', 'r', 't'
PROVEN, COUNTERFEIT = 'v', 'c'   # with a token: its own, and one that nobody has signed


@dataclasses.dataclass(slots=True)
class Call:
    """Times of the wall clock in microseconds; None: it did not happen."""
    invited: int
    tried: int = None      # the first response
    alerted: int = None    # the first 18x, or the answer
    answered: int = None
    refused: int = None
    is_released: bool = False   # by the switch

    def is_good(self):
        return self.answered is not None and self.answered - self.invited <= PATIENCE_US


def note(call, at_us, status):
    """A response to the INVITE of CALL."""
    call.tried = call.tried or at_us
    if status >= 300:
        call.refused = call.refused or at_us
    elif status >= 200:
        call.answered = call.answered or at_us
    if 180 <= status < 300 and status != 182:
        call.alerted = call.alerted or at_us


def read(path):
    """{letter of the caller: {number: Call}} of the file PATH."""
    callers = collections.defaultdict(dict)
    with open(path, 'rb') as file:
        data = file.read()
    data = memoryview(data)[:len(data) // NOTE.size * NOTE.size]
    for at_us, number, status, letter, method, _, is_ours in NOTE.iter_unpack(data):
        calls = callers[chr(letter)]
        if status == 0:
            if method == ord('I') and number not in calls:
                calls[number] = Call(at_us)
            elif method == ord('B') and is_ours and number in calls:
                calls[number].is_released = True
        elif method == ord('I') and number in calls:
            note(calls[number], at_us, status)
    return callers


def percentile(values, percent):
    """The value that PERCENT of VALUES do not exceed; None without any."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * percent // 100) - 1))]


def in_seconds(calls):
    """[calls of the first second, of the next ...]."""
    if not calls:
        return []
    begun = min(call.invited for call in calls)
    seconds = [[] for _ in range(max((call.invited - begun) // 1_000_000 for call in calls) + 1)]
    for call in calls:
        seconds[(call.invited - begun) // 1_000_000].append(call)
    return seconds


def goodput(calls, seconds):
    """Calls a second that were answered in time, of those that began in SECONDS."""
    return sum(call.is_good() for call in calls) / seconds


def delay_ms(calls, percent=99):
    """From INVITE to the first response; a call without one has waited for ever."""
    delays = [float('inf') if call.tried is None else (call.tried - call.invited) / 1000
              for call in calls]
    return percentile(delays, percent)


def bound(offered, ratio):
    """The share of its capacity that a switch can still do when it is offered OFFERED times as much and
    a refusal costs RATIO of a call: what is left after refusing all the rest."""
    return max(0, (1 - offered * ratio) / (1 - ratio))
