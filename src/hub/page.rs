//! The page of the hub: forms that post to it, and their results. It works without scripts. It must not know how
//! requests are executed.

use bytes::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderName};
use hyper::{Response, StatusCode};

use super::refusal::Refusal;
use super::response::{add_headers, put, typed};
use super::status::Lines;
use super::submit::Submitted;
use crate::config::TopicPolicy;
use crate::peer::Head;

const SHELL: &str = include_str!("page/shell.html");
const FORMS: &str = include_str!("page/forms.html");

/// The files that the page loads: name, type, text. Colours and type are those of the page at `/`.
const FILES: [(&str, &str, &str); 3] = [
    ("style.css", "text/css; charset=utf-8", include_str!("../admin/page/style.css")),
    ("hub.css", "text/css; charset=utf-8", include_str!("page/hub.css")),
    ("icon.svg", "image/svg+xml", include_str!("../admin/page/icon.svg")),
];

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Returns a file of the page.
pub(super) fn file(name: &str) -> Option<Response<Bytes>> {
    let (_, kind, text) = FILES.into_iter().find(|(own, ..)| *own == name)?;
    Some(typed(StatusCode::OK, kind, Bytes::from_static(text.as_bytes())))
}

/// Whether the request of a browser accepts a page.
pub(super) fn is_wanted(head: &Head) -> bool {
    let kinds = head.all("accept").flat_map(|value| value.split(|byte| *byte == b','));
    kinds.filter_map(|kind| std::str::from_utf8(kind).ok()).any(|kind| {
        let (kind, parameters) = kind.split_once(';').unwrap_or((kind, ""));
        let is_refused = parameters
            .trim()
            .strip_prefix("q=0")
            .is_some_and(|rest| rest.bytes().all(|byte| matches!(byte, b'.' | b'0')));
        kind.trim().eq_ignore_ascii_case("text/html") && !is_refused
    })
}

/// The page, with the settings in it.
pub(super) struct Page {
    /// With `{title}` and `{content}`.
    shell: String,
    forms: String,
    /// Where the forms are.
    path: String,
}

impl Page {
    /// Creates the page of a hub.
    pub(super) fn new(url: &str, path: &str, folder: &str, policy: TopicPolicy) -> Self {
        let accepted = match policy {
            TopicPolicy::Open => "It accepts every topic.",
            TopicPolicy::Advertised => "It accepts topics that name it as their hub.",
            TopicPolicy::Listed => "It accepts the topics that its operator has listed.",
        };
        let fill = |text: &str| {
            let text = text.replace("{version}", env!("CARGO_PKG_VERSION")).replace("{accepted}", accepted);
            text.replace("{path}", &escape(path))
                .replace("{folder}", &escape(folder))
                .replace("{url}", &escape(url))
        };
        Self { shell: fill(SHELL), forms: fill(FORMS), path: escape(path) }
    }

    /// Returns the forms.
    pub(super) fn forms(&self) -> Response<Bytes> {
        self.respond(StatusCode::OK, "WebSub hub", &self.forms)
    }

    /// Returns the result of a form.
    pub(super) fn result(&self, submitted: &Submitted, folder: &str) -> Response<Bytes> {
        let (status, title, text) = match submitted {
            Submitted::Published => {
                let text = "The hub fetches the topic if it has subscribers, and sends them its content if it has changed.";
                (StatusCode::OK, "Published", text.to_owned())
            }
            Submitted::Confirmed => (StatusCode::OK, "Confirmed", "The callback has confirmed.".to_owned()),
            Submitted::Pending(token) => {
                let link = format!("{}/subscription/{}", escape(folder), escape(token));
                let text = format!(
                    "The hub asks the callback to confirm it. <a href=\"{link}\">The status page of the request</a> \
                     shows the result."
                );
                (StatusCode::ACCEPTED, "Request accepted", text)
            }
        };
        self.panel(status, title, &format!("<p role=\"status\">{text}</p>"))
    }

    /// Returns why a form was refused.
    pub(super) fn problem(&self, refusal: &Refusal) -> Response<Bytes> {
        let text = format!("<p class=\"problem\" role=\"alert\">{}</p>", escape(&refusal.to_string()));
        let mut response = self.panel(refusal.status(), "Request refused", &text);
        add_headers(&mut response, refusal);
        response
    }

    /// Returns a status page.
    pub(super) fn status(&self, lines: &Lines) -> Response<Bytes> {
        let rows: String = lines
            .iter()
            .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value)))
            .collect();
        self.panel(StatusCode::OK, "Status of a request", &format!("<dl class=\"facts\">{rows}</dl>"))
    }

    /// Returns a result, and a way back to the forms.
    fn panel(&self, status: StatusCode, title: &str, content: &str) -> Response<Bytes> {
        let content = format!(
            "<section class=\"panel result\"><h1>{title}</h1>{content}<p class=\"links\"><a href=\"{}\">Back to the \
             hub</a></p></section>",
            self.path
        );
        self.respond(status, title, &content)
    }

    fn respond(&self, status: StatusCode, title: &str, content: &str) -> Response<Bytes> {
        let html = self.shell.replace("{title}", title).replace("{content}", content);
        let mut response = typed(status, "text/html; charset=utf-8", html.into());
        put(&mut response, CONTENT_SECURITY_POLICY, POLICY);
        // With no-referrer a browser sends `Origin: null` with a form.
        put(&mut response, HeaderName::from_static("referrer-policy"), "same-origin");
        response
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
