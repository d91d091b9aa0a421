#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a text file as a C source that has it as one constant: embed.py FILE NAME."""

import json
import sys


def main():
    path, name = sys.argv[1:]
    print('/* SPDX-License-Identifier: LGPL-2.1-or-later */')
    print(f'/* Made of {path.rsplit("/", 1)[-1]}. */\n')
    print(f'extern const char {name}[];\nconst char {name}[] =')
    with open(path, encoding='ascii') as file:
        for line in file:
            if not line.startswith('#') and line.strip():
                print(f'    {json.dumps(line)}')
    print('    "";')


if __name__ == '__main__':
    main()
