//! Values that are data of a program: another one is another run of the same program.

use super::programs::Folder;
use super::*;

const PROGRAM: &str = "\
const vth = 100
data w = npy(\"w.npy\")
network Net {
    source = Source(data: bernoulli(0.5, shape: [50, 8], seed: 1))
    cells = LIF(vth: vth, du: 1024, dv: 512, bias_mant: 3)
    source -> Dense(weights: w) -> cells
}
run sim of Net {
    models fixed_pt
    steps 40
    record cells.*
}
";

/// A `.npy` file of integers of 16 bits, of shape `[4, 8]`.
fn weights(of: impl Fn(usize) -> i16) -> Vec<u8> {
    let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (4, 8), }";
    let header = format!("{header:<117}\n");
    let start = [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes()].concat();
    let values = (0..32).flat_map(|i| of(i).to_le_bytes());
    [start, header.into_bytes()].concat().into_iter().chain(values).collect()
}

/// A program in a folder, with a cache of its own.
struct Runs(Folder);

impl Runs {
    /// Runs it with a threshold, compiled and by the oracle: both must record the same.
    fn run(&self, vth: usize) {
        let set = format!("vth={vth}");
        for (engine, file) in [("compiled", "compiled.npz"), ("oracle", "oracle.npz")] {
            let arguments = ["run", "net.snn", "--engine", engine, "--set", &set, "-o", file];
            let ran = command(&arguments)
                .env("SNNC_CACHE", self.0.path("cache"))
                .current_dir(self.0.path(""))
                .output()
                .unwrap();
            assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
        }
        let compared = self.0.snnc(&["compare", "compiled.npz", "oracle.npz"]);
        assert_eq!(compared.status.code(), Some(0), "{}", stdout(&compared));
    }

    /// How many programs were compiled so far.
    fn programs(&self) -> usize {
        std::fs::read_dir(self.0.path("cache/bin")).unwrap().count()
    }
}

#[test]
fn explain_says_which_values_are_built_in_and_why() {
    let folder = Folder::with("net.snn", PROGRAM);
    std::fs::write(folder.path("w.npy"), weights(|i| i as i16 % 7 + 1)).unwrap();
    let explained = folder.snnc(&["explain", "net.snn"]);
    let text = stdout(&explained);
    let (_, values) = text.split_once("\nValues built in\n").unwrap();
    let (built_in, data) = values.split_once("\nValues that are data\n").unwrap();
    says(built_in, &["  dense1.num_message_bits = 0: a shape, a branch, a clock or an index "]);
    says(data, &["  cells.du\n", "  cells.vth\n", "  dense1.weights\n"]);
}

#[test]
fn values_that_are_not_structural_do_not_make_a_new_program() {
    let runs = Runs(Folder::with("net.snn", PROGRAM));
    let write = |bytes: Vec<u8>| std::fs::write(runs.0.path("w.npy"), bytes).unwrap();
    write(weights(|i| (i % 7) as i16 + 1));
    (0..20).for_each(|n| runs.run(7 * n + 1));
    assert_eq!(runs.programs(), 1, "of twenty thresholds");
    for file in 1..=3 {
        write(weights(|i| ((i * file) % 11) as i16 + 1));
        runs.run(100);
    }
    assert_eq!(runs.programs(), 1, "of three files of weights");
    // They take nine bits, and no power of two divides all of them.
    write(weights(|i| 200 + i as i16));
    runs.run(100);
    assert_eq!(runs.programs(), 2, "where less can be proven");
}
