//! Holds the module table of ARCHITECTURE.md: a module may name only what its row lists, and only `src/device/gpu` may
//! name wgpu.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rows of the table in ARCHITECTURE.md: module -> modules it may use.
fn table() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let names = |cell: &str| -> Vec<String> {
        cell.split(',')
            .map(|n| n.trim().trim_matches('`').to_string())
            .filter(|n| !n.is_empty() && n != "nothing")
            .collect()
    };
    let mut rows = BTreeMap::new();
    for line in text.lines().skip_while(|l| !l.starts_with("| module | may use |")).skip(2) {
        let Some(cells) = line.strip_prefix('|').and_then(|l| l.strip_suffix('|')) else { break };
        let (modules, uses) = cells.split_once('|').expect("two cells");
        for module in names(modules) {
            rows.insert(module, names(uses));
        }
    }
    rows
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).expect("readable").map(|e| e.expect("entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// The part of a source file before its tests, without comments.
fn code_of(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("readable");
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().map(|l| l.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_module_uses_only_what_its_row_lists() {
    let table = table();
    assert!(table.len() > 10, "the table was not found: {table:?}");
    let mut wrong = Vec::new();
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for path in &files {
        let relative = path.strip_prefix(root().join("src")).expect("in src");
        let first = relative.components().next().expect("a name").as_os_str().to_string_lossy().replace(".rs", "");
        if first == "lib" || first == "bin" {
            continue;
        }
        let Some(allowed) = table.get(&first) else {
            wrong.push(format!("src/{first} has no row in the table"));
            continue;
        };
        let code = code_of(path);
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + 7..];
            let used: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if table.contains_key(&used)
                && used != first
                && !allowed.contains(&used)
                && !allowed.iter().any(|a| a == "all of the above")
            {
                wrong.push(format!("{}: uses {used}; its row allows {allowed:?}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_gpu_folder_names_wgpu() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let outside: Vec<_> = files
        .iter()
        .filter(|p| !p.starts_with(root().join("src/device/gpu")))
        .filter(|p| code_of(p).contains("wgpu::"))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
}
