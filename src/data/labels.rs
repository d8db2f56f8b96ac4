//! Reading labels as what a task needs: real numbers, two classes, or several.

use super::cell::{listed, quoted};
use super::dataset::Labels;
use crate::error::{Error, Result};

/// Most classes a multi-class task may have.
pub const MAX_CLASSES: usize = 1000;

/// Up to this many distinct whole numbers are taken for classes however few the rows are; see [`Labels::infer`].
const FEW_CLASSES: usize = 20;

/// What the labels look like, and so which task they ask for when none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelKind {
    /// Two distinct labels: logistic regression.
    Binary,
    /// That many classes, three or more: softmax.
    MultiClass(usize),
    /// Real numbers: squared loss.
    Real,
}

/// The distinct numbers in ascending order; -0 counts as 0.
fn distinct(y: &[f64]) -> Vec<f64> {
    let mut values: Vec<f64> = y.iter().map(|v| v + 0.0).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    values
}

/// The classes that occur among `names`, in their order.
fn occurring(index: &[u32], names: &[String]) -> Vec<u32> {
    let mut seen = vec![false; names.len()];
    index.iter().for_each(|&c| seen[c as usize] = true);
    (0..).zip(seen).filter_map(|(c, s): (u32, bool)| s.then_some(c)).collect()
}

impl Labels {
    /// What task the labels ask for. Two distinct labels are binary. Three or more are classes when they are text, or
    /// when they are whole numbers of magnitude at most [`MAX_CLASSES`] that repeat: at most [`MAX_CLASSES`] distinct
    /// ones, and either at most 20 or ten rows a class on average (whole-number targets such as a price, which hardly
    /// repeat, are real). All else is real.
    ///
    /// # Errors
    /// [`Error::Input`] when all labels are the same: there is nothing to learn, unless a task is named all the same.
    ///
    /// ```
    /// use steadfast::data::{LabelKind, Labels};
    /// assert_eq!(Labels::Real(vec![-1.0, 1.0, 1.0]).infer()?, LabelKind::Binary);
    /// assert_eq!(Labels::Real(vec![0.0, 1.0, 2.0, 1.0]).infer()?, LabelKind::MultiClass(3));
    /// assert_eq!(Labels::Real(vec![0.5, 1.0, 2.0]).infer()?, LabelKind::Real);
    /// assert!(Labels::Real(vec![1.0, 1.0]).infer().is_err());
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn infer(&self) -> Result<LabelKind> {
        let one = || Err(wrong_count(&self.coded().1, "two or more distinct labels, to tell the task"));
        Ok(match self {
            Labels::Classes { index, names } => match occurring(index, names).len() {
                0 | 1 => return one(),
                2 => LabelKind::Binary,
                k => LabelKind::MultiClass(k),
            },
            Labels::Real(y) => {
                let values = distinct(y);
                let k = values.len();
                if k < 2 {
                    return one();
                }
                let whole = values.iter().all(|v| v.fract() == 0.0 && v.abs() <= MAX_CLASSES as f64);
                match k {
                    2 => LabelKind::Binary,
                    3..=MAX_CLASSES if whole && (k <= FEW_CLASSES || y.len() / k >= 10) => LabelKind::MultiClass(k),
                    _ => LabelKind::Real,
                }
            }
        })
    }

    /// The labels as -1 and +1, the smaller label (or the name first in order) being -1, with the two names.
    ///
    /// # Errors
    /// [`Error::Input`] unless exactly two distinct labels occur.
    pub fn binary(&self) -> Result<(Vec<f64>, [String; 2])> {
        let (class, names) = self.coded();
        match <[String; 2]>::try_from(names) {
            Ok(names) => Ok((class.iter().map(|&c| if c == 0.0 { -1.0 } else { 1.0 }).collect(), names)),
            Err(names) => Err(wrong_count(&names, "two distinct labels, for a binary task")),
        }
    }

    /// The labels as -1 and +1 for a model whose class names are `names`, in its order.
    ///
    /// # Errors
    /// [`Error::Input`] for a label that is neither.
    pub fn binary_as(&self, names: &[String; 2]) -> Result<Vec<f64>> {
        Ok(self.classes_as(names)?.iter().map(|&c| if c == 0.0 { -1.0 } else { 1.0 }).collect())
    }

