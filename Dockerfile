# The operator and the relay, each as one static file in an empty image: `--target operator` (the default) or `--target relay`.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# With a target named, RUSTFLAGS reach the binary and leave build scripts and proc macros alone, which cannot be static.
# glibc and not musl: its resolver needs no shared object since 2.34, so names resolve in an empty image too.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile shipping --target x86_64-unknown-linux-gnu -p acs-operator -p acs-relay --bins \
    && cp target/x86_64-unknown-linux-gnu/shipping/acs-operator target/x86_64-unknown-linux-gnu/shipping/acs-relay /

FROM scratch AS roots
# TLS to Azure is checked against the system's roots, and an empty image has none.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532

FROM roots AS relay
COPY --from=build /acs-relay /acs-relay
ENTRYPOINT ["/acs-relay"]

FROM roots AS operator
COPY --from=build /acs-operator /acs-operator
ENTRYPOINT ["/acs-operator"]
