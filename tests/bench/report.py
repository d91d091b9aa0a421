# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tables of figures, each beside its peer's of the same run."""

import dataclasses
import json
import os
import platform
import statistics
import time


class Figure:
    """One figure of one subject: a value a run."""

    def __init__(self, name, unit, digits=2):
        self.name, self.unit, self.digits = name, unit, digits
        self.values = {}

    def add(self, subject, value):
        self.values.setdefault(subject, []).append(value)

    def median(self, subject):
        values = [value for value in self.values.get(subject, []) if value is not None]
        return statistics.median(values) if values else None

    def ratio(self, subject, peer):
        ours, theirs = self.median(subject), self.median(peer)
        return ours / theirs if ours is not None and theirs else None

    def spread(self, subject):
        values = [value for value in self.values[subject] if value is not None]
        return f'{min(values):.{self.digits}f} to {max(values):.{self.digits}f}, n={len(values)}'

    def rows(self, subjects, peer):
        for subject in subjects:
            values = [value for value in self.values.get(subject, []) if value is not None]
            if not values:
                continue
            median, ratio = self.median(subject), self.ratio(subject, peer)
            yield (self.name, subject, f'{median:.{self.digits}f}', self.unit,
                   self.spread(subject), f'{ratio:.2f} x' if ratio is not None else '-')


class Report:
    def __init__(self, title, peer):
        self.title, self.peer = title, peer
        self.subjects, self.figures, self.runs, self.notes = [], {}, [], []

    def add(self, subject, name, value, unit, digits=2):
        if subject not in self.subjects:
            self.subjects.append(subject)
        if name not in self.figures:
            self.figures[name] = Figure(name, unit, digits)
        self.figures[name].add(subject, value)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def text(self):
        head = ('figure', 'subject', 'median', 'unit', 'spread', f'to {self.peer}')
        rows = [row for figure in self.figures.values()
                for row in figure.rows(self.subjects, self.peer)]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        lines = [self.title, '']
        for row in [head, tuple('-' * width for width in widths), *rows]:
            lines.append('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        return '\n'.join([*lines, *([''] + self.notes if self.notes else [])])

    def json(self):
        return {
            'title': self.title, 'peer': self.peer, 'machine': machine(), 'runs': self.runs,
            'notes': self.notes,
            'figures': [{'name': figure.name, 'unit': figure.unit, 'subject': subject,
                         'values': values, 'median': figure.median(subject),
                         'ratio': figure.ratio(subject, self.peer)}
                        for figure in self.figures.values()
                        for subject, values in figure.values.items()],
        }


@dataclasses.dataclass
class Goal:
    """What FIGURE of the report that COMMAND makes must reach: a ratio to the report's peer, or a
    value; TEXT says what was measured."""

    command: str
    figure: str
    text: str
    limit: float = None  # None: shown, and no more is asked
    is_ratio: bool = False
    is_least: bool = False  # a lower limit

    def must(self, unit):
        if self.limit is None:
            return ''
        sign = 'at least' if self.is_least else 'at most'
        return f'{sign} {self.limit:g} {"x" if self.is_ratio else unit}'

    def is_reached(self, value, ratio):
        """None where it cannot be told."""
        found = ratio if self.is_ratio else value
        if found is None or self.limit is None:
            return None
        return found >= self.limit if self.is_least else found <= self.limit


def shown(figure, subject):
    value = f'{figure.median(subject):.{figure.digits}f} {figure.unit}'.rstrip()
    return f'{value} ({figure.spread(subject)})'


def goal_row(goal, report, own):
    figure = report.figures[goal.figure] if report and goal.figure in report.figures else None
    value = figure.median(own) if figure else None
    if value is None:
        return (goal.text, 'not measured', '', '', goal.must(''), '')
    ratio = figure.ratio(own, report.peer)
    peers = '; '.join(f'{subject} {shown(figure, subject)}' for subject in report.subjects
                      if subject != own and figure.median(subject) is not None)
    reached = {None: '', True: 'yes', False: 'NO'}[goal.is_reached(value, ratio)]
    return (goal.text, shown(figure, own), peers, f'{ratio:.2f} x' if ratio else '',
            goal.must(figure.unit), reached)


def markdown(goals, reports, own='tandem'):
    """The table of GOALS from REPORTS, {command: Report}, as docs/benchmarks.md has it."""
    rows = [('figure', 'Tandem', 'peers', 'ratio', 'must reach', 'reached'), ('---',) * 6]
    rows += [goal_row(goal, reports.get(goal.command), own) for goal in goals
             if goal.command in reports]
    notes = [f'- {name}: {note}' for name, report in reports.items() for note in report.notes]
    return '\n'.join(['| ' + ' | '.join(row) + ' |' for row in rows]
                     + ([''] + notes if notes else []))


def machine():
    return {'cores': os.cpu_count(), 'kernel': platform.release(), 'load': os.getloadavg()[0],
            'date': time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}


def write_json(path, reports):
    with open(path, 'w', encoding='utf-8') as file:
        json.dump([report.json() for report in reports], file, indent=2)
        file.write('\n')
