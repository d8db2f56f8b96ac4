//! What the nodes compute with, in device memory, and the kernels that read it.

use super::super::GpuOptions;
use super::super::context::Context;
use super::super::plan::too_large;
use crate::error::Result;
use crate::kernel::{Bounds, Kernel, MixRows, NodeMaps, NodeWork, mix_copies, node_affine, row_slopes, scaled_sum};
use crate::scalar::Precision;

/// What a dispatch computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Slopes of all rows.
    Slopes,
    /// Gradients of all nodes, of the slopes where there are some.
    Gradient,
    /// Minima of all nodes.
    Minimum,
    /// The product with W.
    Mix,
    /// A sum of vectors.
    Combine,
}

/// One kind of [`NodeMaps`].
struct Maps {
    owners: wgpu::Buffer,
    lines: wgpu::Buffer,
    maps: wgpu::Buffer,
    values: wgpu::Buffer,
    places: wgpu::Buffer,
}

/// W.
struct Mix {
    owners: wgpu::Buffer,
    offsets: wgpu::Buffer,
    links: wgpu::Buffer,
    weights: wgpu::Buffer,
    down: wgpu::Buffer,
}

/// All of it.
pub(super) struct Resident {
    gradients: Maps,
    minima: Option<Maps>,
    row_owners: wgpu::Buffer,
    targets: wgpu::Buffer,
    slopes: wgpu::Buffer,
    mix: Mix,
    /// For slopes, maps, W and sums.
    pipelines: [wgpu::ComputePipeline; 4],
}

/// Uploads to an adapter.
struct Upload<'a> {
    context: &'a Context,
    bounds: &'a Bounds,
}

impl Upload<'_> {
    fn put<T: bytemuck::Pod>(&self, label: &str, values: &[T]) -> Result<wgpu::Buffer> {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let buffer = self.room(label, bytes.len())?;
        self.context.write(&buffer, 0, bytes)?;
        Ok(buffer)
    }

    fn room(&self, label: &str, bytes: usize) -> Result<wgpu::Buffer> {
        if bytes > self.bounds.binding_bytes {
            return Err(too_large(self.context, label, bytes, self.bounds));
        }
        self.context.buffer(label, bytes, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST, false)
    }

    /// Sums are formed by one invocation each, four terms an iteration.
    fn check(&self, what: &str, terms: usize) -> Result<()> {
        let most = 4 * self.bounds.iterations;
        if terms <= most {
            return Ok(());
        }
        Err(self.context.error(format!("{what} of {terms} terms; one invocation sums at most {most}")))
    }

    fn maps(&self, of: &NodeMaps) -> Result<Maps> {
        let longest = of.maps.iter().map(|map| map.terms.max(map.width)).max().unwrap_or(0);
        self.check("a node's function", longest as usize)?;
        Ok(Maps {
            owners: self.put("owners of numbers", &of.owners)?,
            lines: self.put("lines of numbers", &of.lines)?,
            maps: self.put("maps of nodes", &of.maps)?,
            values: self.put("the nodes' matrices", &of.values)?,
            places: self.put("places of numbers", &of.places)?,
        })
    }

    fn mix(&self, of: &MixRows) -> Result<Mix> {
        let longest = of.offsets.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        self.check("a node's neighbours, a sum", longest as usize)?;
        Ok(Mix {
            owners: self.put("rows of numbers", &of.owners)?,
            offsets: self.put("offsets of the communication matrix", &of.offsets)?,
            links: self.put("links of the communication matrix", &of.links)?,
            weights: self.put("weights of the communication matrix", &of.weights)?,
            down: self.room("edges that are down", of.edges * 4)?,
        })
    }
}

impl Resident {
    pub fn new(context: &Context, options: &GpuOptions, bounds: &Bounds, work: &NodeWork) -> Result<Self> {
        let upload = Upload { context, bounds };
        let pipeline = |kernel: &Kernel| context.pipeline(kernel.name, &options.source(kernel, Precision::F32), None);
        let minima = match &work.minima {
            Some(minima) => Some(upload.maps(minima)?),
            None => None,
        };
        Ok(Resident {
            gradients: upload.maps(&work.gradients)?,
            minima,
            row_owners: upload.put("owners of rows", &work.rows.owners)?,
            targets: upload.put("targets", &work.rows.targets)?,
            slopes: upload.room("slopes", work.rows.targets.len() * 4)?,
            mix: upload.mix(&work.matrix)?,
            pipelines: [
                pipeline(&row_slopes::KERNEL)?,
                pipeline(&node_affine::KERNEL)?,
                pipeline(&mix_copies::KERNEL)?,
                pipeline(&scaled_sum::KERNEL)?,
            ],
        })
    }

    pub fn has_minima(&self) -> bool {
        self.minima.is_some()
    }

    /// The list of edges that are down.
    pub fn down(&self) -> &wgpu::Buffer {
        &self.mix.down
    }

    pub fn pipeline(&self, task: Task) -> &wgpu::ComputePipeline {
        let [slopes, maps, mix, combine] = &self.pipelines;
        match task {
            Task::Slopes => slopes,
            Task::Gradient | Task::Minimum => maps,
            Task::Mix => mix,
            Task::Combine => combine,
        }
    }

    /// What a task reads beside its parameters and the vectors, by bindings.
    pub fn bound(&self, task: Task) -> impl Iterator<Item = (u32, wgpu::BindingResource<'_>)> {
        let buffers = match task {
            Task::Slopes => {
                let Maps { maps, values, places, .. } = &self.gradients;
                vec![&self.row_owners, maps, values, places, &self.targets, &self.slopes]
            }
            Task::Gradient => self.affine(&self.gradients),
            Task::Minimum => self.minima.as_ref().map(|minima| self.affine(minima)).unwrap_or_default(),
            Task::Mix => {
                let Mix { owners, offsets, links, weights, down } = &self.mix;
                vec![owners, offsets, links, weights, down]
            }
            Task::Combine => Vec::new(),
        };
        (2..).zip(buffers.into_iter().map(wgpu::Buffer::as_entire_binding))
    }

    fn affine<'a>(&'a self, of: &'a Maps) -> Vec<&'a wgpu::Buffer> {
        vec![&of.owners, &of.maps, &of.values, &of.places, &of.lines, &self.slopes]
    }
}
