# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls after which a module cannot be unmapped, and state that two generations would share."""

import re

from checks.tree import Finding, line_of, without_directives

CALLS = [
    (r'\bG_(DEFINE|DECLARE)_\w*TYPE\w*|\bG_DEFINE_(BOXED|POINTER|ENUM|FLAGS)\w*'
     r'|\bg_(type_register|enum_register|flags_register|boxed_type_register)\w*',
     'a GType pins its library for ever'),
    (r'\bG_DEFINE_QUARK\b|\bg_quark_from_static_string\b',
     'a static quark points into unmapped memory; use g_quark_from_string ()'),
    (r'\bg_intern_static_string\b',
     'an interned static string points into unmapped memory; use g_intern_string ()'),
    (r'\bG_PRIVATE_INIT\b|\bGPrivate\b|\bpthread_key_create\b|\btss_create\b',
     'a thread-local destructor would run unmapped code'),
    (r'\bg_log_set_\w+|\bg_set_print\w*_handler\b',
     'a log handler is the process\'s; use td_log ()'),
    (r'\bosip_set_allocators\b', 'process-wide; aborts with two generations'),
    (r'__attribute__\s*\(\(\s*(constructor|destructor)',
     'module code runs from load () to unload () only'),
    (r'\batexit\s*\(|\bon_exit\s*\(', 'would run after the module is unmapped'),
    (r'\bsignal\s*\(|\bsigaction\s*\(|\bg_unix_signal_add\w*', 'signals are the process\'s'),
    (r'\bGMutex\b|\bGAsyncQueue\b|\bGRWLock\b|\bGCond\b',
     'hand-over uses pthread mutexes or C11 atomics, which ThreadSanitizer understands'),
]

STATIC = re.compile(r'(?<![\w])(static|_Thread_local|__thread|thread_local)\b([^;{}=]*)(.)', re.DOTALL)


def mutable_statics(bare):
    """(line, declaration) of each static or thread-local variable that can be written."""
    code = without_directives(bare)
    for match in STATIC.finditer(code):
        declaration = ' '.join(match.group(2).split())
        head = re.sub(r'\[[^\]]*\]', '', declaration)
        is_pointer_to_function = re.search(r'\(\s*\*', head)
        if '(' in head and not is_pointer_to_function:
            continue  # a function, or a macro that makes one
        if re.match(r'(inline|_Noreturn|G_GNUC_\w+)\b', declaration) and '(' in declaration:
            continue
        if is_pointer_to_function:
            is_const = re.search(r'\(\s*\*\s*const\b', head)
        elif '*' in head:
            is_const = re.search(r'\bconst\b', head[head.rindex('*'):])
        else:
            is_const = re.search(r'\bconst\b', head)
        if not is_const:
            yield line_of(code, match.start()), declaration


def check(tree):
    for path in tree.matching(r'^(modules|lib)/.*\.[ch]$'):
        if '/tests/' in path:
            continue
        bare = tree.bare_c(path)
        for pattern, reason in CALLS:
            for match in re.finditer(pattern, bare):
                found = ' '.join(match.group().split())
                yield Finding(path, line_of(bare, match.start()), f'{found}: {reason}')
        for line, declaration in mutable_statics(bare):
            yield Finding(path, line, f'"static {declaration}" can be written: state hangs on '
                          'td_module_set_state ()')
