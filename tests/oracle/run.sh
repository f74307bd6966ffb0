#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every operator, and the networks of testdata, in the vendors' runtimes: makes a Python environment for each of them
# (a folder that may be kept), installs the packages from PyPI, and runs the scripts beside this one.
#
#   tests/oracle/run.sh build/bantam [ENVIRONMENTS]        # default: build/oracle
#
# Exit status: 0 all passed, 1 not, 77 if not one of the environments could be made (no network).
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bantam=${1:?tests/oracle/run.sh PROGRAM [ENVIRONMENTS]}
folder=${2:-$here/../../build/oracle}
failed=0 ran=0

# NAME PACKAGES... : makes the environment NAME, or says what is skipped.
environment() {
  local name=$1 place=$folder/$1
  shift
  [ -f "$place/ready" ] && return 0
  if python3 -m venv "$place" && "$place/bin/pip" install -q "$@"; then
    touch "$place/ready"
  else
    echo "SKIPPED: $name: the packages $* could not be installed"
    return 1
  fi
}

# NAME SCRIPT ARGUMENTS...
check() {
  local name=$1
  shift
  ran=1
  echo "== $name: $*"
  "$folder/$name/bin/python3" "$here/$1" --bantam "$bantam" "${@:2}" || failed=1
}

if environment onnxruntime onnxruntime onnx numpy; then
  check onnxruntime onnx_export.py --operators
  check onnxruntime onnx_export.py --layers
fi
if environment litert ai-edge-litert onnx numpy; then
  check litert tflite_export.py operators
  check litert tflite_export.py models --samples 2
  check litert tflite_layers.py
  "$folder/litert/bin/pip" install -q onnxruntime && check litert task.py
fi
if environment coreml coremltools onnx numpy; then
  check coreml coreml_export.py --operators
  check coreml coreml_export.py --layers
  check coreml coreml_export.py
fi
if environment qnn onnxruntime onnxruntime-qnn onnx numpy; then
  check qnn qnn_export.py --operators
  check qnn qnn_export.py --only cnn
fi
[ $ran = 1 ] || { echo "SKIPPED: no runtime could be installed"; exit 77; }
[ $failed = 0 ] && echo "all passed" || echo "FAILED: see above"
exit $failed
