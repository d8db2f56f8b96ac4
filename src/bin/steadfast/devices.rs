//! `steadfast devices`.

use std::fmt::Write as _;

use serde_json::json;
use steadfast::Result;
use steadfast::device::{CpuDevice, Device, DeviceInfo};

use crate::args::JsonArgs;
use crate::output;

/// Runs the command; the exit status.
pub fn run(args: &JsonArgs) -> Result<u8> {
    let mut devices: Vec<DeviceInfo> = vec![CpuDevice::<f64>::new(None)?.info()];
    #[cfg(feature = "gpu")]
    devices.extend(steadfast::device::gpu::adapters());
    let auto = devices.iter().position(|d| d.kind == "gpu" && !d.software).unwrap_or(0);
    if args.json {
        output::json(&json!({"devices": devices, "auto": auto}))?;
        return Ok(0);
    }
    let mut text = String::new();
    for (at, device) in devices.iter().enumerate() {
        let taken = if at == auto { "  <- --device auto" } else { "" };
        let software = if device.software { ", software" } else { "" };
        let _ = writeln!(text, "{}  {} ({}{software}){taken}", device.kind, device.name, device.detail);
    }
    if cfg!(not(feature = "gpu")) {
        text.push_str("built without the feature gpu\n");
    } else if devices.len() == 1 {
        text.push_str("no GPU adapter found (no Vulkan, Metal or DX12 driver)\n");
    }
    output::text(&text)?;
    Ok(0)
}
