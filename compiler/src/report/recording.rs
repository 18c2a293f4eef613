//! What a run recorded, as pictures see it.

use super::plots::{self, PlotError};
use snn_runtime::network::{Column, ElementType};
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
    pub column: &'a Column,
    /// After which step each row was kept, ascending.
    pub steps: Vec<u64>,
}

impl Recording<'_> {
    /// Element `n` of row `row`; not a number where there is none.
    pub fn value(&self, row: usize, n: usize) -> f64 {
        let at = row.saturating_mul(self.neurons).saturating_add(n);
        number(self.element, &self.column.bytes, at)
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

/// Element `n` of little-endian values; not a number where there is none.
pub fn number(element: ElementType, bytes: &[u8], n: usize) -> f64 {
    let size = size(element);
    let at = n.saturating_mul(size);
    bytes.get(at..at.saturating_add(size)).map_or(f64::NAN, |bytes| decode(element, bytes))
}

/// Element `n` of little-endian integers, exactly; 0 where there is none.
pub fn integer(element: ElementType, bytes: &[u8], n: usize) -> i64 {
    match (element, bytes.chunks_exact(8).nth(n)) {
        (ElementType::I64, Some(&[a, b, c, d, e, f, g, h])) => {
            i64::from_le_bytes([a, b, c, d, e, f, g, h])
        }
        _ => number(element, bytes, n) as i64,
    }
}

/// Bytes of an element.
fn size(element: ElementType) -> usize {
    use ElementType::*;
    match element {
        Bool | I8 | U8 => 1,
        I16 | U16 => 2,
        I32 | U32 | F32 => 4,
        I64 | F64 => 8,
    }
}

/// An element from its little-endian bytes, as many as [`size`] says.
fn decode(element: ElementType, bytes: &[u8]) -> f64 {
    let mut all = [0; 8];
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = *from;
    }
    let bits = u64::from_le_bytes(all);
    // Narrower types are the low bits.
    match element {
        ElementType::Bool | ElementType::U8 => f64::from(bits as u8),
        ElementType::I8 => f64::from(bits as u8 as i8),
        ElementType::I16 => f64::from(bits as u16 as i16),
        ElementType::U16 => f64::from(bits as u16),
        ElementType::I32 => f64::from(bits as u32 as i32),
        ElementType::U32 => f64::from(bits as u32),
        ElementType::I64 => bits as i64 as f64,
        ElementType::F32 => f64::from(f32::from_bits(bits as u32)),
        ElementType::F64 => f64::from_bits(bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_runtime::Element;

    fn column<T: Element>(rows: &[&[T]]) -> Column {
        let mut column = Column::default();
        rows.iter().for_each(|row| column.push(row));
        column
    }

    fn recording(element: ElementType, column: &Column) -> Recording<'_> {
        Recording { key: "net.lif.v", element, neurons: 2, column, steps: vec![10, 20] }
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
