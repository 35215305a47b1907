//! Several requests each, so that what a request finds is not always the same.

/// Each with its name.
pub(super) fn all() -> impl Iterator<Item = (String, Vec<u8>)> {
    LIVES.iter().map(|(name, text)| (format!("life-{name}"), text.as_bytes().to_vec()))
}

const LIVES: [(&str, &str); 11] = [
    (
        "endpoint",
        r#"ANSWER 200
content-type: application/json

{"validationResponse":7}
~~~~
PUT {A}/providers/Microsoft.EventGrid/eventSubscriptions/other?api-version=2025-02-15
authorization: {token}
content-type: application/json

{"properties":{"destination":{"endpointType":"WebHook","properties":{"endpointUrl":"https://relay.example/other"}}}}
~~~~ 30
ANSWER 503
retry-after: 99999999999999999999

{deep}
~~~~
ANSWER late
~~~~
ANSWER 418
~~~~
POST /_sim/sms

{"service":"shop","from":"+1","to":"+2","message":"hello"}
~~~~ 20
GET {A}/providers/Microsoft.EventGrid/eventSubscriptions/other?api-version=2025-02-15
authorization: {token}

~~~~ 60
GET /_sim/deliveries
"#,
    ),
    (
        "identity",
        r"IDENTITY GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F
metadata: true

~~~~
IDENTITY GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com%2F
x-identity-header: {identity}

~~~~
IDENTITY GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com%2F
x-identity-header: other

~~~~
IDENTITY PUT {A}?api-version=2025-09-01
",
    ),
    (
        "service",
        r#"PUT {G}/providers/Microsoft.Communication/communicationServices/new?api-version=2025-09-01
authorization: {token}
content-type: application/json

{"location":"global","properties":{"dataLocation":"Europe"}}
~~~~ 60
GET {G}/providers/Microsoft.Communication/communicationServices/new?api-version=2025-09-01
authorization: {token}

~~~~
POST {G}/providers/Microsoft.Communication/communicationServices/new/listKeys?api-version=2025-09-01
authorization: {token}

~~~~
DELETE {G}/providers/Microsoft.Communication/communicationServices/new?api-version=2025-09-01
authorization: {token}

~~~~ 60
GET {G}/providers/Microsoft.Communication/communicationServices/new?api-version=2025-09-01
authorization: {token}
"#,
    ),
    (
        "deletion",
        r"DELETE {T}?api-version=2025-02-15
authorization: {token}

~~~~ 60
DELETE {A}?api-version=2025-09-01
authorization: {token}

~~~~
DELETE {N}?api-version=2023-10-01-preview
authorization: {token}

~~~~ 600
DELETE {G}?api-version=2021-04-01
authorization: {token}
",
    ),
    (
        "lock",
        r#"PUT {A}/providers/Microsoft.Authorization/locks/kept?api-version=2016-09-01
authorization: {token}
content-type: application/json

{"properties":{"level":"CanNotDelete"}}
~~~~
DELETE {A}?api-version=2025-09-01
authorization: {token}

~~~~
DELETE {A}/providers/Microsoft.Authorization/locks/kept?api-version=2016-09-01
authorization: {token}

~~~~
DELETE {A}?api-version=2025-09-01
authorization: {token}
"#,
    ),
    (
        "event",
        r#"PUT {A}/providers/Microsoft.EventGrid/eventSubscriptions/other?api-version=2025-02-15
authorization: {token}
content-type: application/json

{"properties":{"destination":{"endpointType":"WebHook","properties":{"endpointUrl":"https://relay.example/other"}}}}
~~~~ 30
POST /_sim/sms

{"service":"shop","from":"+1","to":"+2","message":"hello"}
~~~~ 30
GET /_sim/deliveries

"#,
    ),
    (
        "phone",
        r#"PUT /phones/installations/phone-1?api-version=2020-06
host: {host}
authorization: {sas}
content-type: application/json

{"installationId":"phone-1","platform":"apns","pushChannel":"abababababababababababababababababababababababababababababababab","tags":["user:anna"]}
~~~~
POST /phones/messages?api-version=2015-01
host: {host}
authorization: {sas}
servicebusnotification-format: apple
servicebusnotification-tags: user:anna && !a
content-type: application/json

{"aps":{"alert":"hello"}}
~~~~
PATCH /phones/installations/phone-1?api-version=2020-06
host: {host}
authorization: {sas}

[{"op":"remove","path":"/tags/user:anna"}]
"#,
    ),
    (
        "registration",
        r#"POST /phones/registrations?api-version=2015-01
host: {host}
authorization: {sas}
content-type: application/atom+xml;type=entry;charset=utf-8

<?xml version="1.0" encoding="utf-8"?><entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml"><AppleRegistrationDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"><Tags>a,b</Tags><DeviceToken>abababababababababababababababababababababababababababababababab</DeviceToken></AppleRegistrationDescription></content></entry>
~~~~
GET /phones/registrations?api-version=2015-01&$top=1
host: {host}
authorization: {sas}
"#,
    ),
    (
        "fault",
        r#"POST /_sim/faults

{"on":{"method":"GET","path":"communicationServices"},"answer":{"status":429,"retryAfter":3},"times":1}
~~~~
GET {A}?api-version=2025-09-01
authorization: {token}

~~~~
GET {A}?api-version=2025-09-01
authorization: {token}
"#,
    ),
    (
        "call",
        r#"POST /_sim/phones

{"hub":"{H}","user":"anna","platform":"apple"}
~~~~
POST /_sim/call

{"service":"shop","to":"anna"}
~~~~
POST /_sim/portal/unlink

{"service":"{A}"}
"#,
    ),
    (
        "group",
        r#"PUT {S}/resourcegroups/other?api-version=2021-04-01
authorization: {token}
content-type: application/json

{"location":"westeurope"}
~~~~
PUT {S}/resourceGroups/other/providers/Microsoft.Communication/communicationServices/b?api-version=2023-04-01
authorization: {token}
content-type: application/json

{"location":"global","properties":{"dataLocation":"Europe"}}
~~~~ 60
DELETE {S}/resourceGroups/other?api-version=2021-04-01
authorization: {token}

~~~~ 600
GET {S}/resources?api-version=2021-04-01&$filter=resourceGroup%20eq%20'other'&$top=1
authorization: {token}
"#,
    ),
];
