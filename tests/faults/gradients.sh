#!/bin/sh
# Plants each fault of `gradients/` in a copy of the tree, and says which test of gradients and
# samples finds it. By hand, not in CI: every fault costs a build.
#
#     tests/faults/gradients.sh [FAULT…]     all, or those named (without `.patch`)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
copy=${SNNC_FAULTS_DIR:-$root/target/faults}
if [ $# -eq 0 ]; then
    set -- $(cd "$here/gradients" && ls ./*.patch | sed 's|^\./||; s|\.patch$||')
fi
. "$here/tree.sh"
row() {
    printf '| %-42s | %s |\n' "$1" "$2"
}
row fault 'found by'
row --- ---
for fault in "$@"; do
    clean
    if ! (cd "$copy/tree" && patch -s -f -p1 <"$here/gradients/$fault.patch" >/dev/null); then
        row "$fault" 'does not apply'
        continue
    fi
    said=$(cd "$copy/tree" && CARGO_TARGET_DIR="$copy/target" cargo test --release --no-fail-fast \
        -p snn-tests --test gradients --test samples 2>&1) || true
    if ! printf '%s\n' "$said" | grep -q '^test result'; then
        row "$fault" "does not build: $(printf '%s\n' "$said" | grep -m1 '^error')"
        continue
    fi
    found=$(printf '%s\n' "$said" | sed -n 's/^test \(.*\) \.\.\. FAILED$/`\1`/p' | paste -sd ' ')
    row "$fault" "${found:-nothing}"
done
clean
