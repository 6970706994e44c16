//! The paths of the Bayeux server: the mount and all paths below it. CometD clients append `/handshake`, `/connect` and so on;
//! EventSource appends the client identifier.

/// The path of the Bayeux server.
#[derive(Debug, Clone)]
pub struct Mount {
    /// Without a trailing slash; empty for `/`.
    path: String,
}

impl Mount {
    /// Creates a mount from its setting, which begins with `/`.
    #[must_use]
    pub fn new(setting: &str) -> Self {
        Self { path: setting.trim_end_matches('/').to_owned() }
    }

    /// Returns the path as it appears in URLs.
    #[must_use]
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// Whether a path belongs to the Bayeux server. Dot segments are resolved first, as in browsers and Faye.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        let path = resolve(path);
        let Some(rest) = path.strip_prefix(&self.path) else { return false };
        match rest.as_bytes().first() {
            None | Some(b'/') => true,
            // `/faye.html` is the mount with an extension.
            Some(b'.') => rest.len() > 1 && !rest[1..].contains('.'),
            Some(_) => false,
        }
    }

    /// Returns the last segment; empty for `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or("")
    }

    /// Returns the name of the script or source map in a path: its last segment. Dot segments before it have no effect.
    #[must_use]
    pub fn script(path: &str) -> Option<&str> {
        path.rsplit('/').next().filter(|name| name.ends_with(".js") || name.ends_with(".map"))
    }
}

/// Removes `.` and `..` segments (RFC 3986, section 5.2.4), plain or percent-encoded.
fn resolve(path: &str) -> std::borrow::Cow<'_, str> {
    let is_dot = |segment: &str| segment == "." || segment.eq_ignore_ascii_case("%2e");
    let is_dots = |segment: &str| {
        segment.len() <= 6
            && matches!(segment.to_ascii_lowercase().as_str(), ".." | ".%2e" | "%2e." | "%2e%2e")
    };
    if !path.split('/').any(|segment| is_dot(segment) || is_dots(segment)) {
        return path.into();
    }
    let mut resolved: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if is_dots(segment) {
            resolved.pop();
        } else if !is_dot(segment) {
            resolved.push(segment);
            continue;
        }
        if is_last {
            resolved.push("");
        }
    }
    format!("/{}", resolved.join("/")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_mount() {
        let mount = Mount::new("/faye");
        for inside in [
            "/faye",
            "/faye/",
            "/faye//",
            "/faye/x/y",
            "/faye.html",
            "/faye/a.b",
            "/faye/a.b.c",
            "/x/../faye",
            "/./faye",
        ] {
            assert!(mount.contains(inside), "{inside}");
        }
        for outside in [
            "/",
            "/Faye",
            "/fayefoo",
            "/faye.",
            "/xfaye",
            "/faye%2Fx",
            "//faye",
            "/faye/../other",
            "/faye/%2e%2E/other",
            "/faye.a.b",
        ] {
            assert!(!mount.contains(outside), "{outside}");
        }
        assert!(Mount::new("/").contains("/anything") && Mount::new("/").contains("/"));
    }
}
