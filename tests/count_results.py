#!/usr/bin/env python3
"""count_results.py - counts the test cases of `meson test` runs: one line, "N passed, N failed, N skipped"

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: count_results.py BUILD...    exit status 1 when anything failed, or when a run left no results.
Cases come from the JUnit log. A program that crashes or runs out of time after its last case reported "ok" shows
only in the JSON log, so that counts as one more failure.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

REASON_LINES = 20


def reason(output, case):
    """The last lines that a program printed until its case failed: the folder with the logs may be gone when somebody asks"""
    lines = output.splitlines()
    end = next((i + 1 for i, line in enumerate(lines) if line.startswith(f'not ok {case}')), len(lines))
    while end < len(lines) and lines[end].startswith('#'):
        end += 1
    return lines[:end][-REASON_LINES:]


def cases(build):
    """(program, case, outcome, what the program printed) of every test case of the last run in `build`."""
    try:
        # testlog.json, or with --setup NAME testlog-NAME.json
        log = max(pathlib.Path(build).glob('meson-logs/testlog*.json'), default=None, key=lambda log: log.stat().st_mtime)
        if log is None:
            raise OSError('no testlog.json')
        # meson copies what tests print, and XML has no place for control characters
        text = re.sub('[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]', '?', log.with_suffix('.junit.xml').read_text(errors='replace'))
        suites = xml.fromstring(re.sub(r'^<\?xml[^>]*>', '', text)).iter('testcase')
        programs = [json.loads(line) for line in log.read_text().splitlines()]
    except (OSError, ValueError, xml.ParseError) as error:
        yield build, f'no test results ({error})', 'failed', ''
        return
    blamed = set()
    printed = {program['name'].rpartition(' / ')[2]: program.get('stdout', '') for program in programs}
    for case in suites:
        found = {child.tag for child in case}
        outcome = 'failed' if found & {'failure', 'error'} else 'skipped' if 'skipped' in found else 'passed'
        # "cbigan.cbigan:core / network"; only "cbigan" when it has no cases, then the case has the program's name
        program = (case.get('classname').partition('.')[2] or case.get('name')).rpartition(' / ')[2]
        if outcome == 'failed':
            blamed.add(program)
        yield program, case.get('name'), outcome, printed.get(program, '')
    for program in programs:
        name = program['name'].rpartition(' / ')[2]  # "cbigan:core / network"
        if program['result'] not in ('OK', 'SKIP', 'EXPECTEDFAIL') and name not in blamed:
            yield name, f"the program itself ({program['result']})", 'failed', printed[name]


def main(builds):
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    for build in builds:
        for program, case, outcome, output in cases(build):
            counts[outcome] += 1
            if outcome == 'failed':
                print(f'FAILED {build}: {program}: {case} (see {build}/meson-logs/testlog.txt)')
                for line in reason(output, case):
                    print(f'  {line}')
    print(', '.join(f'{count} {outcome}' for outcome, count in counts.items()))
    return 0 if counts['failed'] == 0 and counts['passed'] > 0 else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
