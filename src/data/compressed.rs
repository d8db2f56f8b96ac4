//! Opens a data file whatever it is packed in: plain, gzip or xz, told apart by its first bytes and not by its name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use crate::error::{Error, Result};

/// Bytes read ahead at each layer.
const BUFFER: usize = 1 << 16;

/// Memory an xz stream may ask for. `xz -9` needs 65 MiB; only a crafted header asks for more than this.
const XZ_MEMORY: u64 = 1 << 30;

/// The longest magic number looked for.
const MAGIC: usize = 6;

/// Opens `path` for reading, unpacking gzip (also several members in a row) and xz (also several streams).
///
/// # Errors
/// [`Error::Io`] when the file is missing or can't be read, [`Error::Input`] when it is empty or packed in a format that
/// is not read here. A stream that turns out damaged while it is read gives an [`io::Error`]; see [`stream_error`].
pub fn open(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    let unreadable = |source| Error::Io { action: "read", path: path.to_owned(), before_work: true, source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::with_capacity(MAGIC);
    Read::by_ref(&mut file).take(MAGIC as u64).read_to_end(&mut head).map_err(unreadable)?;
    if head.is_empty() {
        return Err(Error::input(path.display().to_string(), "an empty file", "a file with data"));
    }
    unpack(head, file, &path.display().to_string())
}

/// A reader of what `head` (the first bytes) and `rest` hold, unpacked.
fn unpack(head: Vec<u8>, rest: impl Read + Send + 'static, name: &str) -> Result<Box<dyn BufRead + Send>> {
    let packed_in =
        |format: &str| Err(Error::input(name, format!("a {format} archive"), "a plain, gzip (.gz) or xz (.xz) file"));
    match head.as_slice() {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return packed_in("zstd"),
        [b'P', b'K', 3, 4, ..] => return packed_in("zip"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => return packed_in("bzip2"),
        _ => {}
    }
    let gzip = head.starts_with(&[0x1f, 0x8b]);
    let xz = head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]);
    let source = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(rest));
    Ok(if gzip {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(source)))
    } else if xz {
        let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)
            .map_err(|e| Error::input(name, format!("an xz stream that can't be opened ({e})"), "an xz file"))?;
        Box::new(BufReader::with_capacity(BUFFER, XzDecoder::new_stream(source, stream)))
    } else {
        Box::new(source)
    })
}

/// The error for a read that failed part way through `name`, after `line` whole lines: a damaged or truncated compressed
/// stream is [`Error::Input`], a failure of the system is [`Error::Io`].
pub fn stream_error(name: &str, line: u64, source: io::Error) -> Error {
    if source.raw_os_error().is_some() {
        return Error::reading(name)(source);
    }
    let what = if source.kind() == io::ErrorKind::UnexpectedEof { "truncated" } else { "damaged" };
    Error::input(
        format!("{name}, after line {line}"),
        format!("a {what} compressed stream ({source})"),
        "a complete .gz or .xz file",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        w.write_all(bytes).unwrap();
        w.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut w = liblzma::write::XzEncoder::new(Vec::new(), 6);
        w.write_all(bytes).unwrap();
        w.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), bytes)?;
        let mut out = Vec::new();
        open(file.path()).map_err(io::Error::other)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn the_same_text_comes_out_of_each_packing() {
        let text: Vec<u8> = (0..300_000u32).map(|i| b'a' + (i % 7) as u8).collect();
        assert_eq!(read(text.clone()).unwrap(), text);
        assert_eq!(read(gzip(&text)).unwrap(), text);
        assert_eq!(read(xz(&text)).unwrap(), text);
        assert_eq!(read([gzip(b"one "), gzip(b"two")].concat()).unwrap(), b"one two");
        assert_eq!(read([xz(b"one "), xz(b"two")].concat()).unwrap(), b"one two");
        for short in [&b"1"[..], b"1\n", b"\x1f", b"\xfd7z"] {
            assert_eq!(read(short.to_vec()).unwrap(), short);
        }
    }

    #[test]
    fn a_cut_stream_is_an_error_at_every_length() {
        for packed in [gzip(b"1 1:2 2:3\n"), xz(b"1 1:2 2:3\n")] {
            for cut in MAGIC..packed.len() {
                let error = read(packed[..cut].to_vec()).unwrap_err();
                let message = stream_error("x.gz", 3, error).to_string();
                assert!(message.contains("truncated") || message.contains("damaged"), "{cut}: {message}");
            }
        }
    }

    #[test]
    fn other_archives_and_missing_files_are_named() {
        assert!(read(b"PK\x03\x04....".to_vec()).unwrap_err().to_string().contains("zip archive"));
        assert!(read(b"BZh91AY".to_vec()).unwrap_err().to_string().contains("bzip2"));
        assert!(read(Vec::new()).unwrap_err().to_string().contains("empty file"));
        let error = open(Path::new("no/such/file.svm")).err().unwrap();
        assert_eq!(error.exit_status(), 2);
        assert!(error.to_string().contains("no/such/file.svm"), "{error}");
        assert_eq!(open(Path::new(".")).err().unwrap().exit_status(), 2);
    }
}
