//! What a product of given operand, direction and number of vectors needs on the device, made once: buffers, bind groups
//! and dispatches. A run then only fills in which workers compute.

use super::GpuOptions;
use super::context::Context;
use super::element::GpuElement;
use super::store::{Body, Shape, Store};
use crate::error::{Error, Result};
use crate::kernel::{
    Bounds, INVOCATIONS, Kernel, Launch, MatvecParams, SumParams, matvec_csr, matvec_dense, matvec_transposed_dense,
    sum_segments,
};

/// Where regions of a buffer may start: the largest alignment that WebGPU lets an adapter ask for.
pub(super) const ALIGN: usize = 256;

/// One dispatch of a matrix-vector kernel.
pub(super) struct Step {
    pub bind_group: wgpu::BindGroup,
    /// All but the workers.
    pub params: MatvecParams,
    /// Where the parameters are in the inputs.
    pub params_at: usize,
}

/// The dispatch that joins the pieces of a group's sums.
pub(super) struct Join {
    pub bind_group: wgpu::BindGroup,
    pub params_at: usize,
    pub segments: usize,
}

/// Workers whose outputs lie side by side, and the dispatches that compute them.
pub(super) struct Group {
    /// (slot, worker), ascending in the worker.
    pub workers: Vec<(u32, usize)>,
    /// The first place of the group in the list of computing workers.
    pub list_at: usize,
    pub steps: Vec<Step>,
    pub join: Option<Join>,
    /// Rows of a reply that are computed here: the first, and how many.
    pub first_row: usize,
    pub rows: usize,
    /// Where the outputs are, in bytes.
    pub results_at: usize,
}

/// Everything a product needs.
pub(super) struct Plan {
    /// Rows of a worker's reply.
    pub out_rows: usize,
    /// Numbers of one vector of the broadcast, as given and as stored.
    pub length: usize,
    pub x_stride: usize,
    pub launch: Launch,
    pub groups: Vec<Group>,
    /// Groups recorded into one command buffer.
    pub groups_per_stream: usize,
    pub matvec: wgpu::ComputePipeline,
    pub join: Option<wgpu::ComputePipeline>,
    /// Parameters, then the list of workers, then the vectors: on the device, and the mapped buffer they are copied from.
    pub inputs: wgpu::Buffer,
    pub upload: wgpu::Buffer,
    pub list_at: usize,
    pub x_at: usize,
    pub results: wgpu::Buffer,
    pub staging: wgpu::Buffer,
    /// Two timestamps and where they are resolved to.
    pub queries: Option<(wgpu::QuerySet, wgpu::Buffer)>,
    /// The workers that the parameters on the device are for.
    pub prepared: Option<Vec<usize>>,
    /// Parameters and list as they are on the device, and the computing workers of each group as places in the batch.
    pub head: Vec<u8>,
    pub active: Vec<Vec<usize>>,
}

/// A group before its buffers exist.
struct Draft {
    workers: Vec<(u32, usize)>,
    /// (chunk, pieces of each sum)
    sources: Vec<(usize, usize)>,
    first_row: usize,
    rows: usize,
}

impl Draft {
    fn segments(&self) -> usize {
        self.sources.iter().map(|s| s.1).sum()
    }
}

/// Which kernel a product runs, over what.
struct Product {
    kernel: Kernel,
    launch: Launch,
    /// True where the rows of a chunk are summed over, false where each is an output row.
    across_rows: bool,
}

impl Product {
    fn new(shape: &Shape, width: usize, transposed: bool, r: usize, bounds: &Bounds) -> Product {
        let units = shape.cols.div_ceil(width);
        if shape.sparse {
            let mean = shape.stored / shape.rows.max(1);
            let launch = Launch::csr(mean, shape.longest, r, bounds);
            Product { kernel: matvec_csr::KERNEL, launch, across_rows: false }
        } else if transposed {
            let launch = Launch::transposed_dense(shape.rows, units, width, r, bounds);
            Product { kernel: matvec_transposed_dense::KERNEL, launch, across_rows: true }
        } else {
            Product { kernel: matvec_dense::KERNEL, launch: Launch::dense(units, r, bounds), across_rows: false }
        }
    }
}

