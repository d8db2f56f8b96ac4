//! DINO and the methods it is compared with: iterates of an independent implementation, communications as in Table 2 of paper 003,
//! descent whatever theta and phi are, the non-convex problem of its Figure 2, bad input.

mod descent;
mod iterates;
mod limits;
mod problems;
