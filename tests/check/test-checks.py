#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each check finds its breach in a small tree, and nothing in a tree that is right."""

import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, 'contrib', 'tools'), os.path.join(ROOT, 'tests', 'common')]

import tap  # noqa: E402
from checks import CHECKS, graph  # noqa: E402
from checks.tree import Tree  # noqa: E402

OPENING = '/* SPDX-License-Identifier: LGPL-2.1-or-later */\n/* A file of a small tree. */\n\n'
SCRIPT = '# SPDX-License-Identifier: LGPL-2.1-or-later\n'

# A tree in which every check is content.
SOUND = {
    'include/tandem/base.h': OPENING + '''#include <glib.h>

#define TD_API         __attribute__ ((visibility ("default")))
#define TD_MAKER(name) TD_API extern const int name;

G_BEGIN_DECLS

typedef void (*TdVisit) (void *data);

TD_API const char *const *td_base_names (TdVisit visit);

/* td_base_gone () is only spoken of. */
static inline int
td_base_twice (int number)
{
    return 2 * number;
}

G_END_DECLS
''',
    'include/tandem/tandem.map': '''TANDEM_1.0 {
    global:
        # base.h
        td_base_names;
    local:
        *;
};
''',
    'core/base/owner.c': OPENING + '''#include <pthread.h>
#include <tandem/base.h>

int
main (void)
{
    return 0;
}
''',
    'core/base/meson.build': SCRIPT + "core_sources += files('owner.c')\n",
    'core/base/tests/test-owner.c': OPENING + '#include "base/owner.h"\n',
    'core/base/tests/meson.build': SCRIPT + "core_tests += {'base/owner': files('test-owner.c')}\n",
    'core/base/owner.h': OPENING + 'int owner;\n',
    'core/run/lane.h': OPENING + '#include "base/owner.h"\n',
    'core/module/loader.c': OPENING + '#include <ltdl.h>\n',
    'core/module/meson.build': SCRIPT + "core_sources += files('loader.c')\n",
    'lib/sqlite-log.h': OPENING + '#include <sqlite3.h>\n',
    'core/README.md': '''# Plan

## base/

- `owner.c`: owners

## run/

- `lane.h`: lanes

## module/

- `loader.c`: the loader
''',
    'modules/sip/sip.c': OPENING + '''#include "part.h"
#include <osip2/osip.h>
#include <tandem/base.h>

static const char *const names[] = { "static int words;", NULL };
static int count (int number);
static void (*const table[]) (void) = { NULL };
static const struct {
    int number;
} rows[] = { { 1 } };
static const int one = 1;
''',
    'modules/sip/part.h': OPENING + 'int part;\n',
    'modules/sip/meson.build': SCRIPT + "sources = files('sip.c')\n",
    'modules/sip/sip.md': '# sip\n',
    'docs/index.md': '# Docs\n\n[sip](../modules/sip/sip.md#sip)\n',
    'contrib/hello': '#!/bin/sh\n' + SCRIPT + 'echo "$1"\n',
}


class SmallTree(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='check-')
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(os.path.join(ROOT, '.clang-format'), self.root)
        for path, text in SOUND.items():
            self.write(path, text)

    def write(self, path, text):
        place = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, 'w', encoding='utf-8') as file:
            file.write(text)

    def append(self, path, text):
        with open(os.path.join(self.root, path), 'a', encoding='utf-8') as file:
            file.write(text)

    def found(self, name, is_warning=False):
        return [finding for finding in CHECKS[name](Tree(self.root))
                if finding.is_warning == is_warning]

    def assert_breach(self, name, path, fragment):
        found = self.found(name)
        self.assertEqual([finding.path for finding in found], [path], [str(f) for f in found])
        self.assertIn(fragment, found[0].text)
        return found[0]

    def need(self, program):
        if not shutil.which(program):
            self.skipTest(f'{program} is missing')


class Sound(SmallTree):
    def test_every_check_is_content(self):
        for name in CHECKS:
            with self.subTest(name):
                self.assertEqual([str(finding) for finding in self.found(name)], [])


