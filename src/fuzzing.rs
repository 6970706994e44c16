//! The entry points of `fuzz/`, for parsers that are not public. Compiled by `cargo fuzz` only. The unit tests of the modules
//! check the same properties.

/// Checks the properties of request heads.
pub fn head(data: &[u8]) {
    crate::transport::fuzzing::head(data);
}

/// Checks the properties of chunked bodies.
pub fn chunked(data: &[u8]) {
    crate::transport::fuzzing::chunked(data);
}

/// Checks the properties of everything that instances exchange. The first byte selects the format.
#[cfg(feature = "redis")]
pub fn cluster(data: &[u8]) {
    let [format, data @ ..] = data else { return };
    match format % 3 {
        0 => crate::broker::fuzzing::frame(data),
        1 => crate::cluster::fuzzing::frame(data),
        _ => crate::server::fuzzing::message(data),
    }
}
