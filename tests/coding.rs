//! Encoding and codes, by properties: random matrices, combinations and faults.

mod coding {
    mod encode;
}
