#!/bin/sh
# What it costs to check a network grows as the network does. Counts the instructions of
# `snnc check` for N and 10 N layers (see tests/examples/layers.rs) and fails where the second is
# more than 12 times the first. Instructions are the same at each run, whatever else the machine
# does; time is not.
#
#     tests/cost.sh [N]      (50)
#
# Needs Valgrind.
set -eu
cd "$(dirname "$0")/.."
small=${1:-50}
large=$((10 * small))
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo build --locked --release -q -p snnc
cargo build --locked --release -q -p snn-tests --example layers
target=${CARGO_TARGET_DIR:-target}

instructions() {
    "$target/release/examples/layers" "$1" "$2" >"$folder/$1-$2.snn"
    # Nothing but the count: a warning would be work that is not asked for.
    valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
        "$target/release/snnc" check --deny warnings "$folder/$1-$2.snn" \
        2>"$folder/counted" >"$folder/said" || { cat "$folder/said" "$folder/counted" >&2; return 1; }
    sed -n 's/^.*I *refs: *//p' "$folder/counted" | tr -d ,
}

failed=0
for kind in chain beside; do
    few=$(instructions $kind "$small")
    many=$(instructions $kind "$large")
    hundredths=$((many * 100 / few))
    printf '%s: %d layers %d instructions, %d layers %d, %d.%02d times\n' \
        $kind "$small" "$few" "$large" "$many" $((hundredths / 100)) $((hundredths % 100))
    [ "$hundredths" -le 1200 ] || failed=1
done
exit $failed
