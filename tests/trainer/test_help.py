#!/usr/bin/env python3
"""test_help.py - manual pages and completion name every command and option, and man reads them without a warning

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_help.py PROGRAM PAGES_PY FILE...    FILE: the names that the build installs
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

program, maker, *installed = sys.argv[1:]


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, encoding='utf-8').stdout


def complete(folder, *words):
    line = ' '.join(words)
    script = f'source {folder}/cbigan; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _cbigan 2> /dev/null; echo "${{COMPREPLY[@]}}"'
    return output('bash', '-c', script).split()


def check_files(folder):
    found = sorted(path.name for path in folder.iterdir())
    assert found == sorted(installed), f'made: {found}; trainer/help/meson.build installs: {sorted(installed)}'


def check_options(folder):
    for page in folder.glob('cbigan-*.1'):
        command = page.stem.partition('-')[2]
        text = page.read_text(encoding='utf-8').replace('\\-', '-')
        options = re.findall(r'^  (?:-\w, )?(--[a-z][\w-]*)', output(program, command, '--help-all'), re.M)
        assert len(options) > 1, f'{command}: only {options}'
        for option in options:
            assert option in text, f'{page.name}: no {option}'
            assert any(word.rstrip('=') == option for word in complete(folder, 'cbigan', command, option)), f'{command} {option}'


def check_commands(folder):
    commands = re.findall(r'^  ([a-z]+)  ', output(program, '--help'), re.M)
    assert set(commands) <= set(complete(folder, 'cbigan', "''")), commands


def check_roff(folder):
    for page in folder.glob('*.1'):
        said = subprocess.run(['man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', str(page)], capture_output=True,
                              encoding='utf-8', check=False)
        assert said.returncode == 0 and not said.stderr, f'{page.name}: {said.stderr}'


def main():
    checks = [check_files, check_options, check_commands] + ([check_roff] if shutil.which('man') else [])
    print(f'1..{len(checks)}')
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([maker, program, str(folder)], check=True)
        for number, check in enumerate(checks, 1):
            try:
                check(folder)
                print(f'ok {number} {check.__name__}')
            except AssertionError as error:
                failed = True
                print(f'not ok {number} {check.__name__}\n# {error}')
    return failed


sys.exit(main())
