//! Names with parameters, as on the command line: `name:key=value,key=value`.

use std::fmt::Display;
use std::str::FromStr;

use crate::error::{Error, Result, quoted};

/// A parsed `name:key=value,…`. Take each parameter the name knows, then call [`Params::finish`], which refuses those that
/// were not taken.
///
/// ```
/// use steadfast::params::Params;
/// let mut given = Params::parse("constraint", "box:lo=-1,hi=2.5")?;
/// assert_eq!(given.name(), "box");
/// let lo: f64 = given.take("lo", 0.0)?;
/// let hi: f64 = given.take("hi", 1.0)?;
/// given.finish()?;
/// assert_eq!((lo, hi), (-1.0, 2.5));
///
/// let mut given = Params::parse("constraint", "box:low=-1")?;
/// let _: f64 = given.take("lo", 0.0)?;
/// assert_eq!(given.finish().unwrap_err().to_string(), "constraint box: got `low=-1`; allowed: lo=…");
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    what: String,
    name: String,
    rest: String,
    /// Key and value, in the order given; a part without `=` has no key.
    given: Vec<(Option<String>, String)>,
    /// Keys asked for so far.
    known: Vec<&'static str>,
}

impl Params {
    /// Splits `text` into its name, keys and values, without the white space around each; `what` (an option, say) stands
    /// in the errors. Parts that are no `key=value` are refused by [`Params::finish`] only, so that a name whose parameter
    /// is a path can take it from [`Params::rest`] instead.
    ///
    /// # Errors
    /// [`Error::Usage`] for an empty name.
    pub fn parse(what: &str, text: &str) -> Result<Self> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        if name.is_empty() {
            return Err(Error::usage(what, quoted(text.as_bytes()), "name or name:key=value,…"));
        }
        let given = rest.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
            let pair = part.split_once('=').map(|(key, value)| (Some(key.trim().to_owned()), value.trim().to_owned()));
            pair.unwrap_or((None, part.to_owned()))
        });
        let given = given.collect();
        Ok(Params { what: what.into(), name: name.into(), rest: rest.into(), given, known: Vec::new() })
    }

    /// What stands before the colon.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands after the colon, as it is: for names whose parameter is a path.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// The value of `key`, or `default` if it was not given.
    ///
    /// # Errors
    /// [`Error::Usage`] when the value can't be read as a `T`.
    pub fn take<T: FromStr>(&mut self, key: &'static str, default: T) -> Result<T> {
        Ok(self.take_optional(key)?.unwrap_or(default))
    }

    /// The value of `key`, which must be given.
    ///
    /// # Errors
    /// [`Error::Usage`] when it is missing or can't be read as a `T`.
    pub fn require<T: FromStr>(&mut self, key: &'static str) -> Result<T> {
        let found = self.take_optional(key)?;
        found.ok_or_else(|| self.missing(key))
    }

    /// The value of `key`, or `None` if it was not given.
    ///
    /// # Errors
    /// [`Error::Usage`] when the value can't be read as a `T`.
    pub fn take_optional<T: FromStr>(&mut self, key: &'static str) -> Result<Option<T>> {
        self.take_within(key, readable::<T>(), |_| true)
    }

    /// The value of `key`, or `None` if it was not given; `fine` says which values may be, `allowed` says so in words.
    ///
    /// # Errors
    /// [`Error::Usage`] when the value can't be read as a `T` or is not fine.
    pub fn take_within<T: FromStr>(
        &mut self,
        key: &'static str,
        allowed: &str,
        fine: impl Fn(&T) -> bool,
    ) -> Result<Option<T>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let Some(at) = self.given.iter().position(|(k, _)| k.as_deref() == Some(key)) else { return Ok(None) };
        let (_, text) = self.given.remove(at);
        match text.parse() {
            Ok(value) if fine(&value) => Ok(Some(value)),
            _ => Err(self.refuse(key, quoted(text.as_bytes()), allowed)),
        }
    }

    /// The finite number of `key` above zero, or `default` if it was not given.
    ///
    /// # Errors
    /// [`Error::Usage`] for any other value.
    pub fn positive(&mut self, key: &'static str, default: f64) -> Result<f64> {
        let value = self.take_within(key, "a finite number above 0", |x: &f64| x.is_finite() && *x > 0.0)?;
        Ok(value.unwrap_or(default))
    }

    /// The whole number of `key`, at least 1, or `None` if it was not given.
    ///
    /// # Errors
    /// [`Error::Usage`] for any other value.
    pub fn count(&mut self, key: &'static str) -> Result<Option<usize>> {
        self.take_within(key, "a whole number, 1 or more", |&x: &usize| x > 0)
    }

    /// The error for a parameter that may not have its value.
    pub fn refuse(&self, key: &str, got: impl Display, allowed: impl Into<String>) -> Error {
        Error::usage(format!("{} {}:{key}", self.what, self.name), got, allowed)
    }

    /// The error for a parameter that must be given and was not.
    pub fn missing(&self, key: &str) -> Error {
        Error::usage(format!("{} {}", self.what, self.name), format!("no {key}"), format!("{}:{key}=…", self.name))
    }

    /// The error for a name that is none of the `allowed` ones.
    pub fn unknown(&self, allowed: impl Into<String>) -> Error {
        Error::usage(&self.what, quoted(self.name.as_bytes()), allowed)
    }

    /// The end: every given parameter must have been taken.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the first that was not (unknown, given twice, or no `key=value`), and the keys there are.
    pub fn finish(self) -> Result<()> {
        let Some((key, value)) = self.given.first() else { return Ok(()) };
        let what = format!("{} {}", self.what, self.name);
        let keys: Vec<String> = self.known.iter().map(|k| format!("{k}=…")).collect();
        let allowed = if keys.is_empty() { "no parameters".to_owned() } else { keys.join(",") };
        match key {
            Some(key) if self.known.contains(&key.as_str()) => {
                Err(Error::usage(what, format!("{} twice", quoted(key.as_bytes())), "each key once"))
            }
            Some(key) => Err(Error::usage(what, quoted(format!("{key}={value}").as_bytes()), allowed)),
            None => Err(Error::usage(what, quoted(value.as_bytes()), allowed)),
        }
    }
}

