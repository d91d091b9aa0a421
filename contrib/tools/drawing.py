# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws a state machine as SVG: its states from top to bottom, ways on to the right, ways back to the left.

A way to the next state is an arrow between the two; all others go round, each in a lane of its own as
far as they would touch. The same table always gives the same picture.
"""

import textwrap
from html import escape

BOX, GAP, LINE, LANE, MARGIN, APART = 330, 30, 15, 13, 16, 9
LETTERS = 52  # of events in a line


class Box:
    def __init__(self, number, state, y, n_ends):
        self.number = number
        self.name = state['state']
        self.lines = textwrap.wrap(', '.join(state['events']), LETTERS, break_on_hyphens=False)
        if state.get('timer'):
            self.lines.append(f'after {state["timer"]}: {state["timer_event"]}')
        self.is_end = not state['next']
        self.y = y
        text_height = 28 + LINE * len(self.lines) + (4 if self.lines else 0)
        self.height = max(text_height, APART * (n_ends + 1))
        self.ends = {'left': [], 'right': []}

    def settle(self):
        """Gives each way that touches a side of this box its height there: {way: y}, by side."""
        return {side: {way: self.y + self.height * (i + 1) / (len(ways) + 1)
                       for i, way in enumerate(sorted(ways, key=lambda way: self.order(way, side)))}
                for side, ways in self.ends.items()}

    def order(self, way, side):
        """So that no two ways of one side cross where they leave or arrive."""
        source, target = way
        is_out = self.number == source
        span = abs(source - target)
        if side == 'right':
            return (is_out, -span if is_out else span)
        return (not is_out, span if is_out else -span)


def boxes_of(machine, round_ways):
    boxes, y = [], MARGIN
    for number, state in enumerate(machine['states']):
        n_ends = max(sum(number in way for way in some) for some in round_ways.values())
        box = Box(number, state, y, n_ends)
        boxes.append(box)
        y += box.height + GAP
    return boxes


def ways_of(machine):
    numbers = {state['state']: i for i, state in enumerate(machine['states'])}
    return [(numbers[state['state']], numbers[name])
            for state in machine['states'] for name in state['next']]


def lanes_of(ways):
    """{way: lane}, 1 nearest to the boxes; short ways first."""
    lanes = {}
    for way in sorted(ways, key=lambda way: (abs(way[0] - way[1]), way)):
        low, high = sorted(way)
        taken = {lanes[other] for other in lanes
                 if min(other) < high and max(other) > low}
        lanes[way] = next(lane for lane in range(1, len(ways) + 1) if lane not in taken)
    return lanes


def path(points, title):
    drawn = ' '.join(f'{x:.0f},{y:.0f}' for x, y in points)
    return (f'<polyline points="{drawn}" fill="none" stroke="#567" marker-end="url(#head)">'
            f'<title>{escape(title)}</title></polyline>')


def draw_box(box, x):
    out = [f'<rect x="{x}" y="{box.y}" width="{BOX}" height="{box.height}" rx="6" '
           f'fill="{"#e8e8e8" if box.is_end else "#eef3f7"}" stroke="#567"/>',
           f'<text x="{x + BOX // 2}" y="{box.y + 19}" font-size="14" font-weight="bold">'
           f'{escape(box.name)}</text>']
    out += [f'<text x="{x + BOX // 2}" y="{box.y + 37 + LINE * i}" font-size="11">{escape(line)}'
            '</text>' for i, line in enumerate(box.lines)]
    return out


def svg(machine):
    ways = ways_of(machine)
    steps = [way for way in ways if way[1] == way[0] + 1]
    round_ways = {'right': [way for way in ways if way[1] > way[0] + 1],
                  'left': [way for way in ways if way[1] <= way[0]]}
    boxes = boxes_of(machine, round_ways)
    lanes = {side: lanes_of(some) for side, some in round_ways.items()}
    for side, some in round_ways.items():
        for way in some:
            boxes[way[0]].ends[side].append(way)
            boxes[way[1]].ends[side].append(way)
    heights = [box.settle() for box in boxes]
    n_lanes = {side: max(some.values(), default=0) for side, some in lanes.items()}
    left = MARGIN + LANE * (n_lanes['left'] + 1)
    right = left + BOX
    width = right + LANE * (n_lanes['right'] + 1) + MARGIN
    height = boxes[-1].y + boxes[-1].height + MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           f'width="{width}" height="{height}" font-family="sans-serif" text-anchor="middle">',
           f'<title>{escape(machine["machine"])}</title>',
           '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
           'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
           '<path d="M0 0 8 4 0 8z" fill="#567"/></marker></defs>',
           f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for box in boxes:
        out += draw_box(box, left)
    for source, target in ways:
        title = f'{boxes[source].name} to {boxes[target].name}'
        if (source, target) in steps:
            x = left + BOX // 2
            out.append(path([(x, boxes[source].y + boxes[source].height), (x, boxes[target].y)],
                            title))
            continue
        side = 'right' if target > source else 'left'
        lane = lanes[side][source, target]
        edge, x = (right, right + LANE * lane) if side == 'right' else (left, left - LANE * lane)
        y1, y2 = (heights[end][side][source, target] for end in (source, target))
        out.append(path([(edge, y1), (x, y1), (x, y2), (edge, y2)], title))
    return '\n'.join([*out, '</svg>', ''])
