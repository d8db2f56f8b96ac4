//! Shards on the wire: a description, then the arrays piece by piece, so that neither side ever holds a second copy.

use crate::data::{Csr, Dense, Growth, Matrix, Operand};
use crate::error::{Error, Result};
use crate::fleet::frames::{get, put};
use crate::scalar::Element;

/// Longest piece of an array in one frame, bytes. A multiple of 8, so that no number is cut.
const PART: usize = 4 << 20;

/// Longest body of a frame with a piece.
pub(super) const PART_LIMIT: u64 = PART as u64 + 1;

/// The body of the frame that begins a shard, as JSON.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(super) struct Description {
    pub(super) operand: Operand,
    rows: usize,
    cols: usize,
    /// Stored values.
    stored: usize,
    sparse: bool,
    /// Of a part that joins what is resident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    growth: Option<Growth>,
}

/// Which array a piece belongs to: the first byte of its frame.
const VALUES: u8 = 0;
const OFFSETS: u8 = 1;
const INDICES: u8 = 2;

impl Description {
    pub(super) fn of<T: Element>(operand: Operand, shard: &Matrix<T>, growth: Option<Growth>) -> Self {
        Description {
            operand,
            rows: shard.rows(),
            cols: shard.cols(),
            stored: shard.stored(),
            sparse: shard.is_sparse(),
            growth,
        }
    }
}

/// Calls `send` with the body of each piece of `shard`, in order; stops when it returns false.
pub(super) fn for_each_part<T: Element>(shard: &Matrix<T>, mut send: impl FnMut(&[u8]) -> bool) -> bool {
    let mut body = Vec::new();
    match shard {
        Matrix::Dense(a) => parts(VALUES, a.values(), &mut body, &mut send),
        Matrix::Csr(a) => {
            // In pieces, because the offsets travel as u64 whatever a usize is here.
            let offsets = a.offsets().chunks(PART / 8).all(|piece| {
                let wide: Vec<u64> = piece.iter().map(|&x| x as u64).collect();
                parts(OFFSETS, &wide, &mut body, &mut send)
            });
            offsets
                && parts(INDICES, a.indices(), &mut body, &mut send)
                && parts(VALUES, a.values(), &mut body, &mut send)
        }
    }
}

fn parts<T: bytemuck::Pod>(tag: u8, array: &[T], body: &mut Vec<u8>, send: &mut impl FnMut(&[u8]) -> bool) -> bool {
    array.chunks(PART / size_of::<T>()).all(|piece| {
        body.clear();
        body.push(tag);
        put(piece, body);
        send(body)
    })
}

/// A shard on its way in.
#[derive(Debug)]
pub(super) struct Incoming<T> {
    description: Description,
    offsets: Vec<u64>,
    indices: Vec<u32>,
    values: Vec<T>,
}

impl<T: Element> Incoming<T> {
    pub(super) fn new(description: Description) -> Self {
        Incoming { description, offsets: Vec::new(), indices: Vec::new(), values: Vec::new() }
    }

    /// Takes one piece.
    pub(super) fn part(&mut self, body: &[u8]) -> Result<()> {
        let fits = match body.split_first() {
            Some((&VALUES, bytes)) => get(bytes, &mut self.values),
            Some((&OFFSETS, bytes)) => get(bytes, &mut self.offsets),
            Some((&INDICES, bytes)) => get(bytes, &mut self.indices),
            _ => false,
        };
        let Description { rows, stored, sparse, .. } = self.description;
        let limits = if sparse { (rows.saturating_add(1), stored) } else { (0, 0) };
        let fits =
            fits && self.values.len() <= stored && self.offsets.len() <= limits.0 && self.indices.len() <= limits.1;
        if fits { Ok(()) } else { Err(Error::Fleet("a piece of a shard does not fit its description".into())) }
    }

