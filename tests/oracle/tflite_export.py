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
    import onnx
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    from onnx import TensorProto, helper, numpy_helper
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

INTEGERS = (np.int8, np.int16)  # of quantized values


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
    'dynamic range': ('weights8', None, ['--dynamic-range']),  # LiteRT rounds activations, our side does not
    'int8': ('int8', 'float', []),
    'int8, integer borders': ('int8', 'int8', ['--io', 'int8']),
    '16x8, integer borders': ('int16', 'int8', ['--io', 'int8']),
}


def convert(tool, model, conversion, folder):
    preset, tail, flags = CONVERSIONS[conversion]
    args = ['convert', model.path, '-o', f'{folder}/m.tflite', '-o', f'{folder}/m.btm', '--codec', 'none', '--test-vectors', '0',
            '--io-layout', 'last']
    if tail:
        args += ['--data', model.calibration, '--recipe', tool.recipe(preset, tail, folder)]
    else:
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

FLOAT, INTEGER, WIDE = 'float', 'int8', 'int16'
BOTH, ALL = (FLOAT, INTEGER), (FLOAT, INTEGER, WIDE)

X_SCALE, X_ZERO, Y_SCALE, Y_ZERO = 0.05, -3, 0.07, 5
FIXED_SCALES = (1 / 256, 1 / 128)  # of Softmax, Sigmoid and Tanh in int8; 1/32768 in int16
W_SCALES = np.float32([0.004, 0.011, 0.007, 0.0023])


class Net:
    """One operator as an ONNX model: in float, or with every tensor quantized to int8 or int16."""

    def __init__(self, numbers, seed=1):
        self.integer = numbers != FLOAT
        self.wide = numbers == WIDE
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.inputs = [], [], []

    def constant(self, array):
        name = f'c{len(self.constants)}'
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, outputs=1, **attrs):
        names = [f'n{len(self.nodes)}_{i}' for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=f'{kind}{len(self.nodes)}', **attrs))
        return names[0] if outputs == 1 else names

    def rounded(self, value, scale, zero):
        """A QuantizeLinear and a DequantizeLinear in the integer form."""
        if not self.integer:
            return value
        if self.wide:
            scale, zero = 1 / 32768 if scale in FIXED_SCALES else scale / 128, 0
        self.step = scale
        parameters = [self.constant(np.float32(scale)), self.constant((np.int16 if self.wide else np.int8)(zero))]
        return self.node('DequantizeLinear', [self.node('QuantizeLinear', [value, *parameters]), *parameters])

    def x(self, *shape, scale=X_SCALE, zero=X_ZERO, dtype=TensorProto.FLOAT):
        name = f'x{len(self.inputs)}'
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return self.rounded(name, scale, zero) if dtype == TensorProto.FLOAT else name

    def weight(self, *shape, axis=0):
        scales = np.resize(W_SCALES, shape[axis])
        integers = self.random.integers(-127, 128, shape).astype(np.int8)
        if self.integer:
            zeros = np.zeros(shape[axis], np.int8)
            return self.node('DequantizeLinear', [self.constant(integers), self.constant(scales), self.constant(zeros)], axis=axis)
        along = [1] * len(shape)
        along[axis] = -1
        return self.constant(integers.astype(np.float32) * scales.reshape(along))

    def bias(self, count, x_scale=X_SCALE):
        integers = self.random.integers(-900, 900, count).astype(np.int32)
        scales = np.float32(x_scale / 128 if self.wide else x_scale) * np.resize(W_SCALES, count)
        if self.integer:
            return self.node('DequantizeLinear', [self.constant(integers), self.constant(scales), self.constant(np.zeros(count, np.int32))], axis=0)
        return self.constant(integers.astype(np.float32) * scales)

    def op(self, kind, *inputs, scale=Y_SCALE, zero=Y_ZERO, **attrs):
        return self.rounded(self.node(kind, list(inputs), **attrs), scale, zero)

    def same(self, kind, *inputs, **attrs):
        """An operator that moves values: the result is stored as its input is."""
        return self.op(kind, *inputs, scale=X_SCALE, zero=X_ZERO, **attrs)

    def ints(self, *values):
        return self.constant(np.int64(values))

    def number(self, value):
        return self.constant(np.float32(value))

    def save(self, path, results, types=None):
        results = [results] if isinstance(results, str) else results
        outputs = [helper.make_tensor_value_info(r, t, None) for r, t in zip(results, types or [TensorProto.FLOAT] * len(results))]
        graph = helper.make_graph(self.nodes, 'operator', self.inputs, outputs, self.constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 21)], ir_version=10), path)

    def samples(self, dtypes):
        """Random inputs of the types that the file takes."""
        arrays = {}
        for value in self.inputs:
            shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
            integer = dtypes.get(value.name) in INTEGERS
            if value.type.tensor_type.elem_type == TensorProto.INT64:
                arrays[value.name] = self.random.integers(0, 3, shape)
            elif integer:
                bounds = np.iinfo(dtypes[value.name])
                arrays[value.name] = self.random.integers(bounds.min, bounds.max + 1, shape).astype(dtypes[value.name])
            else:
                arrays[value.name] = self.random.normal(0, 2, shape).astype(np.float32)
        return arrays


