//! Assignments read all they read before they store anything; and weights of data files.

use snn_ir::data::{DataSource, Dataset};
use snn_ir::step::kernels;
use snn_ir::step::{
    ALWAYS, Buffer, BufferId, BufferKind, Elem, Init, Op, OpKind, Program, Record, RecordWhen,
    Source, StepIr, Synapse, Tensor, TensorId, TensorValues, ranges, verify,
};
use snn_tests::program::{self, Array};
use snn_tests::random_ir::{Choices, network};
use std::path::Path;
use std::sync::Arc;

/// A process with `state`, an array `x` that begins as `[[0, 7], [7, 7]]`, and a statement.
fn process(name: &str, state: &str, statement: &str) -> String {
    format!(
        "process {name} {{
    out o: i32
    var x: i32[2, 2] = [[0, 7], [7, 7]]
    {state}
    phase spk {{ {statement}; o = 1 }}
}}
"
    )
}

#[test]
fn statements_read_before_they_store() {
    let cases = [
        ("x = x[0, 1]", "", [7, 7, 7, 7]),
        ("x = x[k, 1] + 1", "var k: i32 = 1", [8, 8, 8, 8]),
        ("x[0..2, x[0, 0] % 2] = 1", "", [1, 7, 1, 7]),
        ("x[x[0, 0], x[0, 0]] = 1", "", [1, 7, 7, 7]),
        ("x[x[0, 0]] = x[x[0, 1] - 6] + x[0]", "", [7, 14, 7, 7]),
        ("x[0] = x[x[0, 0] + 1] where x[1] > x[0]", "", [7, 7, 7, 7]),
        ("x = x[k] where x == 0", "var k: i32 = 1", [7, 7, 7, 7]),
        // An index where no mask holds is not looked at.
        ("x = x[k] where x < 0", "var k: i32 = 9", [0, 7, 7, 7]),
        ("x = transpose(x) + x[1, 0]", "", [7, 14, 14, 14]),
    ];
    let (mut text, mut parts, mut records) = (String::new(), String::new(), String::new());
    for (n, (statement, state, _)) in cases.iter().enumerate() {
        text += &process(&format!("P{n}"), state, statement);
        parts += &format!("    p{n} = P{n}()\n");
        records += &format!("    record p{n}.x\n");
    }
    text += &format!("network N {{\n{parts}}}\nrun r of N {{\n    steps 1\n{records}}}\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stores.snn");
    std::fs::write(&file, text).unwrap();
    let ir = program::check(&file, &[]).ir;
    assert_eq!(verify::check(&ir), Ok(()));
    for results in [program::executed(&ir), program::generated(&ir, 1)] {
        for (n, (statement, _, expected)) in cases.iter().enumerate() {
            let found = &results[&format!("p{n}.x")].values;
            assert_eq!(*found, expected.map(f64::from), "{statement}");
        }
    }
}

/// A data file of `values`.
fn dataset(folder: &Path, name: &str, shape: &[usize], bytes: &[u8], elem: Elem) -> Arc<Dataset> {
    use snn_runtime::npy::Header;
    let path = folder.join(name);
    let mut file = std::fs::File::create(&path).unwrap();
    let element = snn_runtime::network::ElementType::from(elem);
    Header::new(element, shape).write(&mut file).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    Arc::new(snn_data::open(&snn_data::Disk, DataSource::Npy(path)).unwrap())
}

#[test]
fn weights_are_read_from_data_files() {
    let folder = tempfile::tempdir().unwrap();
    let small: Vec<u8> = [3_i8, -128, 0, 5, 127, 1].iter().map(|w| *w as u8).collect();
    let floats: Vec<u8> = [0.5_f32, f32::INFINITY, 1.5, -2.0, f32::NAN, 8.0]
        .iter()
        .flat_map(|w| w.to_le_bytes())
        .collect();
    let wide: Vec<u8> = [i64::MAX, 5, 2, -7, 11, 1].iter().flat_map(|w| w.to_le_bytes()).collect();
    let files = [
        ("small", dataset(folder.path(), "small.npy", &[2, 3], &small, Elem::I8), Elem::I64),
        ("floats", dataset(folder.path(), "floats.npy", &[2, 3], &floats, Elem::F32), Elem::F64),
        // The shape of a file need not be that of the matrix.
        ("wide", dataset(folder.path(), "wide.npy", &[6], &wide, Elem::I64), Elem::I64),
    ];
    let mut ir = network(&mut Choices::new(Vec::new()));
    (ir.buffers, ir.tensors, ir.records) = (Vec::new(), Vec::new(), Vec::new());
    (ir.program, ir.steps) = (Program::default(), 2);
    buffer(&mut ir, "x", Elem::I16, 3, Init::Tensor(TensorId(0)));
    let known = snn_ir::tensor::Tensor::int(vec![3], vec![2, 0, -1]);
    let values = TensorValues::Known(Arc::new(known));
    ir.tensors.push(Tensor {
        name: "x0".into(),
        elem: Elem::I16,
        shape: vec![3],
        given: None,
        values,
    });
    for (name, file, sums) in files {
        let weights = TensorId(ir.tensors.len() as u32);
        let (elem, shape) = (file.elem, file.shape.clone());
        let values = TensorValues::File(file);
        ir.tensors.push(Tensor { name: name.into(), elem, shape, given: None, values });
        for binary in [false, true] {
            let name = format!("{name}_{binary}");
            let dst = buffer(&mut ir, &name, sums, 2, Init::Int(0));
            let (src, weights) = (BufferId(0), Source::Tensor(weights));
            let kernel = kernels::unread(elem, false, sums, (i64::MIN, i64::MAX));
            let synapse = Synapse { weights, conv: None, src, binary, dst, kernel };
            let kind = OpKind::Synapse(synapse);
            ir.program.spk.push(Op { clock: ALWAYS, kind, origin: name });
        }
    }
    ranges::analyse(&mut ir);
    assert_eq!(verify::check(&ir), Ok(()));
    // Rows 0 and 1, times 2, 0, -1.
    let expected: [(&str, [f64; 2]); 4] = [
        ("small_false", [6.0, 9.0]),
        ("small_true", [3.0, 6.0]),
        ("floats_false", [-0.5, -12.0]),
        ("floats_true", [2.0, 6.0]),
    ];
    for results in [program::executed(&ir), program::generated(&ir, 1)] {
        for (name, values) in expected {
            assert_eq!(results[name].values[..2], values, "{name}");
        }
        // The sums wrap at 64 bits.
        let Array { values, .. } = &results["wide_false"];
        assert_eq!(values[..2], [(i64::MAX.wrapping_mul(2) - 2) as f64, -15.0]);
    }
}

fn buffer(ir: &mut StepIr, name: &str, elem: Elem, len: usize, init: Init) -> BufferId {
    let id = BufferId(ir.buffers.len() as u32);
    let range = elem.bounds().unwrap_or((0, 0));
    let (name, kind, shape) = (name.to_string(), BufferKind::State, vec![len]);
    ir.buffers.push(Buffer { name: name.clone(), kind, elem, shape, init, range });
    let when = RecordWhen::Clock(ALWAYS);
    ir.records.push(Record { key: name, buffer: id, when, asked: true });
    id
}
