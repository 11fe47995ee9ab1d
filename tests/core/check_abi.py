#!/usr/bin/env python3
"""check_abi.py - the binary interface of cbigan.h is the recorded one, as abidiff compares them

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: check_abi.py HEADER RECORDED COMPILER... [--record]    TAP; COMPILER: a C compiler

Functions without a body are made of the prototypes, and compiled with debugging information: that has every function,
struct and enum of the header, in a second and in any kind of build. check_exports.sh says that the library exports
these functions, and the compiler that it defines them so. --record writes RECORDED anew (CONTRIBUTING.md, “Change the
library's interface”). The record holds sizes, so it is compared on the machine of its kind only.
"""
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import harness  # noqa: E402

RECORD = '--record' in sys.argv
HEADER, RECORDED, *COMPILER = [argument for argument in sys.argv[1:] if argument != '--record']
TEXT = pathlib.Path(HEADER).read_text()
RECORDED = pathlib.Path(RECORDED).resolve()
MACHINE = 'x86_64'  # of the record
LICENCE = '<!-- libcbigan.abi - the binary interface of cbigan.h, by tests/core/check_abi.py; SPDX-License-Identifier: LGPL-2.1-or-later -->\n'
NOISE = ['--no-corpus-path', '--no-comp-dir-path', '--no-show-locs', '--type-id-style', 'hash']


def library(header):
    """libcbigan.so.0 here, with the functions of that header's text"""
    without_comments = re.sub(r'/\*.*?\*/', '', header, flags=re.S)
    functions = re.findall(r'^(?!typedef)(\w[\w \*]*?\bcbigan_\w+\([^;{}]*\));', without_comments, re.M)
    assert len(functions) > 30, functions
    pathlib.Path('cbigan.h').write_text(header)
    pathlib.Path('abi.c').write_text('#include "cbigan.h"\n' + ''.join(f'{f} {{ __builtin_trap(); }}\n' for f in functions))
    glib = subprocess.run(['pkg-config', '--cflags', 'gobject-2.0'], check=True, capture_output=True, text=True).stdout.split()
    subprocess.run([*COMPILER, *glib, '-w', '-g', '-O0', '-fPIC', '-shared', '-Wl,-soname,libcbigan.so.0', '-I.', 'abi.c', '-o', 'libcbigan.so.0'],
                   check=True)
    return 'libcbigan.so.0'


def differences(header):
    """What abidiff finds between the record and that header's text; '' = nothing"""
    if platform.machine() != MACHINE:
        raise harness.Skip(f'the record is of {MACHINE}')
    if not shutil.which('abidiff'):
        raise harness.Skip('abidiff is missing (Debian: abigail-tools)')
    found = subprocess.run(['abidiff', RECORDED, library(header)],
                           capture_output=True, text=True)
    assert not found.returncode & 3, f'abidiff: {found.stderr}{found.stdout}'
    return found.stdout if found.returncode else ''


def replaced(old, new):
    assert TEXT.count(old) == 1, f'{old!r} is not once in the header'
    return TEXT.replace(old, new)


def test_recorded():
    found = differences(TEXT)
    assert not found, f'{found}If this is meant, record it: CONTRIBUTING.md, “Change the library\'s interface”'


def test_finds_lost_function():
    assert 'cbigan_version' in differences(replaced('const char *cbigan_version(void);', ''))


def test_finds_new_member():
    assert 'CbiganResult' in differences(replaced('} CbiganResult;', '  int more;\n} CbiganResult;'))


def test_finds_other_argument():
    assert 'cbigan_scorer_sharers' in differences(
        replaced('cbigan_scorer_sharers(CbiganScorer *scorer);', 'cbigan_scorer_sharers(CbiganScorer *scorer, int more);'))


def record():
    subprocess.run(['abidw', *NOISE, '--out-file', 'abi', library(TEXT)], check=True)
    first, rest = pathlib.Path('abi').read_text().split('\n', 1)  # abidiff knows the file by its first line
    RECORDED.write_text(f'{first}\n{LICENCE}{rest}')


if __name__ == '__main__':
    sys.exit(harness.run_tests({'test_record': record} if RECORD else globals()))
