//! Two hundred people look on while rows move: what that costs the migration, and the server's memory.
//!
//! Migrations with and without onlookers alternate, so that a busy machine weighs on both alike. Onlookers are followers of the
//! events, each of which must get every event once, and requests for the list of migrations. The migration itself needs both
//! of a small machine's processors: whatever the onlookers take is missing there.
//!
//! `SENSEI_BENCH_SOURCE` and `SENSEI_BENCH_TARGET` name databases of your own, as URLs; without them rows are made up and dropped,
//! which is the hardest case: nothing but the migration's own work is slowed.
//!
//! Not timed by criterion: a measurement is two migrations of seconds each. `cargo test --release -p sensei-tests --no-run`
//! builds the server first.

#![expect(clippy::print_stdout, reason = "a bench shows its figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use std::{env, fs};

use sensei_tests::api::{KEY, Serve};
use sensei_tests::product::nowhere;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FOLLOWERS: usize = 200;
const LISTS_PER_SECOND: u64 = 100;
/// Pairs of migrations.
const ROUNDS: usize = 5;
/// Seconds of work for two processors, where no other source is named.
const SOURCE: &str = "datagen:tpch?scale=5";
/// Ticks of a processor's clock in a second, as `/proc` counts them.
const TICKS: f64 = 100.0;

/// How one migration went.
#[derive(Debug, Clone, Copy)]
struct Round {
    rows_per_second: f64,
    server_cpu_seconds: f64,
    onlookers_cpu_seconds: f64,
    memory_mib: f64,
    lists: u64,
    events: usize,
}

/// Processor seconds of a process: `self`, or its id.
fn cpu_seconds(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a running process");
    let after_name = stat.rsplit_once(')').expect("a name").1;
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).map(|t| t.parse::<f64>().expect("ticks")).sum();
    ticks / TICKS
}

/// Resident memory of a process.
fn memory_mib(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("memory");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

/// Reads the events of a migration to their end; the ids.
async fn follow(address: String, id: String) -> Vec<usize> {
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let ask = format!(
        "GET /v1/migrations/{id}/logs?follow=true HTTP/1.0\r\nAuthorization: Bearer {KEY}\r\nAccept: text/event-stream\r\nLast-Event-ID: 0\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).await.expect("sent");
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.expect("events");
    let said = String::from_utf8(said).expect("UTF-8");
    said.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}

/// Asks for the list of migrations, so many times a second, until it is told to stop; how often.
async fn list(address: String, stop: Arc<AtomicBool>) -> u64 {
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let ask = format!("GET /v1/migrations HTTP/1.1\r\nHost: sensei\r\nAuthorization: Bearer {KEY}\r\n\r\n");
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / LISTS_PER_SECOND));
    let (mut asked, mut buffer) = (0, vec![0; 256 << 10]);
    while !stop.load(Ordering::SeqCst) {
        tick.tick().await;
        stream.write_all(ask.as_bytes()).await.expect("sent");
        let mut filled = 0;
        loop {
            filled += stream.read(&mut buffer[filled..]).await.expect("an answer");
            let text = std::str::from_utf8(&buffer[..filled]).expect("UTF-8");
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).expect("a length");
            if body.len() >= length.parse().expect("a number") {
                break;
            }
        }
        asked += 1;
    }
    asked
}

/// All onlookers of one migration, on one thread; what each of them saw, and how often the list was asked for.
fn look_on(address: &str, id: &str, stop: &Arc<AtomicBool>) -> (Vec<Vec<usize>>, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let followers: Vec<_> =
            (0..FOLLOWERS).map(|_| tokio::spawn(follow(address.to_owned(), id.to_owned()))).collect();
        let lists = tokio::spawn(list(address.to_owned(), Arc::clone(stop)));
        let mut seen = Vec::new();
        for follower in followers {
            seen.push(follower.await.expect("a follower"));
        }
        stop.store(true, Ordering::SeqCst);
        (seen, lists.await.expect("lists"))
    })
}

