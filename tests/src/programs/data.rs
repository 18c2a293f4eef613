//! Constants of the program's file, and data in files beside it.

use super::maker::{Maker, Name, Role, Scope};
use super::tree::{File, Kind, Line, Program, form};
use snn_runtime::network::ElementType;
use snn_runtime::npy::Header;
use std::io::Write;

impl Maker<'_> {
    /// Declares constants and data.
    pub(super) fn declare(&mut self, program: &mut Program) {
        for _ in 0..self.below(3) {
            self.mark("item constant");
            let name = self.name("C");
            let kind = self.pick(&[Kind::Int, Kind::F64, Kind::Bool]);
            let shape = self.pick(&[vec![], vec![3], vec![2, 3], vec![4]]);
            let scope = Scope { known: true, names: self.items.clone(), ..Scope::default() };
            let value = self.exact(&scope, kind, &shape, 2);
            program.items.push(Line::with(format!("const {name} = "), value));
            self.items.push(Name { text: name, kind, shape, role: Role::Known });
        }
        for _ in 0..2 {
            if self.one_in(4) {
                self.file(program);
            }
        }
    }

    fn file(&mut self, program: &mut Program) {
        let shape = self.pick(&[vec![5, 3], vec![4, 4], vec![9, 2, 3], vec![7, 6], vec![12]]);
        let n: usize = shape.iter().product();
        let name = self.name("rows");
        if shape.len() > 1 {
            self.mark("rows of a file");
        }
        let ints: Vec<i64> = (0..n).map(|_| self.below(200) as i64 - 100).collect();
        let floats: Vec<f64> = ints.iter().map(|x| *x as f64 / 8.0).collect();
        let (file, declared, kind, shape, bytes) = match self.below(6) {
            5 => {
                self.mark("hdf5");
                let (path, shape) = self.pick(&[
                    ("/deep/er/values", vec![2, 3]),
                    ("/chunked", vec![10, 100]),
                    ("/unwritten", vec![3]),
                    ("/big_endian", vec![2]),
                ]);
                let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("files");
                let bytes = std::fs::read(folder.join("kinds.h5")).unwrap_or_default();
                let file = format!("{name}.h5");
                let declared = format!("hdf5(\"{file}\", \"{path}\")");
                (file, declared, Kind::Int, shape, bytes)
            }
            0 | 1 => {
                self.mark("npy");
                let (element, kind, bytes) = match self.below(4) {
                    0 => {
                        let bytes = floats.iter().flat_map(|x| x.to_le_bytes()).collect();
                        (ElementType::F64, Kind::F64, bytes)
                    }
                    1 => {
                        let bytes = floats.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
                        (ElementType::F32, Kind::F32, bytes)
                    }
                    2 => {
                        let bytes = ints.iter().flat_map(|x| (*x as i32).to_le_bytes()).collect();
                        (ElementType::I32, Kind::Int, bytes)
                    }
                    _ => (ElementType::I8, Kind::Int, ints.iter().map(|x| *x as u8).collect()),
                };
                let file = format!("{name}.npy");
                (
                    file.clone(),
                    format!("npy(\"{file}\")"),
                    kind,
                    shape.clone(),
                    npy(element, &shape, bytes),
                )
            }
            2 => {
                self.mark("npz");
                let bytes: Vec<u8> = ints.iter().flat_map(|x| (*x as i16).to_le_bytes()).collect();
                let file = format!("{name}.npz");
                (
                    file.clone(),
                    format!("npz(\"{file}\")"),
                    Kind::Int,
                    shape.clone(),
                    npz(&shape, &bytes),
                )
            }
            3 => {
                self.mark("idx");
                let mut bytes = vec![0, 0, 9, shape.len() as u8];
                bytes.extend(shape.iter().flat_map(|n| (*n as u32).to_be_bytes()));
                bytes.extend(ints.iter().map(|x| *x as u8));
                let file = format!("{name}.idx");
                (file.clone(), format!("idx(\"{file}\")"), Kind::Int, shape.clone(), bytes)
            }
            _ => {
                self.mark("csv");
                let shape = vec![4, 3];
                let rows = floats.chunks(3).take(4).map(|row| {
                    let cells: Vec<String> = row.iter().map(|x| format!("{:?}", x + 0.5)).collect();
                    cells.join(",") + "\n"
                });
                let text: String = ["a,b,c\n".to_string()].into_iter().chain(rows).collect();
                let file = format!("{name}.csv");
                (file.clone(), format!("csv(\"{file}\")"), Kind::F64, shape, text.into_bytes())
            }
        };
        program.items.push(Line::of(format!("data {name} = {declared}")));
        program.files.push(File { name: file.clone(), bytes });
        let text = if file.ends_with("npz") { format!("{name}.w") } else { name };
        self.items.push(Name { text, kind, shape, role: Role::Known });
    }

    /// A program around a trained network in a file.
    pub(super) fn imported(&mut self, program: &mut Program) {
        self.mark("whole program import");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("files");
        let at = |name: &str| folder.join(name).display().to_string();
        let shared = super::super::program::shared_quietly;
        let (net, source, steps) = match self.below(3) {
            0 if let Some(path) = shared("netx/oxford.net") => {
                let seed = self.below(99);
                let data = format!("bernoulli(0.1, shape: [20, 200], seed: {seed})");
                (path.display().to_string(), data, 24)
            }
            1 if let Some(path) = shared("netx/mnist_cuba.net") => {
                let seed = self.below(99);
                let data = format!("bernoulli(0.1, shape: [20, 784], seed: {seed})");
                (path.display().to_string(), data, 12)
            }
            _ => {
                program.items.push(Line::of(format!("data spikes = npz(\"{}\")", at("conv.npz"))));
                (at("conv.net"), "spikes.s_in".into(), 20)
            }
        };
        let n = self.epoch;
        let options =
            self.pick(&["", ", reset_interval: N, reset_offset: 1"]).replace('N', &n.to_string());
        let value = form!(Kind::Int, []; source);
        program.networks.push(super::tree::Network {
            name: "Random".into(),
            params: String::new(),
            ports: Vec::new(),
            parts: vec![
                ("net".into(), format!("netx(\"{net}\"{options})")),
                ("src".into(), format!("Source({value})")),
            ],
            links: vec!["src -> net".into()],
            resets: Vec::new(),
        });
        program.models.push("models fixed_pt".into());
        program.steps = steps;
        program.requests.push("record *".into());
    }
}

pub(super) fn npy(element: ElementType, shape: &[usize], values: Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = Header::new(element, shape).write(&mut bytes);
    written.and_then(|()| bytes.write_all(&values)).unwrap_or_else(|e| panic!("in memory: {e}"));
    bytes
}

/// An archive of one array, `w`.
fn npz(shape: &[usize], values: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap_or_else(|e| panic!("{e}"));
    let header = Header::new(ElementType::I16, shape);
    let member = snn_runtime::npz::Member {
        name: "w",
        header,
        bytes: snn_runtime::npz::Values::Held(values),
    };
    snn_runtime::npz::write(file.path(), &[member], "")
        .and_then(|()| std::fs::read(file.path()))
        .unwrap_or_else(|e| panic!("{e}"))
}
