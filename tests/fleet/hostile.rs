//! Workers and strangers on the wire that don't keep to the protocol.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use steadfast::fleet::tcp::{Invitation, serve_worker};
use steadfast::fleet::{FaultPlan, Faults, Fleet, Gather, Round, TcpFleet};
use steadfast::seed::Seed;

use crate::device::{load, reply, run_product};
use crate::tcp::{Plain, assert_same_as_simulated, deadline, patient};

/// A frame as the module documents it, written here by hand.
fn frame(kind: u32, worker: u32, round: u64, body: &[u8]) -> Vec<u8> {
    let mut head = b"SFF1".to_vec();
    head.extend(kind.to_le_bytes());
    head.extend(worker.to_le_bytes());
    head.extend(round.to_le_bytes());
    head.extend((body.len() as u64).to_le_bytes());
    head.extend(crc32fast::hash(body).to_le_bytes());
    head.extend(crc32fast::hash(&head).to_le_bytes());
    [&head, body].concat()
}

/// Reads one frame; returns its kind, round and body.
fn read_frame(stream: &mut TcpStream) -> std::io::Result<(u32, u64, Vec<u8>)> {
    let mut head = [0; 36];
    stream.read_exact(&mut head)?;
    let mut body = vec![0; u64::from_le_bytes(head[20..28].try_into().unwrap()) as usize];
    stream.read_exact(&mut body)?;
    Ok((u32::from_le_bytes(head[4..8].try_into().unwrap()), u64::from_le_bytes(head[12..20].try_into().unwrap()), body))
}

/// Kinds of frames.
const HELLO: u32 = 1;
const SHARD: u32 = 3;
const LOADED: u32 = 5;
const REQUEST: u32 = 6;
const REPLY: u32 = 7;
const STOP: u32 = 10;

/// A worker that answers every request with `answer(round)`.
fn hostile(invitation: &Invitation, answer: impl Fn(u64) -> Vec<u8> + Send + 'static) {
    let mut command = Command::new("true");
    invitation.give(&mut command);
    let env =
        |name: &str| command.get_envs().find(|(k, _)| *k == name).unwrap().1.unwrap().to_str().unwrap().to_string();
    let (master, token) = (env("STEADFAST_MASTER"), env("STEADFAST_TOKEN"));
    let worker = invitation.worker() as u32;
    std::thread::spawn(move || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(master)?;
        stream.write_all(&frame(HELLO, worker, 0, token.as_bytes()))?;
        loop {
            match read_frame(&mut stream)? {
                (SHARD, ..) => stream.write_all(&frame(LOADED, worker, 0, &[]))?,
                (REQUEST, round, _) => stream.write_all(&answer(round))?,
                (STOP, ..) => return Ok(()),
                _ => {}
            }
        }
    });
}

#[test]
fn frames_that_do_not_check_are_erasures() {
    let good = |round| frame(REPLY, 0, round, &[0; 96]);
    let answers: [fn(u64) -> Vec<u8>; 8] = [
        // A changed byte in the body, a body of another length, a body that is no numbers, another worker's number.
        |round| {
            let mut wire = frame(REPLY, 0, round, &[0; 96]);
            wire[40] ^= 1;
            wire
        },
        |round| frame(REPLY, 0, round, &[0; 88]),
        |round| frame(REPLY, 0, round, &[0; 95]),
        |round| frame(REPLY, 1, round, &[0; 96]),
        // A changed header, nonsense, a frame that masters send, a frame beyond what was asked for.
        |round| {
            let mut wire = frame(REPLY, 0, round, &[0; 96]);
            wire[13] ^= 1;
            wire
        },
        |_| vec![7; 500],
        |round| frame(REQUEST, 0, round, &[0; 96]),
        |round| frame(REPLY, 0, round, &[0; 8000]),
    ];
    assert_eq!(good(0).len(), 36 + 8 * 12);
    for (case, answer) in answers.into_iter().enumerate() {
        let mut fleet = TcpFleet::<f64>::start(Faults::none(2), deadline(20_000), &mut |invitation| {
            if invitation.worker() == 0 {
                hostile(invitation, answer);
            } else {
                let invitation = invitation.clone();
                std::thread::spawn(move || serve_worker(&invitation, &Plain(Duration::ZERO)));
            }
            Ok(None)
        })
        .unwrap();
        load(&mut fleet, 2);
        let mut round = Round::new(2);
        for number in 0..4 {
            run_product(&mut fleet, &mut round, number, Gather::All).unwrap();
            assert_eq!(round.missing(), [0], "case {case}");
            assert_same_as_simulated::<f64>(&round, number, &FaultPlan::new(2, Seed(1)));
        }
    }
}

#[test]
fn answers_nobody_asked_for_change_nothing() {
    // Before each answer: one to an older round, one to a later round; after it: a second answer with other numbers.
    let answer = |round: u64| {
        let honest: Vec<u8> = (0..12).flat_map(|i| f64::from(i).to_le_bytes()).collect();
        let other = [1u8; 96];
        let older = frame(REPLY, 0, round.wrapping_sub(1), &other);
        [older, frame(REPLY, 0, round + 9, &other), frame(REPLY, 0, round, &honest), frame(REPLY, 0, round, &other)]
            .concat()
    };
    let mut fleet = TcpFleet::<f64>::start(Faults::none(1), deadline(20_000), &mut |invitation| {
        hostile(invitation, answer);
        Ok(None)
    })
    .unwrap();
    load(&mut fleet, 1);
    let mut round = Round::new(1);
    for number in 0..5 {
        run_product(&mut fleet, &mut round, number, Gather::All).unwrap();
        assert_eq!(reply(&round, 0), (0..12).map(f64::from).collect::<Vec<_>>());
    }
    assert_eq!(fleet.counters().floats_up, 5 * 12);
}

#[test]
fn strangers_are_refused() {
    let mut fleet = TcpFleet::<f64>::start(Faults::none(2), patient(), &mut |invitation| {
        let mut stranger = Command::new("true");
        invitation.give(&mut stranger);
        let master = stranger.get_envs().find(|(k, _)| *k == "STEADFAST_MASTER").unwrap().1.unwrap();
        let master: std::net::SocketAddr = master.to_str().unwrap().parse().unwrap();
        // One who says nothing, one who knows the protocol but not the token, one who talks nonsense.
        std::mem::forget(TcpStream::connect(master)?);
        TcpStream::connect(master)?.write_all(&frame(1, 0, 0, &[b'0'; 64]))?;
        TcpStream::connect(master)?.write_all(&[0; 1000])?;
        let invitation = invitation.clone();
        std::thread::spawn(move || {
            // The strangers come first: if one of them were let in, it would have the worker's place.
            std::thread::sleep(Duration::from_millis(200));
            serve_worker(&invitation, &Plain(Duration::ZERO))
        });
        Ok(None)
    })
    .unwrap();
    load(&mut fleet, 2);
    let mut round = Round::new(2);
    run_product(&mut fleet, &mut round, 0, Gather::All).unwrap();
    assert!(round.missing().is_empty());
    assert_same_as_simulated::<f64>(&round, 0, &FaultPlan::new(2, Seed(1)));
}
