//! Sketches and Hessian kernels: unbiased, as accurate as theory says, and the fast kernels against plain ones.

mod sketch {
    mod accuracy;
    mod gram_kernels;
    mod inputs;
    mod registry;
    mod sketch_kernels;
    mod unbiased;
}
