//! Every shader parses and validates, agrees with the Rust side on its uniform struct, and keeps within what every adapter
//! allows. Needs no Vulkan.

use std::collections::BTreeSet;

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, Module, TypeInner};
use steadfast::kernel::{
    AffineParams, BendParams, CombineParams, DotParams, ExpandParams, GramParams, HadamardParams, INVOCATIONS, KERNELS,
    Kernel, MatvecParams, MixParams, NodeMap, RidgeParams, ScaledSumParams, SketchParams, SlopeParams, SumParams,
    SvrgParams, WeightedGramParams,
};
use steadfast::scalar::Precision;

/// Plain WGSL: reading packed f16 into f32 is part of it, and every adapter has it.
const PLAIN: Capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;

/// (kernel, storage, module) of every source.
fn modules() -> Vec<(&'static Kernel, &'static str, Module)> {
    let mut modules = Vec::new();
    for kernel in KERNELS {
        for precision in [Precision::F32, Precision::F16] {
            let source = kernel.source(precision).unwrap();
            let module = naga::front::wgsl::parse_str(source)
                .unwrap_or_else(|e| panic!("{} {precision}: {}", kernel.name, e.emit_to_string(source)));
            modules.push((kernel, precision.name(), module));
        }
    }
    modules
}

#[test]
fn every_shader_is_valid() {
    for (kernel, precision, module) in modules() {
        let validated = Validator::new(ValidationFlags::all(), PLAIN).validate(&module);
        assert!(validated.is_ok(), "{} {precision}: {:?}", kernel.name, validated.err());
        assert!(kernel.source(Precision::F64).is_none(), "WGSL has no f64");
        let text = kernel.source(Precision::F32).unwrap();
        assert!(!text.contains("enable "), "{}: an extension that adapters may lack", kernel.name);
    }
}

#[test]
fn a_broken_shader_is_not_valid() {
    let source = KERNELS[0].f32.replace("out[at] = sums.x", "out[at] = sums");
    let module = naga::front::wgsl::parse_str(&source).unwrap();
    assert!(Validator::new(ValidationFlags::all(), PLAIN).validate(&module).is_err());
    assert!(naga::front::wgsl::parse_str(&KERNELS[0].f32.replace("let job", "let job job")).is_err());
}

