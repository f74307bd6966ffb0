#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs .tflite files that bantam wrote in LiteRT, and compares what comes out with `bantam run`.

    python3 tests/oracle/tflite_export.py models                    # testdata, and the folders of $BANTAM_MODELS
    python3 tests/oracle/tflite_export.py models --only resnet --samples 4
    python3 tests/oracle/tflite_export.py operators                 # every operator, float and int8, odd shapes

Needs Python packages: `pip install ai-edge-litert onnx numpy` (a virtual environment of its own is best). Without
them the script says so and exits with 77, which ctest shows as skipped.

$BANTAM_MODELS lists folders, separated by ':'; NAME.onnx is used where NAME.calib.npz and NAME.eval.npz lie in
one of them too. One conversion writes a .tflite and a .btm file of the same graph. Kernel sets of LiteRT:
  xnnpack    the default: what runs on phones
  builtin    the optimized kernels without XNNPACK
  reference  the reference kernels
The last column is the same file read and run by bantam, against its .btm. "equal" is the share of numbers with the same bits; "off" the largest difference, in steps of the output
where it is int8, else as signal-to-noise ratio in dB.

Exit status: 0, or 1 if a file did not load or run, or integers differed under XNNPACK by more than an operator's
allowance (docs/targets.md lists them)."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    from operators import ALL, INTEGER_STEPS, INTEGERS, LENGTHS, OPERATORS, WIDE, Net
except ImportError as missing:
    print(f'skipped: {missing}; pip install ai-edge-litert onnx numpy')
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNELS = {'xnnpack': OpResolverType.AUTO, 'builtin': OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
           'reference': OpResolverType.BUILTIN_REF}


class Failure(Exception):
    """A file could not be made, loaded or run; the text says why."""


# ---- both sides ----

class Tool:
    def __init__(self, program):
        self.program = program

    def call(self, *args):
        done = subprocess.run([self.program, *map(str, args), '-q'], capture_output=True, text=True)
        if done.returncode:
            raise Failure(done.stderr.strip().removeprefix('bantam: ')[-600:])
        return done.stdout

    def recipe(self, preset, tail, folder):
        """A file with the recipe of a preset for .tflite, whose last product is rounded to int8 as well."""
        text = self.call('convert', 'none.onnx', '-o', 'none.tflite', '--preset', preset, '--print-recipe').replace('tail=float', f'tail={tail}')
        path = pathlib.Path(folder) / f'{preset}-{tail}.recipe'
        path.write_text(text)
        return path

    def run(self, model, inputs, folder):
        """Outputs by name for a dict of arrays, whose first axis is the batch or one sample."""
        folder = pathlib.Path(folder)
        args = []
        for i, (name, array) in enumerate(inputs.items()):
            np.save(folder / f'in{i}.npy', array)
            args += ['--input', f'{name}={folder}/in{i}.npy']
        out = folder / 'out'
        out.mkdir(exist_ok=True)
        for old in out.glob('*.npy'):
            old.unlink()
        self.call('run', model, *args, '--output', out)
        return [np.load(p) for p in sorted(out.glob('*.npy'))]


