//! The list of kernels: name, WGSL source, workgroup geometry and CPU twin. A twin is plain code that sums in the shader's
//! order, readable beside the shader of the same stem in `shaders/`. The fast CPU kernels are in [`crate::device`].