class Walls(SmallTree):
    def breach(self, path, include, fragment):
        text = SOUND.get(path, OPENING)
        self.write(path, text + f'#include {include}\n')
        finding = self.assert_breach('walls', path, fragment)
        self.assertEqual(finding.line, text.count('\n') + 1)

    def test_public_header_includes_a_library(self):
        self.breach('include/tandem/base.h', '<gio/gio.h>', 'C, <glib.h>')

    def test_public_header_includes_core(self):
        self.breach('include/tandem/base.h', '"base/owner.h"', 'siblings')

    def test_room_includes_a_room_above(self):
        self.breach('core/base/owner.c', '"run/lane.h"', 'floor 0')

    def test_room_includes_a_room_beside(self):
        self.breach('core/call/call.c', '"config/reader.h"', 'floor 2')

    def test_room_includes_the_engine(self):
        self.breach('core/module/loader.c', '"engine.h"', 'no room below')

    def test_core_includes_a_library(self):
        self.breach('core/base/owner.c', '<sqlite3.h>', 'third-party')

    def test_core_includes_a_module(self):
        self.breach('core/base/owner.c', '"../../modules/sip/part.h"', 'leaves the room')

    def test_ltdl_outside_the_loader(self):
        self.breach('core/base/owner.c', '<ltdl.h>', 'loader.c only')

    def test_ltdl_in_a_module(self):
        self.breach('modules/sip/sip.c', '<ltdl.h>', 'loader.c only')

    def test_lib_includes_a_contract(self):
        self.breach('lib/sqlite-log.h', '<tandem/lane.h>', 'nothing of Tandem')

    def test_lib_includes_a_module(self):
        self.breach('lib/sqlite-log.h', '"../modules/sip/part.h"', 'not in lib')

    def test_module_includes_core(self):
        self.breach('modules/sip/sip.c', '"base/owner.h"', 'nothing of core')

    def test_module_includes_core_by_path(self):
        self.breach('modules/sip/sip.c', '"../../core/base/owner.h"', 'nothing of core')

    def test_module_includes_core_in_brackets(self):
        self.breach('modules/sip/sip.c', '<run/lane.h>', 'no private header')

    def test_module_includes_another(self):
        self.breach('modules/echo/echo.c', '"../sip/part.h"', 'not in modules/echo')

    def test_osip_outside_sip(self):
        self.breach('modules/echo/echo.c', '<osipparser2/osip_message.h>', 'modules/sip only')

    def test_gst_outside_its_modules(self):
        self.breach('modules/sip/sip.c', '<gst/gst.h>', 'says gst')

    def test_gst_in_its_module(self):
        self.write('modules/codec-gst/codec-gst.c', OPENING + '#include <gst/gst.h>\n')
        self.assertEqual(self.found('walls'), [])

    def test_room_test_includes_a_room_above(self):
        self.breach('core/base/tests/test-owner.c', '"run/lane.h"', 'floor 0')

    def test_whole_test_includes_core(self):
        self.breach('tests/flow/test-flow.c', '"run/lane.h"', 'tests/common only')

    def test_whole_test_includes_a_module(self):
        self.breach('tests/flow/test-flow.c', '"../../modules/sip/part.h"', 'tests/common only')

    def test_fuzz_target_sees_two_rooms(self):
        self.write('tests/fuzz/fuzz-ini.c', OPENING + '#include "config/reader.h"\n')
        self.assertEqual(self.found('walls'), [])
        self.write('tests/fuzz/fuzz-two.c', OPENING + '#include "config/a.h"\n')
        self.append('tests/fuzz/fuzz-two.c', '#include "sip/b.h"\n')
        self.assert_breach('walls', 'tests/fuzz/fuzz-two.c', 'one room')

    def test_include_in_a_comment_line_counts_not(self):
        self.append('modules/sip/sip.c', '/* see #include "base/owner.h" */\n')
        self.assertEqual(self.found('walls'), [])


