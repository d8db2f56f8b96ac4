//! How shards are laid out in device memory.

use half::f16;

use crate::scalar::Element;

/// A number that the GPU can store: `f32`, or `f16` packed two to a word (computed in `f32`). There is no `f64` in WGSL.
pub trait GpuElement: Element<Acc = f32> {
    /// Columns of a dense row in one 16-byte storage unit; rows are padded with zeros to a multiple.
    const WIDTH: usize = 16 / size_of::<Self>();
}

impl GpuElement for f32 {}
impl GpuElement for f16 {}

/// Rows of a dense matrix as bytes, each padded with zeros to whole storage units. `values` holds whole rows.
pub(super) fn pack_rows<T: GpuElement>(values: &[T], cols: usize) -> std::borrow::Cow<'_, [u8]> {
    let units = cols.div_ceil(T::WIDTH);
    if units * T::WIDTH == cols {
        return bytemuck::cast_slice(values).into();
    }
    let mut packed = vec![T::from_f64(0.0); values.len() / cols * units * T::WIDTH];
    for (to, from) in packed.chunks_exact_mut(units * T::WIDTH).zip(values.chunks_exact(cols)) {
        to[..cols].copy_from_slice(from);
    }
    bytemuck::cast_slice::<T, u8>(&packed).to_vec().into()
}

/// Values of a sparse matrix as bytes, padded to whole words.
pub(super) fn pack_values<T: GpuElement>(values: &[T]) -> std::borrow::Cow<'_, [u8]> {
    let bytes: &[u8] = bytemuck::cast_slice(values);
    if bytes.len().is_multiple_of(4) {
        return bytes.into();
    }
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded.into()
}
