//! The example of paper 004's section 3 in closed form: a ring of c cliques of n nodes, whose variables live on crowns.

use super::Spectrum;

/// Which variables each node of `ring-of-cliques:cliques=c,size=n` uses: node k > 0 of clique p variable p; the negotiator
/// also those of the two cliques beside. The nodes of a variable are a *crown*: a clique and the two negotiators beside.
/// Needs c >= 3.
pub fn crown_users(cliques: usize, size: usize) -> Vec<Vec<usize>> {
    let used = |node: usize| {
        let clique = node / size;
        let mut of = vec![clique];
        if node.is_multiple_of(size) {
            of.extend([(clique + cliques - 1) % cliques, (clique + 1) % cliques]);
            of.sort_unstable();
            of.dedup();
        }
        of
    };
    (0..cliques * size).map(used).collect()
}

/// The extreme eigenvalues of a crown's Laplacian, 1 and n + 2 (lemma 3.4; the whole spectrum is 0, 1, 1, n, ..., n, n + 2).
pub fn crown_spectrum(size: usize) -> Spectrum {
    Spectrum { smallest: 1.0, largest: size as f64 + 2.0 }
}

/// The extreme eigenvalues of L(G) for the ring of cliques, c >= 3 and n >= 2 (lemmas 3.5 to 3.7): those of
/// `L(K_n) + mu_k e_1 e_1'` with `mu_k = 2 - 2 cos(2 pi k / c)` are n and the roots of `x^2 - (n + mu_k) x + mu_k`.
///
/// ```
/// use steadfast::network::ring_of_cliques_spectrum;
/// let condition = ring_of_cliques_spectrum(8, 8).condition();
/// assert!((condition - 169.484).abs() < 5e-4);
/// ```
pub fn ring_of_cliques_spectrum(cliques: usize, size: usize) -> Spectrum {
    let n = size as f64;
    let mu = |k: usize| 4.0 * (std::f64::consts::PI * k as f64 / cliques as f64).sin().powi(2);
    let large = |mu: f64| 0.5 * (n + mu + ((n + mu) * (n + mu) - 4.0 * mu).sqrt());
    // The product of the two roots is mu: no cancellation. The smaller one grows with mu, and so does the larger.
    let largest = large(mu(cliques / 2));
    let smallest = mu(1) / large(mu(1));
    Spectrum { smallest, largest }
}
