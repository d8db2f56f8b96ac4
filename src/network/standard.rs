//! A standard network of power systems, for problems that live on one.

/// The branches of the IEEE 14-bus test case (American Electric Power, 1962; University of Washington's archive): two buses,
/// counted from 0, and the reactance per unit of 100 MVA.
pub const IEEE_14: [(usize, usize, f64); 20] = [
    (0, 1, 0.05917),
    (0, 4, 0.22304),
    (1, 2, 0.19797),
    (1, 3, 0.17632),
    (1, 4, 0.17388),
    (2, 3, 0.17103),
    (3, 4, 0.04211),
    (3, 6, 0.20912),
    (3, 8, 0.55618),
    (4, 5, 0.25202),
    (5, 10, 0.19890),
    (5, 11, 0.25581),
    (5, 12, 0.13027),
    (6, 7, 0.17615),
    (6, 8, 0.11001),
    (8, 9, 0.08450),
    (8, 13, 0.27038),
    (9, 10, 0.19207),
    (11, 12, 0.19988),
    (12, 13, 0.34802),
];
