//! A connection on which a test sends any bytes in any order, as slow, careless and hostile clients do.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::Answer;
use crate::http::{connect, read_answer, read_head};

/// A connection without any manners of its own.
pub struct Raw(BufReader<TcpStream>);

impl Raw {
    /// Opens it.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        connect(address).map(Raw)
    }

    /// Sends the head of a request; each header ends with a line break.
    pub fn head(&mut self, first_line: &str, headers: &str) -> io::Result<()> {
        self.send(format!("{first_line} HTTP/1.1\r\nhost: test\r\n{headers}\r\n").as_bytes())
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Sends bytes as one chunk of a body whose length nobody knows.
    pub fn send_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send(format!("{:x}\r\n", bytes.len()).as_bytes())?;
        self.send(bytes)?;
        self.send(b"\r\n")
    }

    /// Reads an answer.
    pub fn answer(&mut self) -> io::Result<Answer> {
        read_answer(&mut self.0)
    }

    /// Reads status and headers of an answer; the body is left.
    pub fn answer_head(&mut self) -> io::Result<Answer> {
        read_head(&mut self.0)
    }

    /// Reads exactly as many bytes.
    pub fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(buffer)
    }

    /// Reads until the server closes the connection, in whatever way, and tells how many bytes came.
    pub fn read_to_end(&mut self) -> u64 {
        let mut count = 0;
        let mut buffer = [0; 64 * 1024];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return count,
                Ok(read) => count += read as u64,
                Err(error) => {
                    let waited = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                    assert!(!waited, "the server did not close the connection");
                    return count;
                }
            }
        }
    }
}
