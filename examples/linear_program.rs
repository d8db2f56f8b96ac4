//! A linear program built in code, then one from an MPS file, solved by the barrier method.
//!
//! A workshop makes tables and chairs. A table earns 70 and takes 4 hours of carpentry and 2 of painting, a chair earns 50
//! and takes 3 and 1; there are 240 hours of carpentry and 100 of painting, and the shop takes 60 chairs at most. Then afiro,
//! the smallest of the Netlib programs, whose optimum has been known for decades.
//!
//! Run it: `cargo run --example linear_program`

use steadfast::program::{LinearProgram, Outcome, SolveOptions, read_mps, solve};

const AFIRO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/afiro.mps");

fn main() -> steadfast::Result<()> {
    let (tables, chairs) = (0, 1);
    let mut workshop = LinearProgram::maximize(&[70.0, 50.0])?;
    workshop.add_row(&[(tables, 4.0), (chairs, 3.0)], f64::NEG_INFINITY, 240.0)?;
    workshop.add_row(&[(tables, 2.0), (chairs, 1.0)], f64::NEG_INFINITY, 100.0)?;
    workshop.set_bounds(chairs, 0.0, 60.0)?;
    report("workshop", &workshop)?; // 30 tables and 40 chairs earn 4100

    report("afiro", &read_mps(AFIRO.as_ref())?)?;

    // Without limits on hours the earnings grow for ever, and a ray shows how.
    report("without limits", &LinearProgram::maximize(&[70.0, 50.0])?)
}

fn report(name: &str, program: &LinearProgram) -> steadfast::Result<()> {
    match solve(program, &SolveOptions::default())? {
        Outcome::Optimal(optimum) => {
            println!("{name}: objective {:.9}, at most {:.1e} from the optimum", optimum.objective, optimum.gap);
            println!(
                "  {} Newton steps, rows violated by {:.1e}",
                optimum.iterations,
                program.violation(&optimum.point)
            );
            if optimum.point.len() <= 4 {
                println!("  at {:?}", optimum.point);
            }
        }
        Outcome::Infeasible { violation, .. } => println!("{name}: infeasible, by at least {violation:.1e}"),
        Outcome::Unbounded { ray, .. } => println!("{name}: unbounded along {ray:?}"),
    }
    Ok(())
}
