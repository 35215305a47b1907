//! Requests that some other web page makes a browser send.
//!
//! The doors change state and ask for no token. Command lines and SDKs send none of the headers looked at here, so that
//! nothing changes for them; a browser always says from where a request comes. A name that was rebound to this address does
//! not get so far: the server's certificate is not good for it.

use axum::http::{HeaderMap, Method, header};

/// Whether a door must stay shut: something is to change, and another page asks for it.
pub(super) fn foreign(method: &Method, headers: &HeaderMap) -> bool {
    if method == Method::GET || method == Method::HEAD {
        // Without a header that allows it, no other page can read the answer.
        return false;
    }
    let text = |name: header::HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or("?").to_ascii_lowercase());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return true;
    }
    let host = text(header::HOST).unwrap_or_default();
    text(header::ORIGIN).is_some_and(|origin| origin != format!("https://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &Method, given: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", header::HeaderValue::from_static("localhost:4443"));
        for (name, value) in given {
            headers.insert(*name, header::HeaderValue::from_static(value));
        }
        foreign(method, &headers)
    }

    #[test]
    fn programs_and_the_own_page_may_change_things_and_other_pages_may_not() {
        assert!(!asked(&Method::POST, &[]));
        assert!(!asked(&Method::POST, &[("origin", "https://localhost:4443"), ("sec-fetch-site", "same-origin")]));
        assert!(!asked(&Method::DELETE, &[("sec-fetch-site", "none")]));
        for other in ["https://evil.example", "null", "http://localhost:4443", "https://localhost:4444"] {
            assert!(asked(&Method::POST, &[("origin", other)]), "{other}");
        }
        assert!(asked(&Method::DELETE, &[("sec-fetch-site", "cross-site")]));
        assert!(asked(&Method::POST, &[("sec-fetch-site", "same-site")]));
        assert!(!asked(&Method::GET, &[("sec-fetch-site", "cross-site")]), "a link to the page");
    }
}
