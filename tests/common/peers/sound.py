# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was heard, measured: is it the words that were said, how loud, how long.

Samples are whole numbers of 16 bits. Nothing but arithmetic is needed, so a fresh machine can do it.
"""

import array
import math
import operator
import wave

FRAME_MS = 10


def read_samples(path):
    """(samples, rate in Hz) of a finished WAV file of 16 bits, one channel."""
    with wave.open(path, 'rb') as file:
        samples = array.array('h', file.readframes(file.getnframes()))
        return samples, file.getframerate()


def loudness(samples, rate_hz):
    """Root mean square of each 10 ms."""
    size = rate_hz * FRAME_MS // 1000
    return [math.sqrt(sum(sample * sample for sample in samples[start:start + size]) / size)
            for start in range(0, len(samples) - size + 1, size)]


def sounding_s(samples, rate_hz, threshold=200):
    """Seconds that are louder than a line's noise."""
    return sum(level > threshold for level in loudness(samples, rate_hz)) * FRAME_MS / 1000


def likeness(one, other):
    """The coefficient of correlation of two series of one length, -1 to 1."""
    size = min(len(one), len(other))
    if size == 0:
        return 0.0
    mean_one, mean_other = sum(one[:size]) / size, sum(other[:size]) / size
    one = [value - mean_one for value in one[:size]]
    other = [value - mean_other for value in other[:size]]
    norm = math.sqrt(sum(map(operator.mul, one, one)) * sum(map(operator.mul, other, other)))
    return sum(map(operator.mul, one, other)) / norm if norm else 0.0


def _loudest(levels, size):
    """Where the loudest SIZE levels in a row begin."""
    return max(range(0, max(1, len(levels) - size), size // 4 or 1),
               key=lambda start: sum(levels[start:start + size]))


def speech_match(heard, said, rate_hz, window_s=0.6):
    """How much the loudest window of HEARD is like the same window of SAID: the correlation at the
    best of all shifts, 0 to 1. First by loudness, then sample by sample around that place."""
    frame = rate_hz * FRAME_MS // 1000
    size = int(window_s * 1000 / FRAME_MS)
    heard_levels, said_levels = loudness(heard, rate_hz), loudness(said, rate_hz)
    if len(heard_levels) <= size or len(said_levels) <= size:
        return 0.0
    start = _loudest(heard_levels, size)
    window = heard[start * frame:(start + size) * frame]
    levels = heard_levels[start:start + size]
    places = sorted(range(len(said_levels) - size), reverse=True,
                    key=lambda place: likeness(levels, said_levels[place:place + size]))[:4]
    best = 0.0
    for place in places:
        for shift in range(max(0, (place - 1) * frame), (place + 1) * frame):
            best = max(best, likeness(window, said[shift:shift + len(window)]))
    return best


def tone_hz(samples, rate_hz):
    """The frequency of a pure tone, from how often it rises through zero."""
    rises = [n for n in range(1, len(samples)) if samples[n - 1] < 0 <= samples[n]]
    if len(rises) < 2:
        return 0.0
    return (len(rises) - 1) * rate_hz / (rises[-1] - rises[0])
