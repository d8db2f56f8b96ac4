//! Resident shards of one operand: written to buffers of their own as they arrive, gathered before the first product into
//! chunks, as many workers in one storage binding as fit, so that one dispatch serves them all.

use std::collections::BTreeMap;
use std::ops::Range;

use super::context::Context;
use super::element::{GpuElement, pack_rows, pack_values};
use crate::data::{Csr, Matrix};
use crate::error::{Error, Result};
use crate::kernel::{Bounds, Launch};

const USAGE: wgpu::BufferUsages =
    wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_DST).union(wgpu::BufferUsages::COPY_SRC);

/// Slots of a sparse chunk start at multiples of this many stored values: whole words in f16 too.
const ALIGN: usize = 4;

/// The form of one worker's shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub rows: usize,
    pub cols: usize,
    pub sparse: bool,
    /// Stored values, and those of the longest row (sparse only).
    pub stored: usize,
    pub longest: usize,
}

/// What a chunk's buffers hold.
pub(super) enum Body {
    Dense {
        matrix: wgpu::Buffer,
    },
    Sparse {
        offsets: wgpu::Buffer,
        columns: wgpu::Buffer,
        values: wgpu::Buffer,
        /// The contents of `offsets`: rows + 1 numbers a slot.
        starts: Vec<u32>,
    },
}

/// Buffers that one binding each can take: either the whole shards of several workers, or some rows of one.
pub(super) struct Chunk {
    /// The worker of each slot; `None` where the shard was replaced since.
    pub workers: Vec<Option<usize>>,
    /// The rows of each worker's shard that are here.
    pub rows: Range<usize>,
    pub body: Body,
}

impl Chunk {
    /// Where a worker's shard is.
    pub fn slot(&self, worker: usize) -> Option<usize> {
        self.workers.iter().position(|&w| w == Some(worker))
    }
}

/// The resident shards of one operand.
#[derive(Default)]
pub(super) struct Store {
    pub shapes: BTreeMap<usize, Shape>,
    /// Ascending in (first worker, first row) once gathered.
    pub chunks: Vec<Chunk>,
    gathered: bool,
}

