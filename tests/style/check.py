#!/usr/bin/env python3
"""check.py - the rules of the house that a machine can check; prints what breaks one, exits 1 then

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: tests/style/check.py        (from anywhere in the repository; takes about two seconds)

To add a rule: a function that yields "file:line: what was found; what is expected", and its name in RULES.
"""
import collections
import os
import re
import subprocess
import sys

MAX_FILE, MAX_FUNCTION, MAX_SUBJECT = 500, 80, 72
FIRST_COMMIT = '926f4ffc85eb4d1ec7a3b0600d1be997872446af'  # subjects are checked from the commit after this one
# Texts, pictures and data say nothing of their own; po/ lists are read by tools that know no comment there.
NO_LICENCE = r'\.(md|png|jpg|svg|safetensors)$|^(LICENSE|NEWS|\.gitignore|po/LINGUAS|po/POTFILES\.in|debian/.*)$'
CLANG_FORMAT = 14  # other versions lay out other lines

# A file may include files of its own floor and of lower ones. The longest matching prefix names the floor.
FLOORS = [
    ('cbigan-core/', 0),
    ('cbigan-core/model/', 1),
    ('cbigan-core/backend/', 2),
    ('cbigan-core/forward/', 3),
    ('cbigan-core/score/', 4),
    ('gst-plugin/', 5),
    ('trainer/gradient/', 5),
    ('trainer/data/', 6),
    ('trainer/training/', 7),
    ('trainer/onnx/', 7),
    ('trainer/commands/', 8),
    ('trainer/main.c', 9),
    ('pipelines/', 9),
    ('tests/', 10),
]
INCLUDE_ROOTS = ['cbigan-core', 'trainer', 'gst-plugin', 'tests']
# Rooms that may use a backend's table: the others call its checked functions.
TABLE_ROOMS = ('cbigan-core/backend/', 'trainer/gradient/')


def git(*arguments):
    return subprocess.run(['git', *arguments], check=True, capture_output=True, text=True).stdout


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read().splitlines()


def sources():
    return git('ls-files', '*.c', '*.h', '*.cc', '*.cu', '*.cuh').split()


def check_format():
    try:
        found = subprocess.run(['clang-format', '--version'], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        found = ''
    version = re.search(r'version (\d+)', found)
    if not version or int(version.group(1)) != CLANG_FORMAT:
        print(f'not checked: layout, by clang-format {CLANG_FORMAT} (found: {found.strip() or "none"})')
        return
    result = subprocess.run(['clang-format', '--dry-run', '--style=file', *sources()], capture_output=True, text=True,
                            check=False)
    for line in sorted({':'.join(l.split(':')[:2]) for l in result.stderr.splitlines() if 'clang-format-viol' in l}):
        yield f'{line}: layout; run clang-format -i on this file'


def check_lengths():
    for path in sources() + git('ls-files', '*.py', '*.sh').split():
        lines = len(read(path))
        if lines > MAX_FILE:
            yield f'{path}:1: {lines} lines; a file has at most {MAX_FILE}'


def check_licences():
    for path in git('ls-files').split('\n'):
        if not path or re.search(NO_LICENCE, path):
            continue
        if not any('SPDX-License-Identifier: ' in line for line in read(path)[:20]):
            yield f'{path}:1: no SPDX-License-Identifier; expected one in the first 20 lines'


def check_functions():
    for path in sources():
        start = None
        for number, line in enumerate(read(path), 1):
            if line.startswith('{') or re.match(r'^[A-Za-z_].*\)\s*\{\s*$', line):
                start = number
            elif line.startswith('}') and start is not None:
                if number - start + 1 > MAX_FUNCTION:
                    yield f'{path}:{start}: a function of {number - start + 1} lines; at most {MAX_FUNCTION}'
                start = None


def check_tables():
    for path in sources():
        if path.startswith(TABLE_ROOMS) or path.startswith('gst-plugin/') or path.startswith('tests/'):
            continue
        for number, line in enumerate(read(path), 1):
            if 'klass->' in line:
                yield f'{path}:{number}: “klass->”; call the checked function of backend.h or gradient.h'


def floor_of(path):
    best = max((prefix for prefix, _ in FLOORS if path.startswith(prefix)), key=len, default=None)
    return dict(FLOORS)[best] if best else None


def includes(path, known):
    """(line number, included file of this repository) of each include of a source"""
    for number, line in enumerate(read(path), 1):
        match = re.match(r'\s*#\s*include "([^"]+)"', line)
        if not match:
            continue
        for folder in [os.path.dirname(path), *INCLUDE_ROOTS]:
            target = os.path.normpath(os.path.join(folder, match.group(1)))
            if target in known:
                yield number, target
                break


def check_floors():
    known = set(sources())
    for path in known:
        for number, target in includes(path, known):
            if floor_of(target) > floor_of(path):
                yield f'{path}:{number}: includes {target}, which stands on a higher floor'


def check_messages():
    for path in sources():
        if path.startswith('tests/'):
            continue
        for number, line in enumerate(read(path), 1):
            if re.search(r'"[^"]*, expected[^"]*"', line):
                yield f'{path}:{number}: a message says “; expected”'


def check_blanks():
    """Blanks within a message align nothing in another language; commands/columns.h does. After a line's end they indent."""
    for path in sources():
        text = '' if path.startswith('tests/') else '\n'.join(read(path))
        for call in re.finditer(r'\b[nN]?_\(\s*((?:"(?:[^"\\]|\\.)*"[\s,]*)+)', text):
            for message in re.findall(r'"((?:[^"\\]|\\.)*)"', re.sub(r'"\s+"', '', call[1])):
                if re.search(r'[^ n] {2}|[^\\]n {2}|^ {2}', message):
                    yield f'{path}:{text.count(chr(10), 0, call.start()) + 1}: “{message}” has blanks in a row; expected one'


def check_circles():
    """A source and its header are one unit; units that include each other in a circle can't be read one by one."""
    known = {path for path in sources() if not path.endswith('_tmpl.h')}  # a template is part of the unit that compiles it
    graph = collections.defaultdict(set)
    for path in known:
        for _, target in includes(path, known):
            unit, other = os.path.splitext(path)[0], os.path.splitext(target)[0]
            if unit != other:
                graph[unit].add(other)
    for circle in components(graph):
        yield f'{circle[0]}:1: a circle of includes: {", ".join(circle)}'


def components(graph):
    """Strongly connected components of more than one node (Tarjan 1972)"""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = []
            while not component or component[-1] != node:
                component.append(stack.pop())
                on_stack.discard(component[-1])
            if len(component) > 1:
                found.append(sorted(component))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def check_subjects():
    known = subprocess.run(['git', 'cat-file', '-e', FIRST_COMMIT], capture_output=True, check=False).returncode == 0
    if not known:  # a shallow clone
        return
    for line in git('log', '--no-merges', '--format=%h %s', f'{FIRST_COMMIT}..HEAD').splitlines():
        commit, subject = line.split(' ', 1)
        if len(subject) > MAX_SUBJECT:
            yield f'commit {commit}: a subject of {len(subject)} characters; at most {MAX_SUBJECT}: “{subject}”'


RULES = [check_format, check_lengths, check_licences, check_functions, check_tables, check_floors, check_messages, check_blanks,
         check_circles, check_subjects]


def main():
    os.chdir(git('rev-parse', '--show-toplevel').strip())
    broken = [line for rule in RULES for line in rule()]
    print('\n'.join(broken) if broken else f'{len(RULES)} rules of the house hold')
    return 1 if broken else 0


if __name__ == '__main__':
    sys.exit(main())
