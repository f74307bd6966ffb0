#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the Core ML packages that bantam writes, without a Mac.

    pip install coremltools numpy onnx                   # in an environment of its own
    python3 tests/oracle/coreml_export.py --bantam build/dev/bantam
    python3 tests/oracle/coreml_export.py --bantam build/dev/bantam --operators      # every operator of operators.py: float, int8
    python3 tests/oracle/coreml_export.py --bantam build/dev/bantam --layers         # recipe int8, every layer from the same inputs
    BANTAM_MODELS=/path/to/models python3 tests/oracle/coreml_export.py --bantam build/dev/bantam --only squeezenet

Every model is converted in every way of VARIANTS, to a package and (in the same run) to a .btm. Then
  - the package opens as a user's program does it (load_spec, MLModel without the framework),
  - Apple's MIL frontend reads the program, infers every type anew, and makes the weights of their parts,
  - the program with these weights, evaluated in numpy (mil_numpy.py), computes what `bantam run` computes from the .btm.
Models: those of testdata, and those of the folder $BANTAM_MODELS, which holds accept.json: a list of objects with name,
model, calib and eval (paths inside the folder).

What only a Mac can show is said in docs/targets.md. Exit status: 0 all passed, 1 not, 77 something is not installed."""
import argparse
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

try:
    import numpy as np
    logging.disable(logging.CRITICAL)
    warnings.filterwarnings('ignore')
    import coremltools as ct
    from coremltools.converters.mil.frontend.milproto.load import load as load_program
    import mil_numpy
    from operators import FLOAT, INTEGER_STEPS, LENGTHS, OPERATORS, WIDE, Net
except ImportError as missing:
    print(f'SKIPPED: {missing}; pip install coremltools numpy onnx')
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Half precision costs a text detector of many layers all but 25 dB (rounding its values alone does); others keep 40 to 70.
VARIANTS = {  # name: (flags of convert, needs samples, least agreement in dB)
    'float32': (['--preset', 'exact'], False, 100),
    'float16': (['--preset', 'exact', '--float16'], False, 20),
    'weights8': (['--preset', 'weights8'], False, 100),
    'weights8 fp16': (['--preset', 'weights8', '--float16'], False, 20),
    'palette 6': (['-p', 'include exact; share-weights(bits=6)'], False, 100),
    'palette 3, groups': (['-p', 'include exact; share-weights(bits=3, group=16)'], False, 100),
    'sparse': (['-p', 'include exact; prune-magnitude(target=0.7)'], False, 100),
    'weights 4': (['-p', 'include exact; quantize(bits=4, activations=none)'], False, 100),
    'int8': (['--preset', 'int8'], True, 35),
    'small': (['--preset', 'small'], True, 35),
}

# Rounded values that lie between two steps fall on the one or the other by the noise of float sums, and later layers
# carry that on. So a program with 8-bit arithmetic is also evaluated with sums in float32 and with exact ones: how far these
# two are from each other, and this many dB more, is how far the integers of `bantam run` may be from the exact ones.
MARGIN = 6


class Failure(Exception):
    """A check failed; the text says which, and with what."""


def models():
    """(name, model, calibration data, samples)"""
    for path in sorted((ROOT / 'testdata').glob('*.onnx')):
        yield path.stem, path, path.with_suffix('.calib.npz'), path.with_suffix('.eval.npz')
    folder = os.environ.get('BANTAM_MODELS')
    if not folder:
        print('note: BANTAM_MODELS is not set: the models of testdata only')
        return
    folder = pathlib.Path(folder)
    for m in json.loads((folder / 'accept.json').read_text()):
        yield m['name'], folder / m['model'], folder / m['calib'], folder / m['eval']


def call(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(done.stderr.strip().split('\n')[-1])
    return done.stdout


def shape_for(array, value, i):
    """Of sample i: what the package wants; where it takes any length, that of the sample, a little less each time."""
    shape = list(array.shape)
    for d, wanted in enumerate(array.shapeRange.sizeRanges):
        if wanted.lowerBound < wanted.upperBound:
            shape[d] = value.shape[d - len(shape)] - 8 * i
    return tuple(shape)


def samples_of(path, package_inputs, most):
    """The first samples, each with the shape that the package wants; keys of an archive that are no inputs are labels."""
    data = np.load(path)
    inputs = {k: data[k] for k in data.files}
    names = list(package_inputs)
    plain = {''.join(c if c.isalnum() else '_' for c in k): v for k, v in inputs.items()}
    chosen = {n: plain[n] for n in names} if all(n in plain for n in names) else {names[0]: inputs[data.files[0]]}
    out = []
    for i in range(min(most, len(next(iter(chosen.values()))))):
        sample = {}
        for name, values in chosen.items():
            kind = {65568: np.float32, 131104: np.int32}[package_inputs[name].dataType]
            value = np.asarray(values[i]).astype(kind)
            shape = shape_for(package_inputs[name], value, i)
            if value.ndim >= 2 and value.size > np.prod(shape):  # a part of a larger picture
                value = value[..., :shape[-2], :shape[-1]]
            if value.size != np.prod(shape):
                raise Failure(f'sample {value.shape} does not fit input {name} {shape}')
            sample[name] = value.reshape(shape)
        out.append(sample)
    return out


def fixed_shapes(bantam, model, samples):
    """--shape for inputs with more unknown lengths than the first, where the format cannot leave them open."""
    if 'cannot be written\n' not in call(bantam, 'inspect', model, '--target', 'coreml'):
        return []
    text = json.loads(call(bantam, 'inspect', model, '--json'))
    flags = []
    data = np.load(samples)
    for port in text['inputs']:
        shape = port['shape']
        if any(not isinstance(d, int) or d < 0 for d in shape[1:]):
            value = data[port['name']] if port['name'] in data.files else data[data.files[0]]
            flags += ['--shape', f"{port['name']}={'x'.join(str(d) for d in (1,) + value.shape[-len(shape) + 1:])}"]
    return flags


def run_btm(bantam, btm, sample, names, folder, *more):
    """What `bantam run` makes of one sample: name of the package -> numbers."""
    ports = json.loads(call(bantam, 'inspect', btm, '--json'))
    arguments = []
    for i, port in enumerate(ports['inputs']):
        value = sample[names['inputs'][i]]
        kind = {'i64': np.int64, 'i32': np.int32, 'f32': np.float32}[port['type']]
        np.save(folder / f'in{i}.npy', value.astype(kind))
        arguments += ['--input', f"{port['name']}={folder / f'in{i}.npy'}"]
    call(bantam, 'run', btm, '--output', folder, *arguments, *more)
    out = {}
    for name, port in zip(names['outputs'], ports['outputs']):
        file = ''.join(c if c.isalnum() or c in '._+-' else '_' for c in port['name'])
        out[name] = np.load(folder / f'{file}.npy')
    return out


def agreement(wanted, got):
    """Signal over noise in dB, of the worst output."""
    worst = np.inf
    for name, want in wanted.items():
        if want.shape != got[name].shape:
            raise Failure(f'output {name}: {got[name].shape} instead of {want.shape}')
        want = want.astype(np.float64)
        noise = np.mean((want - got[name]) ** 2)
        worst = min(worst, 10 * np.log10(max(np.mean(want ** 2), 1e-30) / noise) if noise else np.inf)
    return worst


def open_package(path):
    spec = ct.utils.load_spec(str(path))
    ct.models.MLModel(str(path), skip_model_load=True)
    return spec, load_program(spec, specification_version=spec.specificationVersion, file_weights_dir=str(path / 'Data/com.apple.CoreML/weights'))


def check(o, variant, name, model, calib, samples, folder):
    flags, needs_data, least = VARIANTS[variant]
    package, btm = folder / 'M.mlpackage', folder / 'm.btm'
    if needs_data:
        flags = flags + ['--data', calib]
    flags = flags + fixed_shapes(o.bantam, model, calib if needs_data else samples)
    call(o.bantam, 'convert', model, '-o', package, '-o', btm, '--quiet', '--test-vectors', '0', *flags)
    spec, program = open_package(package)
    evaluator = mil_numpy.Evaluator(program, exact=needs_data)
    inputs = {i.name: i.type.multiArrayType for i in spec.description.input}
    names = {'inputs': list(inputs), 'outputs': [x.name for x in spec.description.output]}
    rough = mil_numpy.Evaluator(program) if needs_data else None
    worst, inherent = np.inf, np.inf
    for sample in samples_of(samples, inputs, o.samples):
        computed = evaluator.run(sample)
        worst = min(worst, agreement(run_btm(o.bantam, btm, sample, names, folder), computed))
        if rough:
            inherent = min(inherent, agreement(computed, rough.run(sample)))
    least = min(least, inherent - MARGIN)
    size = sum(f.stat().st_size for f in package.rglob('*') if f.is_file())
    ios = {6: 15, 7: 16, 8: 17, 9: 18}[spec.specificationVersion]
    made = evaluator.weights()
    ways = sorted({op.op_type.replace('constexpr_', '') for op in evaluator.function.operations if 'constexpr_' in op.op_type})
    row = (f'{name:28} {variant:18} iOS {ios}  {size / 1000:9.1f} kB  {len(evaluator.steps):4} operations  '
           f'{len(made):3} made weights ({", ".join(ways) or "none"})  {worst:6.1f} dB' + (f' (float32 sums: {inherent:.1f} dB)' if rough else ''))
    if worst < least:
        raise Failure(f'{row}: {least} dB are expected')
    return row


# ---- layers ----

MAX_FROM_TIE = 1e-3  # in steps: a value that is farther from the middle between two must fall on the same side


class Layers:
    """Compares what is quantized with the values of a .btm, and goes on with those: nothing is carried on."""

    def __init__(self, folder, function):
        plain = lambda name: ''.join(c if c.isalnum() else '_' for c in name)
        self.ours = {plain(f.stem): np.load(f) for f in folder.glob('*.npy')}
        reads = [op for op in function.operations if op.op_type == 'dequantize']
        self.name_of = {op.inputs['input']: op.outputs[0].name for op in reads}
        self.makers = {v: op for op in function.operations for v in op.outputs}
        self.layers = self.equal = self.numbers = self.flips = self.missing = self.steps = 0
        self.from_tie, self.by = 0.0, {}

    def _operator(self, op):
        maker = self.makers.get(op.inputs['input'])
        while maker is not None and maker.op_type in ('relu', 'clip', 'relu6'):
            maker = self.makers.get(maker.inputs['x'])
        return maker.op_type if maker is not None else 'input'

    def __call__(self, op, given, made):
        if op.op_type != 'quantize':
            return made
        ours = self.ours.get(self.name_of.get(op.outputs[0]))
        moved = [] if ours is None or ours.dtype != np.int8 else [ours, np.moveaxis(ours, -1, 1)] if ours.ndim >= 3 else [ours]
        moved = [m for m in moved if m.shape == made.shape]  # channels are last in a .btm
        if not moved:
            self.missing += 1
            return made
        ours = min(moved, key=lambda m: np.count_nonzero(m != made))
        off = made.astype(int) - ours
        real = np.asarray(given['input'], np.float64) / np.asarray(given['scale'], np.float64)
        flips = off != 0
        self.layers, self.numbers, self.flips = self.layers + 1, self.numbers + made.size, self.flips + int(flips.sum())
        self.equal += not flips.any()
        if flips.any():
            distance = float(np.abs(real - np.floor(real) - 0.5)[flips].max())
            name = self._operator(op)
            self.by[name] = max(self.by.get(name, 0.0), distance)
            self.steps, self.from_tie = max(self.steps, int(np.abs(off).max())), max(self.from_tie, distance)
        return ours


def check_layers(o, name, model, calib, samples, folder):
    package, btm = folder / 'M.mlpackage', folder / 'm.btm'
    call(o.bantam, 'convert', model, '-o', package, '-o', btm, '--quiet', '--test-vectors', '0', '--preset', 'int8', '--data', calib,
         *fixed_shapes(o.bantam, model, calib), *o.convert.split())
    spec, program = open_package(package)
    evaluator = mil_numpy.Evaluator(program, exact=True)
    inputs = {i.name: i.type.multiArrayType for i in spec.description.input}
    names = {'inputs': list(inputs), 'outputs': [x.name for x in spec.description.output]}
    sample = samples_of(samples, inputs, 1)[0]
    run_btm(o.bantam, btm, sample, names, folder, '--values', folder / 'values')
    layers = Layers(folder / 'values', program.functions['main'])
    evaluator.run(sample, layers)
    ties = ', '.join(f'{k} {v:.0e}' for k, v in sorted(layers.by.items())) or '-'
    good = layers.steps <= 1 and layers.from_tie <= MAX_FROM_TIE
    print(f'| {name} | {layers.equal} of {layers.layers} | {layers.flips} of {layers.numbers} by {layers.steps} | {ties} | {layers.missing} |{"" if good else " FAILED"}', flush=True)
    return good


def layers_mode(o):
    failed = 0
    print('| model | quantized values, equal | numbers that differ | farthest from a tie, in steps | not compared |\n|---|---|---|---|---|')
    for name, model, calib, samples in models():
        if o.only in name:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    failed += not check_layers(o, name, model, calib, samples, pathlib.Path(folder))
                except Failure as f:
                    print(f'| {name} | FAILED: {f} |', flush=True)
                    failed += 1
    return 1 if failed else 0


# ---- operators ----

MIN_FLOAT_DB = 100
STEPS = {'Round': 15}  # that int8 may differ, where it is more than 1: halves become either whole number, and that is 14 steps


REFUSED = ('ScatterElements', 'ScatterND', 'open lengths: Resize nearest')  # and why is in the message


def check_operator(o, name, numbers, folder):
    net = Net(numbers)
    net.save(folder / 'm.onnx', OPERATORS[name][0](net))
    how = ['-p', INTEGER_STEPS] if net.integer else ['--preset', 'exact']
    package, btm = folder / 'M.mlpackage', folder / 'm.btm'
    call(o.bantam, 'convert', folder / 'm.onnx', '-o', package, '-o', btm, '--quiet', '--test-vectors', '0', *how)
    spec, program = open_package(package)
    names = {'inputs': [i.name for i in spec.description.input], 'outputs': [x.name for x in spec.description.output]}
    lengths = {'n': 1, **{k: v for k, v in LENGTHS[-1].items() if k != 'n'}}  # the batch is 1 in a package
    sample = net.samples({}, lengths)
    wanted = run_btm(o.bantam, btm, sample, names, folder)
    got = mil_numpy.Evaluator(program, exact=net.integer).run({k: v.astype(np.int32) if v.dtype == np.int64 else v for k, v in sample.items()})
    if not net.integer:
        db = agreement(wanted, got)
        return db >= MIN_FLOAT_DB, 'equal' if db == np.inf else f'{db:.0f} dB'
    a, b = (np.rint(side[names['outputs'][0]] / net.step) for side in (wanted, got))
    most = int(np.abs(a - b).max())
    return most <= STEPS.get(name, 1), 'equal' if most == 0 else f'{100 * np.mean(a == b):.2f} %, {most} step{"s" if most != 1 else ""}'


def operators_mode(o):
    failed = 0
    print('| operator | numbers | MIL in numpy |\n|---|---|---|')
    for name, (_, forms) in OPERATORS.items():
        for numbers in [forms] if isinstance(forms, str) else forms:
            if numbers == WIDE or o.only not in name:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    good, text = check_operator(o, name, numbers, pathlib.Path(folder))
                except Failure as f:
                    good = name in REFUSED and 'cannot be written' in str(f)
                    text = f'{"refused" if good else "FAILED"}: {str(f)[-120:]}'
            failed += not good
            print(f'| {name} | {numbers} | {text}{"" if good else " FAILED"} |', flush=True)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--bantam', required=True, help='the program')
    parser.add_argument('--only', default='', help='models whose name contains this')
    parser.add_argument('--variant', default='', help='ways of converting whose name contains this')
    parser.add_argument('--samples', type=int, default=2, help='per model and way')
    parser.add_argument('--operators', action='store_true', help='instead of models')
    parser.add_argument('--layers', action='store_true', help='instead of whole models')
    parser.add_argument('--convert', default='', help='with --layers: further flags of convert, as one text')
    o = parser.parse_args()
    if o.layers:
        return layers_mode(o)
    if o.operators:
        return operators_mode(o)
    failures = []
    for name, model, calib, samples in models():
        for variant in VARIANTS:
            if o.only not in name or o.variant not in variant:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    print(check(o, variant, name, model, calib, samples, pathlib.Path(folder)), flush=True)
                except Failure as f:
                    print(f'{name:28} {variant:18} FAILED: {f}', flush=True)
                    failures.append((name, variant))
    print(f'{len(failures)} failed' if failures else 'all passed')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
