#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where LiteRT and bantam part in a whole network: every operator of a .tflite file from the same inputs.

    python3 tests/oracle/tflite_layers.py                                     # the models of testdata
    BANTAM_MODELS=models:data python3 tests/oracle/tflite_layers.py --only fastestdet

The file is cut at every computed tensor: LiteRT (XNNPACK) gets what bantam has computed as input of each operator, so that
no difference is carried on. Then integer operators must agree but for those of docs/targets.md, and floats to MIN_FLOAT_DB.
Columns: operators; integer ones of them, and how many of these are equal in all numbers; the others, by name, with the share
of numbers that differ and the most steps; the worst agreement of a float operator. Last the file as it is: the first
operator whose integers differ, how many of them, by how many steps, and how far their floats were from a tie, in steps.

Needs the packages of tflite_export.py. Exit status: 0, or 1 if an operator differs by more; 77 without the packages."""
import collections
import pathlib
import sys
import tempfile

import tflite_export as export  # exits with 77 where a package is missing
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

CODES = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
NUMBERS = (schema.TensorType.FLOAT32, schema.TensorType.INT8)
MIN_FLOAT_DB = 100
# May differ by one step under XNNPACK; the reasons stand in docs/targets.md.
BY_ONE = ('HARD_SWISH', 'LEAKY_RELU', 'RESIZE_BILINEAR', 'AVERAGE_POOL_2D')


class File:
    """A .tflite file whose tensors can become inputs and outputs."""

    def __init__(self, path):
        self.bytes = pathlib.Path(path).read_bytes()
        self._open()
        constant = {i for i, t in enumerate(self.graph.tensors) if self.model.buffers[t.buffer].data is not None}
        self.made = []  # (operator, tensor), constants aside
        for op in self.graph.operators:
            if all(i in constant or i < 0 for i in op.inputs):
                constant |= set(op.outputs)
            else:
                self.made += [(op, t) for t in op.outputs if self.graph.tensors[t].type in NUMBERS]
        self.tensors = [t for _, t in self.made]

    def _open(self):
        self.model = schema.ModelT.InitFromPackedBuf(self.bytes, 0)
        self.graph, self.signature = self.model.subgraphs[0], self.model.signatureDefs[0]

    def code(self, op):
        code = self.model.operatorCodes[op.opcodeIndex]
        return CODES[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def is_float(self, tensor):
        return self.graph.tensors[tensor].type == schema.TensorType.FLOAT32

    def step(self, tensor):
        return float(self.graph.tensors[tensor].quantization.scale[0])

    def save_open(self, path, cut):
        """All computed tensors as outputs; with `cut`, what reads them reads an input of its own instead."""
        self._open()
        outputs = self.signature.outputs = []
        for t in self.tensors:
            outputs.append(self._border(f't{t}', t))
        self.graph.outputs = list(self.tensors)
        if cut:
            fresh = {t: self._copy(t) for t in self.tensors}
            for op in self.graph.operators:
                op.inputs = [fresh.get(i, i) for i in op.inputs]
            self.graph.inputs = [*self.graph.inputs, *fresh.values()]
            self.signature.inputs += [self._border(f'c{t}', i) for t, i in fresh.items()]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b'TFL3')
        pathlib.Path(path).write_bytes(builder.Output())

    @staticmethod
    def _border(name, tensor):
        border = schema.TensorMapT()
        border.name, border.tensorIndex = name, tensor
        return border

    def _copy(self, tensor):
        old, new = self.graph.tensors[tensor], schema.TensorT()
        new.__dict__.update(old.__dict__)
        new.name, new.buffer = f'c{tensor}', 0
        self.graph.tensors.append(new)
        return len(self.graph.tensors) - 1


def lite(path, inputs):
    """Outputs by name."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    return interpreter.get_signature_runner('serving_default')(**inputs)


def bantam(tool, path, inputs, folder):
    tool.run(path, inputs, folder)
    return {p.stem: np.load(p) for p in (pathlib.Path(folder) / 'out').glob('t*.npy')}


def first_flip(file, ours, theirs):
    for op, t in file.made:
        a, b = ours[f't{t}'], theirs[f't{t}']
        if file.is_float(t) or np.array_equal(a, b):
            continue
        where = a != b
        text = f'{file.code(op)}: {where.sum()} of {a.size} by {np.abs(a.astype(int) - b).max()}'
        if file.code(op) != 'QUANTIZE':
            return text
        real = ours[f't{op.inputs[0]}'].astype(np.float64)[where] / file.step(t)
        return text + f', {np.abs(real - np.floor(real) - 0.5).max():.0e} steps from a tie'
    return 'none'


def check(tool, model, conversion, folder):
    export.convert(tool, model, conversion, folder)
    file = File(f'{folder}/m.tflite')
    details = {d['name']: d for d in Interpreter(model_path=f'{folder}/m.tflite').get_input_details()}
    data = np.load(model.evaluation)
    names = {b.name.decode() if isinstance(b.name, bytes) else b.name: b.tensorIndex for b in file.signature.inputs}
    by_index = {d['index']: d for d in details.values()}
    inputs = {n: export.fitted(data[n][0:1], by_index[i]) for n, i in names.items()}
    opened, cut = f'{folder}/open.tflite', f'{folder}/cut.tflite'
    file.save_open(opened, False)
    ours, whole = bantam(tool, opened, inputs, folder), lite(opened, inputs)
    file.save_open(cut, True)
    single = lite(cut, {**inputs, **{f'c{t}': ours[f't{t}'] for t in file.tensors}})
    integers = equal = 0
    off, worst, good = collections.defaultdict(lambda: [0, 0, 0]), np.inf, True
    for op, t in file.made:
        a, b = ours[f't{t}'], single[f't{t}']
        if file.is_float(t):
            finite = np.isfinite(a)  # a PADV2 in front of a maximum puts infinities around
            good &= np.array_equal(a[~finite], b[~finite], equal_nan=True)
            a, b = a[finite].astype(np.float64), b[finite]
            noise = float(((a - b) ** 2).sum())
            worst = min(worst, 10 * np.log10(float((a ** 2).sum()) / noise) if noise else np.inf)
            continue
        integers += 1
        equal += np.array_equal(a, b)
        if not np.array_equal(a, b):
            row = off[file.code(op)]
            most = int(np.abs(a.astype(int) - b).max())
            row[0], row[1], row[2] = row[0] + int((a != b).sum()), row[1] + a.size, max(row[2], most)
            good &= file.code(op) in BY_ONE and most <= 1
    good &= worst >= MIN_FLOAT_DB
    listed = ', '.join(f'{k} {100 * n / all:.2f} % by {most}' for k, (n, all, most) in sorted(off.items())) or 'none'
    print(f'| {model.name} | {conversion} | {len(file.made)} | {equal} of {integers} | {listed} | {"equal" if worst == np.inf else f"{worst:.0f} dB"} | '
          f'{first_flip(file, ours, whole)} |{"" if good else " FAILED"}', flush=True)
    return good


def main():
    tool, models = export.chosen(__doc__)
    good = True
    print('| model | precision | operators | integer, equal | different | floats | the whole file: first difference |\n|---|---|---|---|---|---|---|')
    for model in models:
        for conversion in ('int8', 'int8, integer borders'):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    good &= check(tool, model, conversion, folder)
                except export.Failure as failure:
                    refused = 'cannot hold' in str(failure)
                    print(f'| {model.name} | {conversion} | {"refused" if refused else "FAILED"}: {failure} |', flush=True)
                    good &= refused
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