impl Plan {
    /// A plan for `r` vectors on the gathered shards of `store`; `transposed` is meant for dense shards (sparse ones come
    /// as their compressed columns).
    pub fn new<T: GpuElement>(
        context: &Context,
        options: &GpuOptions,
        bounds: &Bounds,
        store: &Store,
        transposed: bool,
        r: usize,
    ) -> Result<Plan> {
        let shape = store.shape()?;
        let transposed = transposed && !shape.sparse;
        let product = Product::new(&shape, T::WIDTH, transposed, r, bounds);
        let launch = product.launch;
        if launch.iterations() > bounds.iterations {
            return Err(context.error(format!("{launch:?} passes {} loop iterations an invocation", bounds.iterations)));
        }
        let (out_rows, length) = if transposed { (shape.cols, shape.rows) } else { (shape.rows, shape.cols) };
        let units = shape.cols.div_ceil(T::WIDTH);
        let pieces_of = |chunk: usize| {
            launch.segments(match (shape.sparse, transposed) {
                (true, _) => shape.longest,
                (false, true) => store.chunks[chunk].rows.len(),
                (false, false) => units,
            })
        };
        let x_stride = length.next_multiple_of(ALIGN / 4);
        // Vectors of one dispatch: what the loops allow, and what one binding holds.
        let pass = launch.pass.min(bounds.binding_bytes / (x_stride * 4));
        if pass == 0 {
            return Err(too_large(context, "a vector", x_stride * 4, bounds));
        }
        let batched = options.streams == super::Streams::Fused;
        let drafts = drafts(context, store, product.across_rows, out_rows, r, batched, bounds, pieces_of)?;

        // The inputs: parameters, list, vectors. The outputs, and the pieces, which groups share one after the other.
        let passes = r.div_ceil(pass);
        let dispatches: usize = drafts.iter().map(|d| d.sources.len() * passes + usize::from(d.segments() > 1)).sum();
        let list_at = dispatches * ALIGN;
        let listed: usize = drafts.iter().map(|d| d.workers.len()).sum();
        let x_at = (list_at + listed * 4).next_multiple_of(ALIGN);
        let input_bytes = x_at + r * x_stride * 4;
        let out_bytes = |d: &Draft| d.workers.len() * d.rows * r * 4;
        let result_bytes: usize = drafts.iter().map(|d| out_bytes(d).next_multiple_of(ALIGN)).sum();
        let piece_bytes = drafts.iter().filter(|d| d.segments() > 1).map(|d| out_bytes(d) * d.segments()).max();

        use wgpu::BufferUsages as Usage;
        let inputs = context.buffer("inputs", input_bytes, Usage::UNIFORM | Usage::STORAGE | Usage::COPY_DST, false)?;
        let upload = context.buffer("upload", input_bytes, Usage::MAP_WRITE | Usage::COPY_SRC, true)?;
        let results = context.buffer("results", result_bytes, Usage::STORAGE | Usage::COPY_SRC, false)?;
        // The timestamps follow the results.
        let staging = context.buffer("replies", result_bytes + 16, Usage::MAP_READ | Usage::COPY_DST, false)?;
        let pieces = match piece_bytes {
            Some(bytes) => Some(context.buffer("pieces", bytes, Usage::STORAGE, false)?),
            None => None,
        };
        let source = |kernel: &Kernel| options.source(kernel, T::PRECISION);
        let matvec = context.pipeline(product.kernel.name, &source(&product.kernel), Some(&launch))?;
        let join = match pieces {
            Some(_) => Some(context.pipeline("sum_segments", &source(&sum_segments::KERNEL), None)?),
            None => None,
        };
        let queries = timestamps(context, options)?;

        let mut plan = Plan {
            out_rows,
            length,
            x_stride,
            launch,
            groups: Vec::with_capacity(drafts.len()),
            groups_per_stream: if batched { drafts.len() } else { 1 },
            matvec,
            join,
            inputs,
            upload,
            list_at,
            x_at,
            results,
            staging,
            queries,
            prepared: None,
            head: vec![0; x_at],
            active: vec![Vec::new(); drafts.len()],
        };
        let (mut params_at, mut listed, mut results_at) = (0, 0, 0);
        for draft in drafts {
            let out = out_bytes(&draft);
            let segments = draft.segments();
            let target = match &pieces {
                Some(pieces) if segments > 1 => region(pieces, 0, out * segments),
                _ => region(&plan.results, results_at, out),
            };
            let mut steps = Vec::new();
            let mut segment_base = 0;
            for &(c, count) in &draft.sources {
                let chunk = &store.chunks[c];
                for vector_begin in (0..r).step_by(pass) {
                    let vector_count = pass.min(r - vector_begin);
                    let covered = if product.across_rows { out_rows } else { chunk.rows.len() };
                    let number = |n: usize| number(context, n);
                    let params = MatvecParams {
                        blocks: number(covered.div_ceil(launch.block))?,
                        segments: number(count)?,
                        segment_length: number(launch.segment_length)?,
                        segment_base: number(segment_base)?,
                        worker_begin: number(listed)?,
                        worker_count: 0,
                        rows: number(chunk.rows.len())?,
                        row_begin: number(chunk.rows.start)?,
                        units: number(units)?,
                        out_rows: number(draft.rows)?,
                        x_stride: number(x_stride)?,
                        vectors: number(r)?,
                        vector_begin: number(vector_begin)?,
                        vector_count: number(vector_count)?,
                        x_worker: 0,
                    };
                    grid(context, covered.div_ceil(launch.block) * count * draft.workers.len(), bounds)?;
                    let x_at = plan.x_at + vector_begin * x_stride * 4;
                    let mut entries = vec![
                        region(&plan.inputs, params_at, size_of::<MatvecParams>()),
                        region(&plan.inputs, list_at, plan.x_at - list_at),
                        region(&plan.inputs, x_at, vector_count * x_stride * 4),
                        target.clone(),
                    ];
                    match &chunk.body {
                        Body::Dense { matrix } => entries.push(matrix.as_entire_binding()),
                        Body::Sparse { offsets, columns, values, .. } => {
                            entries.extend([values, offsets, columns].map(wgpu::Buffer::as_entire_binding));
                        }
                    }
                    let bind_group = bind(context, &plan.matvec, (0..).zip(entries))?;
                    steps.push(Step { bind_group, params, params_at });
                    params_at += ALIGN;
                }
                segment_base += count;
            }
            let join = match (&plan.join, &pieces) {
                (Some(pipeline), Some(pieces)) if segments > 1 => {
                    grid(context, (out / 4).div_ceil(INVOCATIONS), bounds)?;
                    if segments.div_ceil(4) > bounds.iterations {
                        return Err(context.error(format!("a sum in {segments} pieces: too long for one invocation")));
                    }
                    let entries = vec![
                        region(&plan.inputs, params_at, size_of::<SumParams>()),
                        region(pieces, 0, out * segments),
                        region(&plan.results, results_at, out),
                    ];
                    let join = Join { bind_group: bind(context, pipeline, (0..).zip(entries))?, params_at, segments };
                    params_at += ALIGN;
                    Some(join)
                }
                _ => None,
            };
            let (first_row, rows) = (draft.first_row, draft.rows);
            let list_at = listed;
            listed += draft.workers.len();
            plan.groups.push(Group { workers: draft.workers, list_at, steps, join, first_row, rows, results_at });
            results_at += out.next_multiple_of(ALIGN);
        }
        Ok(plan)
    }
}