class Graph(SmallTree):
    def test_counts_lines_between_rooms(self):
        self.assertEqual(graph.edges(Tree(self.root)), {
            ('core/base', 'include/tandem'): 1, ('core/run', 'core/base'): 1,
            ('modules/sip', 'include/tandem'): 1})

    def test_breach_goes_up_in_red(self):
        self.append('core/base/owner.c', '#include "run/lane.h"\n')
        drawing = graph.svg(Tree(self.root))
        self.assertEqual(drawing.count('#c00'), 1)
        self.assertIn('core/base includes core/run: 1 lines', drawing)

    def test_sound_tree_has_nothing_red(self):
        self.assertNotIn('#c00', graph.svg(Tree(self.root)))


class Sizes(SmallTree):
    def test_long_file(self):
        self.append('core/base/owner.c', '\n' * 1000)
        self.assert_breach('sizes', 'core/base/owner.c', 'split above 1000')

    def test_long_file_is_warned_of_before(self):
        self.append('core/base/owner.c', '\n' * 600)
        self.assertEqual(self.found('sizes'), [])
        self.assertEqual(len(self.found('sizes', is_warning=True)), 1)

    def test_long_public_header(self):
        self.append('include/tandem/base.h', '\n' * 400)
        self.assert_breach('sizes', 'include/tandem/base.h', 'at most 400')

    def function(self, n_lines):
        return ('\nstatic int\nlong_one (int (*visit) (void))\n{\n'
                + '    visit ();\n' * (n_lines - 3) + '}\n')

    def test_function_of_120_lines_passes(self):
        self.append('core/base/owner.c', self.function(120))
        self.assertEqual(self.found('sizes'), [])
        self.assertIn('120 lines', self.found('sizes', is_warning=True)[0].text)

    def test_function_of_121_lines(self):
        self.append('core/base/owner.c', self.function(121))
        finding = self.assert_breach('sizes', 'core/base/owner.c', 'long_one () has 121 lines')
        self.assertEqual(finding.line, SOUND['core/base/owner.c'].count('\n') + 3)

    def test_long_table_is_no_function(self):
        rows = '    { 1 },\n' * 300
        self.append('core/base/owner.c', f'\nstatic const int table[] = {{\n{rows}}};\n')
        self.assertEqual(self.found('sizes'), [])

    def test_too_many_headers(self):
        for number in range(25):
            self.write(f'include/tandem/h{number}.h', OPENING)
        self.assert_breach('sizes', 'include/tandem', '26 public headers')

    def test_iface_headers_are_not_concepts(self):
        for number in range(25):
            self.write(f'include/tandem/iface/h{number}.h', OPENING)
        self.assertEqual(self.found('sizes'), [])

    def test_too_many_functions(self):
        for header in range(3):
            text = ''.join(f'TD_API void td_f{header}_{number} (void);\n' for number in range(100))
            self.write(f'include/tandem/h{header}.h', OPENING + text)
        self.assert_breach('sizes', 'include/tandem', '301 public functions')


class Forbidden(SmallTree):
    def breach(self, text, fragment):
        self.append('modules/sip/sip.c', text + '\n')
        self.assert_breach('forbidden', 'modules/sip/sip.c', fragment)

    def test_gtype(self):
        self.breach('G_DEFINE_TYPE (Peer, peer, G_TYPE_OBJECT)', 'GType')

    def test_static_quark(self):
        self.breach('void f (void) { g_quark_from_static_string ("x"); }', 'quark')

    def test_quark_macro(self):
        self.breach('G_DEFINE_QUARK (sip-error, sip_error)', 'quark')

    def test_interned_static_string(self):
        self.breach('void f (void) { g_intern_static_string ("x"); }', 'interned')

    def test_constructor(self):
        self.breach('__attribute__ ((constructor)) void f (void);', 'load ()')

    def test_osip_allocators(self):
        self.breach('void f (void) { osip_set_allocators (NULL, NULL, NULL); }', 'generations')

    def test_thread_private(self):
        self.breach('void f (GPrivate *key);', 'thread-local')

    def test_log_handler(self):
        self.breach('void f (void) { g_log_set_handler (NULL, 0, NULL, NULL); }', 'log handler')

    def test_mutex_of_glib(self):
        self.breach('struct Peer { GMutex lock; };', 'ThreadSanitizer')

    def test_static_variable(self):
        self.breach('static int n_calls;', 'td_module_set_state ()')

    def test_static_pointer_to_const(self):
        self.breach('static const char *name = "x";', 'td_module_set_state ()')

    def test_static_in_a_function(self):
        self.breach('void f (void) { static int n_calls = 0; n_calls++; }', 'n_calls')

    def test_thread_local_variable(self):
        self.breach('_Thread_local int depth;', 'depth')

    def test_core_may_what_modules_may_not(self):
        self.append('core/base/owner.c', 'static int n_calls;\n')
        self.assertEqual(self.found('forbidden'), [])


