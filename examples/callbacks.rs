//! Two ends of a measurement of the WebSub hub, for `scripts/bench-hub.mjs`.
//!
//! `callbacks serve ADDRESSES SIZE` serves topics of SIZE bytes and callbacks on 127.0.0.1 and the addresses after it,
//! and prints its port. A topic is new at each fetch; a callback confirms each verification and accepts each delivery.
//!
//! `callbacks post ADDRESSES SIZE PORT COUNT PER_HOST` is the least work that a hub has to do: COUNT deliveries to these
//! callbacks with the hub's HTTP client, without a store. It prints its CPU time for each in microseconds.

#![allow(clippy::print_stdout, reason = "a program of the command line")]

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use faye_server::fetch::{Class, Fetch, Reach, Repeat};
use faye_server::metrics::Metrics;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, LINK, USER_AGENT};
use hyper::{Request, Uri};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| -> Outcome<usize> { Ok(words.get(at).ok_or("a number is missing")?.parse()?) };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build()?;
    match words.first().map(String::as_str) {
        Some("serve") => runtime.block_on(serve(number(1)?, number(2)?)),
        Some("post") => runtime.block_on(post(number(1)?, number(2)?, number(3)?, number(4)?, number(5)?)),
        _ => Err("serve or post".into()),
    }
}

fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + u32::try_from(number).unwrap_or(0))
}

/// What has been received.
#[derive(Default)]
struct Count {
    deliveries: AtomicU64,
    fetches: AtomicU64,
}

async fn serve(addresses: usize, size: usize) -> Outcome<()> {
    let first = TcpListener::bind((address(0), 0)).await?;
    let port = first.local_addr()?.port();
    let mut listeners = vec![first];
    for number in 1..addresses {
        listeners.push(TcpListener::bind((address(number), port)).await?);
    }
    println!("{port}");
    let count = Arc::new(Count::default());
    let mut tasks = JoinSet::new();
    for listener in listeners {
        let count = Arc::clone(&count);
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    // The hub ends connections.
                    let _ = connection(stream, &count, size).await;
                });
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn connection(mut stream: TcpStream, count: &Count, size: usize) -> Outcome<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let head = loop {
            if let Some(end) = memmem::find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
        let length = text.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let end = head + length.unwrap_or(0);
        while buffer.len() < end {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let target = String::from_utf8_lossy(&buffer[..head]).split(' ').nth(1).unwrap_or("/").to_owned();
        let answer = if buffer.starts_with(b"POST") {
            count.deliveries.fetch_add(1, Ordering::Relaxed);
            b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
        } else {
            get(&target, count, size)
        };
        buffer.drain(..end);
        stream.write_all(&answer).await?;
    }
}

fn get(target: &str, count: &Count, size: usize) -> Vec<u8> {
    let body = if target.starts_with("/topic") {
        let number = count.fetches.fetch_add(1, Ordering::Relaxed);
        let mut body = format!("{number:020}").into_bytes();
        body.resize(size, b'x');
        body
    } else if target == "/count" {
        count.deliveries.load(Ordering::Relaxed).to_string().into_bytes()
    } else {
        let challenge = target.split(['?', '&']).find_map(|word| word.strip_prefix("hub.challenge="));
        challenge.unwrap_or_default().as_bytes().to_vec()
    };
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.into_bytes(), body].concat()
}

async fn post(addresses: usize, size: usize, port: usize, count: usize, per_host: usize) -> Outcome<()> {
    let networks = ["127.0.0.0/8".parse()?];
    let reach = Reach::Networks(Arc::from(networks.as_slice()));
    let fetch = Fetch::of_class(Class::Callbacks, reach, Repeat::Any, &Metrics::default());
    let body = Bytes::from(vec![b'x'; size]);
    let begin = (Instant::now(), cpu_time()?);
    let mut tasks = JoinSet::new();
    for worker in 0..addresses * per_host {
        let (fetch, body) = (fetch.clone(), body.clone());
        tasks.spawn(async move {
            let host = worker % addresses;
            let mut number = worker;
            while number < count {
                let url: Uri = format!("http://{}:{port}/callback/{number}", address(host)).parse()?;
                let request = Request::post(url)
                    .header(USER_AGENT, "faye/0 (+https://hub.example/hub)")
                    .header(
                        LINK,
                        "<https://hub.example/hub>; rel=\"hub\", <http://127.0.0.1/topic>; rel=\"self\"",
                    )
                    .header(CONTENT_TYPE, "text/plain")
                    .body(Full::new(body.clone()))?;
                let response = fetch.submit(request, Duration::from_secs(10)).await?;
                if !response.status().is_success() {
                    return Err(format!("the callback has answered {}", response.status()).into());
                }
                number += addresses * per_host;
            }
            Outcome::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let cpu = (cpu_time()? - begin.1).as_secs_f64();
    println!("{:.3} {:.3}", cpu * 1e6 / count as f64, begin.0.elapsed().as_secs_f64());
    Ok(())
}

/// The CPU time of this process, in steps of 10 ms.
fn cpu_time() -> Outcome<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let words: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = words[11].parse::<u64>()? + words[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}
