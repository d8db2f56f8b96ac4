//! Eigenpairs, PageRank and linear systems on lying workers, against answers found without workers.

mod linear {
    mod eigen;
    mod fleet;
    mod graph;
    mod readers;
    mod systems;
}