class Words(SmallTree):
    def breach(self, words, fragment):
        self.append('core/base/owner.c', f'/* {words} */\n')
        self.assert_breach('words', 'core/base/owner.c', fragment)

    def test_unfinished(self):
        self.breach('TO' 'DO: the rest', 'finish it')

    def test_not_there(self):
        self.breach('not yet imple' 'mented', 'finish it')

    def test_a_reason_phrase_of_sip_is_no_mark(self):
        self.append('core/base/owner.c', '/* 501 Not Implemented */\n')
        self.assertEqual(self.found('words'), [])

    def test_path_of_a_machine(self):
        self.breach('see /ho' 'me/anna/notes', 'one machine')

    def test_registry(self):
        self.breach('from deb.deb' 'ian.org', 'registry')

    def test_name_template_is_no_mark(self):
        self.append('core/base/owner.c', '/* /tmp/tandem-XXXXXX */\n')
        self.assertEqual(self.found('words'), [])

    def test_sleep_in_a_test(self):
        self.append('core/base/tests/test-owner.c', 'void f (void) { g_usleep (10); }\n')
        self.assert_breach('words', 'core/base/tests/test-owner.c', 'fake clock')


class Exports(SmallTree):
    def test_declared_but_not_in_the_map(self):
        self.append('include/tandem/base.h', 'TD_API void td_base_new (void);\n')
        self.assert_breach('exports', 'include/tandem/base.h', 'td_base_new () is not in')

    def test_in_the_map_but_not_declared(self):
        self.write('include/tandem/tandem.map',
                   SOUND['include/tandem/tandem.map'].replace('names;', 'names;\n td_base_gone;'))
        self.assert_breach('exports', 'include/tandem/tandem.map', 'td_base_gone')

    def test_declared_without_visibility(self):
        self.append('include/tandem/base.h', 'void td_base_new (void);\n')
        self.assert_breach('exports', 'include/tandem/base.h', 'lacks TD_API')


class Machines(SmallTree):
    def test_machine_without_a_case(self):
        self.append('modules/sip/sip.c', 'void f (void) { td_machine_register (module, &sip_leg); }\n')
        self.assert_breach('machines', 'modules/sip/sip.c', 'every state of sip_leg')

    def test_machine_with_a_case(self):
        self.append('modules/sip/sip.c', 'void f (void) { td_machine_register (module, &sip_leg); }\n')
        self.write('modules/sip/tests/test-leg.c', OPENING + '#include "common/machines.h"\n\n'
                   'static const MachineCase of = { &sip_leg, "", begin };\n')
        self.assertEqual(self.found('machines'), [])


class Proof(SmallTree):
    """What docs/priority.md says is proven."""

    TEST = "def test_pri_001_lists(self):"

    def page(self, *rows):
        text = '| PRI | rule | clause | test | peer |\n|---|---|---|---|---|\n'
        self.write('docs/priority.md', text + ''.join(f'| {row} |\n' for row in rows))

    def setUp(self):
        super().setUp()
        self.write('tests/interop/test-marks.py', self.TEST)
        self.write('modules/sip/tests/test-lists.c', '/* PRI-001, PRI-002 */')

    def test_what_is_proven(self):
        self.page('001 | lists | RFC | interop/marks (of agents), `contrib/run x` | sipp',
                  '002 | twice | | interop/marks, sip/lists | ')
        self.assertEqual(self.found('proof'), [])

    def test_test_that_is_not_there(self):
        self.page('001 | lists | | interop/marks, flow/marks | ', '002 | twice | | sip/lists | ')
        self.assert_breach('proof', 'docs/priority.md', 'no test flow/marks')

    def test_test_without_the_number(self):
        self.page('001 | lists | | sip/lists | ', '002 | twice | | interop/marks | ')
        self.assert_breach('proof', 'docs/priority.md', 'bears the number PRI-002')

    def test_number_without_a_row(self):
        self.page('001 | lists | | interop/marks | ')
        self.assert_breach('proof', 'modules/sip/tests/test-lists.c', 'proves PRI-002')

    def test_row_out_of_order(self):
        self.page('002 | twice | | sip/lists | ', '001 | lists | | interop/marks | ')
        self.assert_breach('proof', 'docs/priority.md', 'behind row 002')


