//! What a run recorded, as pictures see it.

use super::plots::{self, PlotError};
use super::values::number;
use snn_runtime::network::ElementType;
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// The values of one record with the steps they belong to.
#[derive(Clone, Debug)]
pub struct Recording<'a> {
    /// Its dotted path.
    pub key: &'a str,
    /// The type of an element.
    pub element: ElementType,
    /// Elements of one value.
    pub neurons: usize,
    /// The values: one row of `neurons` elements for each of `steps`.
    pub bytes: Cow<'a, [u8]>,
    /// After which step each row was kept, ascending.
    pub steps: Vec<u64>,
}

impl Recording<'_> {
    /// Element `n` of row `row`; not a number where there is none.
    pub fn value(&self, row: usize, n: usize) -> f64 {
        let at = row.saturating_mul(self.neurons).saturating_add(n);
        number(self.element, &self.bytes, at)
    }

    /// The raster of all elements that are not 0, over the steps `shown`.
    ///
    /// # Errors
    /// Where it cannot be drawn.
    pub fn raster(&self, shown: RangeInclusive<u64>) -> Result<String, PlotError> {
        let spikes = self.steps.iter().enumerate().flat_map(|(row, t)| {
            let active = move |n: &usize| self.value(row, *n).abs() > 0.0;
            (0..self.neurons).filter(active).map(|n| (*t, n))
        });
        plots::raster(self.key, shown, self.neurons, spikes)
    }

    /// The traces of its elements.
    ///
    /// # Errors
    /// Where it cannot be drawn.
    pub fn trace(&self) -> Result<String, PlotError> {
        let quantity = self.key.rsplit('.').next().unwrap_or(self.key);
        plots::trace(self.key, quantity, &self.steps, self.neurons, |row, n| self.value(row, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_runtime::{Column, Element};

    fn column<T: Element>(rows: &[&[T]]) -> Column {
        let mut column = Column::default();
        rows.iter().for_each(|row| column.push(row));
        column
    }

    fn recording(element: ElementType, column: &Column) -> Recording<'_> {
        let bytes = Cow::Borrowed(&column.bytes[..]);
        Recording { key: "net.lif.v", element, neurons: 2, bytes, steps: vec![10, 20] }
    }

    #[test]
    fn elements_of_every_width_keep_their_sign() {
        let shorts = column(&[&[-1i16, 300], &[i16::MIN, 7]]);
        let values = recording(ElementType::I16, &shorts);
        assert_eq!(values.value(0, 0), -1.0);
        assert_eq!(values.value(1, 0), -32768.0);
        let floats = column(&[&[-0.5f32, 1.5], &[f32::NAN, 2.0]]);
        let values = recording(ElementType::F32, &floats);
        assert_eq!(values.value(0, 1), 1.5);
        assert!(values.value(1, 0).is_nan());
        assert!(values.value(2, 0).is_nan(), "there is no third row");
    }

    #[test]
    fn a_raster_marks_what_is_not_zero_at_its_step() {
        let graded = column(&[&[0i32, -5], &[0, 0]]);
        let svg = recording(ElementType::I32, &graded).raster(1..=20).unwrap();
        assert!(svg.contains("1 spike") && !svg.contains("1 spikes"), "{svg}");
        let bytes = column(&[&[1u8, 0], &[1, 1]]);
        let svg = recording(ElementType::Bool, &bytes).raster(1..=20).unwrap();
        assert!(svg.contains("3 spikes, 0.075 per neuron and step"), "{svg}");
    }

    #[test]
    fn a_trace_is_named_after_its_variable() {
        let longs = column(&[&[1i64, 2], &[3, 4]]);
        let svg = recording(ElementType::I64, &longs).trace().unwrap();
        assert!(svg.contains("net.lif.v") && svg.contains("neuron 1"));
    }
}
