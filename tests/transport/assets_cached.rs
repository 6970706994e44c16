//! What a browser or cache may keep of the client's script, and in which coding it gets it.

use std::io::Read;
use std::time::Duration;

use crate::support::script::*;
use crate::support::*;

const FAR: &str = "Fri, 31 Dec 9999 23:59:59 GMT";

#[test]
fn who_names_the_tag_that_it_has_is_not_sent_the_file_again() {
    let faye = Faye::start(&[]);
    let tag = header(&faye.get("/faye/client.js"), "ETag").to_owned();
    let bare = tag.trim_matches('"');
    for given in [
        tag.clone(),
        bare.to_owned(),
        format!("W/{tag}"),
        "*".to_owned(),
        format!("\"other\", W/\"another\",{tag}"),
        format!("{bare} , \"other\""),
        format!(",, {tag} ,"),
    ] {
        // The date is not looked at.
        let past = ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_kept(&get(&faye, "/faye/client.js", &[("If-None-Match", &given)]), &tag);
        assert_kept(&get(&faye, "/faye.js", &[("If-None-Match", &given), past]), &tag);
    }
    let lines = [("If-None-Match", "\"other\""), ("If-None-Match", tag.as_str())];
    assert_kept(&get(&faye, "/faye/client.js", &lines), &tag);
    let wrong = [
        "",
        "\"\"",
        "\"",
        "W/",
        "\"*\"",
        "\"other\"",
        &bare[1..],
        &format!("{bare}0"),
        &format!("\"{bare}-br\""),
        &format!("\"{bare}-gzip\""),
        "\u{e9}",
    ];
    for given in wrong {
        let headers = [("If-None-Match", given), ("If-Modified-Since", FAR)];
        assert_whole(&get(&faye, "/faye/client.js", &headers), "faye-browser-min.js");
    }
    // Each file has a tag of its own.
    assert_whole(&get(&faye, "/faye/faye-browser.js", &[("If-None-Match", &tag)]), "faye-browser.js");
}

#[test]
fn who_has_a_file_of_the_date_is_not_sent_it_again() {
    let faye = Faye::start(&[]);
    let script = faye.get("/faye/client.js");
    let (tag, date) = (header(&script, "ETag"), header(&script, "Last-Modified"));
    let made = httpdate::parse_http_date(date).expect("a date");
    let format = |time| httpdate::fmt_http_date(time);
    let second = Duration::from_secs(1);
    for kept in [date, &format(made + second), FAR] {
        assert_kept(&get(&faye, "/faye/client.js", &[("If-Modified-Since", kept)]), tag);
    }
    for other in
        [&format(made - second), "Thu, 01 Jan 1970 00:00:00 GMT", "", "yesterday", "9999999999", "\u{e9}"]
    {
        let response = get(&faye, "/faye/client.js", &[("If-Modified-Since", other)]);
        assert_whole(&response, "faye-browser-min.js");
    }
    let map = faye.get("/faye/faye-browser.js.map");
    assert_eq!(header(&map, "Last-Modified"), date, "one date for all");
}

#[test]
fn who_takes_gzip_gets_it() {
    let faye = Faye::start(&[]);
    let plain = header(&faye.get("/faye/client.js"), "ETag").to_owned();
    for taken in [
        "gzip",
        "GZip",
        "x-gzip",
        "gzip, deflate, br, zstd",
        "br;q=1.0, gzip;q=0.8, *;q=0.1",
        "gzip ; q=0.001",
        "*",
        "*;q=0.5",
        "identity;q=0.5, gzip;Q=0.5",
        "identity;q=0, gzip;q=0.1",
    ] {
        for (target, name) in
            [("/faye/client.js", "faye-browser-min.js"), ("/faye/faye-browser.js.map", "faye-browser.js.map")]
        {
            let response = get(&faye, target, &[("Accept-Encoding", taken)]);
            assert_eq!(response.status, 200);
            assert_eq!(response.header("Content-Encoding"), Some("gzip"), "{taken}");
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(response.body.as_slice()).read_to_end(&mut unpacked).expect("gzip");
            assert!(unpacked == built(name), "{name}");
        }
        let response = get(&faye, "/faye/client.js", &[("Accept-Encoding", taken)]);
        assert_eq!(header(&response, "ETag"), format!("{}-gzip\"", plain.trim_end_matches('"')));
        assert_eq!(header(&response, "Vary"), "Accept-Encoding");
    }
}

#[test]
fn who_does_not_take_gzip_does_not_get_it() {
    let faye = Faye::start(&[]);
    for refused in [
        "",
        "identity",
        "br, zstd",
        "gzip;q=0",
        "gzip;q=0.000, *",
        "*;q=0",
        "gzip;q=0.5, identity;q=0.6",
        "gzip;q=nan",
        "gzip;q=-1",
        "gzip;q=2",
        "gzip;q=",
        "gzipped",
        ";q=1",
        ",",
    ] {
        let response = get(&faye, "/faye/client.js", &[("Accept-Encoding", refused)]);
        assert_whole(&response, "faye-browser-min.js");
        assert_eq!(header(&response, "Vary"), "Accept-Encoding", "{refused}");
    }
}

#[test]
fn each_coding_has_a_tag_and_only_a_coding_that_can_be_used_is_kept() {
    let faye = Faye::start(&[]);
    let plain = header(&faye.get("/faye/client.js"), "ETag").to_owned();
    let gzip = header(&get_packed(&mut faye.http()), "ETag").to_owned();
    assert_ne!(plain, gzip);
    let ask = |coding: &str, known: &str| {
        get(&faye, "/faye/client.js", &[("Accept-Encoding", coding), ("If-None-Match", known)])
    };
    let both = format!("{plain}, {gzip}");
    for (coding, known, answered) in [
        ("gzip", gzip.as_str(), &gzip),
        ("gzip", gzip.trim_matches('"'), &gzip),
        ("gzip", &format!("W/{gzip}"), &gzip),
        ("gzip", &plain, &plain),
        ("gzip", &both, &gzip),
        ("gzip", "*", &gzip),
        ("gzip;q=0.5, identity", &gzip, &gzip),
        ("gzip;q=0.5, identity", &both, &plain),
        ("br", &both, &plain),
        ("br", "*", &plain),
    ] {
        assert_kept(&ask(coding, known), answered);
    }
    // A cache that has the compressed one only must not give it to a client that cannot read it.
    for coding in ["", "br", "gzip;q=0"] {
        assert_whole(&ask(coding, &gzip), "faye-browser-min.js");
    }
    let response = ask("gzip, identity;q=0", &plain);
    assert_eq!((response.status, header(&response, "Content-Encoding")), (200, "gzip"));
    let date = header(&response, "Last-Modified");
    let headers = [("Accept-Encoding", "gzip"), ("If-Modified-Since", date)];
    assert_kept(&get(&faye, "/faye/client.js", &headers), &gzip);
}

#[test]
fn a_script_may_be_kept_for_a_while_and_not_for_good() {
    let faye = Faye::start(&[]);
    for target in ["/faye/client.js", "/faye/faye-browser.js.map"] {
        let policy = faye.get(target);
        assert_eq!(header(&policy, "Cache-Control"), "public, max-age=3600, stale-while-revalidate=86400");
    }
}

#[test]
fn many_at_once_get_the_same() {
    let faye = Faye::start(&[]);
    let bodies: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| get_packed(&mut faye.http()).body)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert!(bodies.iter().all(|body| *body == bodies[0] && !body.is_empty()));
}
