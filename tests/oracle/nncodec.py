#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares files of the recipe `smallest` with bitstreams of NNCodec (ISO/IEC 15938-17): the same weights, the same
samples, bytes at equal loss.

    BANTAM_MODELS=models BANTAM_DATA=data python3 tests/oracle/nncodec.py --only squeezenet --plot out.svg

Needs nncodec 2.1.3, numpy, onnx and onnxruntime from PyPI. A model is NAME.onnx in $BANTAM_MODELS; NAME.calib.npz and
NAME.eval.npz lie in $BANTAM_DATA, or beside it. Both sides begin with the graph that the recipe `exact` leaves
(batch norms folded). NNCodec codes its float initializers (dependent quantization on, all settings at their defaults
but the qp); what it decodes is run in onnxruntime, and its graph counts nothing. Ours is the whole file, and runs in
`bantam run`. Loss is the KL divergence for class scores, else noise over signal of the first output.

Our qualities are 14, 18 and 22 dB for class scores, else the decibels that NNCodec reaches at its three coarsest
rates (between 5 and 60). At each of our files NNCodec's bytes are interpolated in the logarithm of the loss between its two nearest rates (the
nearest pair is extended where it has none on one side; such rows are marked).

Exit status: 0, 1 where something fails, 2 for a wrong call, 77 where a package is missing."""
import argparse
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path = [p for p in sys.path if pathlib.Path(p or '.').resolve() != HERE]  # this file has the package's name
try:
    import nncodec.nnc as nnc
    import numpy as np
    import onnx
    import onnxruntime as ort
except ImportError as missing:
    print(f'skipped: {missing}; pip install nncodec==2.1.3 numpy onnx onnxruntime', file=sys.stderr)
    sys.exit(77)

ROOT = HERE.parents[1]
QUALITIES = (14, 18, 22)  # dB at the scores, of the recipe `smallest` where there are classes
QPS = (-40, -36, -32, -28)


def run_onnx(model, samples):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider'])
    names = [i.name for i in session.get_inputs()]
    count = len(samples[names[0]])
    rows = [session.run(None, {n: samples[n][i:i + 1] for n in names})[0] for i in range(count)]
    return np.concatenate([r.reshape(1, -1) for r in rows]).astype(np.float64)


def run_bantam(tool, file, samples, output, folder):
    call = [tool, 'run', file, '--output', folder / 'out']
    for i, (name, values) in enumerate(samples.items()):
        np.save(folder / f'in{i}.npy', values)
        call += ['--input', f'{name}={folder}/in{i}.npy']
    (folder / 'out').mkdir(exist_ok=True)
    subprocess.run(call, check=True, capture_output=True)
    made = {f.stem: f for f in (folder / 'out').glob('*.npy')}
    first = np.load(made.get(re.sub(r'[^A-Za-z0-9._-]', '_', output), next(iter(made.values()))))
    return first.reshape(len(next(iter(samples.values()))), -1).astype(np.float64)


def log_chances(scores):
    if scores.min() >= 0 and np.abs(scores.sum(1) - 1).max() < 0.05:  # the model ends in a softmax
        clipped = np.clip(scores, 1e-4, 1)
        return np.log(clipped / clipped.sum(1, keepdims=True))
    centred = scores - scores.max(1, keepdims=True)
    return centred - np.log(np.exp(centred).sum(1, keepdims=True))


def loss_of(wanted, got, is_classes):
    if not is_classes:
        return float(((wanted - got) ** 2).sum() / (wanted ** 2).sum())
    p, q = log_chances(wanted), log_chances(got)
    return float((np.exp(p) * (p - q)).sum(1).mean())


def nncodec_at(model, qp, folder):
    factors = {i for n in model.graph.node if n.op_type == 'Resize' for i in n.input}  # 2.0 has to stay what it is
    weights = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name not in factors}
    weights = {n: np.array(w, np.float32) for n, w in weights.items() if w.dtype == np.float32 and w.size and w.ndim}
    stream = nnc.compress(weights, qp=qp, return_bitstream=True, bitstream_path=str(folder / 'stream.nnc'))
    decoded = nnc.decompress(stream)
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for t in changed.graph.initializer:
        if t.name in decoded:
            values = np.asarray(decoded[t.name], np.float32).reshape(tuple(t.dims))
            t.CopyFrom(onnx.numpy_helper.from_array(values, t.name))
    return len(stream), changed


class Case:
    """One model: its graph as `exact` leaves it, its samples, and what the float graph makes of them."""

    def __init__(self, args, path, folder):
        self.args, self.path, self.folder = args, path, folder
        data = pathlib.Path(os.environ.get('BANTAM_DATA', path.parent))
        self.calibration = data / (path.stem + '.calib.npz')
        stored = np.load(data / (path.stem + '.eval.npz'))
        plain = folder / 'exact.onnx'
        subprocess.run([args.bantam, 'convert', path, '-o', plain, '--preset', 'exact'], check=True,
                       capture_output=True)
        self.model = onnx.load(plain)
        inputs = [i.name for i in self.model.graph.input]
        self.samples = {n: stored[n][:args.samples] for n in inputs}
        self.wanted = run_onnx(self.model, self.samples)
        self.is_classes = 'labels' in stored.files

    def theirs(self, qp):
        size, changed = nncodec_at(self.model, qp, self.folder)
        return {'qp': qp, 'bytes': size, 'loss': loss_of(self.wanted, run_onnx(changed, self.samples), self.is_classes)}

    def ours(self, quality):
        out, recipe = self.folder / 'ours.btm', self.folder / 'ours.recipe'
        text = (ROOT / 'passes' / 'recipes' / 'smallest.recipe').read_text()
        recipe.write_text(text.replace('choose-steps(', f'choose-steps(quality={quality}, '))
        begin = os.times()
        subprocess.run([self.args.bantam, 'convert', self.path, '-o', out, '--data', self.calibration,
                        '--recipe', recipe], check=True, capture_output=True)
        end = os.times()
        got = run_bantam(self.args.bantam, out, self.samples, self.model.graph.output[0].name, self.folder)
        return {'quality': quality, 'bytes': out.stat().st_size, 'loss': loss_of(self.wanted, got, self.is_classes),
                'seconds': round(end[2] + end[3] - begin[2] - begin[3], 1)}


def qualities(theirs, is_classes):
    if is_classes:
        return QUALITIES
    coarse = sorted(theirs, key=lambda p: p['bytes'])[:3]
    return [round(min(60.0, max(5.0, -10 * math.log10(p['loss']))), 2) for p in coarse]


def bytes_at(points, loss):
    """Bytes between the two rates around a loss, and whether the loss lies outside of all."""
    points = sorted(points, key=lambda p: p['loss'])
    inside = [i for i in range(len(points) - 1) if points[i]['loss'] <= loss <= points[i + 1]['loss']]
    i = inside[0] if inside else (0 if loss < points[0]['loss'] else len(points) - 2)
    a, b = points[i], points[i + 1]
    part = (math.log(loss) - math.log(a['loss'])) / (math.log(b['loss']) - math.log(a['loss']))
    return a['bytes'] + part * (b['bytes'] - a['bytes']), not inside


def shown(loss, is_classes):
    return f'KL {loss:.4f}' if is_classes else f'{-10 * math.log10(loss):.1f} dB'


def panel(name, entry, left, top):
    """A small diagram: bytes to the right, the loss upwards in powers of ten."""
    wide, high = 250, 130
    points = entry['theirs'] + entry['ours']
    most = max(p['bytes'] for p in points) * 1.02
    low, top_loss = (f(math.log10(p['loss']) for p in points) for f in (min, max))

    def place(p):
        return (f"{left + wide * p['bytes'] / most:.1f},"
                f"{top + high * (top_loss - math.log10(p['loss'])) / (top_loss - low):.1f}")

    out = [f'<text x="{left}" y="{top - 8}" font-weight="bold">{name}</text>',
           f'<path d="M{left} {top}v{high}h{wide}" fill="none" stroke="#888"/>',
           f'<text x="{left + wide}" y="{top + high + 14}" text-anchor="end">{most / 1e3:,.0f} kB</text>',
           f'<text x="{left}" y="{top + high + 14}">0; loss {10 ** low:.1g} to {10 ** top_loss:.1g}</text>']
    for side, colour in (('theirs', '#c0392b'), ('ours', '#1f6feb')):
        line = [place(p) for p in sorted(entry[side], key=lambda p: p['bytes'])]
        out.append(f'<polyline points="{" ".join(line)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for xy in line:
            x, y = xy.split(',')
            out.append(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>')
    return out


def plot(cache):
    whole = [(n, e) for n, e in sorted(cache.items()) if e['theirs'] and e['ours']]
    rows = (len(whole) + 2) // 3
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {rows * 190 + 30}" font-family="sans-serif" '
           'font-size="11">', '<rect width="100%" height="100%" fill="#fff"/>']
    for i, (name, entry) in enumerate(whole):
        out += panel(name, entry, 20 + i % 3 * 295, 30 + i // 3 * 190)
    out.append(f'<text x="20" y="{rows * 190 + 20}"><tspan fill="#1f6feb">bantam, whole file</tspan>; '
               '<tspan fill="#c0392b">NNCodec 2.1.3, bitstream of the weights</tspan></text></svg>')
    return '\n'.join(out) + '\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--bantam', default=str(ROOT / 'build' / 'bantam'))
    parser.add_argument('--only', default='', help='part of the names of models')
    parser.add_argument('--samples', type=int, default=200, help='of NAME.eval.npz to measure with')
    parser.add_argument('--cache', type=pathlib.Path, help='JSON of measured bitstreams, read and added to')
    parser.add_argument('--theirs', action='store_true', help='measure the bitstreams only')
    parser.add_argument('--plot', type=pathlib.Path, help='an SVG of all curves')
    args = parser.parse_args()
    if 'BANTAM_MODELS' not in os.environ:
        print('skipped: set BANTAM_MODELS to a folder of models', file=sys.stderr)
        return 77
    cache = json.loads(args.cache.read_text()) if args.cache and args.cache.exists() else {}
    gains = []
    for path in sorted(pathlib.Path(os.environ['BANTAM_MODELS']).glob('*.onnx')):
        if args.only not in path.stem:
            continue
        with tempfile.TemporaryDirectory() as folder:
            case = Case(args, path, pathlib.Path(folder))
            entry = cache.setdefault(path.stem, {'theirs': [], 'ours': []})
            for qp in QPS:
                if not any(p['qp'] == qp for p in entry['theirs']):
                    entry['theirs'].append(case.theirs(qp))
                    if args.cache:
                        args.cache.write_text(json.dumps(cache, indent=1))
            if args.theirs:
                continue
            entry['ours'] = [case.ours(q) for q in qualities(entry['theirs'], case.is_classes)]
            if args.cache:
                args.cache.write_text(json.dumps(cache, indent=1))
            for p in entry['ours']:
                other, outside = bytes_at(entry['theirs'], p['loss'])
                gains.append(1 - p['bytes'] / other)
                print(f"{path.stem:28} {p['bytes']:>9} {shown(p['loss'], case.is_classes):>10} NNCodec {other:>9.0f}"
                      f"{'*' if outside else ' '} {gains[-1]:6.1%} {p['seconds']:6.1f} s", flush=True)
    if gains:
        print(f'mean of {len(gains)}: {sum(gains) / len(gains):.1%} fewer bytes')
    if args.plot:
        args.plot.write_text(plot(cache))
    return 0


if __name__ == '__main__':
    sys.exit(main())
