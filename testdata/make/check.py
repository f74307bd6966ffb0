#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run models in float with onnxruntime on their held-out samples, print the metric.

usage: check.py [NAME ...]      (without a name: every model)
"""
import collections
import glob
import os
import sys

import numpy as np
import onnx
import onnxruntime

OUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def psnr(a, b):
    """PSNR in dB for pictures in 0..255/256, mean over the samples."""
    mse = ((a.astype(np.float64) - b) ** 2).mean(axis=(1, 2, 3))
    return (10 * np.log10((255 / 256) ** 2 / mse)).mean()


def check(name):
    path = os.path.join(OUT, name + ".onnx")
    graph = onnx.load(path).graph
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0].name
    calib = np.load(os.path.join(OUT, name + ".calib.npz"))[feed]
    data = np.load(os.path.join(OUT, name + ".eval.npz"))
    x = data[feed]
    y = session.run(None, {feed: x})[0]
    one = session.run(None, {feed: x[:1]})[0]
    assert np.allclose(one, y[:1], atol=1e-4), "batch 1 and batch N differ"
    assert np.isfinite(session.run(None, {feed: calib})[0]).all()

    weights = sum(int(np.prod(t.dims)) for t in graph.initializer)
    ops = collections.Counter(node.op_type for node in graph.node)
    print(f"{name}: {weights} weights, {len(calib)} calibration, {len(x)} held-out samples")
    print("  operators: " + ", ".join(f"{op} {n}" for op, n in sorted(ops.items())))
    if "target" in data:
        print(f"  PSNR {psnr(y, data['target']):.2f} dB, noisy input {psnr(x, data['target']):.2f} dB")
    else:
        right = y.argmax(1) == data["labels"]
        print(f"  accuracy {right.mean():.4f} ({right.sum()} of {len(right)})")


if __name__ == "__main__":
    models = sorted(glob.glob(os.path.join(OUT, "*.onnx")))
    for name in sys.argv[1:] or [os.path.basename(m)[:-5] for m in models]:
        check(name)