class Lite:
    """A .tflite file in one kernel set, called through its signature."""

    def __init__(self, path, kernels):
        try:
            self.interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=KERNELS[kernels], num_threads=1)
            self.signature = self.interpreter.get_signature_list()['serving_default']
            self.inputs = {n: self._detail(self.interpreter.get_input_details(), i)
                           for n, i in self._indices('inputs').items()}
            self.outputs = self._indices('outputs')
        except (RuntimeError, ValueError) as error:
            raise Failure(f'{kernels}: does not load: {str(error).strip()[:300]}') from error
        self.kernels = kernels

    def _indices(self, side):
        details = self.interpreter.get_input_details() if side == 'inputs' else self.interpreter.get_output_details()
        runner = self.interpreter.get_signature_runner('serving_default')
        by_name = runner.get_input_details() if side == 'inputs' else runner.get_output_details()
        assert len(details) == len(by_name)
        return {n: by_name[n]['index'] for n in self.signature[side]}

    @staticmethod
    def _detail(details, index):
        return next(d for d in details if d['index'] == index)

    def run(self, inputs):
        """Outputs in the order of their names."""
        try:
            for name, detail in self.inputs.items():
                if tuple(detail['shape']) != inputs[name].shape:
                    self.interpreter.resize_tensor_input(detail['index'], inputs[name].shape)
                    detail['shape'] = inputs[name].shape
            self.interpreter.allocate_tensors()
            for name, detail in self.inputs.items():
                self.interpreter.set_tensor(detail['index'], inputs[name])
            self.interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise Failure(f'{self.kernels}: does not run: {str(error).strip()[:300]}') from error
        return [self.interpreter.get_tensor(i).copy() for _, i in sorted(self.outputs.items())]


# ---- comparing ----

def channels_last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1)) if array.ndim >= 3 else array


def fitted(array, detail):
    """A sample in the layout and type that the file takes."""
    want = tuple(detail['shape_signature'])
    moved = channels_last(array)
    fits = lambda a: len(want) == a.ndim and all(w in (-1, d) for w, d in zip(want, a.shape))
    if array.ndim >= 3 and fits(moved) and (not fits(array) or want[-1] == array.shape[1] != array.shape[-1]):
        array = moved
    scale, zero = detail['quantization']
    if detail['dtype'] in INTEGERS and array.dtype not in INTEGERS and scale:
        # as bantam's Quantize does it: times the rounded reciprocal, half to even
        q = np.rint(array * (np.float32(1) / np.float32(scale))) + zero
        bounds = np.iinfo(detail['dtype'])
        return np.clip(q, bounds.min, bounds.max).astype(detail['dtype'])
    return np.ascontiguousarray(array.astype(detail['dtype']))


class Difference:
    """Of all outputs over all samples."""

    def __init__(self, step=None):
        self.count = self.same = 0
        self.step = step  # of outputs that are integers in all but type
        self.steps = 0
        self.signal = self.noise = 0.0
        self.integer = bool(step)

    def add(self, ours, theirs):
        if ours.shape != theirs.shape and channels_last(ours).shape == theirs.shape:
            ours = channels_last(ours)
        if ours.size != theirs.size:
            raise Failure(f'shapes differ: {ours.shape} and {theirs.shape}')
        theirs = theirs.reshape(ours.shape)
        a, b = ours.astype(np.float64), theirs.astype(np.float64)
        step = 1 if ours.dtype in INTEGERS else self.step
        if step:  # the integers behind the floats
            a, b = np.rint(a / step), np.rint(b / step)
            self.integer = True
            self.steps = max(self.steps, int(np.max(np.abs(a - b), initial=0)))
        self.count += a.size
        self.same += int(np.sum((a == b) | (np.isnan(a) & np.isnan(b))))
        finite = np.isfinite(a) & np.isfinite(b)
        self.signal += float(np.sum(a[finite] ** 2))
        self.noise += float(np.sum((a - b)[finite] ** 2))

    @property
    def db(self):
        return np.inf if self.noise == 0 else 10 * np.log10(self.signal / self.noise) if self.signal else -np.inf

    def text(self):
        if self.count and self.same == self.count:
            return 'bit-equal'
        off = f'{self.steps} step{"s" if self.steps != 1 else ""}' if self.integer and self.steps else f'{self.db:.0f} dB'
        return f'{100 * self.same / max(self.count, 1):.2f} %, {off}'


