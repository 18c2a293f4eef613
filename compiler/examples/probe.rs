use snnc::driver::*;
use std::sync::Arc;
fn main() {
    let f = std::env::args().nth(1).unwrap();
    let t0 = std::time::Instant::now();
    let set = std::env::args().skip(2).filter_map(|a| a.split_once('=').map(|(a,b)|(a.to_string(), b.to_string()))).collect();
    let checked = check(std::path::Path::new(&f), &Options { runs: Runs::All, set });
    eprintln!("check {:?}", t0.elapsed());
    eprintln!("{}", snnc::diagnostics::render::render(&checked.diagnostics, &checked.sources, false));
    for r in checked.runs {
        println!("{}", snnc::ir::print::print(&r.ir));
        println!("{:?}", r.graph.arrivals);
        println!("windows {:?}", r.ir.windows.horizon);
        if std::env::var("RUN").is_ok() {
            let ir = Arc::new(r.ir.clone());
            let plan = snnc::interpret::plan(&ir);
            let t0 = std::time::Instant::now();
            let out = snn_runtime::execute::run(&plan, &|| Ok(snnc::interpret::load(Arc::clone(&ir)).unwrap()), &snn_runtime::execute::Options { threads: 1, quiet: true }).unwrap();
            println!("ran {:?}", t0.elapsed());
            println!("{:?}", snnc::report::evaluate::metrics(&r.requests, &ir, &out.columns));
        }
    }
}
