//! Figures as SVG: curves, on a logarithmic axis where they span two decades, and a histogram.

use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use steadfast::trace::write_whole;
use steadfast::{Error, Result};

/// A curve with its legend.
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// Whether it ends because it could not go on: in a cross.
    pub failed: bool,
}

/// Axes with curves.
pub struct Panel {
    pub title: String,
    pub x_name: &'static str,
    pub y_name: &'static str,
    pub series: Vec<Series>,
}

/// Distinct in hue and in lightness, for readers who see no colours.
const COLOURS: [RGBColor; 10] = [
    RGBColor(31, 90, 160),
    RGBColor(214, 111, 30),
    RGBColor(60, 140, 70),
    RGBColor(170, 40, 50),
    RGBColor(120, 90, 170),
    RGBColor(90, 90, 90),
    RGBColor(0, 150, 160),
    RGBColor(215, 100, 175),
    RGBColor(140, 85, 40),
    RGBColor(165, 165, 20),
];
const SIZE: (u32, u32) = (760, 480);
/// A logarithmic axis of less may have no two ticks.
const TWO_DECADES: f64 = 100.0;

fn failed(e: impl std::fmt::Display) -> Error {
    Error::Numerical(format!("the figure can't be drawn: {e}"))
}

/// Finds out before any work whether figures can be written into `folder`, which is made if it is not there.
pub fn check_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Io {
        action: "create",
        path: folder.into(),
        before_work: true,
        source,
    })
}

/// Writes panels side by side.
pub fn write_curves(path: &Path, panels: &[Panel]) -> Result<()> {
    let mut text = String::new();
    {
        let size = (SIZE.0 * panels.len() as u32, SIZE.1);
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        for (cell, panel) in area.split_evenly((1, panels.len())).iter().zip(panels) {
            draw(cell, panel)?;
        }
        area.present().map_err(failed)?;
    }
    write_whole(path, text.as_bytes())
}

/// Least and largest of the finite numbers; `None` without two different ones.
fn span(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    (low < high).then_some((low, high))
}

fn draw(area: &DrawingArea<SVGBackend<'_>, Shift>, panel: &Panel) -> Result<()> {
    // A logarithmic axis has no place for what is not above 0.
    let points = || panel.series.iter().flat_map(|s| &s.points).filter(|p| p.1 > 0.0);
    let (Some((_, x1)), Some((y0, y1))) = (span(points().map(|p| p.0)), span(points().map(|p| p.1))) else {
        let style = ("sans-serif", 14).into_font().color(&BLACK);
        return area.draw_text(&format!("{}: fewer than two points", panel.title), &style, (20, 20)).map_err(failed);
    };
    let mut builder = ChartBuilder::on(area);
    builder.caption(&panel.title, ("sans-serif", 15)).margin(10).x_label_area_size(36).y_label_area_size(64);
    if y1 < TWO_DECADES * y0 {
        let room = (y1 - y0) / 20.0;
        let digits = (-((y1 - y0) / 7.0).log10()).ceil().clamp(0.0, 9.0) as usize;
        let chart = builder.build_cartesian_2d(0.0..x1, y0 - room..y1 + room).map_err(failed)?;
        return draw_in(chart, panel, &|y| format!("{y:.digits$}"));
    }
    let chart = builder.build_cartesian_2d(0.0..x1, (y0 / 1.5..y1 * 1.5).log_scale()).map_err(failed)?;
    draw_in(chart, panel, &|y| if *y >= 0.01 { format!("{y:.2}") } else { format!("{y:.0e}") })
}

/// Draws the curves between axes of any scale.
fn draw_in<'a, 'b: 'a, Y: Ranged<ValueType = f64> + ValueFormatter<f64>>(
    mut chart: ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, Y>>,
    panel: &Panel,
    label: &dyn Fn(&f64) -> String,
) -> Result<()> {
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(panel.x_name)
        .y_desc(panel.y_name)
        .x_labels(6)
        .y_labels(7)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&label)
        .draw()
        .map_err(failed)?;
    for (at, series) in panel.series.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let points: Vec<(f64, f64)> = series.points.iter().copied().filter(|p| p.1 > 0.0).collect();
        let end = points.last().copied().filter(|_| series.failed);
        chart.draw_series(end.map(|end| Cross::new(end, 6, colour.stroke_width(3)))).map_err(failed)?;
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(2))
            .map_err(failed)?
            .label(&series.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 12))
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .draw()
        .map_err(failed)
}

/// Writes a histogram: `counts` of bins of equal `width` from 0, on a logarithmic axis from one half.
pub fn write_histogram(path: &Path, title: &str, x_name: &str, width: f64, counts: &[usize]) -> Result<()> {
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 15))
            .margin(10)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..width * counts.len() as f64, (0.5..most * 1.5).log_scale())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(x_name)
            .y_desc("workers")
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .draw()
            .map_err(failed)?;
        let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(at, count)| {
            let left = at as f64 * width;
            Rectangle::new([(left, 0.5), (left + 0.9 * width, *count as f64)], COLOURS[0].filled())
        });
        chart.draw_series(bars).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    write_whole(path, text.as_bytes())
}