class Comparison:
    """The two files of one conversion, in every kernel set that has all operators."""

    def __init__(self, tool, folder, step=None):
        self.tool, self.folder = tool, folder
        self.lites, self.results = {}, {k: Difference(step) for k in KERNELS}
        self.back = Difference(step)  # the .tflite file, read and run by bantam
        for kernels in KERNELS:
            try:
                self.lites[kernels] = Lite(f'{folder}/m.tflite', kernels)
            except Failure as failure:
                if kernels == 'xnnpack' or "Didn't find op" not in str(failure):
                    raise
        self.details = self.lites['xnnpack'].inputs

    def add(self, arrays):
        inputs = {n: fitted(arrays[n], d) for n, d in self.details.items()}
        ours = self.tool.run(f'{self.folder}/m.btm', inputs, self.folder)
        for a, b in zip(ours, self.tool.run(f'{self.folder}/m.tflite', inputs, self.folder)):
            self.back.add(a, b)
        for kernels, lite in self.lites.items():
            for a, b in zip(ours, lite.run(inputs)):
                self.results[kernels].add(a, b)

    def text(self):
        texts = [self.results[k].text() if k in self.lites else 'has no kernel' for k in KERNELS]
        return ' | '.join([*texts, self.back.text()])


# ---- models ----

class Model:
    def __init__(self, path, calibration, evaluation):
        self.path, self.calibration, self.evaluation = path, calibration, evaluation
        self.name = path.stem


def find_models(only):
    folders = [ROOT / 'testdata'] + [pathlib.Path(p) for p in os.environ.get('BANTAM_MODELS', '').split(':') if p]
    if len(folders) == 1:
        print('note: BANTAM_MODELS is not set; only the models of testdata are used')
    first = lambda name: next((f / name for f in folders if (f / name).exists()), None)
    for path in sorted(p for f in folders for p in f.glob('*.onnx')):
        calibration, evaluation = first(f'{path.stem}.calib.npz'), first(f'{path.stem}.eval.npz')
        if calibration and evaluation and any(s in path.stem for s in only):
            yield Model(path, calibration, evaluation)


CONVERSIONS = {  # name: (preset, tail, flags)
    'float': ('exact', None, []),
    'float16': ('exact', None, ['--float16']),
    'weights8': ('weights8', None, []),
    'weights4': ('weights4', None, []),
    'sparse': (None, None, ['-p', 'include exact; prune-magnitude(target=0.8)']),
    'sparse, weights8': (None, None, ['-p', 'include exact; prune-magnitude(target=0.8); quantize(bits=8, activations=none)']),
    'dynamic range': ('weights8', None, ['--dynamic-range']),  # LiteRT rounds activations, our side does not
    'int8': ('int8', 'float', []),
    'int8, integer borders': ('int8', 'int8', ['--io', 'int8']),
    '16x8, integer borders': ('int16', 'int8', ['--io', 'int8']),
}


