#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Size, time and accuracy of our quantized files beside those of the runtimes' own quantizers, in the same runtime.

    pip install ai-edge-quantizer ai-edge-litert onnx onnxruntime numpy        # in an environment of its own
    BANTAM_MODELS=models:data python3 tests/oracle/peers.py --bantam build/bantam --only mobilenet squeezenet resnet20

$BANTAM_MODELS lists folders, separated by ':'; NAME.onnx is used where NAME.calib.npz and NAME.eval.npz lie in one of
them too. Files compared, all from the same model and the same calibration samples:

    LiteRT        integers from border to border; ours: recipe int8 with tail=int8, `--io int8`; the peer's:
                  ai-edge-quantizer (static_wi8_ai8) on our float .tflite
    onnxruntime   float inputs and outputs; ours: recipe int8; the peer's: quantize_static (QDQ, per channel)

"8 bits throughout" are ours without `choose-precision`, which leaves layers in float for their accuracy, as the peers do not;
"u8s8" has their types of integers.

Runs of one batch, one thread. All files of a model take turns in one process; the time is the least CPU time of ROUNDS
turns of REPEATS runs. dB: signal over noise of the outputs against the float model in onnxruntime.

Exit status: 0; 77 where a package is missing."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
    import onnxruntime as ort
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe
    from onnxruntime.quantization import QuantFormat, quantize_static, shape_inference
except ImportError as missing:
    print(f'skipped: {missing}; pip install ai-edge-quantizer ai-edge-litert onnx onnxruntime numpy')
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS, REPEATS, CALIBRATION, EVALUATION = 20, 5, 64, 16


class Lite:
    def __init__(self, path):
        self.size = os.path.getsize(path)
        self.interpreter = Interpreter(model_path=str(path), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input, self.output = self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0]

    def set(self, sample):
        if self.input['dtype'] == np.int8:  # float where the first layer is
            scale, zero = self.input['quantization']
            sample = np.clip(np.rint(sample / scale) + zero, -128, 127).astype(np.int8)
        self.interpreter.set_tensor(self.input['index'], last(sample))

    def run(self):
        self.interpreter.invoke()

    def result(self):
        if self.output['dtype'] == np.float32:
            return self.interpreter.get_tensor(self.output['index'])
        scale, zero = self.output['quantization']
        return (self.interpreter.get_tensor(self.output['index']).astype(np.float32) - zero) * scale


class Onnx:
    def __init__(self, path):
        self.size = os.path.getsize(path)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        self.session = ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])

    def set(self, sample):
        self.sample = {self.session.get_inputs()[0].name: sample}

    def run(self):
        self.results = self.session.run(None, self.sample)

    def result(self):
        return self.results[0]


def last(sample):
    return np.ascontiguousarray(np.moveaxis(sample, 1, -1))


class Samples:
    def __init__(self, name, samples):
        self.name, self.samples = name, iter(samples)

    def get_next(self):
        sample = next(self.samples, None)
        return None if sample is None else {self.name: sample}


def files_of(model, calibration, bantam, folder):
    """name: (runtime, who, a file that is loaded)"""
    convert = lambda *args: subprocess.run([bantam, 'convert', model, *map(str, args)], check=True, capture_output=True, text=True).stdout
    integers = folder / 'integers.recipe'
    integers.write_text(convert('-o', 'net.tflite', '--print-recipe').replace('tail=float', 'tail=int8'))
    convert('-o', folder / 'ours.tflite', '--data', calibration, '--recipe', integers, '--io', 'int8')
    convert('-o', folder / 'ours.onnx', '--data', calibration)
    throughout = ['--data', calibration, '--skip', 'choose-precision']
    convert('-o', folder / 'whole.tflite', '--recipe', integers, '--io', 'int8', *throughout)
    convert('-o', folder / 'whole.onnx', *throughout)
    convert('-o', folder / 'u8s8.onnx', '--onnx-integers', 'u8s8', *throughout)
    convert('-o', folder / 'float.tflite', '--preset', 'exact')
    reference = Onnx(model)
    name = reference.session.get_inputs()[0].name
    data = np.load(calibration)
    samples = [data[name][k:k + 1] for k in range(min(CALIBRATION, len(data[name])))]
    quantized = quantizer.Quantizer(str(folder / 'float.tflite'))
    quantized.load_quantization_recipe(recipe.static_wi8_ai8())
    found = quantized.calibrate({'serving_default': [{name: last(s)} for s in samples]})
    quantized.quantize(found).export_model(str(folder / 'peer.tflite'))
    shape_inference.quant_pre_process(str(model), str(folder / 'prepared.onnx'), skip_symbolic_shape=True)
    quantize_static(str(folder / 'prepared.onnx'), str(folder / 'peer.onnx'), Samples(name, samples), quant_format=QuantFormat.QDQ,
                    per_channel=True)
    return reference, [('LiteRT', 'ours', Lite(folder / 'ours.tflite')), ('LiteRT', 'ours, 8 bits throughout', Lite(folder / 'whole.tflite')),
                       ('LiteRT', 'ai-edge-quantizer', Lite(folder / 'peer.tflite')),
                       ('onnxruntime', 'ours', Onnx(folder / 'ours.onnx')), ('onnxruntime', 'ours, 8 bits throughout', Onnx(folder / 'whole.onnx')),
                       ('onnxruntime', 'the same, u8s8', Onnx(folder / 'u8s8.onnx')), ('onnxruntime', 'quantize_static', Onnx(folder / 'peer.onnx'))]


def decibels(reference, file, samples):
    signal = noise = 0.0
    for sample in samples:
        for side in (reference, file):
            side.set(sample)
            side.run()
        want = reference.result().astype(np.float64)
        got = file.result().reshape(want.shape)
        signal, noise = signal + float((want ** 2).sum()), noise + float(((want - got) ** 2).sum())
    return 10 * np.log10(signal / noise)


def milliseconds(files):
    best = [float('inf')] * len(files)
    for _ in range(ROUNDS):
        for i, file in enumerate(files):
            start = time.process_time()
            for _ in range(REPEATS):
                file.run()
            best[i] = min(best[i], (time.process_time() - start) / REPEATS)
    return [1000 * b for b in best]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bantam', default=ROOT / 'build/bantam', type=pathlib.Path)
    parser.add_argument('--only', nargs='*', default=['textures'], help='classifiers of images with this in their name')
    o = parser.parse_args()
    folders = [ROOT / 'testdata'] + [pathlib.Path(p) for p in os.environ.get('BANTAM_MODELS', '').split(':') if p]
    first = lambda name: next((f / name for f in folders if (f / name).exists()), None)
    print('| model | runtime | file | bytes | ms | dB |\n|---|---|---|---|---|---|')
    for model in sorted(p for f in folders for p in f.glob('*.onnx')):
        calibration, evaluation = first(f'{model.stem}.calib.npz'), first(f'{model.stem}.eval.npz')
        if not any(only in model.stem for only in o.only) or not calibration or not evaluation:
            continue
        with tempfile.TemporaryDirectory() as folder:
            reference, files = files_of(model, calibration, o.bantam, pathlib.Path(folder))
            data = np.load(evaluation)[reference.session.get_inputs()[0].name]
            samples = [data[k:k + 1] for k in range(min(EVALUATION, len(data)))]
            accuracy = [decibels(reference, f, samples) for _, _, f in files]
            for (runtime, who, file), ms, db in zip(files, milliseconds([f for _, _, f in files]), accuracy):
                print(f'| {model.stem} | {runtime} | {who} | {file.size:,} | {ms:.3f} | {db:.2f} |', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
