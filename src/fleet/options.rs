//! The `name:key=value,…` texts of this module, taken apart: one name, then numbers by key.

use crate::error::{Error, Result};

/// A name with its numbers; each is taken once, and [`Options::finish`] refuses what nobody took.
#[derive(Debug)]
pub(super) struct Options<'a> {
    what: &'static str,
    pub(super) name: &'a str,
    pairs: Vec<(&'a str, &'a str)>,
    taken: Vec<&'static str>,
}

impl<'a> Options<'a> {
    /// Takes `text` apart; `what` names the option in errors.
    pub(super) fn parse(what: &'static str, text: &'a str) -> Result<Self> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for part in rest.split(',').filter(|part| !part.is_empty()) {
            let pair = part.split_once('=').ok_or_else(|| Error::usage(what, text, "name:key=value,…"))?;
            if pairs.iter().any(|(key, _)| *key == pair.0) {
                return Err(Error::usage(what, format!("{} twice in {text}", pair.0), "each key once"));
            }
            pairs.push(pair);
        }
        Ok(Options { what, name, pairs, taken: Vec::new() })
    }

    /// The text of `key`, if it is there.
    fn take(&mut self, key: &'static str) -> Option<&'a str> {
        self.taken.push(key);
        let at = self.pairs.iter().position(|(k, _)| *k == key)?;
        Some(self.pairs.swap_remove(at).1)
    }

    /// The number of `key`, if it is there; `fine` says which numbers are, `allowed` says so in words.
    pub(super) fn maybe(
        &mut self,
        key: &'static str,
        allowed: &str,
        fine: impl Fn(f64) -> bool,
    ) -> Result<Option<f64>> {
        let Some(text) = self.take(key) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && fine(number) => Ok(Some(number)),
            _ => Err(Error::usage(format!("{} {}:{key}", self.what, self.name), text, allowed)),
        }
    }

    /// The number of `key`, else `default`.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: f64,
        allowed: &str,
        fine: impl Fn(f64) -> bool,
    ) -> Result<f64> {
        Ok(self.maybe(key, allowed, fine)?.unwrap_or(default))
    }

    /// A number above zero.
    pub(super) fn positive(&mut self, key: &'static str, default: f64) -> Result<f64> {
        self.number(key, default, "a finite number above 0", |x| x > 0.0)
    }

    /// The whole number of `key`, if it is there and at least 1.
    pub(super) fn count(&mut self, key: &'static str) -> Result<Option<usize>> {
        let Some(text) = self.take(key) else { return Ok(None) };
        match text.parse::<usize>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(Error::usage(format!("{} {}:{key}", self.what, self.name), text, "a whole number from 1")),
        }
    }

    /// Refuses keys that nobody took.
    pub(super) fn finish(self) -> Result<()> {
        match self.pairs.first() {
            None => Ok(()),
            Some((key, _)) if self.taken.is_empty() => {
                Err(Error::usage(format!("{} {}", self.what, self.name), key, "no parameters"))
            }
            Some((key, _)) => Err(Error::usage(format!("{} {}", self.what, self.name), key, self.taken.join(", "))),
        }
    }
}
