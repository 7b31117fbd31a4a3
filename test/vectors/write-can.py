#!/usr/bin/env python3
"""Writes test/vectors/can.json: frames of the CAN bus as cantools encodes them from docs/reference/alfaspark.dbc, with what they say.

    .setup/peers/can/bin/python test/vectors/write-can.py          # write
    .setup/peers/can/bin/python test/vectors/write-can.py --check  # exit 1 if the file isn't what cantools says
"""

import json
import pathlib
import sys

import cantools

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUS = json.loads((ROOT / "schemas/can/bus.json").read_text())
DBC = cantools.database.load_file(ROOT / "docs/reference/alfaspark.dbc")
HEAD = [{"name": "target", "type": "u8", "max": 31, "also": 127}, {"name": "sequence", "type": "u8"}]

# Of the site's contract, written by hand.
KNOWN = [
    ("52.8 V, 1.00 A, 40 %", "PackBattery", 3, {"stateOfCharge": 40, "voltage": 528, "current": 100, "batteryState": "charging", "bmsState": "ok"}, "2802100064" + "0100"),
    ("nothing was heard of the BMS", "PackBattery", 0, {"stateOfCharge": None, "voltage": None, "current": None, "batteryState": "idle", "bmsState": "fault"}, "ffffff8000" + "0002"),
    ("2000 W of load, 500 W out of the battery", "PackPower", 31, {"grid": 0, "home": 2000, "battery": -500, "solar": 1500}, "000007d0fe0c05dc"),
    ("all packs: Eco at 2000 W", "SetEcoLimit", None, {"target": 127, "sequence": 9, "limit": 2000}, "7f0907d0"),
    ("all the batteries give 2500 W", "TotalsBattery", 7, {"packsOnline": 3, "stateOfCharge": 74, "battery": -2500}, "00034afffff63c"),
]


def fields_of(frame):
    return frame.get("fields") or HEAD + frame["command"]


def limits(field):
    size = 8 * {"u8": 1, "u16": 2, "u24": 3, "u32": 4, "i16": 2, "i24": 3, "i32": 4}[field["type"]]
    least = -(1 << (size - 1)) if field["type"][0] == "i" else 0
    most = (1 << (size - (field["type"][0] == "i"))) - 1
    none = field.get("none")
    return field.get("min", least + (none == least)), field.get("max", most - (none == most))


