//! Finite fields, as far as a Paley frame needs them: the values of a linear functional along the powers of a primitive element.

/// The prime p and the exponent k with `q = p^k`, if there are such.
pub(super) fn prime_power(q: usize) -> Option<(usize, usize)> {
    if q < 2 {
        return None;
    }
    let p = (2..).take_while(|p| p * p <= q).find(|p| q.is_multiple_of(*p)).unwrap_or(q);
    let (mut rest, mut k) = (q, 0);
    while rest.is_multiple_of(p) {
        rest /= p;
        k += 1;
    }
    (rest == 1).then_some((p, k))
}

/// `L(g^0), …, L(g^(q - 2))` for a primitive element g of GF(q), q = p^k, and a linear functional L that is not 0 onto the integers mod
/// p: the k-th order recurrence whose period is q - 1 (a sequence of maximal length). The coefficients are tried in ascending order;
/// one in `k (q - 1) / phi(q - 1)` recurrences has this period.
pub(super) fn maximal_sequence(p: usize, k: usize) -> Vec<usize> {
    let q = p.pow(k as u32);
    let mut sequence = Vec::with_capacity(q - 1);
    for number in 1..q {
        let mut digits = number;
        let coefficients: Vec<usize> = (0..k)
            .map(|_| {
                let digit = digits % p;
                digits /= p;
                digit
            })
            .collect();
        if coefficients[0] == 0 {
            continue;
        }
        // The state begins as (0, …, 0, 1); it has to come back after q - 1 steps, and not before.
        let mut state = vec![0; k];
        state[k - 1] = 1;
        let start = state.clone();
        sequence.clear();
        loop {
            sequence.push(state[0]);
            let next = state.iter().zip(&coefficients).fold(0, |sum, (s, c)| (sum + s * c) % p);
            state.rotate_left(1);
            state[k - 1] = next;
            if state == start || sequence.len() == q {
                break;
            }
        }
        if sequence.len() == q - 1 {
            break;
        }
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prime_powers_are_told_from_others() {
        let known: Vec<usize> = (0..50).filter(|&q| prime_power(q).is_some()).collect();
        assert_eq!(known, [2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 19, 23, 25, 27, 29, 31, 32, 37, 41, 43, 47, 49]);
        assert_eq!(prime_power(125), Some((5, 3)));
    }

    #[test]
    fn sequences_take_every_value_equally_often() {
        // Of q - 1 elements that are not 0, q/p - 1 are in the functional's kernel and q/p in each of its other classes.
        for (p, k) in [(5, 1), (13, 1), (3, 2), (5, 2), (3, 4), (7, 2), (5, 3)] {
            let sequence = maximal_sequence(p, k);
            let q = p.pow(k as u32);
            assert_eq!(sequence.len(), q - 1, "{p}^{k}");
            for value in 0..p {
                let count = sequence.iter().filter(|&&x| x == value).count();
                assert_eq!(count, q / p - usize::from(value == 0), "{p}^{k}: {value}");
            }
        }
    }
}
