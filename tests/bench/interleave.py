#!/usr/bin/env python3
"""Times several programs in turn, so that a busy machine slows all of them alike.

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

interleave.py ROUNDS COMMAND...
Each COMMAND is one argument, such as "build/tests/bench/inspect_loop surface 1920x1080 cpu 2". It says "ready ...",
then answers each line of its standard input with the milliseconds that one call took. Printed: the first line, the
median, the least, and the median of each round's ratio to the first command.
"""
import shlex
import statistics
import subprocess
import sys

WARM = 3  # calls before the first that counts


def ask(program):
    program.stdin.write("\n")
    program.stdin.flush()
    return float(program.stdout.readline())


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    rounds, commands = int(sys.argv[1]), sys.argv[2:]
    programs = [subprocess.Popen(shlex.split(c), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                for c in commands]
    ready = [p.stdout.readline().strip() for p in programs]
    times = [[] for _ in programs]
    for number in range(WARM + rounds):
        for program, mine in zip(programs, times):
            took = ask(program)
            if number >= WARM:
                mine.append(took)
    for command, said, mine in zip(commands, ready, times):
        ratio = statistics.median(a / b for a, b in zip(mine, times[0]))
        print(f"{statistics.median(mine):9.3f} ms (least {min(mine):.3f}), {ratio:.3f}: {command}: {said}")
    for program in programs:
        program.stdin.close()
        program.wait()


if __name__ == "__main__":
    main()
