//! How long parsing and formatting take: `cargo bench -p snn-grammar`.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use snn_grammar::{format, parse};
use std::hint::black_box;

/// A program of about a hundred lines, and the same again and again up to a megabyte.
fn texts() -> [(&'static str, String); 2] {
    let one = include_str!("../tests/corpus/mnist_lava.snn");
    [("reference", one.to_owned()), ("megabyte", one.repeat((1 << 20) / one.len()))]
}

fn benches(criterion: &mut Criterion) {
    for (name, text) in texts() {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(20);
        group.bench_function("parse", |b| b.iter(|| parse(black_box(&text))));
        group.bench_function("format", |b| b.iter(|| format(black_box(&text))));
        group.finish();
    }
}

criterion_group!(all, benches);
criterion_main!(all);
