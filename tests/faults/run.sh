#!/bin/sh
# Plants each fault of this folder in a copy of the tree, builds it and looks for the fault with
# random programs, until one differs. By hand, not in CI: every fault costs a build.
#
#     tests/faults/run.sh [FAULT…]     all, or those named (without `.patch`)
#
# SNNC_CASES: programs on oracle and executor (2000); SNNC_COMPILED: compiled ones, where the
# others find nothing (48; 0 for none); SNNC_SEED: of the programs (1).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
copy=${SNNC_FAULTS_DIR:-$root/target/faults}
quick=${SNNC_CASES:-2000}
compiled=${SNNC_COMPILED:-48}
seed=${SNNC_SEED:-1}
if [ $# -eq 0 ]; then
    set -- $(cd "$here" && ls ./*.patch | sed 's|^\./||; s|\.patch$||')
fi
. "$here/tree.sh"
# The profile of tests: little is optimised, and what has not changed is not compiled again.
build() {
    (cd "$copy/tree" && CARGO_TARGET_DIR="$copy/target" CARGO_INCREMENTAL=1 \
        cargo build -q -p snn-tests --example explore 2>&1)
}
explore() {
    (cd "$copy/tree" && "$copy/target/debug/examples/explore" "$seed" "$@" stop 2>&1) || true
}
row() {
    printf '| %-40s | %-58s | %s |\n' "$1" "$2" "$3"
}
row fault 'what differs from the oracle' 'after programs'
row --- --- ---
for fault in "$@"; do
    clean
    if ! (cd "$copy/tree" && patch -s -f -p1 <"$here/$fault.patch" >/dev/null); then
        row "$fault" 'does not apply' -
        continue
    fi
    if ! errors=$(build); then
        row "$fault" "does not build: $(printf '%s\n' "$errors" | grep -m1 '^error')" -
        continue
    fi
    # Where code is generated wrongly, the quick engines would search in vain for minutes.
    first=$((quick < 100 ? quick : 100))
    found=$(explore 0 "$first" | grep -m1 '^program ' || true)
    if [ -z "$found" ] && [ "$compiled" -gt 0 ]; then
        found=$(explore 0 "$compiled" code | grep -m1 '^program ' || true)
    fi
    if [ -z "$found" ]; then
        found=$(explore "$first" $((quick - first)) | grep -m1 '^program ' || true)
    fi
    if [ -z "$found" ]; then
        row "$fault" nothing -
        continue
    fi
    number=${found#program }
    number=${number%%:*}
    row "$fault" "${found#*: }" $((number + 1))
done
clean
