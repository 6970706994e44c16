# The server in a small image, as an unprivileged user.
#
#   docker build -t faye .
#   docker run --rm -p 127.0.0.1:8000:8000 faye
#
# Settings are variables (-e FAYE_SERVER__TIMEOUT=45s) or a file: -v ./faye.toml:/etc/faye/faye.toml:ro with the arguments
# "--config /etc/faye/faye.toml".

FROM rust:1.95-slim-bookworm AS build
# C sources are compiled: TLS, the JavaScript engine, and jemalloc, which also needs make.
RUN apt-get update && apt-get install --yes --no-install-recommends binutils gcc libc6-dev make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# Line tables are most useful to a debugger. Names of functions stay, for profilers and core dumps; the log of a panic has
# file and line without either.
RUN cargo build --release --locked --bin faye && strip --strip-debug target/release/faye

FROM debian:bookworm-slim
# Root certificates, for TLS to hooks, webhooks and Redis.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/faye --create-home faye
COPY --from=build /source/target/release/faye /usr/local/bin/faye
USER 10001:10001
WORKDIR /var/lib/faye
# All addresses of the container. Access is decided where its port is published.
ENV FAYE_SERVER__LISTEN=0.0.0.0:8000
EXPOSE 8000
# SIGTERM, which Docker sends, stops it gracefully.
ENTRYPOINT ["/usr/local/bin/faye"]
