#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whatever ends a conversion, its output is either the previous file or the new one, whole, and nothing
# else is left behind.  usage: crash_safety.sh BANTAM MODEL.onnx
set -u
bantam=$(realpath "$1") model=$(realpath "$2")
work=$(mktemp -d) mounted=""
clean_up() {
  [ "$BASHPID" = "$$" ] || return 0  # a signal may reach a background job before it has become another program
  [ -z "$mounted" ] || umount "$mounted"
  rm -rf "$work"
}
trap clean_up EXIT
cd "$work" || exit 1
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

convert() { "$bantam" convert --preset exact --quiet "$model" -o "$1" > log 2>&1; }
expect_files() {  # FOLDER NAME WHAT: nothing but NAME is there
  local have; have=$(ls -A "$1" | tr '\n' ' ')
  [ "$have" = "$2 " ] || fail "$3: the folder holds: $have"
}

mkdir new out && convert new/out.btm || { cat log; fail "the model does not convert"; exit 1; }
echo "previous file" > previous
is_whole() { cmp -s "$1" previous || cmp -s "$1" new/out.btm; }

# ---- failures: exit code, and the previous file untouched ----
cp previous out/out.btm
head -c 5000 "$model" > cut.onnx
"$bantam" convert --preset exact cut.onnx -o out/out.btm > log 2>&1
[ $? -eq 3 ] || fail "a damaged model gives another exit code than 3"
cmp -s out/out.btm previous || fail "a damaged model destroyed the previous output"
expect_files out out.btm "damaged model"

size=$(stat -c %s new/out.btm)
( ulimit -f $((size / 1024 / 2)); "$bantam" convert --preset exact "$model" -o out/out.btm > /dev/null 2>&1 )
[ $? -eq 5 ] || fail "a limit of the file size gives another exit code than 5"
cmp -s out/out.btm previous || fail "a limit of the file size destroyed the previous output"
expect_files out out.btm "file size limit"

mkdir disk
if mount -t tmpfs -o size=64k tmpfs disk 2> /dev/null; then
  mounted=$work/disk
  cp previous disk/out.btm
  convert disk/out.btm
  [ $? -eq 5 ] || fail "a full disk gives another exit code than 5"
  cmp -s disk/out.btm previous || fail "a full disk destroyed the previous output"
  expect_files disk out.btm "full disk"
else
  echo "(no tmpfs can be mounted here: a full disk is tried by the file size limit only)"
fi

mkdir readonly && chmod 500 readonly
if [ "$(id -u)" -ne 0 ]; then
  convert readonly/out.btm
  [ $? -eq 5 ] || fail "a folder without write permission gives another exit code than 5"
fi
convert missing/out.btm
[ $? -eq 5 ] || fail "a missing folder gives another exit code than 5"
[ ! -e missing ] || fail "a missing folder was made"
mkfifo out/fifo.btm.bantam-tmp
timeout 20 "$bantam" convert --preset exact "$model" -o out/fifo.btm > /dev/null 2>&1
[ $? -eq 5 ] || fail "a FIFO in the way of the temporary file gives another exit code than 5"
rm -f out/fifo.btm.bantam-tmp
( exec 9> out/out.btm.bantam-tmp; flock 9; convert out/out.btm; [ $? -eq 5 ] ) || fail "two runs with one output do not exclude each other"
cmp -s out/out.btm previous || fail "the second of two runs destroyed the previous output"
rm -f out/out.btm.bantam-tmp

# ---- signals at many moments ----
start=$(date +%s%N); convert new/out.btm; took=$(( ($(date +%s%N) - start) / 1000 ))  # microseconds
for name in KILL INT TERM; do
  for step in $(seq 0 24); do
    rm -f out/out.btm.bantam-tmp  # of a run that was killed before
    cp previous out/out.btm
    "$bantam" convert --preset exact "$model" -o out/out.btm > /dev/null 2>&1 &
    pid=$!
    sleep "$(printf '0.%06d' $((took * step / 20 % 1000000)))"
    kill -s "$name" "$pid" 2> /dev/null
    wait "$pid" 2> /dev/null
    is_whole out/out.btm || fail "SIG$name at step $step: the output is neither the old nor the new file"
    if [ "$name" != KILL ]; then expect_files out out.btm "SIG$name at step $step"; fi
  done
done
# What kill -9 may have left is taken over by the next run.
echo "half a file" > out/out.btm.bantam-tmp
convert out/out.btm || fail "a stale temporary file stops the next run"
cmp -s out/out.btm new/out.btm || fail "after a stale temporary file the output differs"
expect_files out out.btm "stale temporary file"

# ---- an output that is a folder ----
package() { "$bantam" convert --preset "$1" --quiet "$model" -o "$2" > log 2>&1; }
mkdir folder && package exact old.mlpackage && package weights8 new.mlpackage || { cat log; fail "no package is written"; }
start=$(date +%s%N); package weights8 folder/net.mlpackage; took=$(( ($(date +%s%N) - start) / 1000 ))
for name in KILL TERM; do
  for step in $(seq 0 24); do
    rm -rf folder/net.mlpackage; cp -r old.mlpackage folder/net.mlpackage
    "$bantam" convert --preset weights8 "$model" -o folder/net.mlpackage > /dev/null 2>&1 &
    pid=$!
    sleep "$(printf '0.%06d' $((took * step / 20 % 1000000)))"
    kill -s "$name" "$pid" 2> /dev/null
    wait "$pid" 2> /dev/null
    diff -r old.mlpackage folder/net.mlpackage > /dev/null || diff -r new.mlpackage folder/net.mlpackage > /dev/null ||
      fail "SIG$name at step $step: the package is neither the old nor the new one"
  done
done
package weights8 folder/net.mlpackage || { cat log; fail "what was left of a package stops the next run"; }
diff -r new.mlpackage folder/net.mlpackage > /dev/null || fail "after a killed run the package differs"
expect_files folder net.mlpackage "packages"
mkdir folder/photos.mlpackage && touch folder/photos.mlpackage/cat.jpg && package exact folder/photos.mlpackage
[ $? -eq 5 ] || fail "a folder of something else gives another exit code than 5"
[ -e folder/photos.mlpackage/cat.jpg ] || fail "a folder of something else was replaced"

[ "$failures" -eq 0 ] && echo "crash safety: passed"
exit "$((failures > 0))"
