#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a model as Deep Compression leaves it (Han et al. 2016: a third of the weights, 256 values per layer), converts it
with the recipe `exact`, and sets the file beside the entropy of its weights.

    python3 tests/oracle/palettized.py squeezenet_v1.1.onnx [--kept 0.33] [--values 256] [--tool build/bantam]

Needs onnx and numpy from PyPI. Per weight of two and more axes, the largest magnitudes are kept and 40 rounds of k-means, begun at
equal distances as in the paper, move them onto values of their own; zero is one of the values. The entropy is that of a
weight's values, each tensor for itself, without its list of values. A weight must come out as it went in: the outputs of
both models are compared bit for bit on random inputs.

Exit status: 0, 1 where an output differs, 2 for a wrong call, 77 where a package is missing."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import numpy_helper
except ImportError as missing:
    print(f'skipped: {missing}; pip install onnx numpy', file=sys.stderr)
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]


def nearest(sorted_values, x):
    return np.searchsorted((sorted_values[1:] + sorted_values[:-1]) / 2, x)


def clustered(weights, count):
    """Each weight replaced by the nearest of `count` values that k-means found."""
    centres = np.linspace(weights.min(), weights.max(), count)
    for _ in range(40):
        index = nearest(centres, weights)
        members = np.bincount(index, minlength=count)
        means = np.bincount(index, weights, count) / np.maximum(members, 1)
        centres = np.sort(np.where(members > 0, means, centres))
    return centres[nearest(centres, weights)].astype(np.float32)


def deeply_compressed(weights, kept, values):
    flat = weights.ravel().copy()
    bound = np.sort(np.abs(flat))[-max(1, round(kept * flat.size))]
    flat[np.abs(flat) < bound] = 0
    flat[flat != 0] = clustered(flat[flat != 0], values - 1)
    return flat.reshape(weights.shape)


def entropy_bytes(weights):
    counts = np.unique(weights, return_counts=True)[1]
    return -(counts * np.log2(counts / weights.size)).sum() / 8


def compressed_model(source, kept, values):
    """The model and what its weights hold: elements, non-zeros, bytes of entropy, bytes of the lists of values."""
    model = onnx.load(source)
    facts = np.zeros(4)
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.dtype != np.float32 or weights.ndim < 2:
            continue
        weights = deeply_compressed(weights, kept, values)
        tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
        facts += weights.size, np.count_nonzero(weights), entropy_bytes(weights), 4 * len(np.unique(weights))
    return model, facts


def random_inputs(model):
    known = {t.name for t in model.graph.initializer}
    rng = np.random.default_rng(1)
    return {i.name: rng.standard_normal([max(1, d.dim_value) for d in i.type.tensor_type.shape.dim], dtype=np.float32)
            for i in model.graph.input if i.name not in known}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('model', type=pathlib.Path)
    parser.add_argument('--kept', type=float, default=.33, help='share of the weights that stay')
    parser.add_argument('--values', type=int, default=256, help='different weights of a layer, zero among them')
    parser.add_argument('--tool', type=pathlib.Path, default=ROOT / 'build' / 'bantam')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source, file, data = folder / 'source.onnx', folder / 'file.btm', folder / 'data.npz'
        model, (count, kept, entropy, lists) = compressed_model(args.model, args.kept, args.values)
        onnx.save(model, source)
        np.savez(data, **random_inputs(model))
        subprocess.run([args.tool, 'convert', source, '-o', file, '--preset', 'exact', '--quiet'], check=True)
        told = subprocess.run([args.tool, 'compare', source, file, '--data', data, '--json', '--quiet'], check=True, capture_output=True)
        errors = {name: output['max_error'] for name, output in json.loads(told.stdout)['outputs'].items()}
        print(f'{args.model.name}: {kept / count:.1%} of {count:.0f} weights are not zero; entropy {entropy:.0f} bytes, values {lists:.0f} bytes')
        print(f'file: {file.stat().st_size} bytes, {file.stat().st_size / (entropy + lists) - 1:+.1%}; largest error of an output: {max(errors.values())}')
    return 1 if max(errors.values()) > 0 else 0


if __name__ == '__main__':
    sys.exit(main())
