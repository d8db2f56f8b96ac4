//! One wgpu device per adapter and process, with its pipelines, and the one place where wgpu's failures become errors.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::adapter::{Adapter, choose, describe};
use crate::device::DeviceInfo;
use crate::error::{Error, Result};
use crate::kernel::{Bounds, Launch};

/// Bytes that one write or read stages at most, so that a large shard is never copied whole on its way.
const STAGE: usize = 32 << 20;

/// A wgpu device and what all users of it share.
pub(super) struct Context {
    pub info: DeviceInfo,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// What the device allows.
    pub bounds: Bounds,
    max_buffer: u64,
    /// Seconds of a timestamp's tick; `None` where the adapter has no timestamps.
    pub tick: Option<f64>,
    /// Why the device was lost. wgpu's calls on a lost device succeed silently, so each is followed by a look here.
    lost: Arc<OnceLock<String>>,
    /// An error that no scope caught (the default handler would panic).
    stray: Arc<Mutex<Option<String>>>,
    pipelines: Mutex<BTreeMap<(String, usize, usize), wgpu::ComputePipeline>>,
}

impl Context {
    /// The process's device on the chosen adapter; a new one where the last was lost.
    pub fn shared(choice: &Adapter) -> Result<Arc<Context>> {
        static OPEN: OnceLock<Mutex<Vec<Arc<Context>>>> = OnceLock::new();
        let adapter = choose(choice)?;
        let info = describe(&adapter.get_info());
        let mut open = lock(OPEN.get_or_init(Mutex::default));
        open.retain(|context| context.lost.get().is_none());
        if let Some(context) = open.iter().find(|context| context.info == info) {
            return Ok(context.clone());
        }
        let context = Arc::new(Context::open(&adapter)?);
        open.push(context.clone());
        Ok(context)
    }