class Headers(SmallTree):
    def test_header_that_needs_another_first(self):
        self.need('gcc')
        self.write('include/tandem/id.h', OPENING + 'TD_API gint td_id (void);\n')
        self.assertIn('C11 with gcc', self.found('headers')[0].text)

    def test_header_that_is_no_cxx(self):
        self.need('g++')
        self.write('include/tandem/id.h', OPENING + 'static inline int f (void) { int new = 1;'
                   ' return new; }\n')
        found = self.found('headers')
        self.assertTrue(found)
        self.assertTrue(all('C++17' in finding.text for finding in found))

    def test_header_with_a_gnu_extension(self):
        self.need('gcc')
        self.write('include/tandem/id.h', OPENING + 'struct Empty { };\n')
        self.assertTrue(any('C11' in finding.text for finding in self.found('headers')))


class Lint(SmallTree):
    def test_no_licence_line(self):
        self.write('core/base/owner.h', '/* Owners. */\n\nint owner;\n')
        self.assert_breach('opening', 'core/base/owner.h', 'first line')

    def test_no_purpose(self):
        self.write('core/base/owner.h', OPENING.split('\n', 1)[0] + '\n\nint owner;\n')
        self.assert_breach('opening', 'core/base/owner.h', 'second line')

    def test_script_without_licence(self):
        self.write('contrib/hello', '#!/bin/sh\necho hello\n')
        self.assert_breach('opening', 'contrib/hello', 'begin')

    def test_source_that_no_build_lists(self):
        self.write('core/base/tests/test-lost.c', OPENING)
        self.assert_breach('listed', 'core/base/tests/test-lost.c', 'no meson.build')

    def test_source_that_a_loop_lists(self):
        self.write('core/base/tests/test-found.c', OPENING)
        self.write('core/base/tests/meson.build',
                   SCRIPT + "foreach name : ['owner', 'found']\n  files('test-' + name + '.c')\n")
        self.assertEqual(self.found('listed'), [])

    def test_layout(self):
        self.need('clang-format')
        self.append('core/base/owner.c', '\nint  x ;\n')
        self.assert_breach('format', 'core/base/owner.c', 'clang-format')

    def test_shell(self):
        self.need('shellcheck')
        self.append('contrib/hello', 'rm $1\n')
        self.assert_breach('shell', 'contrib/hello', 'SC2086')


class Docs(SmallTree):
    def test_link_that_leads_nowhere(self):
        self.append('docs/index.md', '\n[x](gone.md)\n')
        self.assert_breach('docs', 'docs/index.md', 'nowhere')

    def test_link_to_a_missing_heading(self):
        self.append('docs/index.md', '\n[x](../modules/sip/sip.md#gone)\n')
        self.assert_breach('docs', 'docs/index.md', 'no heading')

    def test_page_that_nothing_leads_to(self):
        self.write('docs/lost.md', '# Lost\n')
        self.assert_breach('docs', 'docs/lost.md', 'no way')

    def test_link_in_code_is_none(self):
        self.append('docs/index.md', '\n```\n[x](gone.md)\n```\nand `[y](gone.md)`\n')
        self.assertEqual(self.found('docs'), [])

    def test_file_without_a_line_in_the_plan(self):
        self.write('core/run/timer.c', OPENING)
        self.assert_breach('floor-plan', 'core/README.md', 'core/run/timer.c has no line')

    def test_line_in_the_plan_without_a_file(self):
        self.append('core/README.md', '- `gone.c`: gone\n')
        self.assert_breach('floor-plan', 'core/README.md', 'core/module/gone.c is planned')


if __name__ == '__main__':
    tap.main()
