//! Work over many items that write next to each other, for several threads.

use std::ops::Range;

use rayon::prelude::*;

/// Numbers below which threads cost more than they save.
const LITTLE: usize = 1 << 15;

/// Calls `act` for parts of whole items, item i being `out[starts[i]..starts[i + 1]]`: as many parts as threads, of about the
/// same length. What is written for an item must not depend on the part it is in.
pub fn for_parts(starts: &[usize], out: &mut [f64], act: impl Fn(Range<usize>, &mut [f64]) + Sync) {
    let items = starts.len().saturating_sub(1);
    let threads = if out.len() < LITTLE { 1 } else { rayon::current_num_threads() };
    let (mut parts, mut rest) = (Vec::with_capacity(threads), out);
    let mut first = 0;
    for part in 1..=threads {
        let end = if part == threads {
            items
        } else {
            starts.partition_point(|&at| at < starts[items] * part / threads).clamp(first, items)
        };
        let (these, others) = rest.split_at_mut(starts[end] - starts[first]);
        parts.push((first..end, these));
        (rest, first) = (others, end);
    }
    parts.into_par_iter().for_each(|(items, out)| act(items, out));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_in_one_part() {
        for items in [1, 7, 5000] {
            let mut starts = vec![0];
            (0..items).for_each(|i| starts.push(starts[i] + i % 13));
            let mut out = vec![0.0; starts[items]];
            for_parts(&starts, &mut out, |range, out| {
                let offset = starts[range.start];
                for i in range {
                    out[starts[i] - offset..starts[i + 1] - offset].iter_mut().for_each(|x| *x += 1.0 + i as f64);
                }
            });
            let wanted = (0..items).flat_map(|i| std::iter::repeat_n(1.0 + i as f64, i % 13));
            assert!(out.iter().copied().eq(wanted), "{items}");
        }
    }
}
