#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds the program, and compresses a real network: testdata/textures.onnx, which tells
# ten photographs apart by a small patch of them. Shows the report. Called from any folder; takes no arguments.
set -euo pipefail
cd "$(dirname "$0")/.."
bash apps/setup.sh
cmake --preset release -DBANTAM_TESTS=OFF >/dev/null
cmake --build build --target bantam_app

run() { printf '\n$ %s\n' "$*"; "$@"; }
out=build/demo
mkdir -p "$out"
run build/bantam convert testdata/textures.onnx -o "$out/textures.btm" --data testdata/textures.calib.npz
run build/bantam verify "$out/textures.btm"
run build/bantam compare testdata/textures.onnx "$out/textures.btm" --data testdata/textures.eval.npz \
  --report "$out/report.html" --report "$out/report.json" --report "$out/report.md"

printf '\nThe compressed model is %s/textures.btm; the report is %s/report.html (and .json, .md).\n' "$out" "$out"