    /// True when all arrays are there.
    pub(super) fn is_complete(&self) -> bool {
        let Description { rows, stored, sparse, .. } = self.description;
        let sparse_done = !sparse || (self.offsets.len() == rows + 1 && self.indices.len() == stored);
        self.values.len() == stored && sparse_done
    }

    /// The shard, or the part of one and how it joins, and the operand.
    pub(super) fn finish(self) -> Result<(Operand, Option<Growth>, Matrix<T>)> {
        let Description { operand, rows, cols, sparse, growth, .. } = self.description;
        let matrix = if sparse {
            let offsets: Option<Vec<usize>> = self.offsets.iter().map(|&x| usize::try_from(x).ok()).collect();
            let offsets = offsets.ok_or_else(|| Error::Fleet("a shard is too large for this machine".into()))?;
            Matrix::Csr(Csr::new(rows, cols, offsets, self.indices, self.values)?)
        } else {
            if rows.checked_mul(cols) != Some(self.values.len()) {
                return Err(Error::Fleet(format!("{} values for a shard of {rows} x {cols}", self.values.len())));
            }
            Matrix::Dense(Dense::new(rows, cols, self.values)?)
        };
        Ok((operand, growth, matrix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    fn there_and_back<T: Element>(shard: &Matrix<T>) -> Matrix<T> {
        let mut incoming = Incoming::new(Description::of(Operand(7), shard, Some(Growth::Rows { from: 3 })));
        assert!(for_each_part(shard, |body| {
            assert!(body.len() as u64 <= PART_LIMIT && !incoming.is_complete());
            incoming.part(body).is_ok()
        }));
        assert!(incoming.is_complete());
        let (operand, growth, back) = incoming.finish().unwrap();
        assert_eq!((operand, growth), (Operand(7), Some(Growth::Rows { from: 3 })));
        back
    }

    fn dense<T: Element>(rows: usize, cols: usize) -> Matrix<T> {
        let values = (0..rows * cols).map(|i| T::from_f64((i % 97) as f64 / 8.0)).collect();
        Matrix::Dense(Dense::new(rows, cols, values).unwrap())
    }

    fn sparse<T: Element>() -> Matrix<T> {
        let values = [1.5, 2.5, -3.0].map(T::from_f64).to_vec();
        Matrix::Csr(Csr::new(3, 5, vec![0, 2, 2, 3], vec![0, 4, 1], values).unwrap())
    }

    #[test]
    fn shards_of_every_kind_come_back_the_same() {
        assert_eq!(there_and_back(&dense::<f64>(3, 4)), dense(3, 4));
        assert_eq!(there_and_back(&dense::<f16>(3, 4)), dense(3, 4));
        assert_eq!(there_and_back(&sparse::<f64>()), sparse());
        assert_eq!(there_and_back(&sparse::<f32>()), sparse());
        assert_eq!(there_and_back(&sparse::<f16>()), sparse());
        // More than two pieces.
        assert_eq!(there_and_back(&dense::<f32>(2_100, 1_000)), dense(2_100, 1_000));
        // No values at all.
        let empty = Matrix::Csr(Csr::<f32>::new(2, 2, vec![0, 0, 0], vec![], vec![]).unwrap());
        assert_eq!(there_and_back(&empty), empty);
    }

    #[test]
    fn pieces_that_do_not_fit_are_refused() {
        let fresh = || Incoming::<f64>::new(Description::of(Operand::ROWS, &dense::<f64>(1, 1), None));
        assert!(fresh().part(&[]).is_err());
        assert!(fresh().part(&[9, 0]).is_err());
        assert!(fresh().part(&[VALUES, 0, 0, 0]).is_err());
        assert!(fresh().part(&[VALUES; 17]).is_err());
        assert!(fresh().part(&[OFFSETS; 9]).is_err());
        let lie =
            Description { rows: 1 << 40, cols: 1 << 40, ..Description::of(Operand::ROWS, &dense::<f64>(0, 0), None) };
        assert!(Incoming::<f64>::new(lie).finish().is_err());
    }
}
