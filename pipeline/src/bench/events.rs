//! Server-sent events (WHATWG HTML, 9.2), as the API sends them: one data line each.

/// Longest part of an event that is kept until its end comes.
const MAX_PART: usize = 16 << 20;

/// A stream of events, taken piece by piece.
#[derive(Default)]
pub(super) struct Events {
    part: Vec<u8>,
}

impl Events {
    /// Kind and data of the events that end with this piece.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<(String, String)> {
        self.part.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut begin = 0;
        while let Some(length) = self.part[begin..].windows(2).position(|two| two == b"\n\n") {
            let text = String::from_utf8_lossy(&self.part[begin..begin + length]);
            let field = |name: &str| {
                let mut lines = text.lines();
                lines.find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
            };
            let (kind, data) = (field("event: "), field("data: "));
            if !kind.is_empty() {
                events.push((kind, data));
            }
            begin += length + 2;
        }
        self.part.drain(..begin);
        if self.part.len() > MAX_PART {
            self.part.clear();
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_pieces() {
        let mut events = Events::default();
        assert!(events.take(b": hello\n\nid: 1\nevent: a\nda").is_empty());
        let found = events.take(b"ta: {}\n\nevent: b\ndata: 2\n\nevent: c\n");
        let pair = |kind: &str, data: &str| (kind.to_owned(), data.to_owned());
        assert_eq!(found, [pair("a", "{}"), pair("b", "2")]);
        assert_eq!(events.take(b"data: 3\n\n"), [pair("c", "3")]);
    }
}
