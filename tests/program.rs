//! Linear and semidefinite programs: MPS files, known optima, proofs of infeasibility and unboundedness.

mod program {
    mod files;
    mod fleet;
    mod mps;
    mod semidefinite;
    mod small;
}
