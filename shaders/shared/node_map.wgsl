// What a node's map is made of; `NodeMap` in src/kernel/node_maps.rs has the same fields. The map of a node multiplies with a
// matrix of `width` columns, of which row j, times term j, goes to the node's numbers in the order of its function.
struct NodeMap {
    values: u32,  // where its matrix begins in `values`
    width: u32,   // numbers that its function takes
    terms: u32,   // rows of its matrix
    places: u32,  // where the list of its numbers' places begins
    slopes: u32,  // where its rows' slopes begin
    loss: u32,    // 0 where the terms are the numbers themselves; else they are slopes: 1 squared, 2 logistic, 3 huber
    delta: f32,   // of huber
    scale: f32,   // what slopes are multiplied by
}

// All vectors, one after the other.
@group(0) @binding(1) var<storage, read_write> vectors: array<f32>;
@group(0) @binding(3) var<storage, read> maps: array<NodeMap>;
@group(0) @binding(4) var<storage, read> values: array<f32>;
// Where a node's numbers stand in a vector.
@group(0) @binding(5) var<storage, read> places: array<u32>;
