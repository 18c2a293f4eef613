//! Time per call of the weight kernels, at the sizes of known networks.
//!
//! `RUSTFLAGS="-C target-cpu=native" cargo bench -p snn-runtime`; figures are ratios within one
//! run. `Throughput` counts synaptic events: stored weights that are added.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use snn_runtime::kernels::{Columns, Conv, Events, Geometry, PackedColumns, SparseColumns};
use std::hint::black_box;

/// Every `n / count`-th of `n` sources.
fn spikes(n: usize, count: usize) -> Vec<u8> {
    (0..n).map(|i| u8::from(i * count % n < count)).collect()
}

/// Weights between -100 and 100.
fn weights(len: usize) -> impl Iterator<Item = i32> {
    (0..len).map(|k| (k * 7919 % 201) as i32 - 100)
}

fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("events");
    for (n, count) in [(64, 23), (784, 56), (4000, 40)] {
        let source = spikes(n, count);
        let mut events = Events::new(n);
        group.bench_function(BenchmarkId::new("spikes", n), |b| {
            b.iter(|| black_box(events.spikes(black_box(&source)).indices().len()));
        });
    }
    group.finish();
}

/// The layers of the MNIST network, with as many spikes as they get in a mean step.
fn columns(c: &mut Criterion) {
    layer::<128>(c, 784, 56);
    layer::<64>(c, 128, 25);
    layer::<10>(c, 64, 23);
}

fn layer<const M: usize>(c: &mut Criterion, n: usize, count: usize) {
    let mut group = c.benchmark_group("columns");
    let m = M;
    {
        let mut events = Events::new(n);
        let source = spikes(n, count);
        let active = events.spikes(&source);
        let mut out = [0_i32; M];
        group.throughput(Throughput::Elements((active.indices().len() * m) as u64));
        let narrow: Vec<i8> = weights(m * n).map(|w| w as i8).collect();
        let packed = PackedColumns::new(&narrow, m, n, 1, true);
        group.bench_function(BenchmarkId::new("packed, 16-bit sums", n), |b| {
            b.iter(|| packed.add(black_box(active), black_box(&mut out)));
        });
        let packed = PackedColumns::new(&narrow, m, n, 1, false);
        group.bench_function(BenchmarkId::new("packed, 32-bit sums", n), |b| {
            b.iter(|| packed.add(black_box(active), black_box(&mut out)));
        });
        let wide: Vec<i16> = weights(m * n).map(|w| w as i16).collect();
        let wide = Columns::new(&wide, m, n, 0);
        group.bench_function(BenchmarkId::new("16-bit weights, 32-bit sums", n), |b| {
            b.iter(|| wide.add::<i32, _, _>(black_box(active), black_box(&mut out)));
        });
        let payload: Vec<i32> = source.iter().map(|s| 300 * i32::from(*s)).collect();
        group.bench_function(BenchmarkId::new("16-bit weights, graded", n), |b| {
            b.iter(|| {
                wide.add_graded::<i32, _, _, _>(black_box(active), &payload, black_box(&mut out))
            });
        });
        let floats: Vec<f64> = weights(m * n).map(f64::from).collect();
        let floats = Columns::new(&floats, m, n, 0);
        let mut out = [0_f64; M];
        group.bench_function(BenchmarkId::new("floats", n), |b| {
            b.iter(|| floats.add::<f64, _, _>(black_box(active), black_box(&mut out)));
        });
    }
    group.finish();
}

/// 4 000 neurons connected at random with probability 2 %, of which 1 % spike.
fn sparse(c: &mut Criterion) {
    let (n, fan_in, count) = (4000_usize, 80_usize, 40);
    let starts: Vec<u32> = (0..=n).map(|j| (j * fan_in) as u32).collect();
    let source = |k: usize| ((k as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32;
    let sources: Vec<u32> = (0..n * fan_in).map(|k| source(k) % n as u32).collect();
    let weights: Vec<i8> = weights(n * fan_in).map(|w| w as i8).collect();
    let lists = SparseColumns::new(&starts, &sources, &weights, n, 0).expect("lists are whole");
    let mut events = Events::new(n);
    let source = spikes(n, count);
    let active = events.spikes(&source);
    let mut out = [0_i32; 4000];
    let mut group = c.benchmark_group("lists");
    group.throughput(Throughput::Elements((active.indices().len() * fan_in) as u64));
    group.bench_function("8-bit weights, 32-bit sums", |b| {
        b.iter(|| lists.add(black_box(active), black_box(&mut out)));
    });
    group.finish();
}

/// The first two layers of PilotNet, of whose inputs a tenth spike.
fn conv(c: &mut Criterion) {
    let plain = Geometry {
        input: [200, 66, 3],
        outputs: 24,
        kernel: [5, 5],
        stride: [2, 2],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    convolution::<24, 72912>(c, plain);
    convolution::<36, 23688>(c, Geometry { input: [98, 31, 24], outputs: 36, ..plain });
}

fn convolution<const ROW: usize, const M: usize>(c: &mut Criterion, geometry: Geometry) {
    let n = geometry.input.iter().product();
    let len = geometry.weights().iter().product();
    let narrow: Vec<i8> = weights(len).map(|w| w as i8).collect();
    let kernel = Conv::<i8, ROW>::new(&narrow, geometry, 0);
    let mut events = Events::new(n);
    let source = spikes(n, n / 10);
    let active = events.spikes(&source);
    let mut out = vec![0_i32; M];
    let Ok(out) = <&mut [i32; M]>::try_from(out.as_mut_slice()) else { return };
    // Each output has a weight for every input in its window, of which a tenth spike.
    let synapses = M * len / geometry.outputs / 10;
    let mut group = c.benchmark_group("conv");
    group.throughput(Throughput::Elements(synapses as u64));
    group.bench_function(BenchmarkId::new("8-bit weights, 32-bit sums", n), |b| {
        b.iter(|| kernel.add(black_box(active), black_box(&mut *out)));
    });
    group.finish();
}

criterion_group!(benches, events, columns, sparse, conv);
criterion_main!(benches);
