//! What no client of good will sends.

/// Each with its name.
pub(super) fn all() -> impl Iterator<Item = (String, Vec<u8>)> {
    let written = EVIL.iter().enumerate().map(|(number, (request, body))| {
        let text = format!("{request}\nauthorization: {{token}}\ncontent-type: application/json\n\n{body}\n");
        (format!("evil-{number:02}"), text.into_bytes())
    });
    written.chain(bytes())
}

/// Request line, body.
const EVIL: [(&str, &str); 30] = [
    ("PUT {A}?api-version=2025-09-01", "{\"location\":"),
    ("PUT {A}?api-version=2025-09-01", "{deep}"),
    ("PUT {A}?api-version=2025-09-01", "{4M}"),
    ("PUT {A}?api-version=2025-09-01", "[]"),
    ("PUT {A}?api-version=2025-09-01", "null"),
    ("PUT {A}?api-version=2025-09-01", ""),
    ("PUT {A}?api-version=2025-09-01", "{\"location\":7,\"tags\":[],\"properties\":\"x\",\"identity\":1e308}"),
    ("PATCH {A}?api-version=2025-09-01", "{\"properties\":[],\"tags\":{\"a\":null}}"),
    ("DELETE {A}%2f..?api-version=2025-09-01", ""),
    ("DELETE {A}%00?api-version=2025-09-01", ""),
    ("DELETE {A}/../shop?api-version=2025-09-01", ""),
    ("DELETE {A}/%2e%2e?api-version=2025-09-01", ""),
    ("DELETE {A}%ff%fe?api-version=2025-09-01", ""),
    ("DELETE {A}%5cx?api-version=2025-09-01", ""),
    ("DELETE {A}", ""),
    ("DELETE {A}?api-version=", ""),
    ("DELETE {A}?api-version=2099-01-01", ""),
    ("GET {A}?api-version=2025-09-01&api-version=2023-03-31", ""),
    ("GET {A}{long}?api-version=2025-09-01", ""),
    ("POST {A}/explode?api-version=2025-09-01", ""),
    ("PUT /nowhere?api-version=2021-04-01", "{}"),
    ("GET //subscriptions///?api-version=2021-04-01", ""),
    ("GET /subscriptions/x?api-version=2021-04-01", ""),
    ("GET {S}/providers/?api-version=2021-04-01", ""),
    ("PUT {G}/more/than/needed/providers/Microsoft.Communication/communicationServices/b?api-version=2025-09-01", "{}"),
    (
        "PUT {A}/providers/Microsoft.Authorization/locks/a%25b?api-version=2016-09-01",
        "{\"properties\":{\"level\":\"ReadOnly\"}}",
    ),
    (
        "POST {A}/linkNotificationHub?api-version=2025-09-01",
        "{\"resourceId\":\"/\",\"connectionString\":\"Endpoint=;;=\"}",
    ),
    ("GET {G}/resources?api-version=2021-04-01&$filter=tagName%20eq%20'a'%20and&$top=-1&$skiptoken=x", ""),
    ("\u{1F4A5} {A}?api-version=2025-09-01", "{}"),
    ("GET *", ""),
];

fn bytes() -> impl Iterator<Item = (String, Vec<u8>)> {
    let raw: [&[u8]; 6] = [
        b"",
        b"\n\n\n",
        b"PUT {A}?api-version=2025-09-01\nauthorization: {token}\ncontent-type: text/plain\n\n{\"location\":\"global\"}",
        b"PUT {A}?api-version=2025-09-01\nauthorization: {token}\ncontent-type: application/json\n\n\xff\xfe\x00",
        b"GET {A}?api-version=2025-09-01\nauthorization: Basic \xe4\xf6",
        b"GET /phones/messages/1\nhost: .servicebus.windows.net\nauthorization: SharedAccessSignature sr=%ff&sig=&se=-1&skn=",
    ];
    raw.into_iter().enumerate().map(|(number, bytes)| (format!("evil-bytes-{number}"), bytes.to_vec()))
}
