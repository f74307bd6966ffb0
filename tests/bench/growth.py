#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How time and memory grow with the size of a model, of the data, and with threads.

    python3 tests/bench/growth.py build/bantam                      # the table, as Markdown
    python3 tests/bench/growth.py build/bantam --svg docs/growth.svg --json growth.json
    python3 tests/bench/growth.py build/bantam --only layers --most 1000

Needs GNU time and `pip install onnx numpy`; without them the script says so and exits with 77.

Models are chains of residual blocks (3x3 convolution, Add, Tanh) of 16 channels, 16 x 16, with random weights: L
layers have L convolutions. What is measured, each in a process of its own:
  convert, no data     recipe int8: weights alone
  convert, 8 samples   recipe int8 at --effort 0
  open and run         the converted file: loaded once, run a few times
  samples              a chain of 20 layers at --effort 0 with more and more samples
  threads              wall time of a run of a large layer, which only says something on an idle machine

Time is the least CPU time (user and system) of --runs. Growth is the exponent between the last two sizes: 1 is linear. A
start of the program costs some milliseconds, so small sizes look flat.

Exit status: 0, or 1 if some time or memory grew faster than size to the power of 1.15."""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    print(f'skipped: {missing}; pip install onnx numpy')
    sys.exit(77)

LAYERS = (1, 10, 100, 1000, 5000)
SAMPLES = (10, 100, 1000)
CHANNELS, SIZE = 16, 16
LIMIT = 1.15


def chain(path, layers, channels=CHANNELS, size=SIZE):
    rng = np.random.default_rng(layers)
    nodes, constants, x = [], [], 'x'
    for i in range(layers):
        w = rng.standard_normal((channels, channels, 3, 3)).astype('f4') * np.float32(0.05)
        constants.append(numpy_helper.from_array(w, f'w{i}'))
        nodes.append(helper.make_node('Conv', [x, f'w{i}'], [f'c{i}'], name=f'conv{i}', pads=[1] * 4))
        nodes.append(helper.make_node('Add', [x, f'c{i}'], [f'a{i}'], name=f'add{i}'))
        nodes.append(helper.make_node('Tanh', [f'a{i}'], [f'y{i}'], name=f'tanh{i}'))  # keeps numbers small
        x = f'y{i}'
    shape = [1, channels, size, size]
    graph = helper.make_graph(nodes, 'chain', [helper.make_tensor_value_info('x', TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8), path)
    return path


def samples(path, count):
    rng = np.random.default_rng(count)
    np.save(path, rng.standard_normal((count, CHANNELS, SIZE, SIZE), dtype='f4'))
    return path


def cost(command, runs):
    """Least CPU seconds and least peak memory in MB of some runs. The kernel counts this process's own memory as
    its child's; `time`, which is small, stands between them."""
    times, peaks = [], []
    for _ in range(runs):
        process = subprocess.Popen(['time', '-f', '%M', *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        message = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f'{" ".join(map(str, command))}: {message.decode().strip()}')
        times.append(usage.ru_utime + usage.ru_stime)
        peaks.append(int(message.split()[-1]) / 1024)
    return min(times), min(peaks)


def by_layers(o, folder, series):
    data = samples(folder / 'eight.npy', 8)
    for n in [n for n in LAYERS if n <= o.most]:
        model, small = chain(folder / f'{n}.onnx', n), folder / f'{n}.btm'
        convert = [o.bantam, 'convert', model, '-o', small, '-q']
        series.setdefault('convert, no data', []).append((n, *cost(convert, o.runs)))
        series.setdefault('convert, 8 samples', []).append((n, *cost(convert + ['--data', data, '--effort', '0'], o.runs)))
        series.setdefault('open and run', []).append((n, *cost([o.bantam, 'bench', small, '--seconds', '0', '-q'], o.runs)))


def by_samples(o, folder, series):
    model = chain(folder / 'twenty.onnx', 20)
    for n in SAMPLES:
        data = samples(folder / 'some.npy', n)
        command = [o.bantam, 'convert', model, '-o', folder / 'some.btm', '-q', '--effort', '0', '--data', data]
        series.setdefault('samples', []).append((n, *cost(command, o.runs)))


def by_threads(o, folder, series):
    model = chain(folder / 'wide.onnx', 4, channels=128, size=56)
    for n in range(1, (os.cpu_count() or 1) + 1):
        command = [o.bantam, 'bench', model, '--json', '--threads', str(n), '--seconds', '4']
        answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        series.setdefault('threads', []).append((n, answer['min_ms'] / 1000, answer.get('peak_mb', 0)))


def exponents(rows):
    """Of time and memory between the last two sizes; None where there is one size."""
    if len(rows) < 2:
        return None, None
    (n, t, m), (big, late, more) = rows[-2:]
    return tuple(math.log(max(b, 1e-6) / max(a, 1e-6)) / math.log(big / n) for a, b in ((t, late), (m, more)))


def table(series):
    print('| what | size | CPU s | peak MB |\n|---|---:|---:|---:|')
    for what, rows in series.items():
        for n, seconds, memory in rows:
            print(f'| {what} | {n:,} | {seconds:.3g} | {memory:.0f} |' if memory else f'| {what} | {n:,} | {seconds:.3g} | |')
    bad = []
    for what, rows in series.items():
        if what == 'threads' or len(rows) < 2:
            continue
        time, memory = exponents(rows)
        print(f'\n{what}: time grows with size to the power of {time:.2f}, memory of {memory:.2f}.')
        if max(time, memory) > LIMIT:
            bad.append(what)
    return bad


def svg(series, path):
    """Log-log plot of time against size, one line for each series."""
    lines = [(what, rows) for what, rows in series.items() if what != 'threads' and len(rows) > 1]
    colours = ('#0b6', '#06c', '#c60', '#909')
    points = [p for _, rows in lines for p in rows]
    lo_x, hi_x = 0, math.ceil(math.log10(max(p[0] for p in points)))
    lo_y, hi_y = (f(math.log10(g(p[1] for p in points))) for f, g in ((math.floor, min), (math.ceil, max)))
    x = lambda n: 60 + 420 * (math.log10(n) - lo_x) / (hi_x - lo_x)
    y = lambda t: 270 - 250 * (math.log10(t) - lo_y) / (hi_y - lo_y)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 310" font-family="sans-serif" font-size="12">',
           '<rect width="640" height="310" fill="#fff"/>']
    for e in range(lo_x, hi_x + 1):
        out.append(f'<path d="M{x(10**e):.0f} 20V270" stroke="#ddd"/><text x="{x(10**e):.0f}" y="286" text-anchor="middle">{10**e:,}</text>')
    for e in range(lo_y, hi_y + 1):
        out.append(f'<path d="M60 {y(10**e):.0f}H480" stroke="#ddd"/><text x="54" y="{y(10**e) + 4:.0f}" text-anchor="end">{10**e:g} s</text>')
    for k, (what, rows) in enumerate(lines):
        corners = ' '.join(f'{x(n):.1f},{y(t):.1f}' for n, t, _ in rows)
        out.append(f'<polyline points="{corners}" fill="none" stroke="{colours[k % 4]}" stroke-width="2"/>'
                   f'<text x="490" y="{40 + 20 * k}" fill="{colours[k % 4]}">{what}</text>')
    out.append('<text x="270" y="304" text-anchor="middle">layers, or samples (CPU time)</text></svg>')
    pathlib.Path(path).write_text('\n'.join(out) + '\n')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('bantam')
    p.add_argument('--only', choices=('layers', 'samples', 'threads'))
    p.add_argument('--most', type=int, default=LAYERS[-1], help='layers of the largest model')
    p.add_argument('--runs', type=int, default=2)
    p.add_argument('--svg', help='writes a plot of the times')
    p.add_argument('--json', help='writes the numbers')
    o = p.parse_args()
    series = {}
    with tempfile.TemporaryDirectory() as name:
        for what, measure in (('layers', by_layers), ('samples', by_samples), ('threads', by_threads)):
            if o.only in (None, what):
                measure(o, pathlib.Path(name), series)
    bad = table(series)
    if o.json:
        pathlib.Path(o.json).write_text(json.dumps(series, indent=1) + '\n')
    if o.svg:
        svg(series, o.svg)
    if bad:
        print(f'\nworse than linear: {", ".join(bad)}')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
