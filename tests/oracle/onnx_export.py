#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what `bantam convert -o net.onnx` writes in onnxruntime, and compares it with the .btm of the same conversion.

    python3 tests/oracle/onnx_export.py                                 # the models of testdata
    BANTAM_MODELS=models BANTAM_DATA=data python3 tests/oracle/onnx_export.py --only mobilenet
    python3 tests/oracle/onnx_export.py --layers                        # which operators differ, and by how much
    python3 tests/oracle/onnx_export.py --peer                          # beside onnxruntime's quantize_static
    python3 tests/oracle/onnx_export.py --operators                     # every operator of operators.py: float, int8, int16

Needs numpy, onnx and onnxruntime from PyPI. A model is NAME.onnx in $BANTAM_MODELS; NAME.calib.npz and NAME.eval.npz
lie in $BANTAM_DATA, or beside it. Columns of the table:

    ours      signal over noise of the .btm against the float model in onnxruntime, in dB
    ort       the same of the written file in onnxruntime
    between   of the written file against the .btm; "equal" where all numbers are
    integer   nodes that onnxruntime computes in integers, of all that are quantized
    float     the others, by operator

Of operators: the share of equal numbers and the largest difference, in steps where they are rounded to integers, else
in dB.

Exit status: 0 if everything loads and `ort` is within 0.1 dB of `ours` (or better), and operators differ by no more than
docs/targets.md says; 1 if not, 2 for a wrong call, 77 where a package is missing."""
import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
    import onnx
    import onnxruntime as ort
    from operators import ALL, INTEGER_STEPS, LENGTHS, OPERATORS, WIDE, Net
except ImportError as missing:
    print(f'skipped: {missing}; pip install numpy onnx onnxruntime', file=sys.stderr)
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECIPES = ('exact', 'weights8', 'int8')
INTEGER = ('QLinear', 'QGemm', 'MatMulInteger', 'MatMulNBits')


def session(model, optimized=None, plain=False):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    # weight-only files: products in float, as ours are
    options.add_session_config_entry('session.qdq_matmulnbits_accuracy_level', '0')
    if plain:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if optimized:
        options.optimized_model_filepath = str(optimized)
    source = model if isinstance(model, bytes) else str(model)
    return ort.InferenceSession(source, options, providers=['CPUExecutionProvider'])


def decibels(wanted, got):
    signal = sum(float((w.astype(np.float64) ** 2).sum()) for w in wanted)
    noise = sum(float(((w.astype(np.float64) - g) ** 2).sum()) for w, g in zip(wanted, got))
    return float('inf') if noise == 0 else 10 * np.log10(max(signal, 1e-30) / noise)


def samples_of(path, inputs, most):
    """One dictionary of inputs per sample; few of many are taken from all over the set: the first ones may be alike."""
    arrays = np.load(path)
    stacked = [arrays[i.name] if i.name in arrays else arrays[arrays.files[0]] for i in inputs]
    batch = inputs[0].shape[0]
    step = batch if isinstance(batch, int) else 1
    groups = len(stacked[0]) // step
    count = min(most, groups)
    starts = [k * groups // count * step for k in range(count)]
    return [{i.name: a[k:k + step] for i, a in zip(inputs, stacked)} for k in starts]


def run_ours(bantam, model, samples, names, folder):
    """Outputs of `bantam run`, one list per sample."""
    stacked = folder / 'inputs.npz'
    np.savez(stacked, **{n: np.concatenate([s[n] for s in samples]) for n in samples[0]})
    out = folder / 'outputs'
    subprocess.run([bantam, 'run', model, '--data', stacked, '--output', out, '-q'], check=True)
    files = {n: np.load(out / (re.sub(r'[^A-Za-z0-9._+-]', '_', n) + '.npy')) for n in names}
    return [[a[k * (len(a) // len(samples)):(k + 1) * (len(a) // len(samples))] for a in files.values()]
            for k in range(len(samples))]


def milliseconds(s, sample, rounds=10):
    best = float('inf')
    for _ in range(rounds):
        start = time.perf_counter()
        s.run(None, sample)
        best = min(best, time.perf_counter() - start)
    return best * 1000


def split_by_arithmetic(path):
    """(number of integer nodes, operators between DequantizeLinear and QuantizeLinear that stayed float)"""
    graph = onnx.load(path).graph
    maker = {o: n for n in graph.node for o in n.output}
    integer, left = 0, collections.Counter()
    for n in graph.node:
        if n.op_type.startswith(INTEGER):
            integer += 1
        elif n.op_type not in ('QuantizeLinear', 'DequantizeLinear'):
            made = [maker[i].op_type for i in n.input if i in maker]
            read = [m.op_type for m in graph.node if set(m.input) & set(n.output)]
            if 'DequantizeLinear' in made and (read and set(read) == {'QuantizeLinear'}):
                left[n.op_type] += 1
    return integer, left


def compare_layers(bantam, path, sample, folder):
    """Every quantized value as an output, in onnxruntime and in ours: {operator: [layers, equal, differing
    elements, elements, largest difference]} of layers whose inputs are equal."""
    model = onnx.load(path)
    graph = model.graph
    types = {t.name: t.data_type for t in graph.initializer}
    maker = {o: n for n in graph.node for o in n.output}
    quantized = [n for n in graph.node if n.op_type == 'QuantizeLinear']
    kept = {o.name for o in graph.output}
    for q in quantized:
        if q.output[0] not in kept:
            graph.output.append(onnx.helper.make_tensor_value_info(q.output[0], types[q.input[2]], None))
    wide = folder / 'layers.onnx'
    onnx.save(model, wide)
    theirs_session = session(wide)
    names = [o.name for o in theirs_session.get_outputs()]
    theirs = dict(zip(names, theirs_session.run(None, sample)))
    subprocess.run([bantam, 'convert', wide, '-o', folder / 'layers.btm', '--preset', 'int8', '-q'], check=True)
    ours = dict(zip(names, run_ours(bantam, folder / 'layers.btm', [sample], names, folder)[0]))

    def sources(name, found):
        node = maker.get(name)
        if node is None or node.op_type == 'QuantizeLinear':
            found.add(name)
            return
        for i in node.input:
            sources(i, found)

    table = collections.defaultdict(lambda: [0, 0, 0, 0, 0])
    for q in quantized:
        operator = maker[q.input[0]].op_type if q.input[0] in maker else 'QuantizeLinear of an input'
        inputs = set()
        sources(q.input[0], inputs)
        if any(i in ours and not np.array_equal(ours[i], theirs[i]) for i in inputs):
            continue
        a, b = ours[q.output[0]].astype(int), theirs[q.output[0]].astype(int)
        row = table[operator]
        row[0] += 1
        row[1] += int(np.array_equal(a, b))
        row[2] += int((a != b).sum())
        row[3] += a.size
        row[4] = max(row[4], int(np.abs(a - b).max(initial=0)))
    return table


class Calibration:
    def __init__(self, samples):
        self.samples = iter(samples)

    def get_next(self):
        return next(self.samples, None)


def peer(path, calibration, folder):
    from onnxruntime.quantization import QuantFormat, quantize_static, shape_inference
    prepared, out = folder / 'prepared.onnx', folder / 'peer.onnx'
    shape_inference.quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    quantize_static(str(prepared), str(out), Calibration(calibration), quant_format=QuantFormat.QDQ, per_channel=True)
    return out


def check(model, data, recipe, options, folder):
    name = model.stem
    reference = session(model)
    samples = samples_of(data / f'{name}.eval.npz', reference.get_inputs(), options.samples)
    wanted = [reference.run(None, s) for s in samples]
    written, native = folder / f'{name}.{recipe}.onnx', folder / f'{name}.{recipe}.btm'
    subprocess.run([options.bantam, 'convert', model, '-o', written, '-o', native, '--preset', recipe, '--data',
                    data / f'{name}.calib.npz', '-q', *options.convert.split()], check=True)
    loaded = onnx.load(written)
    onnx.checker.check_model(loaded, full_check=True)
    optimized = folder / 'optimized.onnx'
    runner = session(written, optimized)
    names = [o.name for o in runner.get_outputs()]
    theirs = [runner.run(None, s) for s in samples]
    ours = run_ours(options.bantam, native, samples, names, folder)
    flat = lambda runs: [a for run in runs for a in run]
    db_ours, db_ort = decibels(flat(wanted), flat(ours)), decibels(flat(wanted), flat(theirs))
    between = decibels(flat(ours), flat(theirs))
    integer, left = split_by_arithmetic(optimized)
    total = integer + sum(left.values())
    agrees = db_ort >= db_ours - 0.1 or db_ort >= 100
    print(f'{name:28} {recipe:9} {loaded.opset_import[0].version:5} {written.stat().st_size:9} {native.stat().st_size:9} '
          f'{milliseconds(runner, samples[0]):8.2f} {db_ours:7.2f} {db_ort:7.2f} {"  equal" if between == float("inf") else f"{between:7.1f}"} '
          f'{integer:4}/{total:<4}{"" if agrees else "DIFFERS "} {", ".join(f"{k} {v}" for k, v in sorted(left.items()))}', flush=True)
    if recipe == 'int8' and options.layers:
        for op, (layers, equal, wrong, elements, most) in sorted(compare_layers(options.bantam, written, samples[0], folder).items()):
            print(f'    {op:28} {equal} of {layers} layers equal; {wrong} of {elements} elements differ, by {most} at most', flush=True)
    if recipe == 'int8' and options.peer:
        calibration = samples_of(data / f'{name}.calib.npz', reference.get_inputs(), 64)
        file = peer(model, calibration, folder)
        other = session(file)
        print(f'    {"quantize_static":34} {file.stat().st_size:9} {"":9} {milliseconds(other, samples[0]):8.2f} {"":7} '
              f'{decibels(flat(wanted), flat([other.run(None, s) for s in samples])):7.2f}', flush=True)
    return agrees


# ---- operators ----

MIN_FLOAT_DB = 100
# Steps that int8 may differ, on ties. The reasons stand in docs/targets.md.
STEPS = {'ConvTranspose': 1, 'Mul': 1, 'AveragePool over padding': 1, 'Resize linear': 1, 'Resize linear, asymmetric': 1}
WIDE_STEPS = 1


def moved(array, kind):
    """Integers of int8 as the file stores them."""
    return (array.astype(np.int16) + 128).astype(np.uint8) if kind == 'tensor(uint8)' else array


def compare_operator(bantam, name, numbers, folder):
    """(elements, equal ones, largest difference in steps or agreement in dB, operators that stay float)"""
    net = Net(numbers)
    net.save(folder / 'm.onnx', OPERATORS[name][0](net))
    how = ['-p', INTEGER_STEPS, '--io', 'int8'] if net.integer else ['--preset', 'exact']
    written, native = folder / 'w.onnx', folder / 'm.btm'
    done = subprocess.run([bantam, 'convert', folder / 'm.onnx', '-o', written, '-o', native, '--test-vectors', '0', '-q', *how], capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()[-200:]
    runner = session(written, folder / 'optimized.onnx')
    kinds = {i.name: i.type for i in runner.get_inputs()}
    stored = {n: {'tensor(uint8)': np.int8, 'tensor(int16)': np.int16}.get(k, np.float32) for n, k in kinds.items()}
    ours, theirs = [], []
    for lengths in LENGTHS if net.has_open_lengths() else [None]:
        sample = net.samples(stored, lengths)
        names = [o.name for o in runner.get_outputs()]
        ours += run_operator(bantam, native, sample, names, folder)
        theirs += [t.astype(np.int16) - 128 if t.dtype == np.uint8 else t for t in runner.run(names, {n: moved(a, kinds[n]) for n, a in sample.items()})]
    _, left = split_by_arithmetic(folder / 'optimized.onnx')
    a, b = (np.concatenate([x.astype(np.float64).reshape(-1) for x in side]) for side in (ours, theirs))
    if not net.integer:
        return a.size, int((a == b).sum()), decibels([a], [b]), left
    step = net.step if ours[0].dtype == np.float32 else 1
    return a.size, int((np.rint(a / step) == np.rint(b / step)).sum()), int(np.abs(np.rint(a / step) - np.rint(b / step)).max()), left


def run_operator(bantam, native, sample, names, folder):
    arguments = []
    for i, (name, array) in enumerate(sample.items()):
        np.save(folder / f'in{i}.npy', array)
        arguments += ['--input', f'{name}={folder}/in{i}.npy']
    subprocess.run([bantam, 'run', native, *arguments, '--output', folder, '-q'], check=True)
    return [np.load(folder / f'{n}.npy') for n in names]


def operators_mode(options, folder):
    good = True
    print('| operator | numbers | onnxruntime | float between integers |\n|---|---|---|---|')
    for name, (_, forms) in OPERATORS.items():
        for numbers in [forms] if isinstance(forms, str) else forms:
            if options.only not in name:
                continue
            found = compare_operator(options.bantam, name, numbers, folder)
            if isinstance(found, str):
                print(f'| {name} | {numbers} | FAILED: {found} | |', flush=True)
                good = False
                continue
            count, equal, most, left = found
            integer = numbers != ALL[0]
            bad = most > (WIDE_STEPS if numbers == WIDE else STEPS.get(name, 0)) if integer else most < MIN_FLOAT_DB
            good &= not bad
            what = 'equal' if equal == count else f'{100 * equal / count:.2f} %, {most} step{"s" if most != 1 else ""}' if integer else f'{most:.0f} dB'
            print(f'| {name} | {numbers} | {what}{" FAILED" if bad else ""} | {", ".join(sorted(left)) if integer else ""} |', flush=True)
    return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bantam', default=ROOT / 'build/bantam', type=pathlib.Path)
    parser.add_argument('--models', default=os.environ.get('BANTAM_MODELS', ROOT / 'testdata'), type=pathlib.Path)
    parser.add_argument('--data', default=os.environ.get('BANTAM_DATA'), type=pathlib.Path)
    parser.add_argument('--only', default='', help='models whose name contains this')
    parser.add_argument('--recipes', default=','.join(RECIPES))
    parser.add_argument('--samples', type=int, default=16)
    parser.add_argument('--convert', default='', help='further flags of convert, as one text')
    parser.add_argument('--layers', action='store_true')
    parser.add_argument('--peer', action='store_true')
    parser.add_argument('--operators', action='store_true')
    options = parser.parse_args()
    if not options.bantam.exists():
        parser.error(f'{options.bantam} does not exist; --bantam names the program')
    if options.operators:
        with tempfile.TemporaryDirectory() as folder:
            return operators_mode(options, pathlib.Path(folder))
    print(f'{"model":28} {"recipe":9} opset {"onnx":>9} {"btm":>9} {"ms":>8} {"ours":>7} {"ort":>7} between integer  float')
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for model in sorted(options.models.glob('*.onnx')):
            if options.only in model.name:
                for recipe in options.recipes.split(','):
                    good &= check(model, options.data or options.models, recipe, options, pathlib.Path(folder))
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
