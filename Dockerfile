# The operator, the relay and the Azure simulator, each as one static file in an empty image: `--target operator` (the default),
# `--target relay` or `--target azure-sim`.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# With a target named, RUSTFLAGS reach the binary and leave build scripts and proc macros alone, which cannot be static.
# glibc and not musl: its resolver needs no shared object since 2.34, so names resolve in an empty image too.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile shipping --target x86_64-unknown-linux-gnu -p acs-operator -p acs-relay -p azure-sim --bins \
    && cd target/x86_64-unknown-linux-gnu/shipping && cp acs-operator acs-relay azure-sim / && mkdir /empty

FROM scratch AS roots
# TLS to Azure is checked against the system's roots, and an empty image has none.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532

FROM roots AS relay
COPY --from=build /acs-relay /acs-relay
ENTRYPOINT ["/acs-relay"]

FROM roots AS azure-sim
COPY --from=build /azure-sim /azure-sim
# The only place that it writes to: its authority and the variables of its clients. A new volume takes its owner from here.
COPY --from=build --chown=65532:65532 /empty /var/lib/azure-sim
VOLUME /var/lib/azure-sim
ENV AZURE_SIM_DIR=/var/lib/azure-sim AZURE_SIM_AUTHORITY=/var/lib/azure-sim AZURE_SIM_LISTEN=0.0.0.0:8443
EXPOSE 8443
ENTRYPOINT ["/azure-sim"]
CMD ["run"]

FROM roots AS operator
COPY --from=build /acs-operator /acs-operator
ENTRYPOINT ["/acs-operator"]
