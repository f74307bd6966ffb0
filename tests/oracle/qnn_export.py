#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what `bantam convert --target qnn` writes on Qualcomm's emulator, with nothing left to the CPU.

    pip install onnxruntime onnxruntime-qnn onnx numpy   # x86_64 Linux; in an environment of its own
    python3 tests/oracle/qnn_export.py --bantam build/dev/bantam
    BANTAM_MODELS=models:data python3 tests/oracle/qnn_export.py --only resnet --preset int16
    python3 tests/oracle/qnn_export.py --operators                  # every operator of operators.py: int8, int16

$BANTAM_MODELS lists folders, separated by ':'; NAME.onnx is used where NAME.calib.npz and NAME.eval.npz lie in one
of them too. A conversion writes an .onnx for QNN and a .btm; shapes are fixed to those of a calibration sample, and larger
pictures are cut to them. Columns:

    ours     signal over noise of the .btm against the float model, in dB
    qnn      the same of the .onnx in the HTP emulator of the onnxruntime-qnn wheel
    between  of the .onnx against the .btm. The emulator follows no rule of CPUs: about 15 % of the numbers of a
             convolution are off by 1, and that adds up

Exit status: 0; 1 where a file does not run without the CPU, or is farther than LEAST dB from the .btm; 77 where a package
is missing."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnxruntime as ort
    import onnxruntime_qnn
    from operators import FLOAT, INTEGER, INTEGER_STEPS, OPERATORS, Net
except ImportError as missing:
    print(f'skipped: {missing}; pip install onnxruntime onnxruntime-qnn onnx numpy')
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST = 15  # dB between the emulator and ours


class Failure(Exception):
    """A model could not be converted or run; the text says why."""


