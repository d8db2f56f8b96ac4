//! Coordinate descent on coded blocks of coordinates: the iterates under attack, the counted work, real sets.

mod attacks;
mod accounting;
mod plain;
mod real_sets;
mod svm;