    /// The labels as classes 0, 1, ... with the names, which are in ascending order (numeric where all are numbers).
    /// Names that no row carries are left out.
    ///
    /// # Errors
    /// [`Error::Input`] for one class only or for more than [`MAX_CLASSES`].
    pub fn classes(&self) -> Result<(Vec<f64>, Vec<String>)> {
        let (class, names) = self.coded();
        if (2..=MAX_CLASSES).contains(&names.len()) {
            Ok((class, names))
        } else {
            Err(wrong_count(&names, &format!("2 to {MAX_CLASSES} classes")))
        }
    }

    /// The labels as classes of a model whose class names are `names`. Names that are numbers match by value.
    ///
    /// # Errors
    /// [`Error::Input`] for a label that is none of them.
    pub fn classes_as(&self, names: &[String]) -> Result<Vec<f64>> {
        let (class, own) = self.coded();
        let find = |name: &String| {
            let number = name.parse::<f64>().ok();
            names
                .iter()
                .position(|n| n == name)
                .or_else(|| names.iter().position(|n| number.is_some() && n.parse::<f64>().ok() == number))
                .map(|at| at as f64)
                .ok_or_else(|| {
                    Error::input(
                        "labels",
                        format!("a class {} that the model lacks", quoted(name.as_bytes())),
                        listed(names.iter()),
                    )
                })
        };
        let to = own.iter().map(find).collect::<Result<Vec<f64>>>()?;
        Ok(class.iter().map(|&c| to[c as usize]).collect())
    }

    /// The labels as real numbers.
    ///
    /// # Errors
    /// [`Error::Input`] for a class whose name is not a finite number.
    pub fn real(&self) -> Result<Vec<f64>> {
        match self {
            Labels::Real(y) => Ok(y.clone()),
            Labels::Classes { index, names } => {
                let number = |name: &String| match name.parse::<f64>() {
                    Ok(x) if x.is_finite() => Ok(x),
                    _ => Err(Error::input(
                        "labels",
                        format!("the text {}", quoted(name.as_bytes())),
                        "numbers, for this task",
                    )),
                };
                let values = names.iter().map(number).collect::<Result<Vec<f64>>>()?;
                Ok(index.iter().map(|&c| values[c as usize]).collect())
            }
        }
    }

    /// The labels of `rows`, in that order.
    ///
    /// # Panics
    /// When an entry of `rows` is not a row.
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Labels::Real(y) => Labels::Real(rows.iter().map(|&i| y[i]).collect()),
            Labels::Classes { index, names } => {
                Labels::Classes { index: rows.iter().map(|&i| index[i]).collect(), names: names.clone() }
            }
        }
    }

    /// These labels and then `more`, as one column would have been read: numbers where all are, else names in ascending order.
    pub fn joined(&self, more: &Self) -> Self {
        if let (Labels::Real(first), Labels::Real(more)) = (self, more) {
            return Labels::Real(first.iter().chain(more).copied().collect());
        }
        let named = |labels: &Self| -> Vec<String> {
            match labels {
                // In their shortest form, as a reader does it.
                Labels::Real(y) => y.iter().map(f64::to_string).collect(),
                Labels::Classes { index, names } => index.iter().map(|&c| names[c as usize].clone()).collect(),
            }
        };
        let all: Vec<String> = [self, more].into_iter().flat_map(named).collect();
        let mut names = all.clone();
        names.sort_unstable();
        names.dedup();
        let index = all.iter().map(|name| names.partition_point(|known| known < name) as u32).collect();
        Labels::Classes { index, names }
    }

    /// Class of each row among those that occur, and their names.
    fn coded(&self) -> (Vec<f64>, Vec<String>) {
        match self {
            Labels::Real(y) => {
                let values = distinct(y);
                // The search finds every label: `values` holds them all, in the same total order.
                let place = |v: &f64| values.partition_point(|x| x.total_cmp(&(v + 0.0)).is_lt()) as f64;
                (y.iter().map(place).collect(), values.iter().map(f64::to_string).collect())
            }
            Labels::Classes { index, names } => {
                let kept = occurring(index, names);
                let place = |c: &u32| kept.partition_point(|k| k < c) as f64;
                (index.iter().map(place).collect(), kept.iter().map(|&c| names[c as usize].clone()).collect())
            }
        }
    }
}

