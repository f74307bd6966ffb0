#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds the release tree in build/, and runs all tests. Called from any folder.
set -euo pipefail
cd "$(dirname "$0")/.."
bash apps/setup.sh catch2
cmake --preset release -DBANTAM_STRICT=OFF -DBANTAM_TESTS=ON >/dev/null
cmake --build build
ctest --test-dir build --output-on-failure -j "$(nproc)"
