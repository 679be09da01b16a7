# One image for all processors: `baton` and the four binaries.
FROM rust:1.90-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package baton --bins && mkdir /out && \
    find target/release -maxdepth 1 -type f -executable -exec cp {} /out/ \;

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 baton
COPY --from=build /out/ /usr/local/bin/
COPY deploy/policies /etc/baton/policies
USER baton
EXPOSE 9464
ENTRYPOINT ["baton"]
