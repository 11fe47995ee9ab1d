#!/usr/bin/env python3
"""check_hardening.py - what is built has the protections that meson.build asks for, as readelf shows them

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: check_hardening.py FILE... [--linking FILE...]    TAP, one case per file

FILE: libraries and programs with enough code that the compiler must have put both kinds of checks in. After --linking:
small modules, of which only the linker's part is certain.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import harness


def readelf(*arguments):
    return subprocess.run(['readelf', '-W', *arguments], check=True, capture_output=True, text=True,
                          env={**os.environ, 'LC_ALL': 'C'}).stdout


def missing(path, compiled):
    """What the file lacks, one line each"""
    header, segments, dynamic, symbols = (readelf(option, path) for option in ('-h', '-l', '-d', '--dyn-syms'))
    found = {
        'a position that the loader chooses': re.search(r'Type:\s+DYN', header),
        'a table of addresses that is read-only after loading (relro)': 'GNU_RELRO' in segments,
        'all addresses bound at loading (bindnow)': re.search(r'\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b', dynamic),
        'a stack without code': re.search(r'GNU_STACK\s.*\sRW\s', segments),
    }
    if compiled:
        found['guarded stacks (-fstack-protector-strong)'] = re.search(r'\b__stack_chk_fail\b', symbols)
        found['checked library functions (_FORTIFY_SOURCE)'] = re.search(r'\b__\w+_chk\b', symbols)
    return ''.join(f'{path}: without {what}\n' for what, there in found.items() if not there)


def main(arguments):
    tap, compiled = harness.Tap(), True
    for path in arguments:
        if path == '--linking':
            compiled = False
            continue
        tap.case(os.path.basename(path), missing(path, compiled))
    return tap.end()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
