#!/usr/bin/env python3
"""test_module.py - a machine where the cuda backend can't run: what it says, and that everything else runs

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_module.py PROGRAM MODULE_OF_ANOTHER_VERSION ITS_LIBRARY LINKED... . Prints TAP. LINKED: what must not need
anything of CUDA.
"""
import os, shutil, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import run_program, run_tests  # noqa: E402

PROGRAM, OTHER_VERSION, LIBRARY, *LINKED = map(os.path.abspath, sys.argv[1:])
NAME = 'libcbigan-cuda.so'


def run(*arguments, code=0):
    environment = dict(os.environ, CBIGAN_MODULE_PATH=os.getcwd())
    environment.pop('LD_LIBRARY_PATH', None)  # there meson has the library that shall be missing
    return ''.join(run_program(PROGRAM, *arguments, code=code, env=environment))


def expect(text, *words):
    for word in words:
        assert word in text, f'{word!r} is not in {text!r}'


def test_missing():
    text = run('info', '--backends')
    expect(text, "cuda", f"can't run here: there is no {NAME} in {os.getcwd()}, /", 'cpu', '\n            can run here')


def test_search_path():
    os.makedirs('a/b')
    shutil.copy(OTHER_VERSION, f'a/b/{NAME}')
    folders = ':'.join(['', 'nowhere', os.path.abspath('a/b')])
    done = subprocess.run([PROGRAM, 'info', '--backends'], capture_output=True, text=True,
                          env=dict(os.environ, CBIGAN_MODULE_PATH=folders, LD_LIBRARY_PATH=os.path.dirname(LIBRARY)))
    expect(done.stdout, f'{os.getcwd()}/a/b/{NAME} is of version 0.0.1; expected ')


def test_not_a_library():
    with open(NAME, 'w') as file:
        file.write('this is no library\n' * 9)
    expect(run('info', '--backends'), "it can't be opened:", NAME)


def test_not_a_module():
    shutil.copy(LIBRARY, NAME)
    expect(run('info', '--backends'), f'{NAME} is not a module of cbigan: it has no “cbigan_module”')


def test_library_is_missing():
    shutil.copy(OTHER_VERSION, NAME)
    text = run('info', '--backends')
    expect(text, "it can't be opened:", os.path.basename(LIBRARY), 'cannot open shared object file')


def test_asked_for():
    text = run('bench', '--backend', 'cuda', code=1)
    expect(text, 'cbigan bench', 'backend “cuda” can', NAME)


def test_automatic():
    expect(run('bench', '--width', '1', '--patch', '64', '--batch', '1', '--repeats', '1'), '\ncpu ')


def test_nothing_links_cuda():
    assert LINKED
    for path in LINKED:
        lines = subprocess.run(['ldd', path], capture_output=True, text=True, check=True).stdout.splitlines()
        needed = ' '.join(os.path.basename(line.split()[0]) for line in lines)
        assert 'libglib' in needed and 'cud' not in needed, f'{path} needs {needed}'


sys.exit(run_tests(globals()))
