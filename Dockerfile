# The server in a small image, as a user without rights.
#
#   docker build -t faye .
#   docker run --rm -p 127.0.0.1:8000:8000 faye
#
# Settings come as variables (-e FAYE_SERVER__TIMEOUT=45s) or as a file: -v ./faye.toml:/etc/faye/faye.toml:ro, and then
# the arguments "--config /etc/faye/faye.toml".

FROM rust:1.95-slim-bookworm AS build
# jemalloc is built by make; everything else takes the C compiler that Rust needs anyway.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin faye

FROM debian:bookworm-slim
# Certificates by which hooks, webhooks and Redis are known.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/faye --create-home faye
COPY --from=build /source/target/release/faye /usr/local/bin/faye
USER 10001:10001
WORKDIR /var/lib/faye
# Inside of the container every address is meant; what is open is decided where its port is published.
ENV FAYE_SERVER__LISTEN=0.0.0.0:8000
EXPOSE 8000
# It stops in good order on SIGTERM, which is what Docker sends.
ENTRYPOINT ["/usr/local/bin/faye"]
