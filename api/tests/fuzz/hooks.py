"""What schemathesis cannot know: names and ids that exist, and that nothing beyond this machine
may be asked. Loaded by scripts/api-fuzz (OPSC_URL, OPSC_TOKEN)."""

import ipaddress
import json
import os
import time
import urllib.request
import zlib

import schemathesis

# Where the simulated network's devices are; the rest of loopback refuses.
LOOPBACK = ["127.10.0.1", "127.10.0.2", "127.0.0.1", "::1"]


def read(path, body=None):
    request = urllib.request.Request(
        os.environ["OPSC_URL"] + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["OPSC_TOKEN"],
            "Content-Type": "application/json",
        },
    )
    # A proxy of the environment has nothing to do with loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


def groups(devices):
    """Ids of device groups; the simulated network has none."""
    path = "/inventory/v1/device-groups"
    while len(items := read(path)["items"]) < 3:
        number = len(items)
        read(path, {"name": f"group {number}", "devices": devices[:number]})
    return [item["id"] for item in items]


def known():
    devices, series = [], []
    # The program has only just begun to poll.
    for _ in range(300):
        devices = [item["id"] for item in read("/inventory/v1/devices?limit=20")["items"]]
        for device in devices:
            items = read(f"/monitoring/v1/devices/{device}/series")["items"]
            series += [item["id"] for item in items[:3]]
        if len(series) >= 10:
            break
        time.sleep(0.2)
    else:
        raise SystemExit("api-fuzz: hardly any series, nothing but 404 would be tested")
    anomalies = read("/monitoring/v1/anomalies?limit=1")["next_cursor"]
    return {
        "devices": devices,
        "groups": groups(devices),
        "revisions": ["*"],
        "series": series,
        "subjects": read("/subjects"),
        "credentials": [item["name"] for item in read("/credentials/v1/credentials")["items"]],
        "profiles": read("/inventory/v1/profiles")["items"],
        "device-cursors": [read("/inventory/v1/devices?limit=1")["next_cursor"]],
        "anomaly-cursors": [anomalies] if anomalies else [],
        "schemas": [str(read("/subjects/net.opsconductor.Poll/versions/latest")["id"])],
    }


KNOWN = known()


def some(what, instead_of, odds=2):
    """One of those known, in one of `odds` cases; the same for the same value, so that a case can
    be run again."""
    number = zlib.crc32(repr(instead_of).encode())
    choices = KNOWN[what]
    if number % odds or not choices:
        return instead_of
    return choices[number // odds % len(choices)]


def on_this_machine(address, exact):
    """The address, or one of loopback if it is another's. To schemathesis any text is an address:
    of those that are none, one in four stays."""
    number = zlib.crc32(address.encode("utf-8", "replace"))
    try:
        if ipaddress.ip_address(address).is_loopback:
            return address
    except ValueError:
        if not exact or number % 4 == 0:
            return address
    return LOOPBACK[number // 4 % len(LOOPBACK)]


def name_in_path(path, parameters):
    if "/device-groups/{id}" in path:
        parameters["id"] = some("groups", parameters.get("id"))
    elif "/devices/{id}" in path:
        parameters["id"] = some("devices", parameters.get("id"))
    elif "/series/{id}" in path:
        parameters["id"] = some("series", parameters.get("id"))
    elif "/schemas/ids/" in path:
        parameters["id"] = some("schemas", parameters.get("id"))
    elif "/subjects/" in path:
        parameters["subject"] = some("subjects", parameters.get("subject"))


def names_in_query(path, query):
    for field, what in (
        ("device", "devices"),
        ("group", "groups"),
        ("series", "series"),
        ("cursor", "anomaly-cursors" if "anomalies" in path else "device-cursors"),
    ):
        if isinstance(query.get(field), str):
            query[field] = some(what, query[field])


def names_in_body(body, exact):
    if isinstance(body.get("address"), str):
        body["address"] = on_this_machine(body["address"], exact)
    if not exact:
        return
    # Members of a group must be known, as in one of four.
    if isinstance(body.get("devices"), list) and zlib.crc32(repr(body).encode()) % 4:
        body["devices"] = [some("devices", device, odds=1) for device in body["devices"][:20]]
    for field, what in (("credential", "credentials"), ("profile", "profiles")):
        # Every one that is not known is refused: most should be.
        if isinstance(body.get(field), str) and KNOWN[what]:
            name = some(what, body[field], odds=1)
            body[field] = name if zlib.crc32(repr(body).encode()) % 4 else body[field]


@schemathesis.hook
def before_call(context, case, kwargs):
    # What is wrong on purpose stays wrong.
    exact = case.meta is None or case.meta.generation.mode.is_positive
    path = case.operation.path
    if exact and case.path_parameters:
        name_in_path(path, case.path_parameters)
    if exact and case.query:
        names_in_query(path, case.query)
    condition = case.headers.get("If-Match") if exact and case.headers else None
    if condition == "":
        # Not of the document's pattern, although it is meant to be right.
        del case.headers["If-Match"]
    elif isinstance(condition, str):
        case.headers["If-Match"] = some("revisions", condition)
    if isinstance(case.body, dict):
        names_in_body(case.body, exact)
