#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: install_test.sh BUILD_FOLDER C_COMPILER [FLAG]
# Installs into an empty prefix, builds the example program against what lies there as a stranger does, and runs a
# model: with all operators, and with just those that the model needs.
set -euo pipefail
build=$1 cc=$2 flag=${3:-}
source=$(cd "$(dirname "$0")/.." && pwd)
model=$source/testdata/golden_models/0.1/digits_cnn_int8.btm

command -v pkg-config >/dev/null || { echo "SKIPPED: pkg-config is missing"; exit 77; }

prefix=$build/install_test
rm -rf "$prefix"
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix" >/dev/null

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name bantam.pc)")
export PKG_CONFIG_PATH
read -r -a flags <<<"$(pkg-config --cflags --libs bantam)"
[ -z "$flag" ] || flags+=("$flag")

"$cc" -std=c11 -Wall -Wextra -Werror "$source/apps/runner/runner.c" "${flags[@]}" -o "$prefix/runner"
"$prefix/runner" "$model" | tee "$prefix/all"
grep -q '^in  image: f32 \[?, 1, 8, 8\]$' "$prefix/all"
grep -q '^scores = ' "$prefix/all"

# A file of three samples: the open length follows from its size.
head -c $((3 * 64 * 4)) /dev/zero >"$prefix/three"
"$prefix/runner" "$model" "$prefix/three" | grep -q '(30)$'
if "$prefix/runner" "$model" "$model" >"$prefix/out" 2>&1; then
  echo "an input of a wrong size was taken"; exit 1
fi

if [ -x "$prefix/bin/bantam" ]; then
  "$prefix/bin/bantam" inspect --op-table "$model" >"$prefix/ops.c"
  "$cc" -std=c11 -Wall -Wextra -Werror "$source/apps/runner/runner.c" "$prefix/ops.c" "${flags[@]}" -o "$prefix/small"
  "$prefix/small" "$model" | cmp - "$prefix/all"
  size_all=$(stat -c %s "$prefix/runner") size_small=$(stat -c %s "$prefix/small")
  echo "program with all operators: $size_all bytes, with those of the model: $size_small bytes"
  [ "$size_small" -lt "$size_all" ]
fi
