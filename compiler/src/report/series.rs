//! What a run recorded, as pictures see it.

use super::plots::{PlotError, Raster, Trace};
use super::values::number;
use snn_runtime::execute::RecordSpec;
use snn_runtime::record::Recording;
use std::io::{self, Read};
use std::ops::RangeInclusive;

/// The values of one record with the steps they belong to; they may be more than memory holds.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// What is recorded: its key and the shape and type of a value.
    pub spec: &'a RecordSpec,
    /// The values: one for each of `steps`.
    pub recording: &'a Recording,
    /// After which step each value was kept, ascending.
    pub steps: Vec<u64>,
}

impl Series<'_> {
    /// The raster of all elements that are not 0, over the steps `shown`.
    ///
    /// # Errors
    /// Where they cannot be read or drawn.
    pub fn raster(&self, shown: RangeInclusive<u64>) -> Result<String, PlotError> {
        let neurons = self.neurons();
        let mut raster = Raster::new(shown, neurons);
        self.each(|t, value| {
            let active = (0..neurons).filter(|n| value(*n).abs() > 0.0);
            active.for_each(|n| raster.spike(t, n));
        })?;
        raster.draw(&self.spec.key)
    }

    /// The traces of its elements.
    ///
    /// # Errors
    /// Where they cannot be read or drawn.
    pub fn trace(&self) -> Result<String, PlotError> {
        let key = &self.spec.key;
        let mut trace = Trace::new(self.steps.len(), self.neurons());
        self.each(|t, value| trace.row(t, value))?;
        trace.draw(key, key.rsplit('.').next().unwrap_or(key))
    }

    /// Elements of one value.
    fn neurons(&self) -> usize {
        self.spec.shape.iter().product()
    }

    /// Calls `f` with each value, as its step and a function that gives an element.
    fn each(&self, f: impl FnMut(u64, &dyn Fn(usize) -> f64)) -> Result<(), PlotError> {
        self.read(f).map_err(|error| PlotError::unreadable(&self.spec.key, &error))
    }

    fn read(&self, mut f: impl FnMut(u64, &dyn Fn(usize) -> f64)) -> io::Result<()> {
        let element = self.spec.element;
        let mut from = self.recording.reader()?;
        let mut row = vec![0; self.neurons() * element.size()];
        for t in &self.steps {
            from.read_exact(&mut row)?;
            f(*t, &|n| number(element, &row, n));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_runtime::network::ElementType;
    use snn_runtime::{Column, Element};

    /// Two rows of two elements, as pictures of them say.
    fn of<T: Element>(element: ElementType, rows: [[T; 2]; 2], f: impl Fn(&Series<'_>)) {
        let mut column = Column::default();
        rows.iter().for_each(|row| column.push(row));
        let key = "net.lif.v".to_owned();
        let spec = RecordSpec { key, element, shape: vec![2], at_end: false };
        f(&Series { spec: &spec, recording: &column.into(), steps: vec![10, 20] });
    }

    fn values(series: &Series<'_>) -> Vec<(u64, f64, f64)> {
        let mut all = Vec::new();
        series.each(|t, value| all.push((t, value(0), value(1)))).unwrap();
        all
    }

    #[test]
    fn elements_of_every_width_keep_their_sign() {
        of(ElementType::I16, [[-1i16, 300], [i16::MIN, 7]], |shorts| {
            assert_eq!(values(shorts), [(10, -1.0, 300.0), (20, -32768.0, 7.0)]);
        });
        of(ElementType::F32, [[-0.5f32, 1.5], [f32::NAN, 2.0]], |floats| {
            let [first, second] = values(floats)[..] else { panic!("two rows") };
            assert_eq!(first, (10, -0.5, 1.5));
            assert!(second.1.is_nan());
        });
    }

    #[test]
    fn a_raster_marks_what_is_not_zero_at_its_step() {
        of(ElementType::I32, [[0i32, -5], [0, 0]], |graded| {
            let svg = graded.raster(1..=20).unwrap();
            assert!(svg.contains("1 spike") && !svg.contains("1 spikes"), "{svg}");
        });
        of(ElementType::Bool, [[1u8, 0], [1, 1]], |bytes| {
            let svg = bytes.raster(1..=20).unwrap();
            assert!(svg.contains("3 spikes, 0.075 per neuron and step"), "{svg}");
        });
    }

    #[test]
    fn a_trace_is_named_after_its_variable() {
        of(ElementType::I64, [[1i64, 2], [3, 4]], |longs| {
            let svg = longs.trace().unwrap();
            assert!(svg.contains("net.lif.v") && svg.contains("neuron 1"));
        });
    }

    #[test]
    fn rows_that_are_missing_are_said() {
        let key = "net.lif.v".to_owned();
        let spec = RecordSpec { key, element: ElementType::I64, shape: vec![2], at_end: false };
        let recording = Column::default().into();
        let series = Series { spec: &spec, recording: &recording, steps: vec![10] };
        assert!(series.trace().unwrap_err().to_string().contains("cannot draw `net.lif.v`"));
    }
}
