//! Frames on a byte stream: a header of 36 bytes with its own checksum, then the body with another.
//!
//! ```text
//! magic u32 | kind u32 | worker u32 | round u64 | body length u64 | CRC-32 of the body u32 | CRC-32 of the header u32
//! ```
//!
//! All numbers are little-endian. A body that does not match its checksum is one lost frame; a header that does not is the
//! end of the stream, as nobody knows where the next frame begins. A length is compared with what the receiver allows
//! before anything is reserved, and memory grows only with the bytes that really come.

use std::io::{ErrorKind, Read};

use bytemuck::Pod;

/// "SFF1" in little-endian order.
const MAGIC: u32 = u32::from_le_bytes(*b"SFF1");
const HEADER: usize = 36;

/// The `worker` of a frame that is the same for all.
pub(super) const EVERYBODY: u32 = u32::MAX;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Kind {
    /// Worker to master, first: the token.
    Hello = 1,
    /// Master to worker: what the fleet is like.
    Welcome = 2,
    /// Master to worker: a shard begins.
    Shard = 3,
    /// Master to worker: a piece of it.
    ShardPart = 4,
    /// Worker to master: the shard is in its place.
    Loaded = 5,
    /// Master to worker: compute.
    Request = 6,
    /// Worker to master: the result.
    Reply = 7,
    /// Worker to the witness: the next reply is a lie. It never reaches the master's round.
    Truth = 8,
    /// Worker to master: it can't go on.
    Failed = 9,
    /// Master to worker: the end.
    Stop = 10,
}

impl Kind {
    fn from_u32(value: u32) -> Option<Self> {
        use Kind::{Failed, Hello, Loaded, Reply, Request, Shard, ShardPart, Stop, Truth, Welcome};
        [Hello, Welcome, Shard, ShardPart, Loaded, Request, Reply, Truth, Failed, Stop]
            .into_iter()
            .find(|k| *k as u32 == value)
    }
}

/// A frame without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) worker: u32,
    pub(super) round: u64,
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("the connection was closed")]
    Closed,
    #[error("nothing came for too long")]
    TimedOut,
    #[error("the connection failed: {0}")]
    Io(std::io::Error),
    #[error("the stream is broken: {0}")]
    Broken(&'static str),
    /// This frame is lost, the next one can be read.
    #[error("a frame does not match its checksum")]
    Corrupt(Header),
}

impl From<std::io::Error> for FrameError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => FrameError::Closed,
            ErrorKind::WouldBlock | ErrorKind::TimedOut => FrameError::TimedOut,
            _ => FrameError::Io(error),
        }
    }
}

/// Begins a frame in `out`, which is cleared; the body is appended by the caller, then [`finish`] completes it.
pub(super) fn begin(out: &mut Vec<u8>) {
    out.clear();
    out.resize(HEADER, 0);
}

/// Completes the frame that [`begin`] began.
pub(super) fn finish(header: Header, out: &mut [u8]) {
    let (head, body) = out.split_at_mut(HEADER);
    head[0..4].copy_from_slice(&MAGIC.to_le_bytes());
    head[4..8].copy_from_slice(&(header.kind as u32).to_le_bytes());
    head[8..12].copy_from_slice(&header.worker.to_le_bytes());
    head[12..20].copy_from_slice(&header.round.to_le_bytes());
    head[20..28].copy_from_slice(&(body.len() as u64).to_le_bytes());
    head[28..32].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    let check = crc32fast::hash(&head[..32]);
    head[32..36].copy_from_slice(&check.to_le_bytes());
}

/// A whole frame.
pub(super) fn encode(header: Header, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + body.len());
    begin(&mut out);
    out.extend_from_slice(body);
    finish(header, &mut out);
    out
}

/// Reads the next frame: its header, and its body of at most `limit` bytes into `body`.
pub(super) fn read(stream: &mut impl Read, limit: u64, body: &mut Vec<u8>) -> Result<Header, FrameError> {
    let mut head = [0u8; HEADER];
    stream.read_exact(&mut head)?;
    let u32_at = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
    if u32_at(0) != MAGIC {
        return Err(FrameError::Broken("not a frame"));
    }
    if crc32fast::hash(&head[..32]) != u32_at(32) {
        return Err(FrameError::Broken("a header does not match its checksum"));
    }
    let Some(kind) = Kind::from_u32(u32_at(4)) else { return Err(FrameError::Broken("a frame of unknown kind")) };
    let header = Header { kind, worker: u32_at(8), round: u64_at(12) };
    let length = u64_at(20);
    if length > limit {
        return Err(FrameError::Broken("a frame longer than allowed"));
    }
    // Old numbers must not pass for new ones, and a short body must not either.
    body.clear();
    let came = stream.by_ref().take(length).read_to_end(body)?;
    if came as u64 != length {
        return Err(FrameError::Closed);
    }
    if crc32fast::hash(body) != u32_at(28) {
        return Err(FrameError::Corrupt(header));
    }
    Ok(header)
}

