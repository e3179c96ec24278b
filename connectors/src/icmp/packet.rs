//! Echo requests and replies (RFC 792, RFC 4443).

/// Octets of an echo request.
pub(crate) const LENGTH: usize = 64;
const HEADER: usize = 8;

/// What an echo carries there and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Echo {
    /// Identity of this run: others ping from this host too.
    pub(crate) run: u64,
    pub(crate) peer: u32,
    pub(crate) epoch: u32,
    pub(crate) sequence: u16,
}

/// An echo request.
pub(crate) fn request(echo: Echo, ipv6: bool) -> [u8; LENGTH] {
    let mut packet = [0x5a; LENGTH];
    let [kind, code, sum_high, sum_low, rest @ ..] = &mut packet;
    (*kind, *code, *sum_high, *sum_low) = (if ipv6 { 128 } else { 8 }, 0, 0, 0);
    // Datagram sockets put their own identifier where the first two octets are.
    let fields = (echo.run as u16)
        .to_be_bytes()
        .into_iter()
        .chain(echo.sequence.to_be_bytes())
        .chain(echo.run.to_be_bytes())
        .chain(echo.peer.to_be_bytes())
        .chain(echo.epoch.to_be_bytes());
    rest.iter_mut().zip(fields).for_each(|(place, octet)| *place = octet);
    // Over IPv6 the kernel computes it: it covers addresses too.
    if !ipv6 {
        let [high, low] = checksum(&packet).to_be_bytes();
        let [_, _, sum_high, sum_low, ..] = &mut packet;
        (*sum_high, *sum_low) = (high, low);
    }
    packet
}

/// The echo of a reply; none if it is something else. Raw IPv4 sockets give the IP header too.
pub(crate) fn reply(datagram: &[u8], ipv6: bool, raw: bool) -> Option<Echo> {
    let packet = if raw && !ipv6 {
        let words = usize::from(datagram.first()? & 0x0f);
        datagram.get(words * 4..)?
    } else {
        datagram
    };
    let kind = if ipv6 { 129 } else { 0 };
    if packet.first() != Some(&kind) {
        return None;
    }
    Some(Echo {
        run: u64::from_be_bytes(packet.get(HEADER..HEADER + 8)?.try_into().ok()?),
        peer: u32::from_be_bytes(packet.get(16..20)?.try_into().ok()?),
        epoch: u32::from_be_bytes(packet.get(20..24)?.try_into().ok()?),
        sequence: u16::from_be_bytes(packet.get(6..8)?.try_into().ok()?),
    })
}

/// The echo of a request of ours that came back in an ICMP error.
pub(crate) fn returned(octets: &[u8]) -> Option<Echo> {
    let mut packet: [u8; LENGTH] = octets.get(..LENGTH)?.try_into().ok()?;
    let kind = packet.first_mut()?;
    let ipv6 = *kind == 128;
    if !ipv6 && *kind != 8 {
        return None;
    }
    *kind = if ipv6 { 129 } else { 0 };
    reply(&packet, ipv6, false)
}

/// The Internet checksum (RFC 1071).
fn checksum(octets: &[u8]) -> u16 {
    let words = octets
        .chunks(2)
        .map(|pair| pair.iter().chain(&[0]).take(2).fold(0, |sum, it| sum << 8 | u32::from(*it)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_comes_back_as_it_went() {
        let echo = Echo { run: 0x0123_4567_89ab_cdef, peer: 7, epoch: 9, sequence: 0xfffe };
        for ipv6 in [false, true] {
            let mut packet = request(echo, ipv6);
            assert_eq!(reply(&packet, ipv6, false), None);
            packet[0] = if ipv6 { 129 } else { 0 };
            assert_eq!(reply(&packet, ipv6, false), Some(echo));
        }
        let packet = request(echo, false);
        assert_eq!(checksum(&packet), 0, "a packet with its checksum sums to zero");
        let mut raw = vec![0x46; 24];
        raw.extend(packet);
        raw[24] = 0;
        assert_eq!(reply(&raw, false, true), Some(echo));
        for length in 0..raw.len() {
            let _ = reply(&raw[..length], false, true);
        }
    }

    proptest::proptest! {
        #![proptest_config(hostile::cases(2_000))]

        #[test]
        fn any_packet_is_a_reply_or_none(
            bytes in hostile::Corpus::new([
                request(Echo { run: 1, peer: 7, epoch: 9, sequence: 3 }, false),
                request(Echo { run: 1, peer: 7, epoch: 9, sequence: 3 }, true),
            ]).bytes(),
            ipv6: bool,
            raw: bool,
        ) {
            hostile::within(1_024, || (reply(&bytes, ipv6, raw), returned(&bytes)));
        }
    }
}
