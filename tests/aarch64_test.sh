#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: aarch64_test.sh FOLDER
# Builds the runtime and its tests for 64-bit ARM in FOLDER and runs them in an emulator: the same bits as here.
set -euo pipefail
folder=$1
cd "$(dirname "$0")/.."

for tool in aarch64-linux-gnu-gcc aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null || {
    echo "SKIPPED: $tool is missing; apt-get install gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user"
    exit 77
  }
done
cmake --preset aarch64 -B "$folder" >/dev/null
cmake --build "$folder"
ctest --test-dir "$folder" --output-on-failure