/// Appends numbers as little-endian bytes.
pub(super) fn put<T: Pod>(values: &[T], out: &mut Vec<u8>) {
    if cfg!(target_endian = "little") || size_of::<T>() == 1 {
        out.extend_from_slice(bytemuck::cast_slice(values));
    } else {
        values.iter().for_each(|value| out.extend(bytemuck::bytes_of(value).iter().rev()));
    }
}

/// Appends the numbers of little-endian `bytes`; false, without appending, when they don't divide evenly.
pub(super) fn get<T: Pod>(bytes: &[u8], out: &mut Vec<T>) -> bool {
    if !bytes.len().is_multiple_of(size_of::<T>()) {
        return false;
    }
    if cfg!(target_endian = "little") || size_of::<T>() == 1 {
        out.extend(bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned::<T>));
    } else {
        let mut reversed = Vec::with_capacity(size_of::<T>());
        for chunk in bytes.chunks_exact(size_of::<T>()) {
            reversed.clear();
            reversed.extend(chunk.iter().rev());
            out.push(bytemuck::pod_read_unaligned(&reversed));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> Header {
        Header { kind: Kind::Reply, worker: 3, round: 1 << 40 }
    }

    #[test]
    fn frames_go_there_and_back() {
        let mut wire = encode(header(), b"body");
        wire.extend(encode(Header { kind: Kind::Stop, worker: EVERYBODY, round: 0 }, b""));
        let (stream, mut body) = (&mut &wire[..], vec![9; 100]);
        assert_eq!(read(stream, 4, &mut body).unwrap(), header());
        assert_eq!(body, b"body");
        assert_eq!(read(stream, 4, &mut body).unwrap().kind, Kind::Stop);
        assert!(body.is_empty());
        assert!(matches!(read(stream, 4, &mut body), Err(FrameError::Closed)));
    }

    #[test]
    fn a_length_beyond_the_limit_reserves_nothing() {
        let mut wire = encode(header(), b"");
        // A header that checks and promises 2^60 bytes.
        wire[20..28].copy_from_slice(&(1u64 << 60).to_le_bytes());
        let check = crc32fast::hash(&wire[..32]);
        wire[32..36].copy_from_slice(&check.to_le_bytes());
        let mut body = Vec::new();
        assert!(matches!(read(&mut &wire[..], 1 << 30, &mut body), Err(FrameError::Broken(_))));
        assert_eq!(body.capacity(), 0);
    }

    #[test]
    fn numbers_go_there_and_back() {
        let values = [1.5f64, -0.0, f64::NAN, f64::MAX];
        let (mut bytes, mut back) = (Vec::new(), Vec::new());
        put(&values, &mut bytes);
        assert_eq!(bytes[..8], 1.5f64.to_le_bytes());
        assert!(get::<f64>(&bytes, &mut back));
        assert!(back.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert!(!get::<f64>(&bytes[1..], &mut back));
        assert_eq!(back.len(), 4);
    }

    proptest! {
        #[test]
        fn one_changed_byte_is_noticed(body in prop::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, by in 1u8..) {
            let mut wire = encode(header(), &body);
            let at = at.index(wire.len());
            wire[at] ^= by;
            let mut got = Vec::new();
            let result = read(&mut &wire[..], 1000, &mut got);
            // CRC-32 finds every change of up to 32 neighbouring bits.
            if at < HEADER && !(HEADER - 8..HEADER - 4).contains(&at) {
                prop_assert!(matches!(result, Err(FrameError::Broken(_))));
            } else if at < HEADER {
                prop_assert!(matches!(result, Err(FrameError::Broken(_) | FrameError::Corrupt(_))));
            } else {
                prop_assert!(matches!(result, Err(FrameError::Corrupt(h)) if h == header()));
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(wire in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut body = Vec::new();
            prop_assert!(read(&mut &wire[..], 1000, &mut body).is_err());
        }
    }
}
