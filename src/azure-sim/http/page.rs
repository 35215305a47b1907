//! The page at `/_sim/`, as it lies in this program.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Nothing but the page's own files runs, and nothing is fetched from elsewhere. Nobody may frame it.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// Beneath `/_sim/`.
static FILES: [(&str, &str, &str); 18] = [
    ("", HTML, include_str!("../web/index.html")),
    ("web/base.css", CSS, include_str!("../web/base.css")),
    ("web/parts.css", CSS, include_str!("../web/parts.css")),
    ("web/icon.svg", PICTURE, include_str!("../web/icon.svg")),
    ("web/main.js", SCRIPT, include_str!("../web/main.js")),
    ("web/dom.js", SCRIPT, include_str!("../web/dom.js")),
    ("web/format.js", SCRIPT, include_str!("../web/format.js")),
    ("web/source.js", SCRIPT, include_str!("../web/source.js")),
    ("web/tabs.js", SCRIPT, include_str!("../web/tabs.js")),
    ("web/resources.js", SCRIPT, include_str!("../web/resources.js")),
    ("web/details.js", SCRIPT, include_str!("../web/details.js")),
    ("web/journal.js", SCRIPT, include_str!("../web/journal.js")),
    ("web/deliveries.js", SCRIPT, include_str!("../web/deliveries.js")),
    ("web/phones.js", SCRIPT, include_str!("../web/phones.js")),
    ("web/actions.js", SCRIPT, include_str!("../web/actions.js")),
    ("web/faults.js", SCRIPT, include_str!("../web/faults.js")),
    ("web/fault-form.js", SCRIPT, include_str!("../web/fault-form.js")),
    ("web/form.js", SCRIPT, include_str!("../web/form.js")),
];

/// A file of the page; `None` for any other path.
pub(super) fn answer(method: &Method, path: &str) -> Option<Response> {
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    if path == "/_sim" {
        // Relative names in the page need the slash.
        return Some((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "/_sim/")]).into_response());
    }
    let name = path.strip_prefix("/_sim/")?;
    let (_, kind, text) = FILES.iter().find(|(known, _, _)| *known == name)?;
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The next version of the program has other files under the same names.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    let body = if method == Method::HEAD { Body::empty() } else { Body::from(*text) };
    Some((headers, body).into_response())
}
