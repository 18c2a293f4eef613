//! A generated crate as a part of another program: what is written to its fields has its effect.

use snn_rust::build;
use snnc::driver::{self, Options};
use std::path::Path;
use std::process::Command;

/// Variables that the network never changes, keeps within narrow bounds, adds up without bound, or
/// uses as weights; ports that nothing is connected to.
const NETWORK: &str = "
process Adder {
    in a_in: i32[2]
    out o: i64[2]
    var total: i64[2] = 0
    var gain: i32 = 2
    phase spk { total += gain * a_in; o = total }
}
process Narrow {
    out o: i64
    var x: i32 = 0
    phase spk { x = min(x + 1, 3); o = x * 500_000_000 }
}
process Learning {
    in s_in: spike[2]
    out o: i32[2]
    var w: i32[2, 2] = [[1, 2], [3, 4]]
    phase spk { o = i32(w @ s_in) }
}
network Stepped {
    adder = Adder()
    narrow = Narrow()
    cells = LIF[2](vth: 100, du: 4095, dv: 4096, bias_mant: 1)
    learning = Learning()
    cells -> learning
}
run sim of Stepped { models fixed_pt; steps 5 }
";

/// Steps the network, and writes between steps.
const PROGRAM: &str = r#"
use snn_runtime::Network;
use std::{path::Path, sync::Arc};
use stepped::{Data, Stepped};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_default();
    let mut n = Stepped::new(Arc::new(Data::load(Path::new(&folder))?));
    for t in 1..=5 {
        n.step(t)?;
        let [adder, learning] = [n.adder_o.to_vec(), n.learning_o.iter().map(|x| *x as i64).collect()];
        println!("{adder:?} {} {:?} {learning:?}", n.narrow_o, n.cells_v.to_vec());
        n.between(t);
        match t {
            1 => n.adder_a_in.copy_from_slice(&[1, -2]),
            2 => {
                n.adder_gain = 1_000_000;
                n.narrow_x = -100;
                n.cells_a_in[1] = 101;
            }
            3 => {
                n.adder_total[0] = -5_000_000_000_000;
                n.learning_w[3] = 70_000;
            }
            _ => n.cells_a_in[1] = 0,
        }
    }
    Ok(())
}
"#;

#[test]
fn what_a_program_writes_between_steps_has_its_effect() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stepped.snn");
    std::fs::write(&file, NETWORK).unwrap();
    let checked =
        driver::check(&snn_data::Disk, &file, &Options { open: true, ..Options::default() });
    let run = checked.runs.first().unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let options = snn_rust::Provenance { generator: "0.0.0".into(), source_hash: "0".into() };
    let mut generated = snn_rust::emit(&run.ir, &snn_data::Disk, &options).unwrap();
    for (name, text) in &mut generated.files {
        if name == "src/main.rs" {
            *text = PROGRAM.to_owned();
        }
    }
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("snnc-cache");
    let program =
        build::compile(&generated, &cache, &mut |_| {}).unwrap_or_else(|e| panic!("{e:?}"));
    let data = build::data(&generated, &snn_data::Disk, &cache).unwrap();
    let output = Command::new(program).arg(data).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        lines,
        [
            "[0, 0] 500000000 [1, 1] [0, 0]",
            "[2, -4] 1000000000 [1, 1] [0, 0]",
            // 101 · 64 + 1 exceeds the threshold of 100 · 64.
            "[1000002, -2000004] -49500000000 [1, 0] [2, 4]",
            "[-4999999000000, -4000004] -49000000000 [1, 0] [2, 70000]",
            "[-4999998000000, -6000004] -48500000000 [1, 1] [0, 0]",
        ],
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
