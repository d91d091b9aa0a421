# SPDX-License-Identifier: LGPL-2.1-or-later
"""The crisis as a picture: three diagrams over one time axis, in SVG."""

import figures

WIDTH, HEIGHT, LEFT, TOP, GAP = 860, 170, 70, 60, 60
COLOURS = {'priority': '#b3261e', 'ordinary': '#35618e', 'limit': '#777777', 'bound': '#b8860b'}


def text(x, y, words, anchor='start', size=12, colour='#222222'):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}">{words}</text>')


def line(points, colour, dashes=''):
    path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in points)
    style = f' stroke-dasharray="{dashes}"' if dashes else ''
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{style}/>'


class Diagram:
    """Curves of one value for each second, from 0 to TOP_VALUE."""

    def __init__(self, title, top_value, n_seconds, index):
        self.top_value, self.n_seconds = top_value or 1, max(n_seconds, 2)
        self.y = TOP + index * (HEIGHT + GAP)
        self.parts = [text(LEFT, self.y - 8, title, size=13)]
        self.parts.append(f'<rect x="{LEFT}" y="{self.y}" width="{WIDTH}" height="{HEIGHT}" '
                          'fill="none" stroke="#cccccc"/>')
        for share in (0, 0.5, 1):
            self.parts.append(text(LEFT - 8, self.place(0, share * self.top_value)[1] + 4,
                                   f'{share * self.top_value:g}', 'end'))
            second = share * (self.n_seconds - 1)
            self.parts.append(text(self.place(second, 0)[0], self.y + HEIGHT + 15, f'{second:g} s',
                                   'middle', 11, '#777777'))

    def place(self, second, value):
        return (LEFT + second / (self.n_seconds - 1) * WIDTH,
                self.y + HEIGHT - min(value, self.top_value) / self.top_value * HEIGHT)

    def curve(self, values, name, dashes=''):
        points = [self.place(second, value) for second, value in enumerate(values)
                  if value is not None]
        if points:
            self.parts.append(line(points, COLOURS[name], dashes))


def whole_seconds(calls, n_seconds):
    """CALLS second by second, without the last second when it is no whole one."""
    return figures.in_seconds(calls)[:max(1, int(n_seconds))]


def completion(seconds, is_done):
    return [100 * sum(map(is_done, some)) / len(some) if some else None for some in seconds]


def set_up(seconds):
    """The median second by second, of those that were answered, in milliseconds."""
    return [figures.percentile([(call.answered - call.invited) / 1000 for call in some
                                if call.answered], 50) for some in seconds]


def draw(title, run, best_cps, bound_cps=None):
    """The whole picture of RUN; BEST_CPS is what the switch can do, BOUND_CPS what refusing the rest
    leaves of it."""
    priority, ordinary = (whole_seconds(calls, run.seconds) for calls in (run.priority, run.ordinary))
    n_seconds = max(len(priority), len(ordinary))
    done = Diagram('calls that complete, %', 100, n_seconds, 0)
    done.curve(completion(priority, lambda call: call.alerted is not None), 'priority')
    done.curve(completion(ordinary, figures.Call.is_good), 'ordinary')
    delays = set_up(priority), set_up(ordinary)
    highest = max([value for some in delays for value in some if value is not None], default=1)
    delay = Diagram('set-up delay of answered calls, median, ms', round(highest * 1.1 + 1), n_seconds, 1)
    delay.curve(delays[0], 'priority')
    delay.curve(delays[1], 'ordinary')
    good = Diagram('calls a second answered within 4 s', round(best_cps * 1.2 + 1), n_seconds, 2)
    for calls, name in ((priority, 'priority'), (ordinary, 'ordinary')):
        good.curve([sum(call.is_good() for call in some) for some in calls], name)
    good.curve([best_cps] * n_seconds, 'limit', '6 4')
    words = [('priority calls', 'priority'), ('ordinary calls', 'ordinary'),
             ('the best without overload', 'limit')]
    if bound_cps is not None:
        good.curve([bound_cps] * n_seconds, 'bound', '2 3')
        words.append(('less what refusals cost', 'bound'))
    bottom = TOP + 3 * (HEIGHT + GAP)
    legend = [text(LEFT + 220 * i, bottom, some, colour=COLOURS[name])
              for i, (some, name) in enumerate(words)]
    parts = [text(LEFT, 22, title, size=15), *done.parts, *delay.parts, *good.parts, *legend]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{bottom + 20}" '
            'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
            + '\n'.join(parts) + '\n</svg>\n')
