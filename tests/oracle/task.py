#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `bantam compare` reports of an int8 conversion, beside the same figure of its .tflite in LiteRT and its .onnx in
onnxruntime, over all evaluation samples.

    BANTAM_MODELS=models:data python3 tests/oracle/task.py --only resnet20

$BANTAM_MODELS lists folders, separated by ':'; NAME.onnx is used where NAME.calib.npz and NAME.eval.npz lie in one of
them too. The figure is top-1 in percent where the evaluation set has labels, and the signal over the noise against the
float model in dB (of all outputs together). Each conversion writes one .btm and the other file, with the choices of that target.
Columns: the float model, then .btm and .tflite of one conversion, then .btm and .onnx of another.

Needs ai-edge-litert, onnx, onnxruntime and numpy. Exit status: 0; 1 where a top-1 differs by more than one sample; 77
where a package is missing."""
import pathlib
import subprocess
import sys
import tempfile

import tflite_export as export  # exits with 77 where a package is missing
import numpy as np

try:
    import onnxruntime as ort
except ImportError as missing:
    print(f'skipped: {missing}; pip install onnxruntime')
    sys.exit(77)


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])


def in_onnxruntime(path, samples, names):
    runner = session(path)
    runs = [runner.run(names, s) for s in samples]
    return [np.concatenate(parts) for parts in zip(*runs)]


def in_litert(path, samples, names):
    lite = export.Lite(path, 'xnnpack')
    order = sorted(lite.outputs)
    runs = [dict(zip(order, lite.run({n: export.fitted(s[n], d) for n, d in lite.inputs.items()}))) for s in samples]
    return [np.concatenate([r[n] for r in runs]) for n in names]


def in_bantam(tool, path, evaluation, names, folder):
    out = pathlib.Path(folder) / 'run'
    tool.call('run', path, '--data', evaluation, '--output', out)
    plain = lambda n: ''.join(c if c.isalnum() or c in '._+-' else '_' for c in n)
    return [np.load(out / f'{plain(n)}.npy') for n in names]


def decibels(wanted, got):
    signal = noise = 0.0
    for w, g in zip(wanted, got):
        if g.shape != w.shape and export.channels_last(w).shape == g.shape:
            w = export.channels_last(w)
        w = w.astype(np.float64).reshape(g.shape)
        signal, noise = signal + float((w ** 2).sum()), noise + float(((w - g) ** 2).sum())
    return 10 * np.log10(signal / noise) if noise else np.inf


def right(outputs, labels):
    """Samples that are classified right; a class in front of a thousand others stands for none of them."""
    scores = outputs[0].reshape(len(labels), -1)
    return int((scores.argmax(1) - (scores.shape[1] == 1001) == labels).sum())


def check(tool, model, folder):
    data = np.load(model.evaluation)
    reference = session(model.path)
    inputs, names = [i.name for i in reference.get_inputs()], [o.name for o in reference.get_outputs()]
    samples = [{n: data[n][k:k + 1] for n in inputs} for k in range(len(data[inputs[0]]))]
    wanted = in_onnxruntime(model.path, samples, names)
    results = {}
    for suffix, run in (('tflite', in_litert), ('onnx', in_onnxruntime)):
        try:
            tool.call('convert', model.path, '-o', f'{folder}/m.{suffix}', '-o', f'{folder}/{suffix}.btm', '--data', model.calibration, '--test-vectors', '0')
        except export.Failure as failure:
            print(f'| {model.name} | {suffix} refused: {failure} |', flush=True)
            return True
        results[f'.btm beside .{suffix}'] = in_bantam(tool, f'{folder}/{suffix}.btm', model.evaluation, names, folder)
        results[suffix] = run(f'{folder}/m.{suffix}', samples, names)
    if 'labels' in data:
        labels = data['labels']
        counts = [right(outputs, labels) for outputs in results.values()]
        text = [f'{100 * right(wanted, labels) / len(labels):.2f} %'] + [f'{100 * c / len(labels):.2f} %' for c in counts]
        print(f'| {model.name} | top-1 | {" | ".join(text)} |', flush=True)
    print(f'| {model.name} | dB | | {" | ".join(f"{decibels(wanted, r):.2f}" for r in results.values())} |', flush=True)
    return 'labels' not in data or max(abs(counts[0] - counts[1]), abs(counts[2] - counts[3])) <= 1


def main():
    tool, models = export.chosen(__doc__)
    good = True
    print('| model | figure | float | .btm | .tflite in LiteRT | .btm | .onnx in onnxruntime |\n|---|---|---|---|---|---|---|')
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            good &= check(tool, model, folder)
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