fn round(serve: &Serve, onlookers: bool) -> Round {
    let id = serve.create(&json!({
        "name": "Followed", "source": {"connection_id": "conn_from"}, "target": {"connection_id": "conn_to"},
        "options": {"on_existing": "replace"},
    }));
    serve.wait_for(&id, &["approved"]);
    let address = serve.base.trim_start_matches("http://").to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let looking = onlookers.then(|| {
        let (id, stop) = (id.clone(), Arc::clone(&stop));
        thread::spawn(move || look_on(&address, &id, &stop))
    });
    // All of them are there before the first row.
    thread::sleep(Duration::from_secs(1));
    let process = serve.id().to_string();
    let (server, own) = (cpu_seconds(&process), cpu_seconds("self"));
    serve.command(&format!("/v1/migrations/{id}/start")).is(202);
    let mut memory: f64 = 0.0;
    let done = loop {
        thread::sleep(Duration::from_millis(250));
        memory = memory.max(memory_mib(serve.id()));
        let migration = serve.get(&format!("/v1/migrations/{id}")).is(200);
        match migration["status"].as_str().expect("a status") {
            "completed" => break migration,
            "failed" => panic!("{migration:#}"),
            _ => {}
        }
    };
    let (server, own) = (cpu_seconds(&process) - server, cpu_seconds("self") - own);
    let (seen, lists) = looking.map(|l| l.join().expect("onlookers")).unwrap_or_default();
    let events = seen.first().map_or(0, Vec::len);
    for (who, ids) in seen.iter().enumerate() {
        assert!(ids.iter().copied().eq(1..=events), "follower {who} of {FOLLOWERS} saw {ids:?}, not 1 to {events}");
    }
    let metrics = serve.get(&format!("/v1/migrations/{id}/metrics")).is(200);
    assert_eq!(done["metrics"]["records_processed"], done["metrics"]["records_total"]);
    Round {
        rows_per_second: metrics["throughput"]["average_records_per_second"].as_f64().expect("a rate"),
        server_cpu_seconds: server,
        onlookers_cpu_seconds: own,
        memory_mib: memory,
        lists,
        events,
    }
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(of).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = format!("sqlite:{}", folder.path().join("state.db").display());
    let limits = json!({"limits": {"requests_per_second": 10_000, "request_burst": 10_000}});
    let serve = Serve::start_with(folder.path(), &state, limits);
    let source = env::var("SENSEI_BENCH_SOURCE").unwrap_or_else(|_| SOURCE.to_owned());
    serve.connect("conn_from", "From", &source);
    serve.connect("conn_to", "To", &env::var("SENSEI_BENCH_TARGET").unwrap_or_else(|_| nowhere()));
    round(&serve, false);
    let (mut alone, mut followed) = (Vec::new(), Vec::new());
    println!("{source}, {FOLLOWERS} followers, {LISTS_PER_SECOND} lists a second");
    println!("onlookers      rows/s   server cpu s   onlookers cpu s   memory MiB   events   lists");
    for _ in 0..ROUNDS {
        for (onlookers, rounds) in [(false, &mut alone), (true, &mut followed)] {
            let round = round(&serve, onlookers);
            println!(
                "{:>9} {:>11.0} {:>14.2} {:>17.2} {:>12.1} {:>8} {:>7}",
                if onlookers { "200" } else { "none" },
                round.rows_per_second,
                round.server_cpu_seconds,
                round.onlookers_cpu_seconds,
                round.memory_mib,
                round.events,
                round.lists,
            );
            rounds.push(round);
        }
    }
    let slower = median(&alone, |r| r.rows_per_second) / median(&followed, |r| r.rows_per_second);
    let dearer = median(&followed, |r| r.server_cpu_seconds) / median(&alone, |r| r.server_cpu_seconds);
    let larger = median(&followed, |r| r.memory_mib) / median(&alone, |r| r.memory_mib);
    println!("time {slower:.3}x, the server's processor time {dearer:.3}x, its memory {larger:.3}x");
}
