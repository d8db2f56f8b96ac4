//! Who takes part, each with its authors' defaults.

/// A way to get gradients from workers that may lie.
pub struct Scheme {
    pub name: &'static str,
    pub code: Option<&'static str>,
    pub aggregator: Option<&'static str>,
    /// Promises the optimum under up to t liars.
    pub exact: bool,
    /// Workers compute products with encoded data; else gradients of their rows.
    pub products: bool,
    /// Workers hold labels.
    pub labels: bool,
    /// Has a parity check, which `near-code` needs.
    pub checks: bool,
    /// Is built for liars; else for as many stragglers.
    pub knows_liars: bool,
}

impl Scheme {
    /// Whether it can solve this task: the gradient of Lagrange coding is a polynomial of the data.
    pub fn solves(&self, squared: bool) -> bool {
        squared || self.name != "lagrange"
    }

    /// Whether workers of this scheme can lie so.
    pub fn can_meet(&self, attack: &str) -> bool {
        match attack.split(':').next().unwrap_or(attack) {
            "near-code" => self.checks,
            "label-flip" => self.labels,
            _ => true,
        }
    }
}

const fn data_code(name: &'static str, checks: bool) -> Scheme {
    Scheme {
        name,
        code: Some(name),
        aggregator: None,
        exact: true,
        products: true,
        labels: false,
        checks,
        knows_liars: true,
    }
}

const fn assignment(name: &'static str, code: &'static str, exact: bool) -> Scheme {
    Scheme {
        name,
        code: Some(code),
        aggregator: None,
        exact,
        products: false,
        labels: true,
        checks: false,
        knows_liars: true,
    }
}

const fn aggregator(name: &'static str) -> Scheme {
    let aggregator = Some(name);
    Scheme {
        name,
        code: None,
        aggregator,
        exact: false,
        products: false,
        labels: true,
        checks: false,
        knows_liars: true,
    }
}

/// The rows of the table.
pub const ROSTER: [Scheme; 16] = [
    data_code("real-parity", true),
    data_code("short-dot", true),
    data_code("replication", false),
    assignment("draco-cyclic", "draco:layout=cyclic", true),
    assignment("draco-repetition", "draco:layout=repetition", true),
    Scheme { labels: false, ..assignment("lagrange", "lagrange", true) },
    assignment("detox", "detox", false),
    aggregator("median"),
    aggregator("trimmed-mean"),
    aggregator("geometric-median"),
    aggregator("krum"),
    aggregator("multi-krum"),
    aggregator("bulyan"),
    aggregator("centered-clipping"),
    Scheme { knows_liars: false, ..assignment("gradient-coding", "gradient-coding", false) },
    aggregator("mean"),
];
