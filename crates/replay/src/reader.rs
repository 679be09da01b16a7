//! Reads lines one by one, whatever the length of the file.

use crate::{LineProblem, ReplayLine};
use std::io::{self, BufRead, Read as _};

/// A line above this many bytes is refused: four times what a topic takes, so that base64 fits.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("line {line}: {source}")]
    Io {
        /// The line, from 1.
        line: i64,
        /// What the system said.
        source: io::Error,
    },
    /// The line is longer than any record can be.
    #[error("line {line}: longer than 16 MiB; one record stands on one line")]
    TooLong {
        /// The line, from 1.
        line: i64,
    },
    /// The line is no text.
    #[error("line {line}: not UTF-8; put bytes into value_base64")]
    NotUtf8 {
        /// The line, from 1.
        line: i64,
    },
    /// The line is no record.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: i64,
        /// What is wrong.
        problem: LineProblem,
    },
}

/// Gives the records of JSON Lines with their line numbers, from 1; empty lines are skipped but counted. It holds one
/// line at a time.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line: i64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// Makes a reader.
    pub const fn new(input: R) -> Self {
        Self { input, line: 0, buffer: Vec::new() }
    }

    fn read(&mut self) -> Result<Option<(i64, ReplayLine)>, ReadError> {
        loop {
            self.line += 1;
            let line = self.line;
            self.buffer.clear();
            let read = self.input.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut self.buffer);
            if read.map_err(|source| ReadError::Io { line, source })? == 0 {
                return Ok(None);
            }
            if self.buffer.len() as u64 > MAX_LINE {
                return Err(ReadError::TooLong { line });
            }
            let text = std::str::from_utf8(&self.buffer).map_err(|_| ReadError::NotUtf8 { line })?.trim();
            if !text.is_empty() {
                let record = ReplayLine::parse(text).map_err(|problem| ReadError::Line { line, problem })?;
                return Ok(Some((line, record)));
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<(i64, ReplayLine), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_numbers_count_empty_lines_and_errors_name_them() {
        let file = "{\"topic\":\"a\",\"timestamp\":1,\"value\":1}\n\n  \n{\"topic\":\"b\",\"timestamp\":2,\"value\":2}\nbroken\n";
        let mut reader = Reader::new(file.as_bytes());
        let mut next = || reader.next().unwrap();
        assert_eq!(next().unwrap().0, 1);
        let (number, line) = next().unwrap();
        assert_eq!((number, line.topic.as_str()), (4, "b"));
        assert!(next().unwrap_err().to_string().starts_with("line 5: column"));
    }

    #[test]
    fn bytes_that_are_no_text_name_their_line() {
        let error = Reader::new(&b"\n\xff\n"[..]).next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "line 2: not UTF-8; put bytes into value_base64");
    }

    #[test]
    fn an_endless_line_is_refused_without_being_held() {
        let error = Reader::new(io::BufReader::new(io::repeat(b' '))).next().unwrap().unwrap_err();
        assert!(matches!(error, ReadError::TooLong { line: 1 }));
    }
}
