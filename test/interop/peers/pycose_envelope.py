"""Envelopes of update manifests with pycose and cbor2: one JSON object a line in, one out.

{"verify": hex, "x": hex, "y": hex} says what it read; {"make": {...}} writes and signs one from what SUIT says, with nothing of ours.
"""

import hashlib
import json
import sys

import cbor2
from pycose.algorithms import Es256
from pycose.headers import KID, Algorithm
from pycose.keys import EC2Key
from pycose.keys.curves import P256
from pycose.messages import Sign1Message


def verify(text, x, y):
    envelope = cbor2.loads(bytes.fromhex(text))
    digest, *blocks = cbor2.loads(envelope.value[2])
    protected, unprotected, payload, signature = cbor2.loads(blocks[0]).value
    message = Sign1Message.from_cose_obj([protected, dict(unprotected), payload, signature], True)
    message.payload = digest
    message.key = EC2Key(crv=P256, x=bytes.fromhex(x), y=bytes.fromhex(y))
    _, claimed = cbor2.loads(digest)
    is_same = hashlib.sha256(cbor2.dumps(envelope.value[3])).digest() == claimed
    manifest = cbor2.loads(envelope.value[3])
    return {"tag": envelope.tag, "verified": message.verify_signature(), "digest": is_same, "sequence": manifest[2]}


def wrapped(value):
    return cbor2.dumps(value, canonical=True)


def make(wish):
    digest = wrapped([-16, bytes.fromhex(wish["digest"])])
    shared = {1: bytes.fromhex(wish["vendor"]), 2: bytes.fromhex(wish["class"]), 3: digest, 14: wish["size"]}
    payload = {21: "/artifacts/" + wish["digest"], -257: 0, -258: digest, -259: wish["size"]}
    manifest = wrapped({
        1: 1,
        2: wish["sequence"],
        3: wrapped({2: [[b"image"]], 4: wrapped([20, shared, 1, 15, 2, 15])}),
        7: wrapped([3, 15]),
        9: wrapped([23, 2]),
        16: wrapped([20, payload, -257, 15, 21, 2]),
        20: wrapped([3, 15]),
    })
    covered = wrapped([-16, hashlib.sha256(cbor2.dumps(manifest)).digest()])
    key = EC2Key(crv=P256, x=bytes.fromhex(wish["x"]), y=bytes.fromhex(wish["y"]), d=bytes.fromhex(wish["d"]))
    message = Sign1Message(phdr={Algorithm: Es256}, uhdr={KID: bytes.fromhex(wish["kid"])}, payload=covered)
    message.key = key
    block = cbor2.dumps(cbor2.CBORTag(18, [message.phdr_encoded, {4: bytes.fromhex(wish["kid"])}, None, message.compute_signature()]))
    envelope = cbor2.CBORTag(107, {2: cbor2.dumps([covered, block]), 3: manifest})
    return {"envelope": cbor2.dumps(envelope).hex()}


for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(make(asked["make"]) if "make" in asked else verify(asked["verify"], asked["x"], asked["y"])), flush=True)