impl Store {
    /// Writes a worker's shard to the device. True when it took the place of one of the same form, so that whatever binds
    /// the chunks stays valid.
    pub fn upload<T: GpuElement>(
        &mut self,
        context: &Context,
        bounds: &Bounds,
        worker: usize,
        shard: &Matrix<T>,
    ) -> Result<bool> {
        let longest = match shard {
            Matrix::Dense(_) => 0,
            Matrix::Csr(a) => a.offsets().windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0),
        };
        let (rows, cols, sparse) = (shard.rows(), shard.cols(), shard.is_sparse());
        let shape = Shape { rows, cols, sparse, stored: shard.stored(), longest };
        if let Matrix::Dense(a) = shard
            && self.shapes.get(&worker) == Some(&shape)
        {
            let row_bytes = cols.div_ceil(T::WIDTH) * 16;
            for chunk in &self.chunks {
                if let (Some(slot), Body::Dense { matrix }) = (chunk.slot(worker), &chunk.body) {
                    let offset = slot * chunk.rows.len() * row_bytes;
                    write_rows(
                        context,
                        matrix,
                        offset,
                        &a.values()[chunk.rows.start * cols..chunk.rows.end * cols],
                        cols,
                    )?;
                }
            }
            return Ok(true);
        }
        let pieces = match shard {
            _ if rows == 0 || cols == 0 => Vec::new(),
            Matrix::Dense(a) => dense_pieces(context, bounds, worker, a.values(), rows, cols)?,
            Matrix::Csr(a) => sparse_pieces(context, bounds, worker, a, usize::MAX)?,
        };
        self.remove(worker);
        self.shapes.insert(worker, shape);
        self.chunks.extend(pieces);
        self.gathered = false;
        Ok(false)
    }

    fn remove(&mut self, worker: usize) {
        for chunk in &mut self.chunks {
            if let Some(slot) = chunk.slot(worker) {
                chunk.workers[slot] = None;
            }
        }
        self.chunks.retain(|chunk| chunk.workers.iter().any(Option::is_some));
        self.shapes.remove(&worker);
    }

    /// The common form of the shards.
    pub fn shape(&self) -> Result<Shape> {
        let mut shapes = self.shapes.iter();
        let Some((first, &shape)) = shapes.next() else {
            return Err(Error::usage("product", "no resident shard", "an uploaded operand"));
        };
        let mut all = shape;
        for (worker, other) in shapes {
            if (other.rows, other.cols, other.sparse) != (shape.rows, shape.cols, shape.sparse) {
                let form = |s: &Shape| format!("{} x {} {}", s.rows, s.cols, if s.sparse { "sparse" } else { "dense" });
                return Err(Error::usage(
                    "product",
                    format!("shards of {} (worker {first}) and of {} (worker {worker})", form(&shape), form(other)),
                    "shards of one form at all workers",
                ));
            }
            all.stored += other.stored;
            all.longest = all.longest.max(other.longest);
        }
        all.stored = all.stored.div_ceil(self.shapes.len());
        Ok(all)
    }

    /// Gathers whole shards into chunks, as many as fit a binding. Needs the memory of one chunk more while it runs.
    pub fn gather<T: GpuElement>(&mut self, context: &Context, bounds: &Bounds) -> Result<()> {
        if self.gathered {
            return Ok(());
        }
        let shape = self.shape()?;
        let slot_bytes = |chunk: &Chunk, slot: usize| match &chunk.body {
            Body::Dense { .. } => shape.rows * shape.cols.div_ceil(T::WIDTH) * 16,
            // Four bytes a column and at most four a value, each in a buffer of its own, and the offsets.
            Body::Sparse { starts, .. } => {
                (span(starts, slot, shape.rows).len().next_multiple_of(ALIGN) * 4).max((shape.rows + 1) * 4)
            }
        };
        // (worker, chunk, slot) of the whole shards, ascending.
        let mut whole = Vec::new();
        for (c, chunk) in self.chunks.iter().enumerate() {
            if chunk.rows.len() == shape.rows {
                whole.extend(chunk.workers.iter().enumerate().filter_map(|(s, w)| w.map(|w| (w, c, s))));
            }
        }
        whole.sort_unstable();
        let mut sources: Vec<Option<Chunk>> = self.chunks.drain(..).map(Some).collect();
        let mut waiting: Vec<usize> = sources.iter().flatten().map(|c| c.workers.iter().flatten().count()).collect();
        let mut at = 0;
        while at < whole.len() {
            let mut end = at;
            let mut bytes = 0;
            while let Some(&(_, c, s)) = whole.get(end) {
                let more = sources[c].as_ref().map_or(0, |chunk| slot_bytes(chunk, s));
                if end > at && bytes + more > bounds.binding_bytes {
                    break;
                }
                bytes += more;
                end += 1;
            }
            let members = &whole[at..end];
            at = end;
            // A chunk that already holds these workers and no others stays.
            let (_, first, _) = members[0];
            let stays = sources[first].as_ref().is_some_and(|chunk| {
                chunk.workers.len() == members.len()
                    && members.iter().enumerate().all(|(i, &(_, c, s))| (c, s) == (first, i))
            });
            if stays {
                self.chunks.extend(sources[first].take());
                continue;
            }
            let parts: Vec<(usize, &Chunk, usize)> =
                members.iter().filter_map(|&(w, c, s)| sources[c].as_ref().map(|chunk| (w, chunk, s))).collect();
            self.chunks.push(merge::<T>(context, &shape, &parts)?);
            for &(_, c, _) in members {
                waiting[c] -= 1;
                if waiting[c] == 0 {
                    sources[c] = None;
                }
            }
        }
        self.chunks.extend(sources.into_iter().flatten());
        self.chunks.sort_by_key(|chunk| (chunk.workers.iter().flatten().min().copied(), chunk.rows.start));
        self.gathered = true;
        Ok(())
    }

    /// Reads a worker's sparse shard back and transposes it: the compressed columns as rows of a sparse matrix.
    pub fn transposed<T: GpuElement>(&self, context: &Context, worker: usize) -> Result<Matrix<T>> {
        let Some(shape) = self.shapes.get(&worker) else {
            return Err(Error::usage("product", format!("worker {worker}"), "a worker with a resident shard"));
        };
        let mut entries: Vec<Vec<(u32, T)>> = vec![Vec::new(); shape.cols];
        for chunk in &self.chunks {
            let (Some(slot), Body::Sparse { columns, values, starts, .. }) = (chunk.slot(worker), &chunk.body) else {
                continue;
            };
            let span = span(starts, slot, chunk.rows.len());
            let begin = span.start.next_multiple_of(ALIGN);
            debug_assert_eq!(begin, span.start, "slots start at whole words");
            let length = span.len().next_multiple_of(ALIGN);
            let columns = context.read(columns, begin * 4, length * 4)?;
            let values = context.read(values, begin * size_of::<T>(), length * size_of::<T>())?;
            let columns: Vec<u32> = bytemuck::pod_collect_to_vec(&columns);
            let values: Vec<T> = bytemuck::pod_collect_to_vec(&values);
            let rows = &starts[slot * (chunk.rows.len() + 1)..][..=chunk.rows.len()];
            for (row, ends) in chunk.rows.clone().zip(rows.windows(2)) {
                for position in ends[0] as usize - begin..ends[1] as usize - begin {
                    #[allow(clippy::cast_possible_truncation, reason = "rows were checked on upload")]
                    entries[columns[position] as usize].push((row as u32, values[position]));
                }
            }
        }
        let mut offsets = vec![0];
        let mut indices = Vec::with_capacity(shape.stored);
        let mut values = Vec::with_capacity(shape.stored);
        for column in entries {
            for (row, value) in column {
                indices.push(row);
                values.push(value);
            }
            offsets.push(indices.len());
        }
        Ok(Matrix::Csr(Csr::new(shape.cols, shape.rows, offsets, indices, values)?))
    }
}