IMAGE = (1, 8, 9, 11)  # three different lengths, none a multiple of the vectors


def pool(net, kind, **attrs):
    return getattr(net, 'same' if kind == 'MaxPool' else 'op')(kind, net.x(*IMAGE), **attrs)


def resize(net, scale, **attrs):
    return net.same('Resize', net.x(*IMAGE), '', net.constant(np.float32([1, 1, scale, scale])), **attrs)


# name: (how, forms, steps that int8 may differ under XNNPACK). The reasons stand in docs/targets.md.
OPERATORS = {
    'Conv 3x3': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 3, 3), n.bias(7), pads=[1, 1, 1, 1]), ALL, 0),
    'Conv 3x3, stride 2': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 3, 3), n.bias(7), pads=[1, 1, 1, 1], strides=[2, 2]), ALL, 0),
    'Conv 1x1, no bias': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 1, 1)), ALL, 0),
    'Conv dilated': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 3, 3), n.bias(7), pads=[2, 2, 2, 2], dilations=[2, 2]), ALL, 0),
    'Conv in groups': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(6, 4, 3, 3), n.bias(6), group=2), ALL, 0),
    'Conv depthwise': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(8, 1, 3, 3), n.bias(8), group=8, pads=[1, 1, 1, 1]), ALL, 0),
    'Conv depthwise, multiplier 2': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(16, 1, 5, 3), n.bias(16), group=8, strides=[2, 1]), ALL, 0),
    'Conv 1-d': (lambda n: n.op('Conv', n.x(1, 5, 13), n.weight(7, 5, 3), n.bias(7), pads=[1, 0]), ALL, 0),
    'ConvTranspose': (lambda n: n.op('ConvTranspose', n.x(*IMAGE), n.weight(8, 6, 3, 3, axis=1), n.bias(6), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]), BOTH, 0),
    'Gemm': (lambda n: n.op('Gemm', n.x(5, 33), n.weight(7, 33), n.bias(7), transB=1), ALL, 0),
    'MatMul with a constant': (lambda n: n.op('MatMul', n.x(2, 5, 33), n.weight(33, 7, axis=1)), ALL, 0),
    'MatMul of computed matrices': (lambda n: n.op('MatMul', n.x(2, 5, 9), n.x(2, 9, 7)), FLOAT, 0),
    'Add': (lambda n: n.op('Add', n.x(*IMAGE), n.x(*IMAGE, scale=0.03, zero=7)), ALL, 0),
    'Add broadcast': (lambda n: n.op('Add', n.x(*IMAGE), n.x(1, 8, 1, 1, scale=0.03, zero=7)), ALL, 0),
    'Sub': (lambda n: n.op('Sub', n.x(*IMAGE), n.x(*IMAGE, scale=0.03, zero=7)), ALL, 0),
    'Mul': (lambda n: n.op('Mul', n.x(*IMAGE), n.x(*IMAGE, scale=0.03, zero=7)), ALL, 0),
    'Div': (lambda n: n.op('Div', n.x(3, 5), n.op('Exp', n.x(3, 5))), FLOAT, 0),
    'Pow': (lambda n: n.op('Pow', n.op('Exp', n.x(3, 5)), n.number(1.7)), FLOAT, 0),
    'Max': (lambda n: n.same('Max', n.x(3, 5), n.x(3, 5)), ALL, 0),
    'Min of other scales': (lambda n: n.op('Min', n.x(3, 5), n.x(3, 5, scale=0.03, zero=7)), ALL, 0),
    'MaxPool': (lambda n: pool(n, 'MaxPool', kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), ALL, 0),
    'MaxPool, ceil': (lambda n: pool(n, 'MaxPool', kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), ALL, 0),
    'AveragePool': (lambda n: pool(n, 'AveragePool', kernel_shape=[3, 3], strides=[2, 2]), ALL, 1),
    'AveragePool, same scale': (lambda n: n.same('AveragePool', n.x(*IMAGE), kernel_shape=[3, 3], strides=[2, 2]), ALL, 0),
    'AveragePool over padding': (lambda n: pool(n, 'AveragePool', kernel_shape=[3, 3], pads=[1, 1, 1, 1]), ALL, 1),
    'AveragePool counting padding': (lambda n: pool(n, 'AveragePool', kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), ALL, 1),
    'GlobalAveragePool': (lambda n: n.op('GlobalAveragePool', n.x(*IMAGE)), ALL, 0),
    'GlobalMaxPool': (lambda n: n.same('GlobalMaxPool', n.x(*IMAGE)), ALL, 0),
    'ReduceMean': (lambda n: n.op('ReduceMean', n.x(3, 5, 7), n.ints(-1)), ALL, 0),
    'ReduceMax': (lambda n: n.same('ReduceMax', n.x(3, 5, 7), n.ints(1), keepdims=0), ALL, 0),
    'ReduceSum': (lambda n: n.op('ReduceSum', n.x(3, 5, 7), n.ints(1)), FLOAT, 0),
    'ReduceL2': (lambda n: n.op('ReduceL2', n.x(3, 5, 7), n.ints(-1)), FLOAT, 0),
    'ReduceLogSumExp': (lambda n: n.op('ReduceLogSumExp', n.x(3, 5, 7), n.ints(-1)), FLOAT, 0),
    'Softmax': (lambda n: n.op('Softmax', n.x(5, 33), scale=1 / 256, zero=-128), ALL, 0),
    'Softmax along axis 1': (lambda n: n.op('Softmax', n.x(2, 5, 7), axis=1, scale=1 / 256, zero=-128), ALL, 0),
    'LogSoftmax': (lambda n: n.op('LogSoftmax', n.x(5, 33)), FLOAT, 0),
    'Relu': (lambda n: n.op('Relu', n.x(3, 17)), ALL, 0),
    'Clip': (lambda n: n.op('Clip', n.x(3, 17), n.number(-1.5), n.number(3)), ALL, 0),
    'Sigmoid': (lambda n: n.op('Sigmoid', n.x(3, 17), scale=1 / 256, zero=-128), ALL, 0),
    'Sigmoid at another scale': (lambda n: n.op('Sigmoid', n.x(3, 17), scale=1 / 200, zero=-128), INTEGER, 0),
    'Tanh': (lambda n: n.op('Tanh', n.x(3, 17), scale=1 / 128, zero=0), ALL, 0),
    'Gelu': (lambda n: n.op('Gelu', n.x(3, 170)), ALL, 0),
    'Gelu by tanh': (lambda n: n.op('Gelu', n.x(3, 170), approximate='tanh'), ALL, 0),
    'HardSwish': (lambda n: n.op('HardSwish', n.x(3, 170)), ALL, 1),
    'HardSigmoid': (lambda n: n.op('HardSigmoid', n.x(3, 170), scale=1 / 128, zero=-128), ALL, 0),
    'LeakyRelu': (lambda n: n.op('LeakyRelu', n.x(3, 170), alpha=0.1), ALL, 1),
    'PRelu': (lambda n: n.op('PRelu', n.x(*IMAGE), n.constant(np.linspace(-1, 1, 8, dtype=np.float32).reshape(8, 1, 1))), FLOAT, 0),
    'Elu': (lambda n: n.op('Elu', n.x(3, 17)), ALL, 0),
    'Softplus': (lambda n: n.op('Softplus', n.x(3, 17)), ALL, 0),
    'Mish': (lambda n: n.op('Mish', n.x(3, 17)), ALL, 0),
    'Erf': (lambda n: n.op('Erf', n.x(3, 17)), INTEGER, 0),
    'Exp': (lambda n: n.op('Exp', n.x(3, 17)), ALL, 0),
    'Sqrt': (lambda n: n.op('Sqrt', n.op('Abs', n.x(3, 17))), ALL, 0),
    'Round': (lambda n: n.op('Round', n.x(3, 17)), ALL, 0),
    'Concat': (lambda n: n.op('Concat', n.x(*IMAGE), n.x(*IMAGE, scale=0.03, zero=7), axis=1), ALL, 0),
    'Slice': (lambda n: n.same('Slice', n.x(*IMAGE), n.ints(1, 2), n.ints(7, -1), n.ints(1, 3)), ALL, 0),
    'Slice with steps': (lambda n: n.same('Slice', n.x(*IMAGE), n.ints(1, -1), n.ints(7, -100), n.ints(1, 3), n.ints(2, -1)), ALL, 0),
    'Transpose': (lambda n: n.same('Transpose', n.x(2, 3, 5, 7), perm=[0, 3, 1, 2]), ALL, 0),
    'Transpose of 5 axes': (lambda n: n.same('Transpose', n.x(2, 3, 5, 2, 3), perm=[0, 3, 1, 4, 2]), ALL, 0),
    'Reshape': (lambda n: n.same('Reshape', n.x(2, 3, 5), n.ints(0, -1)), ALL, 0),
    'Pad': (lambda n: n.same('Pad', n.x(3, 5), n.ints(0, 1, 2, 3)), ALL, 0),
    'Pad with a value': (lambda n: n.same('Pad', n.x(3, 5), n.ints(0, 1, 2, 3), n.number(1)), ALL, 0),
    'Pad reflect': (lambda n: n.same('Pad', n.x(3, 5), n.ints(0, 1, 2, 3), mode='reflect'), ALL, 0),
    'Resize nearest': (lambda n: resize(n, 2, mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor'), ALL, 0),
    'Resize nearest, half pixels': (lambda n: resize(n, 2, mode='nearest'), ALL, 0),
    'Resize linear': (lambda n: resize(n, 2, mode='linear'), ALL, 1),
    'Resize linear, corners': (lambda n: resize(n, 2, mode='linear', coordinate_transformation_mode='align_corners'), ALL, 1),
    'Resize linear, asymmetric': (lambda n: resize(n, 2, mode='linear', coordinate_transformation_mode='asymmetric'), ALL, 1),
    'DepthToSpace': (lambda n: n.same('DepthToSpace', n.x(*IMAGE), blocksize=2), ALL, 0),
    'DepthToSpace CRD': (lambda n: n.same('DepthToSpace', n.x(*IMAGE), blocksize=2, mode='CRD'), ALL, 0),
    'SpaceToDepth': (lambda n: n.same('SpaceToDepth', n.x(1, 3, 8, 6), blocksize=2), ALL, 0),
    'Gather': (lambda n: n.same('Gather', n.x(5, 7), n.constant(np.int64([[0, -1], [3, 2]])), axis=1), ALL, 0),
    'Gather by input': (lambda n: n.same('Gather', n.x(5, 7), n.x(2, 2, dtype=TensorProto.INT64)), ALL, 0),
    'Expand': (lambda n: n.same('Expand', n.x(3, 1, 5), n.ints(2, 3, 4, 5)), ALL, 0),
    'Tile': (lambda n: n.same('Tile', n.x(3, 5), n.ints(2, 3)), ALL, 0),
    'LayerNormalization': (lambda n: n.op('LayerNormalization', n.x(3, 5, 33), n.weight(33), n.weight(33)), FLOAT, 0),
    'InstanceNormalization': (lambda n: n.op('InstanceNormalization', n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 1, 1)), n.weight(7), n.weight(7)), FLOAT, 0),
    'BatchNormalization': (lambda n: n.op('BatchNormalization', n.x(*IMAGE), *[n.constant(np.linspace(0.5, 2, 8, dtype=np.float32))] * 4), FLOAT, 0),
    'LRN': (lambda n: n.op('LRN', n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 1, 1)), size=3), FLOAT, 0),
    'Where': (lambda n: n.op('Where', n.node('Greater', [n.x(3, 5), n.number(0)]), n.x(3, 5), n.x(3, 1)), FLOAT, 0),
    'CumSum': (lambda n: n.op('CumSum', n.x(3, 5), n.constant(np.int64(1))), FLOAT, 0),
    'Sum of three': (lambda n: n.op('Sum', n.x(3, 5), n.x(3, 5), n.x(3, 5)), FLOAT, 0),
}
INTEGER_STEPS = 'fold-constants; fold-dequantize; fold-qdq; drop-dead; to-channels-last; fold-constants; drop-dead; lower-to-integer; drop-dead'


