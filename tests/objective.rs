//! Losses, regularizers, evaluation and duality gaps, as a user of the crate sees them.

mod objective {
    mod duality;
    mod evaluate;
    mod losses;
    mod reference;
    mod regularizers;
}
