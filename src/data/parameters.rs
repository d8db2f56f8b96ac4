//! `name:key=value,key=value`, the form in which the command line takes everything that has parameters.

use std::fmt::Display;
use std::str::FromStr;

use super::cell::{listed, quoted};
use crate::error::{Error, Result};

/// A parsed `name:key=value,…`. Take each parameter by its key, then call [`Parameters::finish`], which refuses what was
/// not taken.
///
/// ```
/// use steadfast::data::Parameters;
/// let mut given = Parameters::parse("--delay", "exponential:shift=1,mean=0.5")?;
/// assert_eq!(given.name(), "exponential");
/// let mean: f64 = given.take("mean", 1.0)?;
/// let shift: f64 = given.take("shift", 0.0)?;
/// given.finish()?;
/// assert_eq!((mean, shift), (0.5, 1.0));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Parameters {
    what: String,
    name: String,
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Parameters {
    /// Parses `text`; `what` (an option's name) stands in the errors.
    ///
    /// # Errors
    /// [`Error::Usage`] for a part that is not `key=value`, or a key given twice.
    pub fn parse(what: &str, text: &str) -> Result<Self> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let mut out = Parameters { what: what.into(), name: name.trim().into(), pairs: Vec::new(), known: Vec::new() };
        for part in rest.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let Some((key, value)) = part.split_once('=') else {
                return Err(Error::usage(what, quoted(part.as_bytes()), "name:key=value,key=value,..."));
            };
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            if out.pairs.iter().any(|(k, _)| *k == key) {
                return Err(Error::usage(what, format!("{} twice", quoted(key.as_bytes())), "each parameter once"));
            }
            out.pairs.push((key, value));
        }
        Ok(out)
    }

    /// What stands before the colon.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The parameter `key`, or `default` where it was not given.
    ///
    /// # Errors
    /// [`Error::Usage`] when it can't be read as a `V`.
    pub fn take<V: FromStr>(&mut self, key: &'static str, default: V) -> Result<V> {
        Ok(self.take_optional(key)?.unwrap_or(default))
    }

    /// The parameter `key`, which must be given.
    ///
    /// # Errors
    /// [`Error::Usage`] when it is absent or can't be read as a `V`.
    pub fn require<V: FromStr>(&mut self, key: &'static str) -> Result<V> {
        let found = self.take_optional(key)?;
        found.ok_or_else(|| {
            Error::usage(&self.what, format!("{} without {key}", quoted(self.name.as_bytes())), format!("{key}=..."))
        })
    }

    /// The parameter `key`, if it was given.
    ///
    /// # Errors
    /// [`Error::Usage`] when it can't be read as a `V`.
    pub fn take_optional<V: FromStr>(&mut self, key: &'static str) -> Result<Option<V>> {
        self.known.push(key);
        let Some(at) = self.pairs.iter().position(|(k, _)| k == key) else { return Ok(None) };
        let (_, value) = self.pairs.remove(at);
        match value.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => {
                let kind = std::any::type_name::<V>().rsplit("::").next().unwrap_or_default();
                let allowed = match kind {
                    "usize" | "u32" | "u64" => "a whole number, 0 or more",
                    "f64" | "f32" => "a number",
                    "bool" => "true or false",
                    _ => "another value",
                };
                Err(self.refuse(key, quoted(value.as_bytes()), allowed))
            }
        }
    }

    /// The error for a parameter with a value it may not have.
    pub fn refuse(&self, key: &str, got: impl Display, allowed: impl Into<String>) -> Error {
        Error::usage(format!("{} {}:{key}", self.what, self.name), got, allowed)
    }

    /// Checks that every parameter given was taken.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the first that was not, and those there are.
    pub fn finish(self) -> Result<()> {
        match self.pairs.first() {
            None => Ok(()),
            Some((key, _)) => {
                let allowed = if self.known.is_empty() { "no parameters".into() } else { listed(self.known.iter()) };
                Err(Error::usage(
                    format!("{} {}", self.what, self.name),
                    format!("an unknown parameter {}", quoted(key.as_bytes())),
                    allowed,
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_say_what_is_allowed() {
        let parse = |t: &str| Parameters::parse("--x", t);
        assert!(parse("a:b").unwrap_err().to_string().contains("key=value"));
        assert!(parse("a:b=1,b=2").unwrap_err().to_string().contains("`b` twice"));
        let mut p = parse(" a : b = x , c=2 ").unwrap();
        assert_eq!(p.name(), "a");
        let message = p.take::<usize>("b", 1).unwrap_err().to_string();
        assert!(message.contains("--x a:b") && message.contains("whole number"), "{message}");
        assert!(p.require::<f64>("d").unwrap_err().to_string().contains("without d"));
        let message = p.finish().unwrap_err().to_string();
        assert!(message.contains("`c`") && message.contains("`b`, `d`"), "{message}");
        assert!(parse("plain").unwrap().finish().is_ok());
    }
}