/// Which workers' outputs are computed together: of a chunk, as many as one binding holds the outputs of (one in streams
/// of their own).
#[allow(clippy::too_many_arguments, reason = "the shape of one product, used once")]
fn drafts(
    context: &Context,
    store: &Store,
    across_rows: bool,
    out_rows: usize,
    r: usize,
    batched: bool,
    bounds: &Bounds,
    pieces_of: impl Fn(usize) -> usize,
) -> Result<Vec<Draft>> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (c, chunk) in store.chunks.iter().enumerate() {
        let pieces = pieces_of(c);
        let (first_row, rows) = if across_rows { (0, out_rows) } else { (chunk.rows.start, chunk.rows.len()) };
        #[allow(clippy::cast_possible_truncation, reason = "slots are fewer than the 32-bit words of a binding")]
        let workers: Vec<(u32, usize)> =
            chunk.workers.iter().enumerate().filter_map(|(s, w)| w.map(|w| (s as u32, w))).collect();
        // Later rows of the last group's only worker add to the same sums.
        if across_rows
            && chunk.rows.start > 0
            && let Some(last) = drafts.last_mut()
        {
            last.sources.push((c, pieces));
            continue;
        }
        let one = rows * r * 4 * pieces;
        let most = if batched { (bounds.binding_bytes / one.max(1)).max(1) } else { 1 };
        for part in workers.chunks(most) {
            drafts.push(Draft { workers: part.to_vec(), sources: vec![(c, pieces)], first_row, rows });
        }
    }
    for draft in &drafts {
        let bytes = draft.workers.len() * draft.rows * r * 4 * draft.segments();
        if bytes > bounds.binding_bytes {
            return Err(too_large(context, "the output of a worker", bytes, bounds));
        }
    }
    Ok(drafts)
}

