//! Which adapters there are, and which of them to take.

use std::sync::OnceLock;

use crate::device::DeviceInfo;
use crate::error::{Error, Result};

/// Which adapter to run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adapter {
    /// The best hardware adapter; an error when there is none (an emulated one is slower than the CPU device).
    Auto,
    /// The best adapter, an emulated one if there is no other.
    Any,
    /// An emulated one.
    Software,
    /// The first whose name contains the text, upper or lower case.
    Named(String),
}

/// The adapters of this machine, best first.
pub fn adapters() -> Vec<DeviceInfo> {
    list().iter().map(|adapter| describe(&adapter.get_info())).collect()
}

pub(super) fn describe(info: &wgpu::AdapterInfo) -> DeviceInfo {
    DeviceInfo {
        kind: "gpu".into(),
        name: info.name.clone(),
        detail: format!("{:?}, {} {}", info.backend, info.driver, info.driver_info).trim_end().to_string(),
        software: info.device_type == wgpu::DeviceType::Cpu,
    }
}

pub(super) fn choose(choice: &Adapter) -> Result<wgpu::Adapter> {
    let found = list();
    let fits = |adapter: &&wgpu::Adapter| {
        let info = describe(&adapter.get_info());
        match choice {
            Adapter::Auto => !info.software,
            Adapter::Any => true,
            Adapter::Software => info.software,
            Adapter::Named(name) => info.name.to_lowercase().contains(&name.to_lowercase()),
        }
    };
    if let Some(adapter) = found.iter().find(fits) {
        return Ok(adapter.clone());
    }
    let names: Vec<String> = found.iter().map(|adapter| adapter.get_info().name).collect();
    let names = if names.is_empty() { "no adapter".into() } else { names.join(", ") };
    let (got, allowed) = match choice {
        Adapter::Auto => {
            (format!("no hardware adapter (found: {names})"), "a Vulkan, Metal or DX12 GPU and its driver")
        }
        Adapter::Any => ("no adapter".into(), "a Vulkan, Metal or DX12 driver"),
        Adapter::Software => (format!("no software adapter (found: {names})"), "a software Vulkan driver"),
        Adapter::Named(name) => {
            (format!("no adapter named {name} (found: {names})"), "part of the name of an adapter found")
        }
    };
    Err(Error::usage("gpu device", got, allowed))
}

/// Every adapter, hardware first, in a fixed order. Asked for once: drivers take their time, and some print complaints.
fn list() -> &'static [wgpu::Adapter] {
    static FOUND: OnceLock<Vec<wgpu::Adapter>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        // Vulkan's own validation layers are a developer's installation; wgpu validates by itself.
        descriptor.flags = wgpu::InstanceFlags::empty();
        let instance = wgpu::Instance::new(descriptor);
        let mut found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
        found.retain(|adapter| {
            adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
        });
        found.sort_by_key(|adapter| match adapter.get_info().device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::VirtualGpu => 1,
            wgpu::DeviceType::IntegratedGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        });
        found
    })
}
