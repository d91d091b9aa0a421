# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws who includes whom, floor by floor, from the same `#include` lines that the walls read."""

import posixpath

from checks.walls import FLOORS, core_room, includes

PUBLIC = 'include/tandem'
FLOOR_OF = {**{f'core/{room}': floor + 1 for room, floor in FLOORS.items()}, PUBLIC: 0,
            'core': 5}
MODULES_FLOOR, HEIGHT, BOX = 6, 110, (130, 40)


def room_of(path):
    """The box of the drawing that a file stands in, or None."""
    parts = path.split('/')
    if '/tests/' in path or parts[0] not in ('core', 'modules', 'include'):
        return None
    if parts[0] == 'include':
        return PUBLIC
    return '/'.join(parts[:2]) if len(parts) > 2 else 'core'


def target_of(tree, path, is_quoted, name):
    if name.startswith('tandem/'):
        return PUBLIC
    if not is_quoted:
        return None
    if core_room(name):
        return f'core/{core_room(name)}'
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    return room_of(beside) if beside in tree.files else room_of(path)


def edges(tree):
    """{(from, to): number of include lines}, what a room includes of itself left out."""
    found = {}
    for path in tree.c_files:
        source = room_of(path)
        if source is None:
            continue
        for is_quoted, name, _ in includes(tree, path):
            target = target_of(tree, path, is_quoted, name)
            if target and target != source:
                found[source, target] = found.get((source, target), 0) + 1
    return found


def places(rooms):
    """The middle of each box, and the drawing's width: a row a floor, modules on top."""
    rows = {}
    for room in sorted(rooms):
        rows.setdefault(FLOOR_OF.get(room, MODULES_FLOOR), []).append(room)
    width = (BOX[0] + 20) * (1 + max(map(len, rows.values()), default=1))
    place = {room: (width * (number + 1) // (len(row) + 1), HEIGHT * (MODULES_FLOOR - floor) + 60)
             for floor, row in rows.items() for number, room in enumerate(row)}
    return place, width


def svg(tree):
    lines = edges(tree)
    place, width = places({room for edge in lines for room in edge})
    height = HEIGHT * (MODULES_FLOOR + 1) + 20
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="14" text-anchor="middle">',
           '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" '
           'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" fill="#567"/></marker></defs>',
           f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for (source, target), count in sorted(lines.items()):
        (x1, y1), (x2, y2) = place[source], place[target]
        is_down = y2 > y1
        colour = '#9ab' if target == PUBLIC else '#567' if is_down else '#c00'
        end = y2 - BOX[1] // 2 if is_down else y2 + BOX[1] // 2
        out.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{end}" stroke="{colour}" '
                   f'stroke-width="{min(1 + count / 10, 4):.1f}" marker-end="url(#head)">'
                   f'<title>{source} includes {target}: {count} lines</title></line>')
    for room, (x, y) in place.items():
        out.append(f'<rect x="{x - BOX[0] // 2}" y="{y - BOX[1] // 2}" width="{BOX[0]}" '
                   f'height="{BOX[1]}" rx="4" fill="#eef3f7" stroke="#567"/>'
                   f'<text x="{x}" y="{y + 5}">{room.removeprefix("modules/")}</text>')
    return '\n'.join([*out, '</svg>', ''])


def table(tree):
    """The same as text: a line a room."""
    lines = edges(tree)
    place, _ = places({room for edge in lines for room in edge})
    out = []
    for room in sorted(place, key=lambda each: (place[each][1], each)):
        below = [f'{target} ({count})' for (source, target), count in sorted(lines.items())
                 if source == room]
        out.append(f'{room:24} -> {", ".join(below) or "nobody"}')
    return '\n'.join(out)