/// Where the stored values of a slot begin and end.
fn span(starts: &[u32], slot: usize, rows: usize) -> Range<usize> {
    let own = &starts[slot * (rows + 1)..][..=rows];
    own[0] as usize..own[rows] as usize
}

fn write_rows<T: GpuElement>(
    context: &Context,
    to: &wgpu::Buffer,
    offset: usize,
    values: &[T],
    cols: usize,
) -> Result<()> {
    // Padding copies, so it goes in parts.
    let part = (1_usize << 22).div_ceil(cols) * cols;
    let row_bytes = cols.div_ceil(T::WIDTH) * 16;
    for (i, rows) in values.chunks(part).enumerate() {
        context.write(to, offset + i * (part / cols) * row_bytes, &pack_rows(rows, cols))?;
    }
    Ok(())
}

/// A dense shard in pieces of rows, each of which fits a binding.
pub(super) fn dense_pieces<T: GpuElement>(
    context: &Context,
    bounds: &Bounds,
    worker: usize,
    values: &[T],
    rows: usize,
    cols: usize,
) -> Result<Vec<Chunk>> {
    let units = cols.div_ceil(T::WIDTH);
    let fitting = bounds.binding_bytes / (units * 16);
    if fitting == 0 {
        return Err(context.error(format!(
            "a row of {cols} columns takes {} bytes; a storage binding holds at most {}",
            units * 16,
            bounds.binding_bytes
        )));
    }
    let segment = Launch::transposed_segment(rows, units, bounds);
    let height = if fitting >= rows { rows } else { fitting / segment * segment };
    let mut pieces = Vec::new();
    for (i, part) in values.chunks(height * cols).enumerate() {
        let rows = i * height..i * height + part.len() / cols;
        let matrix = context.buffer("dense shard", rows.len() * units * 16, USAGE, false)?;
        write_rows(context, &matrix, 0, part, cols)?;
        pieces.push(Chunk { workers: vec![Some(worker)], rows, body: Body::Dense { matrix } });
    }
    Ok(pieces)
}