fn wrong_count(names: &[String], allowed: &str) -> Error {
    let got = match names.len() {
        1 => format!("one class only, {}", listed(names.iter())),
        k => format!("{k} distinct labels: {}", listed(names.iter())),
    };
    Error::input("labels", got, allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(labels: &[&str]) -> Labels {
        let mut names: Vec<String> = labels.iter().map(ToString::to_string).collect();
        names.sort();
        names.dedup();
        let index = labels.iter().map(|l| names.iter().position(|n| n == l).unwrap() as u32).collect();
        Labels::Classes { index, names }
    }

    #[test]
    fn joined_labels_are_read_as_one_column() {
        let (numbers, names) = (Labels::Real(vec![2.0, 0.5]), text(&["b", "a", "b"]));
        assert_eq!(numbers.joined(&Labels::Real(vec![-1.0])), Labels::Real(vec![2.0, 0.5, -1.0]));
        assert_eq!(names.joined(&text(&["c", "a"])), text(&["b", "a", "b", "c", "a"]));
        assert_eq!(numbers.joined(&names), text(&["2", "0.5", "b", "a", "b"]));
    }

    #[test]
    fn binary_labels_are_mapped_in_ascending_order() {
        let (y, names) = Labels::Real(vec![2.0, 10.0, 2.0]).binary().unwrap();
        assert_eq!((y, names), (vec![-1.0, 1.0, -1.0], ["2".to_string(), "10".to_string()]));
        let (y, names) = text(&["yes", "no"]).binary().unwrap();
        assert_eq!((y, names), (vec![1.0, -1.0], ["no".to_string(), "yes".to_string()]));
        let message = Labels::Real(vec![1.0; 3]).binary().unwrap_err().to_string();
        assert!(message.contains("one class only, `1`"), "{message}");
        assert!(Labels::Real(vec![1.0, 2.0, 3.0]).binary().unwrap_err().to_string().contains("3 distinct"));
        assert_eq!(Labels::Real(vec![-0.0, 0.0, 1.0]).binary().unwrap().0, [-1.0, -1.0, 1.0]);
    }

    #[test]
    fn numeric_classes_are_named_in_numeric_order() {
        let (y, names) = Labels::Real(vec![10.0, 9.0, -1.0, 9.0]).classes().unwrap();
        assert_eq!(y, [2.0, 1.0, 0.0, 1.0]);
        assert_eq!(names, ["-1", "9", "10"]);
        assert!(Labels::Real(vec![5.0]).classes().is_err());
        assert!(Labels::Real((0..1001).map(f64::from).collect()).classes().is_err());
    }

    #[test]
    fn a_test_set_is_read_with_the_models_names() {
        let names = ["-1".to_string(), "1".to_string()];
        assert_eq!(Labels::Real(vec![1.0, 1.0]).binary_as(&names).unwrap(), [1.0, 1.0]);
        assert_eq!(text(&["+1", "-1.0"]).binary_as(&names).unwrap(), [1.0, -1.0]);
        let message = Labels::Real(vec![3.0]).classes_as(&names).unwrap_err().to_string();
        assert!(message.contains("`3`") && message.contains("`-1`, `1`"), "{message}");
    }

    #[test]
    fn inference_tells_classes_from_counts() {
        assert_eq!(text(&["a", "b"]).infer().unwrap(), LabelKind::Binary);
        assert_eq!(text(&["a", "b", "c"]).infer().unwrap(), LabelKind::MultiClass(3));
        let repeated = |k: u32, times: u32| Labels::Real((0..k * times).map(|i| f64::from(i % k)).collect());
        assert_eq!(repeated(26, 10).infer().unwrap(), LabelKind::MultiClass(26));
        assert_eq!(repeated(26, 9).infer().unwrap(), LabelKind::Real);
        assert_eq!(repeated(20, 1).infer().unwrap(), LabelKind::MultiClass(20));
        assert_eq!(repeated(1001, 20).infer().unwrap(), LabelKind::Real);
        assert_eq!(Labels::Real(vec![1e6, 2e6, 3e6]).infer().unwrap(), LabelKind::Real);
        for one in [Labels::Real(vec![1.0; 4]), text(&["a", "a"])] {
            assert!(one.infer().unwrap_err().to_string().contains("one class only"));
        }
        assert!(text(&["3", "x"]).real().is_err());
        assert_eq!(text(&["3", "0.5"]).real().unwrap(), [3.0, 0.5]);
    }
}
