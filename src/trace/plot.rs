//! A picture of a run: objective and gradient norm against rounds and against virtual time, as SVG.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::record::RunRecord;
use crate::error::{Error, Result};

/// One curve of one panel.
struct Panel<'a> {
    title: &'a str,
    x_name: &'a str,
    y_name: &'a str,
    points: Vec<(f64, f64)>,
}

/// The run as an SVG picture of four panels. The objective is drawn as its distance to the lowest value of the run, on a
/// logarithmic axis, so that progress stays visible to the end.
///
/// # Errors
/// [`Error::Numerical`] when the picture can't be drawn.
pub fn svg(record: &RunRecord) -> Result<String> {
    let its = &record.iterations;
    let lowest = its.iter().map(|i| i.objective).fold(f64::INFINITY, f64::min);
    let above = |i: &super::IterationRecord| i.objective - lowest;
    let series = |x: &dyn Fn(&super::IterationRecord) -> f64, y: &dyn Fn(&super::IterationRecord) -> f64| {
        its.iter().map(|i| (x(i), y(i))).filter(|p| p.0.is_finite() && p.1.is_finite() && p.1 > 0.0).collect()
    };
    let rounds = |i: &super::IterationRecord| i.rounds as f64;
    let time = |i: &super::IterationRecord| i.virtual_seconds;
    let norm = |i: &super::IterationRecord| i.gradient_norm;
    let panels = [
        ("objective above its lowest value", "rounds", "F(w) - min F", series(&rounds, &above)),
        ("gradient norm", "rounds", "norm", series(&rounds, &norm)),
        ("objective above its lowest value", "virtual seconds", "F(w) - min F", series(&time, &above)),
        ("gradient norm", "virtual seconds", "norm", series(&time, &norm)),
    ];
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (960, 640)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let title = format!("{}  ({}, {} x {})", record.command, record.code.name, record.data.rows, record.data.cols);
        let shown: String = title.chars().take(110).collect();
        let body = area.titled(&shown, ("sans-serif", 16)).map_err(failed)?;
        for (cell, (title, x_name, y_name, points)) in body.split_evenly((2, 2)).iter().zip(panels) {
            draw(cell, &Panel { title, x_name, y_name, points })?;
        }
        area.present().map_err(failed)?;
    }
    Ok(text)
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::Numerical(format!("the plot can't be drawn: {e}"))
}

/// Draws one panel; a panel with fewer than two points says so instead.
fn draw(area: &DrawingArea<SVGBackend<'_>, Shift>, panel: &Panel<'_>) -> Result<()> {
    if panel.points.len() < 2 {
        let style = ("sans-serif", 14).into_font().color(&BLACK);
        return area.draw_text(&format!("{}: fewer than two points", panel.title), &style, (20, 20)).map_err(failed);
    }
    let (mut x0, mut x1) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut y0, mut y1) = (f64::INFINITY, f64::NEG_INFINITY);
    for &(x, y) in &panel.points {
        (x0, x1) = (x0.min(x), x1.max(x));
        (y0, y1) = (y0.min(y), y1.max(y));
    }
    if x1 <= x0 {
        x1 = x0 + 1.0;
    }
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, ("sans-serif", 15))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(x0..x1, (y0 / 2.0..y1 * 2.0).log_scale())
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(panel.x_name)
        .y_desc(panel.y_name)
        .x_labels(6)
        .y_labels(7)
        .x_label_formatter(&|x| {
            if x.abs() >= 0.01 || *x == 0.0 { format!("{}", (x * 1e4).round() / 1e4) } else { format!("{x:.1e}") }
        })
        .y_label_formatter(&|y| format!("{y:.0e}"))
        .draw()
        .map_err(failed)?;
    let blue = RGBColor(31, 90, 160);
    chart.draw_series(LineSeries::new(panel.points.iter().copied(), blue.stroke_width(2))).map_err(failed)?;
    Ok(())
}
