//! `/livez`, `/readyz` and `/metrics` over HTTP/1.1.

use crate::{Health, Metrics};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// Connections at a time; what comes beyond waits in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;
const HEADER_LIMIT: Duration = Duration::from_secs(5);
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);

/// The endpoint could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; give --listen another address")]
pub struct ServeError {
    /// Where.
    pub address: SocketAddr,
    /// Why.
    pub source: std::io::Error,
}

/// A running endpoint; dropping it closes it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Returns where it listens, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens the endpoint on the current tokio runtime.
///
/// # Errors
/// [`ServeError`] when the address cannot be listened on.
pub async fn serve(address: SocketAddr, health: Health, metrics: Metrics) -> Result<Server, ServeError> {
    let failed = |source| ServeError { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Server { address, task: tokio::spawn(accept(listener, health, metrics)) })
}

async fn accept(listener: TcpListener, health: Health, metrics: Metrics) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // The usual cause is too many open files, which does not pass at once.
                tracing::warn!(%error, "health endpoint cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let (health, metrics) = (health.clone(), metrics.clone());
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let response = answer(request.method(), request.uri().path(), &health, &metrics);
                std::future::ready(Ok::<_, Infallible>(response))
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_LIMIT)
                .serve_connection(TokioIo::new(stream), service);
            // A client that goes away in the middle is its own affair.
            let _ = tokio::time::timeout(CONNECTION_LIMIT, connection).await;
            drop(place);
        });
    }
}

fn answer(method: &Method, path: &str, health: &Health, metrics: &Metrics) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match path {
        "/livez" if health.is_live() => text(StatusCode::OK, "live\n".to_owned()),
        "/livez" => text(StatusCode::SERVICE_UNAVAILABLE, "a thread has failed\n".to_owned()),
        "/readyz" => ready(health),
        "/metrics" => match metrics.text() {
            Ok(body) => respond(StatusCode::OK, "text/plain; version=0.0.4", body),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        _ => text(StatusCode::NOT_FOUND, "there are /livez, /readyz and /metrics\n".to_owned()),
    }
}

fn ready(health: &Health) -> Response<Full<Bytes>> {
    let reasons = health.not_ready();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({"ready": reasons.is_empty(), "reasons": reasons});
    respond(status, "application/json", format!("{body}\n"))
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    respond(status, "text/plain", body)
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ThreadState;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn get(address: SocketAddr, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nhost: baton\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn start() -> (Server, Health, Metrics) {
        let (health, metrics) = (Health::new(), Metrics::new().unwrap());
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        (serve(any, health.clone(), metrics.clone()).await.unwrap(), health, metrics)
    }

    #[tokio::test]
    async fn health_follows_the_threads() {
        let (server, health, _) = start().await;
        let address = server.address();
        let (status, body) = get(address, "GET /readyz").await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, 503);
        assert_eq!(body, serde_json::json!({"ready": false, "reasons": [{"thread": "process", "state": "joining"}]}));
        health.set("intake-0", ThreadState::Running);
        let (status, body) = get(address, "GET /readyz").await;
        assert_eq!((status, body.as_str()), (200, "{\"ready\":true,\"reasons\":[]}\n"));
        assert_eq!(get(address, "GET /livez").await.0, 200);
        health.set("intake-0", ThreadState::Failed);
        assert_eq!(get(address, "GET /livez").await.0, 503);
        assert_eq!(get(address, "GET /readyz").await.0, 503);
    }

    #[tokio::test]
    async fn metrics_are_served_and_nothing_else() {
        let (server, _, metrics) = start().await;
        metrics.set_waited_for(4);
        let (status, body) = get(server.address(), "GET /metrics").await;
        assert_eq!(status, 200);
        assert!(body.contains("baton_source_partitions_waited_for 4\n"), "{body}");
        assert_eq!(get(server.address(), "GET /etc").await.0, 404);
        assert_eq!(get(server.address(), "POST /metrics").await.0, 405);
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let (server, health, metrics) = start().await;
        let error = serve(server.address(), health, metrics).await.unwrap_err();
        assert!(error.to_string().contains(&server.address().to_string()), "{error}");
    }
}