    /// A device of its own.
    pub fn open(adapter: &wgpu::Adapter) -> Result<Context> {
        let info = describe(&adapter.get_info());
        let limits = adapter.limits();
        let timestamps = adapter.features() & wgpu::Features::TIMESTAMP_QUERY;
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("steadfast"),
            required_features: timestamps,
            required_limits: limits.clone(),
            ..Default::default()
        });
        let (device, queue) = pollster::block_on(request)
            .map_err(|e| Error::Device { device: info.name.clone(), message: format!("can't be opened: {e}") })?;
        let lost = Arc::new(OnceLock::new());
        let flag = lost.clone();
        device.set_device_lost_callback(move |reason, message| {
            // The first reason is the one to report.
            let _ = flag.set(format!("lost ({reason:?}): {message}"));
        });
        let stray = Arc::new(Mutex::new(None));
        let slot = stray.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            lock(&slot).get_or_insert_with(|| error.to_string());
        }));
        let bytes = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Context {
            bounds: Bounds {
                iterations: Bounds::default().iterations,
                // Storage bindings and copies are whole words, and regions of a buffer start at multiples of 256 bytes.
                binding_bytes: bytes(limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)) & !255,
                groups: limits.max_compute_workgroups_per_dimension as usize,
            },
            max_buffer: limits.max_buffer_size,
            tick: (!timestamps.is_empty()).then(|| f64::from(queue.get_timestamp_period()) * 1e-9),
            info,
            device,
            queue,
            lost,
            stray,
            pipelines: Mutex::default(),
        })
    }

    /// An error of this device.
    pub fn error(&self, message: impl Into<String>) -> Error {
        Error::Device { device: self.info.name.clone(), message: message.into() }
    }

    /// Runs `work` and reports whatever wgpu had to say about it: validation, memory, internal errors, a lost device.
    pub fn guarded<R>(&self, what: &str, work: impl FnOnce() -> Result<R>) -> Result<R> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let result = work();
        let errors = [validation.pop(), internal.pop(), memory.pop()].map(pollster::block_on);
        // A lost device fails in many ways: its own reason says most.
        if let Some(reason) = self.lost.get() {
            return Err(self.error(format!("{what}: {reason}")));
        }
        if let Some(error) = errors.into_iter().flatten().next() {
            let text = error.to_string();
            return Err(self.error(format!("{what}: {}", text.split_whitespace().collect::<Vec<_>>().join(" "))));
        }
        if let Some(text) = lock(&self.stray).take() {
            return Err(self.error(format!("{what}: {text}")));
        }
        result
    }

    /// Waits for a submission, so that its buffers can be read or freed.
    pub fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<()> {
        let wait = wgpu::PollType::Wait { submission_index: Some(submission), timeout: None };
        self.poll(wait).inspect_err(|_| {
            // A submission to a lost device never was one; looking once more lets the device say that it is lost.
            let _ = self.poll(wgpu::PollType::Poll);
        })
    }

    fn poll(&self, how: wgpu::PollType) -> Result<()> {
        // wgpu panics when the device is lost while it waits.
        match catch_unwind(AssertUnwindSafe(|| self.device.poll(how))) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(e)) => Err(self.error(e.to_string())),
            Err(_) => {
                // A reason that the device gave is the better one.
                let _ = self.lost.set("lost while waiting for it".into());
                Err(self.error("lost while waiting for it"))
            }
        }
    }

    /// A buffer of at least `bytes` bytes.
    pub fn buffer(&self, label: &str, bytes: usize, usage: wgpu::BufferUsages, mapped: bool) -> Result<wgpu::Buffer> {
        let size = bytes.max(16).next_multiple_of(16) as u64;
        if size > self.max_buffer {
            return Err(self.error(format!("{label}: {size} bytes do not fit a buffer of at most {}", self.max_buffer)));
        }
        self.guarded(label, || {
            let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: mapped };
            Ok(self.device.create_buffer(&descriptor))
        })
    }

    /// Copies `bytes` (whole words) to a buffer.
    pub fn write(&self, buffer: &wgpu::Buffer, offset: usize, bytes: &[u8]) -> Result<()> {
        for (i, piece) in bytes.chunks(STAGE).enumerate() {
            self.guarded("upload", || {
                self.queue.write_buffer(buffer, (offset + i * STAGE) as u64, piece);
                // What is staged is freed once it is submitted and done.
                if bytes.len() >= STAGE { self.wait(self.queue.submit([])) } else { Ok(()) }
            })?;
        }
        Ok(())
    }

    /// Reads `bytes` bytes (whole words) of a buffer back.
    pub fn read(&self, buffer: &wgpu::Buffer, offset: usize, bytes: usize) -> Result<Vec<u8>> {
        let mut read = Vec::with_capacity(bytes);
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.buffer("read back", bytes.min(STAGE), usage, false)?;
        while read.len() < bytes {
            let size = (bytes - read.len()).min(STAGE);
            self.guarded("read back", || {
                let mut encoder = self.device.create_command_encoder(&Default::default());
                encoder.copy_buffer_to_buffer(buffer, (offset + read.len()) as u64, &staging, 0, size as u64);
                let submission = self.queue.submit([encoder.finish()]);
                staging.map_async(wgpu::MapMode::Read, 0..size as u64, |_| ());
                self.wait(submission)?;
                let view = staging.get_mapped_range(0..size as u64).map_err(|e| self.error(e.to_string()))?;
                read.extend_from_slice(&view);
                drop(view);
                staging.unmap();
                Ok(())
            })?;
        }
        Ok(read)
    }

    /// Copies `(from, offset, to, offset, bytes)` one after the other, and waits.
    pub fn copy(&self, copies: &[(&wgpu::Buffer, usize, &wgpu::Buffer, usize, usize)]) -> Result<()> {
        self.guarded("copy", || {
            let mut encoder = self.device.create_command_encoder(&Default::default());
            for &(from, from_offset, to, to_offset, bytes) in copies {
                encoder.copy_buffer_to_buffer(from, from_offset as u64, to, to_offset as u64, bytes as u64);
            }
            self.wait(self.queue.submit([encoder.finish()]))
        })
    }

    /// The pipeline of a source, with the overrides of `launch` (none for a kernel without lanes).
    pub fn pipeline(&self, name: &str, source: &str, launch: Option<&Launch>) -> Result<wgpu::ComputePipeline> {
        let (lanes, tile) = launch.map_or((0, 0), |l| (l.lanes, l.tile));
        let key = (source.to_string(), lanes, tile);
        if let Some(pipeline) = lock(&self.pipelines).get(&key) {
            return Ok(pipeline.clone());
        }
        let pipeline = self.guarded(name, || {
            let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(name),
                source: wgpu::ShaderSource::Wgsl(source.into()),
            });
            #[allow(clippy::cast_precision_loss, reason = "at most 256")]
            let overrides = [("LANES", lanes as f64), ("TILE", tile as f64)];
            Ok(self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(name),
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: if launch.is_some() { &overrides } else { &[] },
                    // Every kernel writes its workgroup memory before it reads it.
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            }))
        })?;
        lock(&self.pipelines).insert(key, pipeline.clone());
        Ok(pipeline)
    }
}

/// A lock that a panic elsewhere does not poison: the values are replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
