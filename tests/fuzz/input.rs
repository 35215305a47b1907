//! From bytes to requests. The form is that of HTTP itself, so that inputs can be read and written by hand:
//!
//! ```text
//! PUT {A}?api-version=2025-09-01
//! authorization: {token}
//! content-type: application/json
//!
//! {"location": "global"}
//! ~~~~ 30
//! GET {A}?api-version=2025-09-01
//! ```
//!
//! `~~~~` ends a request; the number behind it is the seconds until the next one. Words in braces stand for what an input
//! could not guess, such as a token, or for what would make it large; [`crate::ground`] has the list.
//!
//! Two words before a step make something else of it. `IDENTITY GET /path` is sent to the listener of managed identities. And
//! `ANSWER 503`, with headers and body as above, is what the next call outwards is answered; `ANSWER late` and `ANSWER cut` are
//! answers that do not come.

use azure_sim::model::{Answered, Request};

/// Requests per input: enough for a life (made, changed, looked at, deleted, gone), few enough for many inputs a second.
const STEPS: usize = 8;
/// Seconds that may pass before a request: a day.
const LONGEST_WAIT: u64 = 86_400;
/// As in the server: it refuses larger bodies before the model sees them.
const BODY: usize = 4 * 1024 * 1024;
/// What the server takes of a head, roughly.
const HEAD: usize = 64 * 1024;
const HEADERS: usize = 100;
/// What is read of an answer to a call outwards.
const ANSWER: usize = 64 * 1024;

/// Who is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// All that is served over TLS.
    #[default]
    Azure,
    /// The listener of managed identities.
    Identities,
    /// Nobody: somebody whom Azure calls next says this, with the status as path.
    Answer,
}

/// A request, and how long after the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Seconds that pass first.
    pub wait_s: u64,
    /// Who is asked then.
    pub asked: Asked,
    /// What is sent.
    pub request: Request,
}

impl Step {
    fn of(wait_s: u64, text: &[u8], words: &Words) -> Self {
        let after = |word: &[u8]| text.strip_prefix(word);
        let (asked, text) = if let Some(rest) = after(b"IDENTITY ") {
            (Asked::Identities, rest)
        } else if after(b"ANSWER ").is_some() {
            (Asked::Answer, text)
        } else {
            (Asked::Azure, text)
        };
        Self { wait_s, asked, request: request(text, words) }
    }

    /// The same as an answer. HTTP has statuses of three digits, and clients read names of headers in lower case.
    pub fn answered(self) -> Answered {
        let Request { path, headers, mut body, .. } = self.request;
        body.truncate(ANSWER);
        match path.as_str() {
            "late" => Answered::TimedOut("no answer in time".into()),
            "cut" => Answered::Failed("the connection was cut".into()),
            status => Answered::Response {
                status: status.parse().ok().filter(|status| (100..1000).contains(status)).unwrap_or(200),
                headers: headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
                body,
            },
        }
    }
}

/// What stands for what: without braces, and what is put in its place.
pub type Words = [(&'static str, Vec<u8>)];

/// Takes an input apart. Total: whatever the bytes are, they mean something.
pub fn steps(bytes: &[u8], words: &Words) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut wait_s, mut text) = (0, Vec::new());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b"~~~~") {
            text.extend_from_slice(line);
            continue;
        }
        steps.push(Step::of(wait_s, &text, words));
        text.clear();
        wait_s = seconds(line);
        if steps.len() == STEPS {
            return steps;
        }
    }
    steps.push(Step::of(wait_s, &text, words));
    steps
}

fn seconds(line: &[u8]) -> u64 {
    let digits = line.iter().skip(4).filter(|byte| byte.is_ascii_digit()).take(6);
    digits.fold(0, |all, digit| all * 10 + u64::from(digit - b'0')).min(LONGEST_WAIT)
}

fn request(text: &[u8], words: &Words) -> Request {
    let (head, body) = match text.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 2..).unwrap_or_default()),
        None => (text, &b""[..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = carried(lines.next().unwrap_or_default(), words);
    let (method, path) = first.split_once(' ').unwrap_or((first.as_str(), "/"));
    let header = |line: &[u8]| {
        let line = carried(line, words);
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let mut body = written_out(body.strip_suffix(b"\n").unwrap_or(body), words);
    body.truncate(BODY);
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: lines.take(HEADERS).filter_map(header).collect(),
        body,
    }
}

/// Text as it can arrive in the head of a request: HTTP carries no control characters there.
fn carried(line: &[u8], words: &Words) -> String {
    let mut line = written_out(line, words);
    line.truncate(HEAD);
    String::from_utf8_lossy(&line).chars().filter(|c| !c.is_ascii_control()).collect()
}

/// The words in braces replaced. What is put in their place is not looked at again.
fn written_out(text: &[u8], words: &Words) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'{') {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        let word = words.iter().find_map(|(word, meaning)| {
            let after = from.get(1..)?.strip_prefix(word.as_bytes())?.strip_prefix(b"}")?;
            Some((after, meaning))
        });
        // A body holds no more than that anyway, and an input full of the largest word would fill the memory.
        match word.filter(|_| out.len() < BODY) {
            Some((after, meaning)) => {
                out.extend_from_slice(meaning);
                rest = after;
            }
            None => {
                out.push(b'{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.extend_from_slice(rest);
    out
}
