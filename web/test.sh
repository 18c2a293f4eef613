#!/usr/bin/env bash
# Builds the module for WebAssembly, holds it to its size, and runs the README's network in Node.
# Needs the target wasm32-unknown-unknown and Node.
set -euo pipefail
cd "$(dirname "$0")/.."
most=$((1200 * 1000))

target=${CARGO_TARGET_DIR:-target}
cargo build --locked -q -p snn-web --lib --profile web --target wasm32-unknown-unknown
module=$target/wasm32-unknown-unknown/web/snn_web.wasm
bytes=$(gzip -9 -c "$module" | wc -c)
echo "the module has $bytes bytes compressed, $(wc -c < "$module") plain"
if [ "$bytes" -gt "$most" ]; then
    echo "more than $most"
    exit 1
fi
expected=$(mktemp)
trap 'rm -f "$expected"' EXIT
cargo run --locked -q --release -p snn-web --example expected > "$expected"
node web/test.mjs "$module" "$expected"
