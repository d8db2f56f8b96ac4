//! Coordinate descent on coded blocks of coordinates: the iterates under attack, the counted work, real sets.

mod accounting;
mod attacks;
mod parts;
mod plain;
mod real_sets;
mod svm;
mod tcp;
