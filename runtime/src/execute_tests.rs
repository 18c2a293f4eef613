use super::*;

/// Counts images of 4 steps; `state` follows the image and the step within it, and depends on
/// the state one step earlier, which the first step of an image forgets.
struct Images {
    image: usize,
    state: i64,
    classes: Vec<i64>,
    written: Vec<u64>,
    fault_at: Option<u64>,
    panic_at: Option<u64>,
}

const STEPS: u64 = 4 * 25;

fn images() -> Images {
    let (classes, written) = (vec![-1; 25], vec![0; 25]);
    Images { image: 0, state: 99, classes, written, fault_at: None, panic_at: None }
}

impl Network for Images {
    fn step(&mut self, t: u64) -> Result<(), Fault> {
        if self.fault_at.is_some_and(|at| t >= at) {
            return Err(Fault::Index { what: "digits", index: 25, extent: 25, t });
        }
        assert!(self.panic_at != Some(t), "step {t}");
        if t % 4 == 2 {
            self.state = 0;
        }
        self.state = self.state * 3 + self.image as i64 + t as i64;
        if t.is_multiple_of(4) {
            self.classes[self.image] = self.state;
            self.written[self.image] = t;
            self.image += 1;
        }
        Ok(())
    }

    fn between(&mut self, t: u64) {
        if t.is_multiple_of(4) {
            self.state += 1;
        }
    }

    fn seek(&mut self, t: u64) {
        self.image = ((t - 1) / 4) as usize;
    }

    fn due(&self, record: usize, t: u64) -> bool {
        record == 0 || t.is_multiple_of(4)
    }

    fn keep(&self, record: usize, column: &mut Column) {
        match record {
            0 | 1 | 3 => column.push(&[self.state]),
            _ => column.push(&self.classes),
        }
    }

    fn collect(&mut self, later: &Self, from: u64, to: u64) {
        for image in 0..self.classes.len() {
            if (from..=to).contains(&later.written[image]) {
                self.classes[image] = later.classes[image];
                self.written[image] = later.written[image];
            }
        }
    }
}

fn plan(horizon: Option<u64>) -> RunPlan {
    let record = |key: &str, shape: &[usize], at_end| RecordSpec {
        key: key.into(),
        element: ElementType::I64,
        shape: shape.to_vec(),
        at_end,
    };
    let records = vec![
        record("state", &[], false),
        record("state_of_image", &[], false),
        record("classes", &[25], true),
        record("last_state", &[], true),
    ];
    RunPlan { name: "test".into(), steps: STEPS, period: 4, horizon, records }
}

fn run_with(
    plan: &RunPlan,
    threads: usize,
    network: impl Fn() -> Images + Sync,
) -> Result<Outcome, RunError> {
    run(plan, &|| Ok(network()), &Execution::quiet(threads))
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let sequential = run_with(&plan(None), 8, images).unwrap();
    assert_eq!(sequential.threads, 1);
    assert_eq!(sequential.columns[0].rows, STEPS);
    assert_eq!(sequential.columns[1].rows, 25);
    assert_eq!(sequential.columns[2].rows, 1);
    for threads in 1..=12 {
        let parallel = run_with(&plan(Some(3)), threads, images).unwrap();
        // A replay of 3 steps a chunk leaves room for 8 chunks in 100 steps.
        assert_eq!(parallel.threads, threads.min(8));
        for (a, b) in sequential.columns.iter().zip(&parallel.columns) {
            assert_eq!((a.rows, &a.bytes), (b.rows, &b.bytes), "{threads} threads");
        }
    }
}

/// Executes three steps at once from every sixth on, where there are as many before the last.
struct Leaping(Images);

impl Network for Leaping {
    fn step(&mut self, t: u64) -> Result<(), Fault> {
        assert!((t - 1) % 6 >= 3 || t + 3 > STEPS, "step {t} is leapt over");
        self.0.step(t)
    }

    fn between(&mut self, t: u64) {
        self.0.between(t);
    }

    fn seek(&mut self, t: u64) {
        self.0.seek(t);
    }

    fn due(&self, record: usize, t: u64) -> bool {
        self.0.due(record, t)
    }

    fn keep(&self, record: usize, column: &mut Column) {
        self.0.keep(record, column);
    }

    fn collect(&mut self, later: &Self, from: u64, to: u64) {
        self.0.collect(&later.0, from, to);
    }

