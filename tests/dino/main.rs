//! DINO and the methods it is compared with: iterates of an independent implementation, communications as in Table 2 of paper 003,
//! descent whatever theta and phi are, the non-convex problem of its Figure 2, liars beside a code, rows in f32, bad input.

mod descent;
mod iterates;
mod liars;
mod limits;
mod precision;
mod problems;
