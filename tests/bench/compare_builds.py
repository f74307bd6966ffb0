#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Latency of models under two builds of bantam, in one interleaved run: what a commit gained or cost.

    python3 tests/bench/compare_builds.py old/build/bantam build/bantam net.btm other.onnx
    python3 tests/bench/compare_builds.py build/bantam net.btm --json now.json            # one build: a table to keep

Every build and model is a process of its own that stays (`bantam bench --serve`); they are asked in turn, --rounds times
for --ms milliseconds each. Shown are least times, to which other programs only add: of CPU time with one thread, of wall
time with more. Only the ratios of one run mean anything on a machine with other users. Needs nothing but Python."""
import argparse
import json
import subprocess
import sys


class Worker:
    def __init__(self, program, model, threads):
        command = [program, 'bench', model, '--serve', '--threads', str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.field = 'c' if threads == 1 else 'w'
        self.least, self.memory = float('inf'), 0
        if self.process.stdout.readline().strip() != 'ready':
            sys.exit(f'{" ".join(command)}: it did not start')

    def ask(self, ms):
        self.process.stdin.write(f'run {ms}\n')
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.least = min(self.least, *answer[self.field])
        self.memory = max(self.memory, answer['rss'])

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def is_model(path):
    return path.endswith(('.btm', '.onnx', '.tflite'))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', nargs='+', help='one or two programs, then models')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--rounds', type=int, default=8)
    p.add_argument('--ms', type=int, default=250)
    p.add_argument('--json', help='writes the numbers')
    o = p.parse_args()
    programs = [w for w in o.what if not is_model(w)]
    models = [w for w in o.what if is_model(w)]
    if not 1 <= len(programs) <= 2 or not models:
        p.error('one or two programs and at least one model are needed')
    workers = {m: [Worker(b, m, o.threads) for b in programs] for m in models}
    for _ in range(o.rounds):
        for m in models:
            for w in workers[m]:
                w.ask(o.ms)
    print('| model | ' + ' | '.join(f'{b}, ms' for b in programs) + (' | first / second | MB |' if len(programs) > 1 else ' | MB |'))
    print('|---|' + '---:|' * (len(programs) + (2 if len(programs) > 1 else 1)))
    for m in models:
        ms = [w.least for w in workers[m]]
        ratio = [f'{ms[0] / ms[1]:.3f}'] if len(ms) > 1 else []
        print('| ' + ' | '.join([m.rsplit('/', 1)[-1], *(f'{t:.3f}' for t in ms), *ratio, f'{workers[m][-1].memory:.0f}']) + ' |')
        for w in workers[m]:
            w.end()
    if o.json:
        with open(o.json, 'w') as f:
            json.dump({m: {b: w.least for b, w in zip(programs, workers[m])} for m in models}, f, indent=1)


if __name__ == '__main__':
    main()
