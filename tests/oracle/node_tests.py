#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the test models that come with ONNX through `bantam run` and compares what comes out.

    python3 tests/oracle/node_tests.py                          # all node tests
    python3 tests/oracle/node_tests.py --suite simple light pytorch-converted pytorch-operator
    python3 tests/oracle/node_tests.py --only softmax --verbose
    python3 tests/oracle/node_tests.py --folder my_tests        # a folder of the same form

The models lie in the onnx package (onnx/backend/test/data); onnx and numpy from PyPI are all that is
needed, `pip install onnx==1.18.0 numpy`. A test is a folder with model.onnx and test_data_set_*/input_<i>.pb
and output_<i>.pb; in the suite `light` it is NAME.onnx with NAME_output_<i>.pb, and the inputs are ramps
from 0 to 1, as the backend tests of ONNX make them.

Not counted: models that need more than tensors of numbers (strings, complex numbers, sequences, optionals,
maps) or the domains ai.onnx.ml and ai.onnx.preview.training. Of operators that draw random numbers only types
and shapes are compared.

Every test that fails is printed with its reason. Exit status: 0 if all passed (or at least --at-least of
them), 1 if not, 2 for a wrong call."""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

DATA = pathlib.Path(onnx.__file__).parent / 'backend/test/data'
SUITES = ('node', 'simple', 'light', 'pytorch-converted', 'pytorch-operator')
FOREIGN_DOMAINS = {'ai.onnx.ml', 'ai.onnx.preview.training'}
FOREIGN_TYPES = {TensorProto.STRING, TensorProto.COMPLEX64, TensorProto.COMPLEX128}
NARROW_TYPES = {TensorProto.FLOAT16, TensorProto.BFLOAT16}
RANDOM_OPERATORS = {'Bernoulli', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike',
                    'Multinomial'}

Test = collections.namedtuple('Test', 'name model data_sets')  # of (inputs, outputs): lists of paths or arrays
Outcome = collections.namedtuple('Outcome', 'name verdict reason')


class Failure(Exception):
    """A test failed; the text says why."""


# ---- finding tests ----

def numbered(folder, stem, suffix='.pb'):
    """[path or None] of stem0, stem1, ...: gaps are inputs that a test leaves out."""
    found = {int(p.name[len(stem):-len(suffix)]): p for p in folder.glob(stem + '*' + suffix)
             if p.name[len(stem):-len(suffix)].isdigit()}
    return [found.get(i) for i in range(max(found, default=-1) + 1)]


def folder_tests(root):
    for model in sorted(root.glob('*/model.onnx')):
        sets = [(numbered(d, 'input_'), numbered(d, 'output_'))
                for d in sorted(model.parent.glob('test_data_set_*'))]
        yield Test(model.parent.name, model, sets)


def ramp(value_info):
    shape = [d.dim_value or 1 for d in value_info.type.tensor_type.shape.dim]
    count = int(np.prod(shape))
    return (np.arange(count).reshape(shape) / count).astype(np.float32)


def light_tests(root):
    for model in sorted(root.glob('*.onnx')):
        graph = onnx.load(model).graph
        constants = {t.name for t in graph.initializer}
        inputs = [None if v.name in constants else ramp(v) for v in graph.input]
        yield Test(model.stem, model, [(inputs, numbered(root, model.stem + '_output_'))])


def tests_of(options):
    if options.folder:
        return list(folder_tests(options.folder))
    found = []
    for suite in options.suite:
        found += light_tests(DATA / suite) if suite == 'light' else folder_tests(DATA / suite)
    return found


# ---- one test ----

def outside_scope(model):
    """Why this model is none of our business, or None."""
    domains = {o.domain for o in model.opset_import} & FOREIGN_DOMAINS
    if domains:
        return 'domain ' + domains.pop()
    for value in list(model.graph.input) + list(model.graph.output):
        kind = value.type.WhichOneof('value')
        if kind != 'tensor_type':
            return f'{value.name} is a {kind}'
        if value.type.tensor_type.elem_type in FOREIGN_TYPES:
            return f'{value.name} holds ' + TensorProto.DataType.Name(value.type.tensor_type.elem_type)
    return None


def read_tensor(path):
    tensor = TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return tensor


def is_random(model):
    names = {n.op_type for n in model.graph.node}
    training = any(n.op_type == 'Dropout' and len(n.input) > 2 for n in model.graph.node)
    return training or bool(names & RANDOM_OPERATORS)


def compare(name, got, want, only_shape):
    if got.data_type != want.data_type:
        raise Failure(f'{name} is {TensorProto.DataType.Name(got.data_type)}, '
                      f'expected {TensorProto.DataType.Name(want.data_type)}')
    a, b = numpy_helper.to_array(got), numpy_helper.to_array(want)
    if a.shape != b.shape:
        raise Failure(f'{name} has shape {list(a.shape)}, expected {list(b.shape)}')
    if only_shape or a.size == 0:
        return
    narrow = want.data_type in NARROW_TYPES
    a, b = a.astype(np.float64), b.astype(np.float64)
    near = np.isclose(a, b, rtol=1e-2 if narrow else 1e-3, atol=1e-3 if narrow else 1e-5, equal_nan=True)
    if not near.all():
        at = tuple(int(i) for i in np.argwhere(~near)[0])
        raise Failure(f'{name} differs in {int((~near).sum())} of {near.size} elements: '
                      f'{a[at]:.6g} for {b[at]:.6g} at {list(at)}')


def run_bantam(options, test, graph, inputs, folder):
    command = [str(options.bantam), 'run', str(test.model), '--output', folder, '--as', 'pb']
    for value, data in zip(graph.input, inputs):
        if data is None:
            continue
        if isinstance(data, np.ndarray):
            path = os.path.join(folder, f'given_{len(command)}.npy')
            np.save(path, data)
            data = path
        command += ['--input', f'{value.name}={data}']
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors='replace', timeout=options.seconds,
                              stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f'still running after {options.seconds} s') from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Failure(f'exit {done.returncode}: {lines[0] if lines else "no message"}')


def run_data_set(options, test, model, inputs, outputs):
    random = is_random(model)
    with tempfile.TemporaryDirectory(prefix='node_tests_') as folder:
        run_bantam(options, test, model.graph, inputs, folder)
        for value, path in zip(model.graph.output, outputs):
            if path is None:
                continue
            written = pathlib.Path(folder, re.sub(r'[^A-Za-z0-9._+-]', '_', value.name) + '.pb')
            if not written.exists():
                raise Failure(f'output {value.name} was not written')
            compare(value.name, read_tensor(written), read_tensor(path), random)


def run_test(options, test):
    model = onnx.load(test.model)
    reason = outside_scope(model)
    if reason:
        return Outcome(test.name, 'outside', reason)
    if not test.data_sets:
        return Outcome(test.name, 'outside', 'it has no data')
    try:
        for inputs, outputs in test.data_sets:
            run_data_set(options, test, model, inputs, outputs)
    except Failure as failure:
        return Outcome(test.name, 'failed', str(failure))
    return Outcome(test.name, 'passed', '')


# ---- all of them ----

def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bantam', type=pathlib.Path, default=pathlib.Path('build/bantam'), help='the program (%(default)s)')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--suite', nargs='+', choices=SUITES, default=['node'], help='suites of the onnx package')
    what.add_argument('--folder', type=pathlib.Path, help='a folder of tests instead')
    parser.add_argument('--only', metavar='TEXT', default='', help='just the tests with TEXT in their names')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='tests at a time (%(default)s)')
    parser.add_argument('--seconds', type=float, default=60, help='for one run (%(default)s)')
    parser.add_argument('--at-least', type=int, metavar='N', help='fail only if fewer than N tests pass')
    parser.add_argument('--verbose', action='store_true', help='list the tests that passed or were not counted, too')
    options = parser.parse_args()
    options.bantam = options.bantam.resolve()
    if not os.access(options.bantam, os.X_OK):
        parser.error(f'{options.bantam} cannot be run; build it, or name it with --bantam')
    return options


def main():
    options = parse_arguments()
    tests = [t for t in tests_of(options) if options.only in t.name]
    if not tests:
        print('no test has that name', file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        outcomes = list(pool.map(lambda t: run_test(options, t), tests))
    groups = collections.defaultdict(list)
    for outcome in outcomes:
        groups[outcome.verdict].append(outcome)
    for outcome in outcomes:
        if outcome.verdict == 'failed' or options.verbose:
            print(f'{outcome.verdict:8} {outcome.name}' + (f': {outcome.reason}' if outcome.reason else ''))
    passed, failed = len(groups['passed']), len(groups['failed'])
    print(f'{passed} of {passed + failed} passed, {failed} failed, {len(groups["outside"])} not counted')
    return 0 if (failed == 0 if options.at_least is None else passed >= options.at_least) else 1


if __name__ == '__main__':
    sys.exit(main())
