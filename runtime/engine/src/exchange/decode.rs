//! Which encoding a text file has, and reading it as UTF-8. Spreadsheet programs write GBK, UTF-16 and Windows-1252
//! without saying so; the whole file is looked at before one is chosen, because the first accented letter may be far down.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use encoding_rs::{Decoder, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// Finds the encoding of a text file; `None` when it is no text at all.
pub(super) fn guess(file: &mut File) -> io::Result<Option<&'static Encoding>> {
    let mut start = [0u8; 4096];
    file.seek(SeekFrom::Start(0))?;
    let length = read_full(file, &mut start)?;
    let start = &start[..length];
    if let Some((encoding, _)) = Encoding::for_bom(start) {
        return Ok(Some(encoding));
    }
    if start.contains(&0) {
        return Ok(wide(start));
    }
    let candidates = [UTF_8, GB18030];
    for encoding in candidates {
        if decodes(file, encoding)? {
            return Ok(Some(encoding));
        }
    }
    Ok(Some(WINDOWS_1252))
}

/// UTF-16 without a mark: every second byte of ASCII text is zero.
fn wide(start: &[u8]) -> Option<&'static Encoding> {
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match (even, odd) {
        (0, odd) if odd * 4 > start.len() / 2 => Some(UTF_16LE),
        (even, 0) if even * 4 > start.len() / 2 => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether the whole file is valid in an encoding.
fn decodes(file: &mut File, encoding: &'static Encoding) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut bytes = vec![0u8; CHUNK];
    let mut text = vec![0u8; CHUNK];
    loop {
        let length = file.read(&mut bytes)?;
        let mut rest = &bytes[..length];
        loop {
            let (result, read, _) = decoder.decode_to_utf8_without_replacement(rest, &mut text, length == 0);
            rest = &rest[read..];
            match result {
                encoding_rs::DecoderResult::Malformed(..) => return Ok(false),
                encoding_rs::DecoderResult::InputEmpty => break,
                encoding_rs::DecoderResult::OutputFull => {}
            }
        }
        if length == 0 {
            return Ok(true);
        }
    }
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// A file as UTF-8, without its byte order mark, with `\n` at the end of every line (also of the last one, so that
/// lines can be counted). What cannot be decoded becomes U+FFFD.
pub(super) struct Utf8Reader<R> {
    inner: R,
    decoder: Decoder,
    bytes: Vec<u8>,
    decoded: Vec<u8>,
    /// Text with plain line ends; `text[start..]` is not given out yet.
    text: Vec<u8>,
    start: usize,
    after_return: bool,
    finished: bool,
}

impl<R: Read> Utf8Reader<R> {
    pub(super) fn new(inner: R, encoding: &'static Encoding) -> Utf8Reader<R> {
        Utf8Reader {
            inner,
            decoder: encoding.new_decoder_with_bom_removal(),
            bytes: vec![0; CHUNK],
            // No encoding makes more than three bytes of one.
            decoded: vec![0; 3 * CHUNK + 16],
            text: Vec::with_capacity(3 * CHUNK),
            start: 0,
            after_return: false,
            finished: false,
        }
    }

    /// Reads and decodes the next piece of the file.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.start = 0;
        let length = self.inner.read(&mut self.bytes)?;
        self.finished = length == 0;
        let (_, _, written, _) =
            self.decoder.decode_to_utf8(&self.bytes[..length], &mut self.decoded, self.finished);
        for &byte in &self.decoded[..written] {
            match byte {
                b'\n' if self.after_return => {}
                b'\r' => self.text.push(b'\n'),
                byte => self.text.push(byte),
            }
            self.after_return = byte == b'\r';
        }
        if self.finished {
            self.text.push(b'\n');
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.start == self.text.len() && !self.finished {
            self.fill()?;
        }
        let length = out.len().min(self.text.len() - self.start);
        out[..length].copy_from_slice(&self.text[self.start..self.start + length]);
        self.start += length;
        Ok(length)
    }
}