/// The file of each kernel, and of its twin, has the kernel's name; no file is left over.
#[test]
fn shader_kernel_and_twin_share_a_stem() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let stems: BTreeSet<String> = std::fs::read_dir(root.join("shaders"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "wgsl"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let names: BTreeSet<String> = KERNELS.iter().map(|kernel| kernel.name.to_string()).collect();
    assert_eq!(stems, names);
    for name in names {
        let twin = std::fs::read_to_string(root.join(format!("src/kernel/{name}.rs"))).unwrap();
        assert!(twin.contains("pub fn twin"), "{name} has no twin");
    }
}

#[test]
fn uniform_structs_have_the_offsets_of_the_rust_structs() {
    for (kernel, precision, module) in modules() {
        let (names, size): (&[&str], usize) = match kernel.name {
            "sum_segments" => (&["length", "segments"], size_of::<SumParams>()),
            "count_sketch" | "count_sketch_csr" => (&SketchParams::FIELDS, size_of::<SketchParams>()),
            "gram" => (&["rows", "cols", "units", "tiles", "blocks", "add"], size_of::<GramParams>()),
            "weighted_gram" => (&WeightedGramParams::FIELDS, size_of::<WeightedGramParams>()),
            "expand_rows" => (&["rows", "stride"], size_of::<ExpandParams>()),
            "node_affine" => (&["length", "x_at", "out_at"], size_of::<AffineParams>()),
            "row_slopes" => (&["length", "x_at"], size_of::<SlopeParams>()),
            "mix_copies" => (&["length", "x_at", "out_at", "faulty"], size_of::<MixParams>()),
            "scaled_sum" => (&COMBINED, size_of::<ScaledSumParams>()),
            "walsh_hadamard" => (&HadamardParams::FIELDS, size_of::<HadamardParams>()),
            "bend_margins" => (&BendParams::FIELDS, size_of::<BendParams>()),
            "add_ridge" => (&RidgeParams::FIELDS, size_of::<RidgeParams>()),
            "combine_vectors" => (&CombineParams::FIELDS, size_of::<CombineParams>()),
            "svrg_steps" | "svrg_steps_csr" => (&SvrgParams::FIELDS, size_of::<SvrgParams>()),
            "dot_vectors" => (&DotParams::FIELDS, size_of::<DotParams>()),
            _ => (&MatvecParams::FIELDS, size_of::<MatvecParams>()),
        };
        let (_, params) = module.global_variables.iter().find(|(_, g)| g.space == AddressSpace::Uniform).unwrap();
        let TypeInner::Struct { members, span } = &module.types[params.ty].inner else { panic!("not a struct") };
        let label = format!("{} {precision}", kernel.name);
        assert_eq!(*span as usize, size, "{label}");
        let shader: Vec<(String, u32)> =
            members.iter().map(|m| (m.name.clone().unwrap_or_default(), m.offset)).collect();
        let rust: Vec<(String, u32)> =
            names.iter().zip((0..).step_by(4)).map(|(name, offset)| (name.to_string(), offset)).collect();
        assert_eq!(shader, rust, "{label}");
    }
}

/// The arrays of [`ScaledSumParams`], number by number.
const COMBINED: [&str; 15] =
    ["length", "out_at", "terms", "at0", "at1", "at2", "at3", "at4", "at5", "by0", "by1", "by2", "by3", "by4", "by5"];

/// The maps of nodes lie in memory as the kernels read them.
#[test]
fn the_maps_of_nodes_have_the_offsets_of_the_rust_struct() {
    for (kernel, _, module) in
        modules().iter().filter(|(kernel, ..)| ["node_affine", "row_slopes"].contains(&kernel.name))
    {
        let of_maps = |g: &naga::GlobalVariable| g.name.as_deref() == Some("maps");
        let (_, maps) = module.global_variables.iter().find(|(_, g)| of_maps(g)).unwrap();
        let TypeInner::Array { base, stride, .. } = module.types[maps.ty].inner else { panic!("{}", kernel.name) };
        let TypeInner::Struct { members, .. } = &module.types[base].inner else { panic!("{}", kernel.name) };
        assert_eq!(stride as usize, size_of::<NodeMap>(), "{}", kernel.name);
        let names: Vec<_> = members.iter().map(|m| (m.name.as_deref().unwrap(), m.offset)).collect();
        assert_eq!(names, NodeMap::FIELDS.into_iter().zip((0..).step_by(4)).collect::<Vec<_>>(), "{}", kernel.name);
    }
}

/// `FIELDS` lists the fields of the struct in the order in which it lies in memory.
#[test]
fn listed_fields_are_the_fields() {
    fn check<P: bytemuck::Pod + std::fmt::Debug>(fields: &[&str]) {
        let numbers: Vec<u32> = (0..fields.len() as u32).collect();
        let params: &P = bytemuck::from_bytes(bytemuck::cast_slice(&numbers));
        let debug = format!("{params:?}");
        for (i, name) in fields.iter().enumerate() {
            // A number that is not whole shows its bits as the smallest of floating-point numbers.
            let number = if ["scale", "delta", "step", "pull", "l2"].contains(name) {
                format!("{:?}", f32::from_bits(i as u32))
            } else {
                i.to_string()
            };
            assert!(debug.contains(&format!(" {name}: {number}")), "{name} in {debug}");
        }
    }
    check::<MatvecParams>(&MatvecParams::FIELDS);
    check::<SketchParams>(&SketchParams::FIELDS);
    check::<WeightedGramParams>(&WeightedGramParams::FIELDS);
    check::<NodeMap>(&NodeMap::FIELDS);
    check::<HadamardParams>(&HadamardParams::FIELDS);
    check::<BendParams>(&BendParams::FIELDS);
    check::<RidgeParams>(&RidgeParams::FIELDS);
    check::<CombineParams>(&CombineParams::FIELDS);
    check::<DotParams>(&DotParams::FIELDS);
    check::<SvrgParams>(&SvrgParams::FIELDS);
}

/// Adapters must offer 16 KiB of workgroup memory and 256 invocations; not all of them check that a kernel keeps to it.
#[test]
fn workgroups_keep_within_every_adapters_limits() {
    for (kernel, precision, module) in modules() {
        let label = format!("{} {precision}", kernel.name);
        let bytes: u32 = module
            .global_variables
            .iter()
            .filter(|(_, g)| g.space == AddressSpace::WorkGroup)
            .map(|(_, g)| module.types[g.ty].inner.size(module.to_ctx()))
            .sum();
        assert_eq!(bytes, kernel.workgroup_bytes, "{label}");
        assert!(bytes <= 16 << 10, "{label}");
        let [entry] = &module.entry_points[..] else { panic!("{label}: one entry point") };
        assert_eq!(entry.workgroup_size, [INVOCATIONS as u32, 1, 1], "{label}");
        const { assert!(INVOCATIONS <= 256) };
        let storage =
            module.global_variables.iter().filter(|(_, g)| matches!(g.space, AddressSpace::Storage { .. })).count();
        assert!(storage <= 8, "{label}: {storage} storage bindings");
    }
}