/// What a user may write for a Rust type.
fn readable<T>() -> &'static str {
    let kind = std::any::type_name::<T>();
    match kind.rsplit("::").next().unwrap_or(kind) {
        "f64" | "f32" => "a number",
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number, 0 or more",
        "bool" => "true or false",
        _ => "another value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Params {
        Params::parse("--x", text).unwrap()
    }

    #[test]
    fn reads_names_alone_and_with_parameters() {
        let params = parse(" logistic ");
        assert_eq!((params.name(), params.rest()), ("logistic", ""));
        params.finish().unwrap();

        let mut params = parse("scale: factor = -1e3 , entries=4,mean=2,");
        assert_eq!(params.take("factor", 1.0).unwrap(), -1e3);
        assert_eq!(params.count("entries").unwrap(), Some(4));
        assert_eq!(params.positive("mean", 1.0).unwrap(), 2.0);
        assert_eq!(params.take("seed", 7u64).unwrap(), 7);
        assert_eq!(params.take_optional::<f64>("absent").unwrap(), None);
        params.finish().unwrap();

        assert_eq!(parse("trace:").rest(), "");
        assert_eq!(parse("trace:/a/b=1,b=2.txt").rest(), "/a/b=1,b=2.txt");
    }

    #[test]
    fn errors_say_what_was_got_and_what_is_allowed() {
        let message = |e: Error| {
            assert_eq!(e.exit_status(), 2);
            e.to_string()
        };
        let end = |text: &str, key: &'static str| {
            let mut params = parse(text);
            params.take(key, 0usize).unwrap();
            message(params.finish().unwrap_err())
        };
        assert_eq!(
            message(Params::parse("--x", ":k=1").unwrap_err()),
            "--x: got `:k=1`; allowed: name or name:key=value,…"
        );
        assert_eq!(end("first:3", "k"), "--x first: got `3`; allowed: k=…");
        assert_eq!(end("first:=3", "k"), "--x first: got `=3`; allowed: k=…");
        assert_eq!(end("first:k=1,k=2", "k"), "--x first: got `k` twice; allowed: each key once");
        assert_eq!(end("first:k=1,j=2", "k"), "--x first: got `j=2`; allowed: k=…");
        assert_eq!(message(parse("all:k=1").finish().unwrap_err()), "--x all: got `k=1`; allowed: no parameters");
        for bad in ["first:k=x", "first:k=", "first:k=-1"] {
            let text = message(parse(bad).take("k", 1usize).unwrap_err());
            assert!(text.starts_with("--x first:k: got `"), "{text}");
            assert!(text.ends_with("allowed: a whole number, 0 or more"), "{text}");
        }
        assert_eq!(
            message(parse("first").require::<usize>("k").unwrap_err()),
            "--x first: got no k; allowed: first:k=…"
        );
        assert_eq!(
            message(parse("first:k=0").count("k").unwrap_err()),
            "--x first:k: got `0`; allowed: a whole number, 1 or more"
        );
        for bad in ["s:s=0", "s:s=-1", "s:s=nan", "s:s=inf"] {
            assert!(message(parse(bad).positive("s", 1.0).unwrap_err()).ends_with("a finite number above 0"));
        }
        assert_eq!(message(parse("lats").unknown("first, last")), "--x: got `lats`; allowed: first, last");
    }
}
