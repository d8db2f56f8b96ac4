//! The fast Walsh-Hadamard transform of many columns at once.

/// The Walsh-Hadamard transform (natural order, not normalized) of every column of `values` (rows x cols, row-major), in place; the
/// number of rows is a power of two. `log2(rows)` sweeps of `rows cols / 2` butterflies `(a, b) -> (a + b, a - b)`; in each the distance
/// of the two doubles.
///
/// ```
/// use steadfast::kernel::walsh_hadamard;
/// let mut values = [1.0, 2.0, 3.0, 4.0];
/// walsh_hadamard(&mut values, 1);
/// assert_eq!(values, [10.0, -2.0, -4.0, 0.0]);
/// ```
pub fn walsh_hadamard(values: &mut [f64], cols: usize) {
    let mut half = cols;
    while half > 0 && half < values.len() {
        for block in values.chunks_exact_mut(2 * half) {
            let (upper, lower) = block.split_at_mut(half);
            for (a, b) in upper.iter_mut().zip(lower) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}
