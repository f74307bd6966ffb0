#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what a build needs (Debian 12, current Ubuntu) and is missing.
# Sourced or called by apps/demo.sh and tests/run.sh. Does nothing where everything is there.
set -euo pipefail

need=(cmake ninja-build g++ pkg-config libonnx-dev libprotobuf-dev protobuf-compiler libcli11-dev libspdlog-dev
      libfmt-dev nlohmann-json3-dev libtomlplusplus-dev libjpeg-dev libpng-dev zlib1g-dev libsodium-dev
      flatbuffers-compiler libflatbuffers-dev "$@")

command -v dpkg-query >/dev/null || {
  echo "setup: this is no Debian or Ubuntu; install the equivalents of: ${need[*]}" >&2
  exit 0
}

# libjpeg-dev is a name that libjpeg-turbo's package provides, so ask for what is installed under it.
missing=()
for package in "${need[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [[ $status == *"install ok installed"* ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if [[ $(id -u) -eq 0 ]]; then
  as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo)
else
  echo "setup: packages are missing and there are no rights to install them; run this first:" >&2
  echo "  sudo apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "setup: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