def sample(frame, which):
    """Every field at its least (0), its most (1) or somewhere between (2); what there may be none of is missing in the last (3)."""
    out = {}
    for at, field in enumerate(fields_of(frame)):
        name, kind = field["name"], field["type"]
        if frame.get("select", {}).get("field") == name or name == "reserved":
            continue
        if "bits" in field:
            out.update({bit: which == 1 or (which == 2 and (i + at) % 2 == 0) for i, bit in enumerate(field["bits"])})
        elif "enum" in field:
            words = list(BUS["enums"][field["enum"]]["values"])
            out[name] = words[[0, -1, len(words) // 2, 0][which]]
        elif kind == "bool":
            out[name] = which in (1, 2)
        elif kind == "bytes":
            length = field.get("minLength", field["length"]) if which == 0 else field["length"]
            out[name] = bytes(([0, 255][which] if which < 2 else 17 * (i + 1) + at) for i in range(length)).hex()
        else:
            least, most = limits(field)
            out[name] = None if which == 3 and "none" in field else [least, most, (least * 2 + most) // 3, least][which]
            if which == 3 and "also" in field:
                out[name] = field["also"]
    return out


def encode(frame, index, message):
    """The frame's identifier and data, by cantools from raw values."""
    stands = index if not frame.get("isExtended") else 0
    identifier = int(frame["id"], 16) + (frame.get("index", {}).get("stride", 0) * (index or 0))
    number = int(frame["id"], 16) + (frame.get("index", {}).get("stride", 0) * (stands or 0))
    described = DBC.get_message_by_frame_id(number)
    prefix = f"{frame['name']}_" if described.is_multiplexed() else ""
    raw = {signal.name: 0 for signal in described.signals}
    length = 0
    for field in fields_of(frame):
        name = field["name"]
        size = field.get("length") or {"u8": 1, "u16": 2, "u24": 3, "u32": 4, "i16": 2, "i24": 3, "i32": 4, "bool": 1}[field["type"]]
        length += size
        if frame.get("select", {}).get("field") == name:
            raw[name if described.is_multiplexed() else prefix + name] = frame["select"]["value"]
        elif "bits" in field:
            raw.update({prefix + bit: int(message[bit]) for bit in field["bits"]})
        elif name == "reserved":
            continue
        elif field["type"] == "bytes":
            given = bytes.fromhex(message[name])
            length += len(given) - size
            raw[prefix + name] = int.from_bytes(given.ljust(size, b"\0"), "big")
        elif "enum" in field:
            raw[prefix + name] = BUS["enums"][field["enum"]]["values"][message[name]]
        else:
            raw[prefix + name] = field["none"] if message[name] is None else int(message[name])
    if described.is_multiplexed():
        chosen = described.signal_tree[0] if isinstance(described.signal_tree[0], dict) else next(s for s in described.signal_tree if isinstance(s, dict))
        wanted = next(iter(chosen.values()))[frame["select"]["value"]]
        raw = {name: raw[name] for name in [*wanted, *chosen]}
    data = described.encode(raw, scaling=False, strict=False)
    return {"id": identifier, "isExtended": bool(frame.get("isExtended")), "dataHex": data[:length].hex()}


def good():
    frames = {frame["name"]: frame for frame in BUS["frames"]}
    for name, kind, index, message, expected in KNOWN:
        frame = frames[kind]
        encoded = encode(frame, index, message)
        assert encoded["dataHex"] == expected, (name, encoded, expected)
        yield vector(name, frame, index, message, encoded)
    for frame in BUS["frames"]:
        has_none = any("none" in field or "also" in field for field in fields_of(frame))
        for which, label in enumerate(["least", "most", "between", "none"][: 4 if has_none else 3]):
            count = frame.get("index", {}).get("count")
            index = None if count is None else [0, count - 1, count // 3, 1][which]
            message = sample(frame, which)
            yield vector(f"{frame['name']}, {label}", frame, index, message, encode(frame, index, message))


def vector(name, frame, index, message, encoded):
    numbered = {} if index is None else {frame["index"]["name"]: index}
    return {"name": name, "frame": frame["name"], **encoded, "message": {**numbered, **message}}


def bad():
    for frame in BUS["frames"]:
        base = encode(frame, None if "index" not in frame else 1, sample(frame, 2))
        same = [other for other in BUS["frames"] if other["id"] == frame["id"]]
        if len(same) > 1:
            continue
        if not any(field["type"] == "bytes" and "minLength" in field for field in fields_of(frame)):
            yield {"name": f"{frame['name']} that is cut", **base, "dataHex": base["dataHex"][:-2], "fault": "wrong-length"}
        if len(base["dataHex"]) < 16:
            yield {"name": f"{frame['name']} with a byte more", **base, "dataHex": base["dataHex"] + "00", "fault": "wrong-length"}
        at = 0
        for field in fields_of(frame):
            size = field.get("length") or {"u8": 1, "u16": 2, "u24": 3, "u32": 4, "i16": 2, "i24": 3, "i32": 4, "bool": 1}[field["type"]]
            wrong = None
            if "enum" in field:
                wrong = max(BUS["enums"][field["enum"]]["values"].values()) + 1
            elif field["type"] == "bool":
                wrong = 2
            elif field["type"] != "bytes" and "bits" not in field and field["name"] != "reserved":
                most = limits(field)[1]
                wrong = most + 1 if most + 1 < (1 << (8 * size - (field["type"][0] == "i"))) and most + 1 not in (field.get("none"), field.get("also")) else None
            if wrong is not None:
                data = bytearray.fromhex(base["dataHex"])
                data[at : at + size] = wrong.to_bytes(size, "big")
                yield {"name": f"{frame['name']} with a wrong {field['name']}", **base, "dataHex": data.hex(), "fault": "out-of-range"}
            at += size
    yield {"name": "nobody's identifier", "id": 0x3FF, "isExtended": False, "dataHex": "00", "fault": "unknown-identifier"}
    yield {"name": "a command that there isn't", "id": 0x20B, "isExtended": False, "dataHex": "7f00", "fault": "unknown-identifier"}
    yield {"name": "an 11-bit identifier in a 29-bit frame", "id": 0x203, "isExtended": True, "dataHex": "7f00", "fault": "unknown-identifier"}
    yield {"name": "totals with a page that there isn't", "id": 0x107, "isExtended": False, "dataHex": "03000000000000", "fault": "wrong-length"}
    yield {"name": "firmware control with an operation that there isn't", "id": 0x400, "isExtended": False, "dataHex": "0109000000000000", "fault": "wrong-length"}
    yield {"name": "a command's answer of 4 bytes", "id": 0x281, "isExtended": False, "dataHex": "08010000", "fault": "wrong-length"}


text = json.dumps({"good": list(good()), "bad": list(bad())}, indent=1) + "\n"
path = HERE / "can.json"
if "--check" in sys.argv:
    sys.exit(0 if path.read_text() == text else f"{path.name} isn't what cantools makes of the DBC file")
path.write_text(text)