def chosen(doc):
    """The program and the models that the command line of a script asks for; `doc` is its help."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bantam', default=str(ROOT / 'build/bantam'))
    parser.add_argument('--only', nargs='*', default=[''], metavar='TEXT', help='models with this in their name')
    options = parser.parse_args()
    return Tool(options.bantam), find_models(options.only)


def convert(tool, model, conversion, folder):
    preset, tail, flags = CONVERSIONS[conversion]
    args = ['convert', model.path, '-o', f'{folder}/m.tflite', '-o', f'{folder}/m.btm', '--codec', 'none', '--test-vectors', '0',
            '--io-layout', 'last']
    if tail:
        args += ['--data', model.calibration, '--recipe', tool.recipe(preset, tail, folder)]
    elif preset:
        args += ['--preset', preset] + (['--data', model.calibration] if preset == 'weights4' else [])
    tool.call(*args, *flags)


def compare_model(tool, model, conversion, samples, folder):
    convert(tool, model, conversion, folder)
    data = np.load(model.evaluation)
    comparison = Comparison(tool, folder)
    names = list(comparison.details)
    for i in range(min(samples, len(data[names[0]]))):
        comparison.add({n: data[n][i:i + 1] for n in names})
    return comparison


def models_mode(tool, options):
    failed = False
    print('| model | precision | bytes | XNNPACK | built-in kernels | reference kernels | read back |\n|---|---|---|---|---|---|---|')
    for model in find_models(options.only):
        for conversion in options.precision or CONVERSIONS:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    comparison = compare_model(tool, model, conversion, options.samples, folder)
                    size = os.path.getsize(f'{folder}/m.tflite')
                    print(f'| {model.name} | {conversion} | {size:,} | {comparison.text()} |', flush=True)
                except Failure as failure:
                    refused = 'cannot hold' in str(failure)
                    failed = failed or not refused
                    print(f'| {model.name} | {conversion} | {"refused" if refused else "FAILED"}: {failure} |', flush=True)
    return 1 if failed else 0


# ---- operators ----

def compare_operator(tool, name, numbers, folder):
    net = Net(numbers)
    net.save(f'{folder}/m.onnx', OPERATORS[name][0](net))
    how = ['-p', INTEGER_STEPS, '--io', 'int8'] if net.integer else ['--preset', 'exact']
    tool.call('convert', f'{folder}/m.onnx', '-o', f'{folder}/m.tflite', '-o', f'{folder}/m.btm', '--codec', 'none', '--test-vectors', '0',
              '--io-layout', 'last', *how)
    comparison = Comparison(tool, folder, net.step if net.integer else None)
    for lengths in LENGTHS if net.has_open_lengths() else [None]:
        comparison.add(net.samples({n: d['dtype'] for n, d in comparison.details.items()}, lengths))
    return comparison


MIN_FLOAT_DB = 100
# Steps that int8 may differ under XNNPACK. The reasons stand in docs/targets.md.
STEPS = {'AveragePool': 1, 'AveragePool over padding': 1, 'AveragePool counting padding': 1, 'HardSwish': 1, 'LeakyRelu': 1, 'Resize linear': 1,
         'Resize linear, corners': 1, 'Resize linear, asymmetric': 1, 'open lengths: GlobalAveragePool, Gemm': 1}
REFUSED = ('ConvTranspose in groups',)  # the format has no such operator
WIDE_STEPS = {'Softmax': 32, 'Softmax along axis 1': 32}  # that 16x8 may differ, where it is more than 1


def operators_mode(tool, options):
    failed = False
    print('| operator | numbers | XNNPACK | built-in kernels | reference kernels | read back |\n|---|---|---|---|---|---|')
    for name, (_, forms) in OPERATORS.items():
        if not any(s in name for s in options.only):
            continue
        for numbers in [forms] if isinstance(forms, str) else forms:
            if options.numbers and numbers not in options.numbers:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    comparison = compare_operator(tool, name, numbers, folder)
                    x = comparison.results['xnnpack']
                    most = WIDE_STEPS.get(name, 1) if numbers == WIDE else STEPS.get(name, 0)
                    worst = [d.steps > most if d.integer else d.db < MIN_FLOAT_DB for d in (x, comparison.back)]
                    bad = any(worst)
                    failed = failed or bad
                    print(f'| {name} | {numbers} | {comparison.text()} |{" FAILED" if bad else ""}', flush=True)
                except Failure as failure:
                    refused = name in REFUSED and 'cannot hold' in str(failure)
                    failed = failed or not refused
                    print(f'| {name} | {numbers} | {"refused" if refused else "FAILED"}: {failure} |', flush=True)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('mode', choices=['models', 'operators'])
    parser.add_argument('--bantam', default=str(ROOT / 'build/bantam'))
    parser.add_argument('--only', nargs='*', default=[''], metavar='TEXT', help='models or operators with this in their name')
    parser.add_argument('--precision', nargs='*', choices=CONVERSIONS)
    parser.add_argument('--numbers', nargs='*', choices=ALL, help='of operators')
    parser.add_argument('--samples', type=int, default=4)
    options = parser.parse_args()
    tool = Tool(options.bantam)
    return (models_mode if options.mode == 'models' else operators_mode)(tool, options)


if __name__ == '__main__':
    sys.exit(main())
