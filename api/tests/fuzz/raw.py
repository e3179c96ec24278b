"""Requests that are hardly HTTP any more, over plain sockets: no 5xx, no silence without end, and
whoever comes after is served."""

import os
import random
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

PLACE = urlsplit(os.environ["OPSC_URL"])
TOKEN = os.environ["OPSC_TOKEN"]
SEED, CASES = int(sys.argv[1]), int(sys.argv[2])
# Who waits for the rest of a cut request is waited for no longer than this, several at once.
PATIENCE = 1.0
AT_ONCE = 16

BODY = '{"address": "127.0.0.1", "name": "raw", "enabled": false}'
HEAD = f"Host: {PLACE.netloc}\r\nAuthorization: Bearer {TOKEN}\r\n"
SEEDS = [
    f"GET /inventory/v1/devices?limit=5 HTTP/1.1\r\n{HEAD}\r\n",
    f"POST /inventory/v1/device-tests HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n{BODY}",
    f"POST /inventory/v1/device-tests HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
    f"Transfer-Encoding: chunked\r\n\r\n{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n",
    f"DELETE /credentials/v1/credentials/none HTTP/1.0\r\n{HEAD}Cookie: opsc_session=x\r\n\r\n",
]
LIES = [b"Content-Length: 18446744073709551616\r\n", b"Content-Length: -1\r\n", b"\0", b"\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\n", b" HTTP/9.9", b"\xff\xfe", b"../",
        b"%00", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"A" * 70_000]


def damaged(rng):
    data = bytearray(rng.choice(SEEDS).encode())
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at:at] = rng.choice(LIES)
            case 2:
                del data[at : at + rng.randint(1, 20)]
            case _:
                del data[at:]
        if not data:
            break
    return bytes(data)


def answer(data, patience):
    """The first line that comes back, or none."""
    with socket.create_connection((PLACE.hostname, PLACE.port), timeout=10) as stream:
        stream.settimeout(patience)
        got = b""
        try:
            # Not shut afterwards: who hangs up is not answered any more.
            stream.sendall(data)
            while b"\r\n" not in got and (piece := stream.recv(4096)):
                got += piece
        except OSError:  # Closed, or it waits for more.
            pass
        return got.split(b"\r\n")[0]


rng = random.Random(SEED)
failures, statuses = [], {}
cases = [damaged(rng) for _ in range(CASES)]
with ThreadPoolExecutor(AT_ONCE) as pool:
    lines = list(pool.map(lambda data: answer(data, PATIENCE), cases))
for data, line in zip(cases, lines):
    status = line.split(b" ")[1].decode() if line.startswith(b"HTTP/1.") else "none"
    statuses[status] = statuses.get(status, 0) + 1
    if status >= "5" and status != "none" or line and status == "none":
        failures.append(f"{line!r} to {data[:300]!r}")
line = answer(SEEDS[0].encode(), 30)
if not line.endswith(b" 200 OK"):
    failures.append(f"a good request afterwards gets {line!r}")
# Otherwise the damage is of no use: nothing was refused, or everything.
for status in ("200", "400"):
    if not statuses.get(status):
        failures.append(f"no answer {status} in {statuses}")
for failure in failures:
    print(failure)
print(f"raw requests, seed {SEED}: {dict(sorted(statuses.items()))}")
sys.exit(bool(failures))