    fn leap(&mut self, t: u64, last: u64, columns: &mut [Column]) -> u64 {
        if !(t - 1).is_multiple_of(6) || t + 3 > last {
            return t;
        }
        for t in t..t + 3 {
            self.0.step(t).unwrap();
            for record in (0..2).filter(|record| self.0.due(*record, t)) {
                self.0.keep(record, &mut columns[record]);
            }
            self.0.between(t);
        }
        t + 3
    }
}

#[test]
fn a_network_may_execute_several_steps_at_once() {
    let expected = run_with(&plan(None), 1, images).unwrap();
    let options = Execution::quiet(1);
    let found = run(&plan(None), &|| Ok(Leaping(images())), &options).unwrap();
    for (a, b) in expected.columns.iter().zip(&found.columns) {
        assert_eq!((a.rows, &a.bytes), (b.rows, &b.bytes));
    }
}

#[test]
fn chunks_cover_all_steps_once_and_begin_at_windows() {
    let plan = RunPlan { steps: 103, horizon: Some(6), ..plan(None) };
    let cut = chunks(&plan, 3);
    let whole: Vec<u64> = cut.iter().flat_map(|c| c.steps.clone()).collect();
    assert!(whole.into_iter().eq(1..=103));
    let starts: Vec<_> = cut.iter().map(|c| (c.replay, *c.steps.start())).collect();
    assert_eq!(starts, [(None, 1), (Some(31), 37), (Some(67), 73)]);
}

#[test]
fn few_windows_or_long_replays_use_fewer_threads() {
    let count = |steps, horizon, threads| {
        chunks(&RunPlan { steps, horizon: Some(horizon), ..plan(None) }, threads).len()
    };
    assert_eq!(count(4 * 1000, 0, 16), 16);
    assert_eq!(count(4 * 5, 0, 16), 2);
    assert_eq!(count(4, 0, 16), 1);
    assert_eq!(count(0, 0, 16), 1);
    assert_eq!(count(4 * 1000, 2000, 16), 1);
    assert_eq!(count(4 * 1000, u64::MAX, 16), 1);
    assert_eq!(count(4 * 1000, 8, 0), 1);
}

#[test]
fn a_run_of_no_steps_keeps_the_initial_state() {
    let outcome = run_with(&RunPlan { steps: 0, ..plan(Some(0)) }, 2, images).unwrap();
    assert_eq!(outcome.columns[0].rows, 0);
    assert_eq!(outcome.columns[3].bytes, 99i64.to_le_bytes());
}

#[test]
fn the_first_fault_is_reported() {
    for threads in [1, 4] {
        let network = || Images { fault_at: Some(37), ..images() };
        match run_with(&plan(Some(3)), threads, network) {
            Err(RunError::Fault(Fault::Index { t, .. })) => assert_eq!(t, 37),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_fault_in_a_replay_is_no_fault_of_the_run() {
    // Replays only begin in the middle of a window; a real run never does.
    struct Strict(Images, bool);
    impl Network for Strict {
        fn step(&mut self, t: u64) -> Result<(), Fault> {
            self.1 |= t % 4 == 1;
            if !self.1 {
                return Err(Fault::Index { what: "labels", index: -1, extent: 1, t });
            }
            self.0.step(t)
        }
        fn between(&mut self, t: u64) {
            self.0.between(t);
        }
        fn seek(&mut self, t: u64) {
            self.0.seek(t);
        }
        fn due(&self, record: usize, t: u64) -> bool {
            self.0.due(record, t)
        }
        fn keep(&self, record: usize, column: &mut Column) {
            self.0.keep(record, column);
        }
        fn collect(&mut self, later: &Self, from: u64, to: u64) {
            self.0.collect(&later.0, from, to);
        }
    }
    let options = Execution::quiet(2);
    let outcome = run(&plan(Some(3)), &|| Ok(Strict(images(), false)), &options).unwrap();
    let expected = run_with(&plan(None), 1, images).unwrap();
    assert_eq!(outcome.threads, 1);
    assert_eq!(outcome.columns[2].bytes, expected.columns[2].bytes);
}

#[test]
fn a_panic_is_an_error() {
    for threads in [1, 2] {
        let network = || Images { panic_at: Some(90), ..images() };
        match run_with(&plan(Some(3)), threads, network) {
            Err(RunError::Panic(message)) => assert_eq!(message, "step 90"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn missing_data_is_an_error() {
    let make = || Err::<Images, _>(io::Error::new(io::ErrorKind::NotFound, "data/w.npy: gone"));
    let error = run(&plan(None), &make, &Execution::quiet(1)).unwrap_err();
    assert_eq!(error.to_string(), "cannot load the network's data: data/w.npy: gone");
}
