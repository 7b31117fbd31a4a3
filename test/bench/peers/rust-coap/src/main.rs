//! The Rust `coap` crate answering the same heartbeat as the manager: the report is kept in a map by node, the answer is an empty 2.04.
use coap::Server;
use coap_lite::{CoapOption, CoapRequest, ResponseType};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

fn node_of(request: &CoapRequest<SocketAddr>) -> Vec<u8> {
    if let Some(queries) = request.message.get_option(CoapOption::UriQuery) {
        for query in queries {
            if query.starts_with(b"ep=") {
                return query[3..].to_vec();
            }
        }
    }
    Vec::new()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = std::env::args().nth(1).expect("a port");
    let runs = Arc::new(AtomicU64::new(0));
    let reports: Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>> = Arc::new(Mutex::new(HashMap::new()));
    let big: Arc<Vec<u8>> = Arc::new(b"0123456789abcdef".repeat(65536));
    let server = Server::new_udp(format!("127.0.0.1:{port}")).expect("the port");
    println!("ready");
    server
        .run(move |mut request: Box<CoapRequest<SocketAddr>>| {
            let (runs, reports, big) = (runs.clone(), reports.clone(), big.clone());
            async move {
                let path = request.get_path();
                let mut status = ResponseType::Content;
                let mut payload = Vec::new();
                match path.as_str() {
                    "status" => {
                        runs.fetch_add(1, Ordering::Relaxed);
                        let node = node_of(&request);
                        let report = std::mem::take(&mut request.message.payload);
                        reports.lock().unwrap().insert(node, report);
                        status = ResponseType::Changed;
                    }
                    "count" => payload = runs.load(Ordering::Relaxed).to_string().into_bytes(),
                    "big" => payload = big.to_vec(),
                    _ => status = ResponseType::NotFound,
                }
                if let Some(ref mut response) = request.response {
                    response.set_status(status);
                    response.message.payload = payload;
                }
                request
            }
        })
        .await
        .expect("a server that runs");
}
