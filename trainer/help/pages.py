#!/usr/bin/env python3
"""pages.py - manual pages and the completion for bash, from what `cbigan --help` says

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: pages.py PROGRAM FOLDER
Writes FOLDER/cbigan.1, one FOLDER/cbigan-COMMAND.1 per command, and FOLDER/cbigan for bash-completion. An option that
is added to a command's table is in all of them. A new command needs its name in meson.build.
"""
import os
import pathlib
import re
import subprocess
import sys

OPTION = re.compile(r'^  (?:(-\w), )?(--[a-z][\w-]*)(=\S+)?\s{2,}(.*)$')


def ask(program, *arguments):
    # Help needs none of GStreamer's plugins, so none is looked for.
    environment = {**os.environ, 'LC_ALL': 'C.UTF-8', 'LANGUAGE': 'en', 'GST_PLUGIN_PATH': '', 'GST_PLUGIN_SYSTEM_PATH': '',
                   'GST_REGISTRY': os.devnull}
    return subprocess.run([program, *arguments], check=True, capture_output=True, encoding='utf-8', env=environment).stdout


def escape(text):
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return '\\&' + text if text.startswith(('.', "'")) else text


def head(name, version, summary):
    return [f'.TH "{name.upper()}" 1 "" "cbigan {version}" "User Commands"', '.SH NAME',
            f'{escape(name)} \\- {escape(summary)}']


def is_title(line, following):
    """A line of its own before indented ones, such as “Examples:” or the name of a group of options."""
    return line and not line.startswith(' ') and following.startswith('  ')


def body(text):
    lines = text.splitlines() + ['']
    page = []
    for line, following in zip(lines, lines[1:]):
        option = OPTION.match(line)
        if line == 'Usage:':
            page.append('.SH SYNOPSIS')
        elif option:
            short, name, value, meaning = option.groups()
            names = ', '.join(f'\\fB{escape(n)}\\fR' for n in (short, name) if n)
            page += ['.TP', names + (f'=\\fI{escape(value[1:])}\\fR' if value else ''), escape(meaning)]
        elif is_title(line, following):
            page.append(f'.SH "{escape(line.rstrip(":")).upper()}"')
        elif line.startswith('  '):
            page += ['.nf', escape(line.strip()), '.fi']
        elif line:
            if page and not any(entry.startswith('.SH DESCRIPTION') for entry in page):
                page.append('.SH DESCRIPTION')
            page.append(escape(line))
        elif page and not page[-1].startswith('.'):
            page.append('.PP')
    while page and page[-1] == '.PP':
        page.pop()
    return page


def write(path, lines):
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    version = ask(program, '--version').split()[1]
    overview = ask(program, '--help')
    commands = re.findall(r'^  ([a-z]+) {2,}(.+)$', overview, re.M)
    usage, purpose = re.match(r'Usage: (.*)\n\n(.*)\n', overview).groups()
    page = head('cbigan', version, purpose.rstrip('.')) + ['.SH SYNOPSIS', escape(usage), '.SH COMMANDS']
    for command, summary in commands:
        page += ['.TP', f'\\fB{command}\\fR', f'{escape(summary[0].upper() + summary[1:])}: see \\fBcbigan\\-{command}\\fR(1).']
    write(folder / 'cbigan.1', page)
    words = []
    for command, summary in commands:
        text = ask(program, command, '--help-all')
        write(folder / f'cbigan-{command}.1', head(f'cbigan-{command}', version, summary) + body(text))
        options = [OPTION.match(line) for line in text.splitlines()]
        names = ' '.join(o.group(2) + ('=' if o.group(3) else '') for o in options if o)
        words.append(f'    {command}) words="{names}" ;;')
    write(folder / 'cbigan', [
        '# bash completion for cbigan, made by pages.py', '_cbigan() {',
        '  local word=${COMP_WORDS[COMP_CWORD]} words=',
        '  if ((COMP_CWORD == 1)); then',
        f'    mapfile -t COMPREPLY < <(compgen -W "{" ".join(c for c, _ in commands)} --help --version" -- "$word")',
        '    return', '  fi', '  case ${COMP_WORDS[1]} in', *words, '  esac',
        '  if [[ $word == -* ]]; then',
        '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")',
        '    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi',
        '  else', '    mapfile -t COMPREPLY < <(compgen -f -- "${word#=}")', '  fi', '}',
        'complete -o filenames -F _cbigan cbigan'])


if __name__ == '__main__':
    main()
