"""The one operation whose answer has no end, and the end of a session: what scripts/api-fuzz's
runs of schemathesis leave out. Statuses, content types and problems must be those of the document."""

import json
import os
import random
import sys

import jsonschema_rs
import requests

URL = os.environ["OPSC_URL"]
TOKEN = {"Authorization": "Bearer " + os.environ["OPSC_TOKEN"]}
COOKIE = {"Cookie": "opsc_session=" + os.environ["OPSC_SESSION"], "X-Opsc-Csrf": "1"}
SEED, CASES = int(sys.argv[1]), int(sys.argv[2])

http = requests.Session()
http.trust_env = False
document = http.get(URL + "/openapi.json", headers=TOKEN, timeout=30).json()
problem = jsonschema_rs.validator_for(
    {"$ref": "#/components/schemas/Problem", "components": document["components"]}
)
failures = []


def check(what, answer, path, method):
    """The answer is one of the document's; true when it is a good one."""
    responses = document["paths"][path][method]["responses"]
    status, kind = str(answer.status_code), answer.headers.get("Content-Type", "")
    declared = responses.get(status)
    if answer.status_code >= 500 or declared is None:
        failures.append(f"{what}: status {status} is not in the document")
        return False
    known = list(declared.get("content", {}))
    if known and kind.split(";")[0] not in known:
        failures.append(f"{what}: {status} comes as {kind!r}, the document has {known}")
    if answer.status_code >= 400:
        try:
            errors = [error.message for error in problem.iter_errors(json.loads(answer.text))]
        except ValueError as error:
            errors = [f"{status} is no JSON: {error}"]
        failures.extend(f"{what}: {error}" for error in errors)
    return answer.status_code < 300


def stream(query, headers):
    what = f"events {query} {headers}"
    with http.get(
        URL + "/monitoring/v1/events", params=query, headers=headers, stream=True, timeout=30
    ) as answer:
        if check(what, answer, "/monitoring/v1/events", "get"):
            # Something comes at once, and it is a line of an event stream.
            first = next(answer.iter_lines())
            if not first.startswith((b":", b"id:", b"event:", b"data:")):
                failures.append(f"{what}: begins with {first!r}")
            return True
    return False


def junk(rng):
    length = rng.choice([0, 1, 5, 36, 64, 65, 300])
    return "".join(rng.choice("0123456789abcdef-%&=é\u2028 \x7f") for _ in range(length))


rng = random.Random(SEED)
devices = http.get(URL + "/inventory/v1/devices", headers=TOKEN, timeout=30).json()["items"]
good = 0
for case in range(CASES):
    query = rng.choice([{}, {"device": rng.choice(devices)["id"]}, {"device": junk(rng)},
                        {junk(rng) or "x": junk(rng)}, {"device": [junk(rng), junk(rng)]}])
    last = rng.choice([None, "0-0", "1", "18446744073709551616-1", junk(rng)])
    # DEL is in no header (RFC 9110, 5.5): that request is refused before anything reads its path.
    last = {} if last is None else {"Last-Event-ID": last.replace("\x7f", "").strip().encode()}
    wrong = {"Authorization": b"Bearer " + junk(rng).replace("\x7f", "").strip().encode()}
    good += stream(query, {**rng.choice([TOKEN, COOKIE, {}, wrong]), **last})
if good < CASES // 20:
    failures.append(f"only {good} of {CASES} streams began")
for method, path in (("get", "/identity/v1/session"), ("delete", "/identity/v1/session"),
                     ("get", "/identity/v1/session")):
    answer = http.request(method, URL + path, headers=COOKIE, timeout=30)
    check(f"{method} {path}", answer, path, method)
if answer.status_code != 401:
    failures.append(f"the session is alive after its end: {answer.status_code}")

for failure in failures:
    print(failure)
print(f"events and logout, seed {SEED}: {CASES} requests, {good} streams")
sys.exit(bool(failures))