/// A sparse shard in pieces of at most `most_rows` rows, each of which fits a binding.
pub(super) fn sparse_pieces<T: GpuElement>(
    context: &Context,
    bounds: &Bounds,
    worker: usize,
    shard: &Csr<T>,
    most_rows: usize,
) -> Result<Vec<Chunk>> {
    let fitting = (bounds.binding_bytes / 4) & !(ALIGN - 1);
    let most_rows = most_rows.min(fitting - 1);
    let offsets = shard.offsets();
    let mut pieces = Vec::new();
    let mut row = 0;
    while row < shard.rows() {
        let begin = offsets[row];
        let within = offsets[row + 1..].partition_point(|&end| end - begin <= fitting);
        let end = row + within.min(most_rows);
        if end == row {
            return Err(context.error(format!(
                "row {row} stores {} values; a storage binding holds at most {fitting}",
                offsets[row + 1] - begin
            )));
        }
        let stored = begin..offsets[end];
        let starts = offsets[row..=end].iter().map(|&o| word(context, o - begin)).collect::<Result<Vec<_>>>()?;
        word(context, end)?;
        let body = sparse_body::<T>(context, starts, stored.len())?;
        if let Body::Sparse { columns, values, .. } = &body {
            context.write(columns, 0, bytemuck::cast_slice(&shard.indices()[stored.clone()]))?;
            context.write(values, 0, &pack_values(&shard.values()[stored]))?;
        }
        pieces.push(Chunk { workers: vec![Some(worker)], rows: row..end, body });
        row = end;
    }
    Ok(pieces)
}

fn sparse_body<T: GpuElement>(context: &Context, starts: Vec<u32>, stored: usize) -> Result<Body> {
    let offsets = context.buffer("sparse offsets", starts.len() * 4, USAGE, false)?;
    context.write(&offsets, 0, bytemuck::cast_slice(&starts))?;
    let stored = stored.next_multiple_of(ALIGN);
    let columns = context.buffer("sparse columns", stored * 4, USAGE, false)?;
    let values = context.buffer("sparse values", stored * size_of::<T>(), USAGE, false)?;
    Ok(Body::Sparse { offsets, columns, values, starts })
}

fn word(context: &Context, n: usize) -> Result<u32> {
    u32::try_from(n).map_err(|_| context.error(format!("{n} does not fit the 32-bit numbers of a kernel")))
}

/// One chunk from whole shards (worker, where it is, its slot there).
fn merge<T: GpuElement>(context: &Context, shape: &Shape, parts: &[(usize, &Chunk, usize)]) -> Result<Chunk> {
    let workers = parts.iter().map(|&(w, ..)| Some(w)).collect();
    let mut copies = Vec::new();
    let body;
    if shape.sparse {
        let mut starts = Vec::with_capacity(parts.len() * (shape.rows + 1));
        let mut spans = Vec::new();
        let mut base = 0;
        for &(_, chunk, slot) in parts {
            if let Body::Sparse { starts: old, columns, values, .. } = &chunk.body {
                let from = span(old, slot, shape.rows);
                for &start in &old[slot * (shape.rows + 1)..][..=shape.rows] {
                    starts.push(word(context, base + start as usize - from.start)?);
                }
                let length = from.len().next_multiple_of(ALIGN);
                spans.push((columns, values, from.start, base, length));
                base += length;
            }
        }
        body = sparse_body::<T>(context, starts, base)?;
        if let Body::Sparse { columns: new_columns, values: new_values, .. } = &body {
            for (columns, values, from, to, length) in spans {
                let size = size_of::<T>();
                copies.push((columns, from * 4, new_columns, to * 4, length * 4));
                copies.push((values, from * size, new_values, to * size, length * size));
            }
            copies.retain(|copy| copy.4 > 0);
            context.copy(&copies)?;
        }
    } else {
        let bytes = shape.rows * shape.cols.div_ceil(T::WIDTH) * 16;
        let new = context.buffer("dense shards", bytes * parts.len(), USAGE, false)?;
        for (i, &(_, chunk, slot)) in parts.iter().enumerate() {
            if let Body::Dense { matrix } = &chunk.body {
                copies.push((matrix, slot * bytes, &new, i * bytes, bytes));
            }
        }
        context.copy(&copies)?;
        body = Body::Dense { matrix: new };
    }
    Ok(Chunk { workers, rows: 0..shape.rows, body })
}