def compare_operator(tool, name, numbers, folder):
    net = Net(numbers)
    net.save(f'{folder}/m.onnx', OPERATORS[name][0](net))
    how = ['-p', INTEGER_STEPS, '--io', 'int8'] if net.integer else ['--preset', 'exact']
    tool.call('convert', f'{folder}/m.onnx', '-o', f'{folder}/m.tflite', '-o', f'{folder}/m.btm', '--codec', 'none', '--test-vectors', '0',
              '--io-layout', 'last', *how)
    comparison = Comparison(tool, folder, net.step if net.integer else None)
    comparison.add(net.samples({n: d['dtype'] for n, d in comparison.details.items()}))
    return comparison


MIN_FLOAT_DB = 100
WIDE_STEPS = {'Softmax': 32, 'Softmax along axis 1': 32}  # that 16x8 may differ, where it is more than 1


def operators_mode(tool, options):
    failed = False
    print('| operator | numbers | XNNPACK | built-in kernels | reference kernels | read back |\n|---|---|---|---|---|---|')
    for name, (_, forms, allowed) in OPERATORS.items():
        if not any(s in name for s in options.only):
            continue
        for numbers in [forms] if isinstance(forms, str) else forms:
            if options.numbers and numbers not in options.numbers:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    comparison = compare_operator(tool, name, numbers, folder)
                    x = comparison.results['xnnpack']
                    most = WIDE_STEPS.get(name, 1) if numbers == WIDE else allowed
                    worst = [d.steps > most if d.integer else d.db < MIN_FLOAT_DB for d in (x, comparison.back)]
                    bad = any(worst)
                    failed = failed or bad
                    print(f'| {name} | {numbers} | {comparison.text()} |{" FAILED" if bad else ""}', flush=True)
                except Failure as failure:
                    failed = True
                    print(f'| {name} | {numbers} | FAILED: {failure} |', flush=True)
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
