//! Names with parameters, as on the command line: `name:key=value,key=value`.

use crate::error::{Error, Result};
use std::str::FromStr;

/// A parsed `name:key=value,…`. Take each parameter the name knows, then call [`Params::finish`], which refuses those that
/// were not taken.
///
/// ```
/// use steadfast::params::Params;
/// let mut params = Params::parse("box:lo=-1,hi=2.5")?;
/// assert_eq!(params.name(), "box");
/// let lo: f64 = params.take("lo", 0.0)?;
/// let hi: f64 = params.take("hi", 1.0)?;
/// params.finish()?;
/// assert_eq!((lo, hi), (-1.0, 2.5));
///
/// let mut params = Params::parse("box:low=-1")?;
/// let _: f64 = params.take("lo", 0.0)?;
/// assert_eq!(params.finish().unwrap_err().to_string(), "box: got low=-1; allowed: lo=…");
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    name: String,
    rest: String,
    /// Key and value, in the order given.
    given: Vec<(String, String)>,
    /// Keys asked for so far.
    known: Vec<String>,
}

impl Params {
    /// Splits `text` into its name, key and values. White space around each is dropped.
    ///
    /// # Errors
    /// [`Error::Usage`] for an empty name, a key or a value that is missing beside its `=`, or a key given twice.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        if name.is_empty() {
            return Err(Error::usage("name", format!("`{text}`"), "name or name:key=value,…"));
        }
        let mut given: Vec<(String, String)> = Vec::new();
        for part in rest.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            // A part without `=` waits for `finish` to refuse it: it may be a path that the caller takes from `rest`.
            let (key, value) = part.split_once('=').map_or(("", part), |(k, v)| (k.trim(), v.trim()));
            if value.is_empty() || (key.is_empty() && part.contains('=')) {
                return Err(Error::usage(name, format!("`{part}`"), "key=value,…"));
            }
            if !key.is_empty() && given.iter().any(|(k, _)| k == key) {
                return Err(Error::usage(name, format!("{key} twice"), "each key once"));
            }
            given.push((key.to_owned(), value.to_owned()));
        }
        Ok(Params { name: name.to_owned(), rest: rest.to_owned(), given, known: Vec::new() })
    }

    /// What stands before the colon.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands after the colon, unparsed: for names whose parameter is a path.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// The value of `key`, or `default` if it was not given.
    ///
    /// # Errors
    /// [`Error::Usage`] when the value can't be read as a `T`.
    pub fn take<T: FromStr>(&mut self, key: &str, default: T) -> Result<T> {
        Ok(self.take_optional(key)?.unwrap_or(default))
    }

    /// The value of `key`, which must be given.
    ///
    /// # Errors
    /// [`Error::Usage`] when it is missing or can't be read as a `T`.
    pub fn require<T: FromStr>(&mut self, key: &str) -> Result<T> {
        let name = self.name.clone();
        self.take_optional(key)?
            .ok_or_else(|| Error::usage(name.as_str(), format!("no {key}"), format!("{name}:{key}=…")))
    }

    /// The value of `key`, or `None` if it was not given.
    ///
    /// # Errors
    /// [`Error::Usage`] when the value can't be read as a `T`.
    pub fn take_optional<T: FromStr>(&mut self, key: &str) -> Result<Option<T>> {
        if !self.known.iter().any(|k| k == key) {
            self.known.push(key.to_owned());
        }
        let Some(at) = self.given.iter().position(|(k, _)| k == key) else { return Ok(None) };
        let (_, value) = self.given.remove(at);
        let kind = std::any::type_name::<T>();
        value.parse().map(Some).map_err(|_| Error::usage(format!("{}: {key}", self.name), &value, allowed_value(kind)))
    }

    /// The end: every given parameter must have been taken.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the first that was not, and the keys that are allowed.
    pub fn finish(self) -> Result<()> {
        let Some((key, value)) = self.given.first() else { return Ok(()) };
        let keys: Vec<String> = self.known.iter().map(|k| format!("{k}=…")).collect();
        let allowed = if keys.is_empty() { "no parameters".to_owned() } else { keys.join(",") };
        let got = if key.is_empty() { value.clone() } else { format!("{key}={value}") };
        Err(Error::usage(self.name.as_str(), got, allowed))
    }
}

/// What a user may write for a Rust type.
fn allowed_value(kind: &str) -> String {
    match kind {
        "f64" | "f32" => "a number".into(),
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number of at least 0".into(),
        "bool" => "true or false".into(),
        other => format!("a {}", other.rsplit("::").next().unwrap_or(other).to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_alone_and_with_parameters() {
        let params = Params::parse(" logistic ").unwrap();
        assert_eq!((params.name(), params.rest()), ("logistic", ""));
        params.finish().unwrap();

        let mut params = Params::parse("scale: factor = -1e3 , entries=4,").unwrap();
        assert_eq!(params.take("factor", 1.0).unwrap(), -1e3);
        assert_eq!(params.require::<usize>("entries").unwrap(), 4);
        assert_eq!(params.take("seed", 7u64).unwrap(), 7);
        assert_eq!(params.take_optional::<f64>("absent").unwrap(), None);
        params.finish().unwrap();

        assert_eq!(Params::parse("trace:").unwrap().rest(), "");
        assert_eq!(Params::parse("trace:/a/b.txt").unwrap().rest(), "/a/b.txt");
    }

    #[test]
    fn errors_say_what_was_got_and_what_is_allowed() {
        let message = |e: Error| e.to_string();
        assert_eq!(message(Params::parse(":k=1").unwrap_err()), "name: got `:k=1`; allowed: name or name:key=value,…");
        let mut params = Params::parse("first:3").unwrap();
        params.take("k", 0usize).unwrap();
        assert_eq!(message(params.finish().unwrap_err()), "first: got 3; allowed: k=…");
        assert_eq!(message(Params::parse("first:=3").unwrap_err()), "first: got `=3`; allowed: key=value,…");
        assert_eq!(message(Params::parse("first:k=").unwrap_err()), "first: got `k=`; allowed: key=value,…");
        assert_eq!(message(Params::parse("first:k=1,k=2").unwrap_err()), "first: got k twice; allowed: each key once");
        let mut params = Params::parse("first:k=x").unwrap();
        assert_eq!(
            message(params.take("k", 1usize).unwrap_err()),
            "first: k: got x; allowed: a whole number of at least 0"
        );
        let mut params = Params::parse("first").unwrap();
        assert_eq!(message(params.require::<usize>("k").unwrap_err()), "first: got no k; allowed: first:k=…");
        let mut params = Params::parse("first:k=1,j=2").unwrap();
        params.take("k", 0usize).unwrap();
        params.take("l", 0usize).unwrap();
        assert_eq!(message(params.finish().unwrap_err()), "first: got j=2; allowed: k=…,l=…");
        assert_eq!(
            message(Params::parse("all:k=1").unwrap().finish().unwrap_err()),
            "all: got k=1; allowed: no parameters"
        );
    }
}
