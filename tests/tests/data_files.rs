//! Data files read as NumPy and h5py read them.

use snn_data::npz_members;
use snn_ir::data::DataSource;
use snn_ir::step::Elem;
use snn_ir::tensor::{Tensor, Values};
use snn_runtime::npy::{self, Header};
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("files").join(name)
}

fn hdf5(path: &str) -> DataSource {
    DataSource::Hdf5(file("kinds.h5"), path.into())
}

/// The header agrees with the values, and the copy for generated programs with both.
fn read(source: DataSource) -> (Elem, Tensor) {
    let dataset = snn_data::open(&snn_data::Disk, source).unwrap();
    let tensor = snn_data::read(&snn_data::Disk, &dataset).unwrap();
    assert_eq!(dataset.shape, tensor.shape);

    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy.npy");
    snn_data::write_npy(&snn_data::Disk, &dataset, &copy).unwrap();
    let mut from = std::fs::File::open(&copy).unwrap();
    let header = Header::read(&mut from).unwrap();
    assert!(!header.big_endian && !header.fortran);
    assert_eq!(header.shape, tensor.shape);
    let values = match npy::read_values(&header, &mut from).unwrap() {
        npy::Values::Int(v) => Values::Int(v),
        npy::Values::Float(v) => Values::Float(v),
        npy::Values::Bool(v) => Values::Bool(v),
    };
    assert_eq!(values, tensor.values);
    let copied = snn_data::open(&snn_data::Disk, DataSource::Npy(copy)).unwrap();
    assert_eq!(copied.elem, dataset.elem);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    (dataset.elem, tensor)
}

#[test]
fn idx_plain_and_gzip() {
    let labels = read(DataSource::Idx(file("small-idx1-ubyte")));
    assert_eq!(labels, (Elem::U8, Tensor::int(vec![3], vec![7, 0, 255])));
    let images = read(DataSource::Idx(file("images-idx3-ubyte.gz")));
    assert_eq!(images, (Elem::U8, Tensor::int(vec![2, 4, 4], (0..32).collect())));
}

#[test]
fn npy_in_any_order() {
    let fortran = read(DataSource::Npy(file("fortran.npy")));
    assert_eq!(fortran, (Elem::I16, Tensor::int(vec![2, 3], (-2..4).collect())));
    let quarters = vec![0.0, 0.25, 0.5, 0.75, 1.0, 1.25];
    let big = read(DataSource::Npy(file("big.npy")));
    assert_eq!(big, (Elem::F32, Tensor::float(vec![2, 3], quarters)));
}

#[test]
fn npz_members_by_name() {
    let path = file("packed.npz");
    assert_eq!(npz_members(&snn_data::Disk, &path).unwrap(), ["b0", "s", "w0"]);
    let member = |name: &str| read(DataSource::Npz(path.clone(), name.into()));
    assert_eq!(member("w0"), (Elem::I8, Tensor::int(vec![2, 3], (0..6).collect())));
    assert_eq!(member("b0"), (Elem::Bool, Tensor::bool(vec![2], vec![true, false])));
    assert_eq!(member("s"), (Elem::F64, Tensor::float(vec![], vec![2.5])));
}

#[test]
fn csv_with_and_without_header() {
    let floats = Tensor::float(vec![2, 2], vec![1.0, 2.5, -3.0, 1e-3]);
    assert_eq!(read(DataSource::Csv(file("table.csv"))), (Elem::F64, floats.clone()));
    assert_eq!(read(DataSource::Csv(file("table.csv.gz"))), (Elem::F64, floats));

    let dir = tempfile::tempdir().unwrap();
    let table = |text: &str| {
        let path = dir.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        read(DataSource::Csv(path))
    };
    assert_eq!(table("1\n2\n-3\n"), (Elem::I64, Tensor::int(vec![3], vec![1, 2, -3])));
    assert_eq!(table("# a, b\r\n 1 , 2 \r\n"), (Elem::I64, Tensor::int(vec![1, 2], vec![1, 2])));
    let late = Tensor::float(vec![3], vec![1.0, 2.0, 0.5]);
    assert_eq!(table("1\n2\n0.5"), (Elem::F64, late));
}

#[test]
fn hdf5_of_every_kind() {
    let words = |values: Vec<i64>| Tensor::int(vec![values.len()], values);
    assert_eq!(read(hdf5("bool")), (Elem::Bool, Tensor::bool(vec![3], vec![true, false, true])));
    assert_eq!(read(hdf5("u64")), (Elem::I64, words(vec![1, i64::MAX])));
    assert_eq!(read(hdf5("big_endian")), (Elem::I16, words(vec![-1, 258])));
    let scalar = Tensor::float(vec![], vec![f64::from(0.1f32)]);
    assert_eq!(read(hdf5("scalar")), (Elem::F32, scalar));
    assert_eq!(read(hdf5("empty")), (Elem::I32, Tensor::int(vec![0, 4], vec![])));
    let deep = Tensor::int(vec![2, 3], (0..6).collect());
    assert_eq!(read(hdf5("/deep/er/values")), (Elem::U8, deep));
    let chunked = Tensor::int(vec![10, 100], (0..1000).collect());
    assert_eq!(read(hdf5("chunked")), (Elem::I64, chunked));
    assert_eq!(read(hdf5("unwritten")), (Elem::I32, words(vec![9, 9, 9])));
}

/// Number of elements, sum and sum of squares, as NumPy computes them.
#[test]
fn reference_files_have_the_values_that_numpy_shows() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.exists() {
        eprintln!("skipped: the reference data is not here");
        return;
    }
    let sums = |source| {
        let numbers: Vec<f64> = match read(source).1.values {
            Values::Int(v) => v.into_iter().map(|n| n as f64).collect(),
            Values::Float(v) => v,
            Values::Bool(_) => panic!("numbers expected"),
        };
        let squares: f64 = numbers.iter().map(|x| x * x).sum();
        (numbers.len(), numbers.iter().sum::<f64>(), squares)
    };
    let net = |name: &str, path: &str| sums(DataSource::Hdf5(data.join(name), path.into()));
    let cuba = net("netx/mnist_cuba.net", "/layer/0/weight");
    assert_eq!(cuba, (100_352, -253_132.0, 24_614_088.0));
    let oxford = net("netx/oxford.net", "/layer/1/weight");
    assert_eq!(oxford, (51_200, -120_050.0, 3_469_684.0));
    let pilotnet = net("netx/pilotnet_sdnn.net", "/layer/4/weight");
    assert_eq!(pilotnet, (36_864, -9_860.0, 242_216.0));
    let mnist = net("mnist_snn/mnist.net", "layer/2/weight");
    assert_eq!(mnist, (640, -644.0, 20_752.0));
    let images = DataSource::Idx(data.join("mnist/t10k-images-idx3-ubyte.gz"));
    assert_eq!(sums(images), (7_840_000, 264_923_200.0, 58_095_386_156.0));
    let params = DataSource::Npz(data.join("mnist_lava/mnist_params.npz"), "w0".into());
    assert_eq!(sums(params), (50_176, 10_742.0, 11_139_676.0));
    let (len, sum, squares) = sums(DataSource::Csv(data.join("nir/lif_norse.csv")));
    assert_eq!(len, 3000);
    assert!((sum - 61.547_399_601_4).abs() < 1e-8 && (squares - 39.185_732_928_127).abs() < 1e-8);
}