def call(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise Failure(done.stderr.strip().removeprefix('bantam: ')[-400:])


def quiet_options():
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return options


def on_qnn(path, devices):
    options = quiet_options()
    options.add_session_config_entry('session.disable_cpu_ep_fallback', '1')
    options.add_provider_for_devices(devices[:1], {'backend_path': onnxruntime_qnn.get_qnn_htp_path(), 'offload_graph_io_quantization': '0'})
    try:
        return ort.InferenceSession(str(path), options)
    except Exception as error:  # the package has no public class for it
        raise Failure(f'does not run without the CPU: {str(error).strip()[:200]}') from error


def decibels(wanted, got):
    signal = sum(float((w.astype(np.float64) ** 2).sum()) for w in wanted)
    noise = sum(float(((w.astype(np.float64) - g) ** 2).sum()) for w, g in zip(wanted, got))
    return float('inf') if noise == 0 else 10 * np.log10(max(signal, 1e-30) / noise)


def run_btm(bantam, btm, sample, names, folder):
    arguments = []
    for i, (name, value) in enumerate(sample.items()):
        np.save(folder / f'in{i}.npy', value)
        arguments += ['--input', f'{name}={folder}/in{i}.npy']
    call(bantam, 'run', btm, *arguments, '--output', folder / 'out', '-q')
    return [np.load(folder / 'out' / (re.sub(r'[^A-Za-z0-9._+-]', '_', n) + '.npy')) for n in names]


def check(model, calibration, evaluation, devices, o, folder):
    session = ort.InferenceSession(str(model), quiet_options(), providers=['CPUExecutionProvider'])
    data, like = np.load(evaluation), np.load(calibration)
    lengths = {i.name: (1,) + like[i.name].shape[1:] for i in session.get_inputs()}
    samples = [{n: data[n][k:k + 1][tuple(slice(d) for d in shape)] for n, shape in lengths.items()} for k in range(o.samples)]
    shapes = [a for n, shape in lengths.items() for a in ('--shape', f"{n}={'x'.join(map(str, shape))}")]
    written, btm = folder / 'm.onnx', folder / 'm.btm'
    call(o.bantam, 'convert', model, '-o', written, '-o', btm, '--target', 'qnn', '--preset', o.preset, '--data', calibration,
         '--test-vectors', '0', '-q', *shapes)
    runner = on_qnn(written, devices)
    names = [v.name for v in runner.get_outputs()]
    wanted = [a for s in samples for a in session.run(names, s)]
    ours = [a for s in samples for a in run_btm(o.bantam, btm, s, names, folder)]
    theirs = [a for s in samples for a in runner.run(names, s)]
    between = decibels(ours, theirs)
    print(f'| {model.stem} | {o.preset} | {written.stat().st_size:,} | {decibels(wanted, ours):.2f} | {decibels(wanted, theirs):.2f} | {between:.1f} |',
          flush=True)
    return between >= LEAST


# ---- operators ----

# That the emulator may differ by: steps of 8 bits, and of 16.
STEPS = {INTEGER: 4, 'int16': 64}
# Alone between its borders it is computed on the floats, which no integer has clipped; it is here as "Concat of products".
LEFT_OUT = ('Concat',)
REFUSED = ('Erf',)  # QNN has none


def check_operator(o, name, numbers, devices, folder):
    net = Net(numbers)
    net.save(folder / 'm.onnx', OPERATORS[name][0](net))
    written, btm = folder / 'w.onnx', folder / 'm.btm'
    call(o.bantam, 'convert', folder / 'm.onnx', '-o', written, '-o', btm, '--target', 'qnn', '-p', INTEGER_STEPS, '--test-vectors', '0', '-q')
    runner = on_qnn(written, devices)
    names = [v.name for v in runner.get_outputs()]
    sample = net.samples({})
    ours, theirs = run_btm(o.bantam, btm, sample, names, folder)[0], runner.run(names, sample)[0]
    off = np.abs(np.rint(ours / net.step) - np.rint(theirs / net.step))
    return off.max() <= STEPS[numbers], 'equal' if off.max() == 0 else f'{100 * np.mean(off == 0):.1f} %, {int(off.max())} step{"s" if off.max() != 1 else ""}'


def operators_mode(o, devices):
    good = True
    print('| operator | numbers | emulator |\n|---|---|---|')
    for name, (_, forms) in OPERATORS.items():
        for numbers in [forms] if isinstance(forms, str) else forms:
            if numbers == FLOAT or o.only not in name or name.startswith('open lengths') or name in LEFT_OUT:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    fine, text = check_operator(o, name, numbers, devices, pathlib.Path(folder))
                except Failure as failure:
                    refused = name in REFUSED and 'cannot hold' in str(failure)
                    fine, text = refused, f'{"refused" if refused else "FAILED"}: {failure}'
                good &= fine
                print(f'| {name} | {numbers} | {text}{"" if fine else " FAILED"} |', flush=True)
    return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bantam', default=ROOT / 'build/bantam', type=pathlib.Path)
    parser.add_argument('--only', default='', help='models whose name contains this')
    parser.add_argument('--preset', default='int8', choices=['int8', 'int16'])
    parser.add_argument('--samples', type=int, default=2)
    parser.add_argument('--operators', action='store_true', help='instead of models')
    o = parser.parse_args()
    ort.register_execution_provider_library('QNNExecutionProvider', onnxruntime_qnn.get_library_path())
    devices = [d for d in ort.get_ep_devices() if d.ep_name == 'QNNExecutionProvider']
    if not devices:
        print('skipped: the onnxruntime-qnn package offers no device here')
        return 77
    if o.operators:
        return operators_mode(o, devices)
    folders = [ROOT / 'testdata'] + [pathlib.Path(p) for p in os.environ.get('BANTAM_MODELS', '').split(':') if p]
    first = lambda name: next((f / name for f in folders if (f / name).exists()), None)
    good = True
    print('| model | recipe | bytes | ours | qnn | between |\n|---|---|---|---|---|---|')
    for model in sorted(p for f in folders for p in f.glob('*.onnx')):
        calibration, evaluation = first(f'{model.stem}.calib.npz'), first(f'{model.stem}.eval.npz')
        if o.only not in model.stem or not calibration or not evaluation:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                good &= check(model, calibration, evaluation, devices, o, pathlib.Path(folder))
            except Failure as failure:
                print(f'| {model.stem} | {o.preset} | FAILED: {failure} |', flush=True)
                good = False
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
