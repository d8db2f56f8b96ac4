//! Encoding and codes, by properties: random matrices, combinations and faults.

mod coding {
    mod encode;
    mod erasure_codes;
    mod keys;
    mod plain_codes;
    mod plan;
    mod short_dot;
    mod word;
}