/// Two timestamps and where they are resolved to; `None` where they are not wanted or the adapter has none.
pub(super) fn timestamps(context: &Context, options: &GpuOptions) -> Result<Option<(wgpu::QuerySet, wgpu::Buffer)>> {
    if !options.timestamps || context.tick.is_none() {
        return Ok(None);
    }
    let set = context.guarded("timestamps", || {
        let ty = wgpu::QueryType::Timestamp;
        Ok(context.device.create_query_set(&wgpu::QuerySetDescriptor { label: None, ty, count: 2 }))
    })?;
    let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
    Ok(Some((set, context.buffer("timestamps", 16, usage, false)?)))
}

/// The grid of a number of workgroups, folded where it passes what a dimension holds.
pub(super) fn grid(context: &Context, groups: usize, bounds: &Bounds) -> Result<(u32, u32)> {
    let x = groups.min(bounds.groups).max(1);
    let y = groups.div_ceil(x);
    if y > bounds.groups {
        return Err(context.error(format!("{groups} workgroups; a grid holds at most {0} x {0}", bounds.groups)));
    }
    Ok((number(context, x)?, number(context, y)?))
}

pub(super) fn number(context: &Context, n: usize) -> Result<u32> {
    u32::try_from(n).map_err(|_| context.error(format!("{n} does not fit the 32-bit numbers of a kernel")))
}

pub(super) fn too_large(context: &Context, what: &str, bytes: usize, bounds: &Bounds) -> Error {
    context.error(format!("{what} takes {bytes} bytes; a storage binding holds at most {}", bounds.binding_bytes))
}

pub(super) fn region(buffer: &wgpu::Buffer, offset: usize, bytes: usize) -> wgpu::BindingResource<'_> {
    let size = wgpu::BufferSize::new(bytes as u64);
    wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset: offset as u64, size })
}

/// A bind group of resources by their bindings.
pub(super) fn bind<'a>(
    context: &Context,
    pipeline: &wgpu::ComputePipeline,
    resources: impl IntoIterator<Item = (u32, wgpu::BindingResource<'a>)>,
) -> Result<wgpu::BindGroup> {
    context.guarded("bind group", || {
        let entries: Vec<_> =
            resources.into_iter().map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
        let layout = pipeline.get_bind_group_layout(0);
        Ok(context.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &layout,
            entries: &entries,
        }))
    })
}
