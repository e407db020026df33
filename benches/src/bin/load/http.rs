//! As little HTTP as it takes to ask a node on the same machine: what is measured is the node.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::Result;

/// A connection that is kept open.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

/// Everything that is sent to ask something, made before the clock starts.
pub(crate) fn request(query: &str, variables: &Value) -> Vec<u8> {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let length = body.len();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), line: String::new(), body: Vec::new() })
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.get_mut().write_all(request)?;
        self.read_line()?;
        if !self.line.starts_with("HTTP/1.1 200 ") {
            return Err(format!("expected status 200, found {:?}", self.line.trim_end()).into());
        }
        let mut length = None;
        loop {
            self.read_line()?;
            let line = self.line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse()?);
            }
        }
        let length = length.ok_or("the answer does not say how long it is")?;
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok(&self.body)
    }

    /// Asks for something that must not fail.
    pub(crate) fn ask(&mut self, query: &str) -> Result<Value> {
        let body = self.send(&request(query, &json!({})))?;
        let mut answer: Value = serde_json::from_slice(body)?;
        match answer.get("errors") {
            None => Ok(answer["data"].take()),
            Some(errors) => Err(format!("the node answers {errors} to {query}").into()),
        }
    }

    fn read_line(&mut self) -> Result<()> {
        self.line.clear();
        if self.stream.read_line(&mut self.line)? == 0 {
            return Err("the node closed the connection".into());
        }
        Ok(())
    }
}
