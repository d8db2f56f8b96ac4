//! The table as a picture: a row a scheme, a column an attack, the darker the farther from the optimum.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use steadfast::trace::write_whole;
use steadfast::{Error, Result};

use super::{Row, short};

const CELL: (i32, i32) = (56, 26);
/// Room for the names of schemes, and of attacks.
const LEFT: i32 = 150;
const TOP: i32 = 120;
/// Room for redundancy and time.
const RIGHT: i32 = 190;

fn failed(e: impl std::fmt::Display) -> Error {
    Error::Numerical(format!("the heat map can't be drawn: {e}"))
}

/// White at 1e-8 and below, dark red at 1 and above; lightness falls all the way, for readers who see no colours.
fn colour(gap: f64) -> RGBColor {
    let share = ((gap.max(1e-300).log10() + 8.0) / 8.0).clamp(0.0, 1.0);
    let stops = [(255.0, 255.0, 250.0), (252.0, 196.0, 120.0), (214.0, 84.0, 50.0), (90.0, 10.0, 30.0)];
    let place = share * 3.0;
    // 0, 1 or 2: the stop below.
    let below = if place < 1.0 {
        0
    } else if place < 2.0 {
        1
    } else {
        2
    };
    let (a, b, part) = (stops[below], stops[below + 1], place - below as f64);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two numbers from 0 to 255")]
    let mix = |a: f64, b: f64| (a + part * (b - a)).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Writes the picture.
pub fn write(path: &Path, title: &str, attacks: &[String], rows: &[Row]) -> Result<()> {
    let across = i32::try_from(attacks.len()).map_err(failed)?;
    let down = i32::try_from(rows.len()).map_err(failed)?;
    let size = (LEFT + across * CELL.0 + RIGHT, TOP + down * CELL.1 + 40);
    let mut text = String::new();
    {
        let area =
            SVGBackend::with_string(&mut text, (size.0.unsigned_abs(), size.1.unsigned_abs())).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let font = |height: i32| ("sans-serif", height).into_font();
        let put = |text: &str, at: (i32, i32), height: i32, pos: HPos, ink: &RGBColor| {
            let style = font(height).color(ink).pos(Pos::new(pos, VPos::Center));
            area.draw_text(text, &style, at).map_err(failed)
        };
        let heading = format!("Relative gap to the optimum, {title}");
        put(&heading, (12, 20), 17, HPos::Left, &BLACK)?;
        for (name, x) in [("redundancy", 50), ("virtual us/step", 140)] {
            put(name, (LEFT + across * CELL.0 + x, TOP - 12), 11, HPos::Center, &BLACK)?;
        }
        for (at, attack) in (0..across).zip(attacks) {
            // Up from the column, and then to the right.
            let style =
                font(12).transform(FontTransform::Rotate270).color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw_text(attack, &style, (LEFT + at * CELL.0 + CELL.0 / 2, TOP - 6)).map_err(failed)?;
        }
        for (line, row) in (0..down).zip(rows) {
            let y = TOP + line * CELL.1;
            put(row.scheme, (LEFT - 8, y + CELL.1 / 2), 12, HPos::Right, &BLACK)?;
            for (at, cell) in (0..across).zip(&row.cells) {
                let x = LEFT + at * CELL.0;
                let fill = cell.relative_gap.map_or(RGBColor(225, 225, 225), colour);
                let corners = [(x, y), (x + CELL.0 - 2, y + CELL.1 - 2)];
                area.draw(&Rectangle::new(corners, fill.filled())).map_err(failed)?;
                let ink = if cell.relative_gap.is_some_and(|gap| gap > 1e-3) { WHITE } else { BLACK };
                let middle = (x + CELL.0 / 2 - 1, y + CELL.1 / 2 - 1);
                put(&short(cell.relative_gap), middle, 11, HPos::Center, &ink)?;
            }
            let x = LEFT + across * CELL.0;
            put(&format!("{:.2}", row.redundancy), (x + 50, y + CELL.1 / 2), 12, HPos::Center, &BLACK)?;
            put(&format!("{:.1}", 1e6 * row.virtual_seconds), (x + 140, y + CELL.1 / 2), 12, HPos::Center, &BLACK)?;
        }
        area.present().map_err(failed)?;
    }
    write_whole(path, text.as_bytes())
}
