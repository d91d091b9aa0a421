# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom; docs/house.md draws it."""

import posixpath
import re

from checks.tree import Finding, line_of

# A room includes itself and the rooms on floors below its own.
FLOORS = {'base': 0, 'run': 1, 'config': 2, 'call': 2, 'module': 3, 'operate': 3}

STANDARD_C = {name + '.h' for name in '''
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign
    stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar
    wchar wctype'''.split()}

# What the C library and the kernel bring beyond the standard.
SYSTEM = re.compile(r'''^(arpa|linux|net|netinet|netpacket|sys|asm)/|
    ^(aio|byteswap|dirent|dlfcn|elf|endian|err|execinfo|fcntl|fnmatch|getopt|glob|grp|iconv|ifaddrs|
      langinfo|libgen|link|malloc|mntent|netdb|paths|poll|pthread|pwd|regex|resolv|sched|search|
      semaphore|spawn|strings|sysexits|syslog|termios|ucontext|unistd|utime|wordexp)\.h$''',
                    re.VERBOSE)
GLIB = re.compile(r'^(glib\.h|glib/|glib-unix\.h|glib-object\.h|gio/|gmodule\.h)')

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)

# In core/ the one file that may include a library's header, besides the environment's.
HOMES = {'ltdl.h': 'core/module/loader.c', 'jemalloc/jemalloc.h': 'core/trim-jemalloc.c'}
LTDL_HOME = HOMES['ltdl.h']


def includes(tree, path):
    text = tree.text(path)
    for match in INCLUDE.finditer(text):
        yield match.group(1) == '"', match.group(2), line_of(text, match.start())


def is_environment(name):
    return name in STANDARD_C or bool(SYSTEM.match(name)) or bool(GLIB.match(name))


def core_room(name):
    """The room a quoted include names, or None: "run/lane.h" is in run, "engine.h" above all."""
    first, slash, _ = name.partition('/')
    return first if slash and first in FLOORS else None


def check_public(tree, path, is_quoted, name):
    if is_quoted:
        return f'a public header includes its siblings as <tandem/...>, not "{name}"'
    is_sibling = name.startswith('tandem/')
    if is_sibling or name in STANDARD_C or name == 'glib.h':
        return None
    if path == 'include/tandem/socket.h' and name in ('netinet/in.h', 'sys/socket.h'):
        return None  # an address is the kernel's struct
    return f'a public header includes C, <glib.h> and <tandem/...> only, not <{name}>'


def check_core(tree, path, is_quoted, name):
    parts = path.split('/')
    room = parts[1] if len(parts) > 2 else None
    if not is_quoted:
        if name in HOMES:
            return None if path == HOMES[name] else f'<{name}> stands in {HOMES[name]} only'
        if name.startswith('tandem/') or is_environment(name):
            return None
        return f'core includes no third-party header: <{name}>'
    if '/tests/' in path and is_beside(tree, path, name):
        return None
    if '/tests/' in path and name.startswith('common/'):
        return None
    if name.startswith('../') or name.startswith('modules/'):
        return f'"{name}" leaves the room; write "room/file.h"'
    target = core_room(name)
    if target is None:
        if room is None:
            return None
        return f'"{name}" is in no room below {room}'
    if room is None or target == room or FLOORS[target] < FLOORS[room]:
        return None
    return f'{room} (floor {FLOORS[room]}) includes {target} (floor {FLOORS[target]}): "{name}"'


def is_beside(tree, path, name):
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    return target in tree.files and target.split('/')[:-1] == path.split('/')[:-1]


def check_library_home(path, name):
    """Two libraries have one home each."""
    home = path.split('/')[1] if path.startswith('modules/') else ''
    if re.match(r'osip(2|parser2)/', name) and home != 'sip':
        return f'<{name}> stands in modules/sip only'
    if name.startswith('gst/') and 'gst' not in home:
        return f'<{name}> stands only in modules whose name says gst'
    if name == 'ltdl.h':
        return f'<ltdl.h> stands in {LTDL_HOME} only'
    return None


def check_module(tree, path, is_quoted, name):
    module = path.split('/')[1]
    if not is_quoted:
        if name.startswith(('core/', 'modules/')) or core_room(name):
            return f'a module includes no private header: <{name}>'
        return check_library_home(path, name)
    for base in (posixpath.dirname(path), f'modules/{module}', 'modules'):
        target = posixpath.normpath(posixpath.join(base, name))
        if target.startswith(f'modules/{module}/') and target in tree.files:
            return None
    if '/tests/' in path and name.startswith('common/'):
        return None
    if name.startswith('core/') or core_room(name) or '/core/' in name:
        return f'a module includes nothing of core: "{name}"'
    return f'"{name}" is not in modules/{module}; modules meet through <tandem/iface/...>'


def check_lib(tree, path, is_quoted, name):
    if is_quoted:
        return None if is_beside(tree, path, name) else f'"{name}" is not in lib'
    if name.startswith(('core/', 'modules/', 'tandem/')) or core_room(name):
        return f'lib knows other libraries, and nothing of Tandem: <{name}>'
    return check_library_home(path, name)


def check_test(tree, path, is_quoted, name):
    if not is_quoted:
        if name.startswith(('core/', 'modules/')) or core_room(name):
            return f'a test of the whole includes no private header: <{name}>'
        return check_library_home(path, name)
    if name.startswith('common/'):
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    is_own = target.split('/')[:2] == path.split('/')[:2] and target in tree.files
    if is_own or target.startswith('tests/common/'):
        return None
    return f'a test of the whole includes its own folder and tests/common only, not "{name}"'


def check_fuzz(tree, path, found):
    """A fuzz target may see one room or one module from within: its parser is private."""
    inside = set()
    for is_quoted, name, line in found:
        if is_quoted and (core_room(name) or re.match(r'(modules/)?[a-z0-9-]+/', name)):
            inside.add(name.removeprefix('modules/').split('/')[0])
            if len(inside - {'common'}) > 1:
                yield Finding(path, line, 'a fuzz target sees one room or one module, not '
                              + ' and '.join(sorted(inside)))
        elif name == 'ltdl.h' or name.startswith('gst/'):
            yield Finding(path, line, check_library_home(path, name))


AREAS = [('include/', check_public), ('core/', check_core), ('modules/', check_module), ('lib/', check_lib),
         ('tests/', check_test)]


def check(tree):
    for path in tree.c_files:
        found = list(includes(tree, path))
        if path.startswith('tests/fuzz/'):
            yield from check_fuzz(tree, path, found)
            continue
        for prefix, rule in AREAS:
            if not path.startswith(prefix):
                continue
            for is_quoted, name, line in found:
                breach = rule(tree, path, is_quoted, name)
                if breach:
                    yield Finding(path, line, breach)
