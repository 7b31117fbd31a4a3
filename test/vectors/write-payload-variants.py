#!/usr/bin/env python3
"""Writes payload-variants.json with the programs of others: zlib, detools and pycose. By hand, when a case is added:

    pip install detools==0.53.0 pycose==1.1.0 && python3 test/vectors/write-payload-variants.py
"""

import hashlib
import io
import json
import pathlib
import zlib

import detools
from pycose.algorithms import A128GCM, AESCCM6464128
from pycose.headers import Algorithm, IV, KID
from pycose.keys import SymmetricKey
from pycose.messages import Enc0Message

words = b"the gateway asks its manager for bytes and writes every block into the idle slot before power may fail again ".split()


def text(seed, size):
    out = bytearray()
    while len(out) < size:
        seed = (seed * 1103515245 + 12345) % 2**31
        out += words[seed >> 16 & 15 if (seed >> 16 & 15) < len(words) else 0] + b" "
        if seed >> 20 & 7 == 0:
            out += seed.to_bytes(4, "big")
    return bytes(out[:size])


base = text(1, 1600)
image = base[:300] + b"a line that is new" + base[300:900] + bytes(260) + base[950:1500] + text(2, 200)


def deflate(data, level=9, window=9, strategy=0, level_of_memory=9):
    packer = zlib.compressobj(level, zlib.DEFLATED, -window, level_of_memory, strategy)
    return packer.compress(data) + packer.flush()


def delta(before, after, **options):
    out = io.BytesIO()
    detools.create_patch(io.BytesIO(before), io.BytesIO(after), out, **options)
    return out.getvalue()


key = bytes(range(16))


def encrypt(algorithm, nonce, is_tagged=True):
    message = Enc0Message(phdr={Algorithm: algorithm}, uhdr={KID: hashlib.sha256(key).digest()[:8], IV: nonce}, payload=image)
    message.key = SymmetricKey(k=key)
    sealed = message.encrypt()
    protected = message.phdr_encoded
    head = (b"\xd0" if is_tagged else b"") + b"\x83" + bytes([0x40 + len(protected)]) + protected
    head += b"\xa2\x04\x48" + hashlib.sha256(key).digest()[:8] + b"\x05" + bytes([0x40 + len(nonce)]) + nonce + b"\xf6"
    return {"parametersHex": head.hex(), "payloadHex": sealed.hex(), "keyHex": key.hex()}


fixed = deflate(image, strategy=zlib.Z_FIXED)
dynamic = deflate(image)
blocks = deflate(image, level_of_memory=1)
patch = delta(base, image, compression="heatshrink", heatshrink_window_sz2=8, heatshrink_lookahead_sz2=7)
plain = delta(base, image, compression="none")
gcm = encrypt(A128GCM, bytes(range(20, 32)))
ccm = encrypt(AESCCM6464128, bytes(range(40, 47)))


def flipped(case, at):
    payload = bytearray.fromhex(case["payloadHex"])
    payload[at] ^= 1
    return {**case, "payloadHex": bytes(payload).hex()}


good = [
    {"name": "deflate, stored blocks", "kind": "deflate", "payloadHex": deflate(image, level=0).hex()},
    {"name": "deflate, the fixed code", "kind": "deflate", "payloadHex": fixed.hex()},
    {"name": "deflate, codes of its own", "kind": "deflate", "payloadHex": dynamic.hex()},
    {"name": "deflate, many blocks", "kind": "deflate", "payloadHex": blocks.hex()},
    {"name": "delta, packed by heatshrink", "kind": "delta", "payloadHex": patch.hex()},
    {"name": "delta, heatshrink with a window of 32 bytes", "kind": "delta",
     "payloadHex": delta(base, image, compression="heatshrink", heatshrink_window_sz2=5, heatshrink_lookahead_sz2=4).hex()},
    {"name": "delta, not packed", "kind": "delta", "payloadHex": plain.hex()},
    {"name": "A128GCM", "kind": "encrypt0", **gcm},
    {"name": "A128GCM, headers without a tag", "kind": "encrypt0", **encrypt(A128GCM, bytes(range(20, 32)), is_tagged=False)},
    {"name": "AES-CCM-64-64-128", "kind": "encrypt0", **ccm},
]
bad = [
    {"name": "deflate, cut off", "kind": "deflate", "status": "malformed", "payloadHex": dynamic[:-9].hex()},
    {"name": "deflate, a block type that doesn't exist", "kind": "deflate", "status": "malformed", "payloadHex": "07"},
    {"name": "deflate, the length of a stored block isn't repeated", "kind": "deflate", "status": "malformed", "payloadHex": "010500ff00"},
    {"name": "deflate, a distance before the start", "kind": "deflate", "status": "malformed", "payloadHex": "4b44630000"},
    {"name": "deflate, bytes behind the end", "kind": "deflate", "status": "malformed", "payloadHex": dynamic.hex() + "00"},
    {"name": "deflate, less than the image", "kind": "deflate", "status": "malformed", "payloadHex": deflate(image[:-1]).hex()},
    {"name": "deflate, a bomb", "kind": "deflate", "status": "tooLarge", "payloadHex": deflate(bytes(2_000_000)).hex()},
    {"name": "delta, cut off", "kind": "delta", "status": "malformed", "payloadHex": patch[:-5].hex()},
    {"name": "delta, for a larger image", "kind": "delta", "status": "tooLarge", "payloadHex": delta(base, image + b"x", compression="none").hex()},
    {"name": "delta, for a smaller image", "kind": "delta", "status": "malformed", "payloadHex": delta(base, image[:-1], compression="none").hex()},
    {"name": "delta, for a longer base", "kind": "delta", "status": "mismatch",
     "payloadHex": delta(base + text(3, 900), base + text(3, 900)[: len(image) - len(base)], compression="none").hex()},
    {"name": "delta, packed by lzma", "kind": "delta", "status": "unsupported", "payloadHex": delta(base, image, compression="lzma").hex()},
    {"name": "delta, a window of 512 bytes", "kind": "delta", "status": "unsupported",
     "payloadHex": delta(base, image, compression="heatshrink", heatshrink_window_sz2=9, heatshrink_lookahead_sz2=7).hex()},
    {"name": "delta, in place", "kind": "delta", "status": "unsupported",
     "payloadHex": delta(base, image, compression="none", patch_type="in-place", memory_size=8192, segment_size=512).hex()},
    {"name": "A128GCM, a bit of the text", "kind": "encrypt0", "status": "malformed", **flipped(gcm, 700)},
    {"name": "A128GCM, a bit of the tag", "kind": "encrypt0", "status": "malformed", **flipped(gcm, -1)},
    {"name": "A128GCM, cut off", "kind": "encrypt0", "status": "malformed", **{**gcm, "payloadHex": gcm["payloadHex"][:-2]}},
    {"name": "AES-CCM-64-64-128, a bit of the text", "kind": "encrypt0", "status": "malformed", **flipped(ccm, 0)},
    {"name": "AES-CCM-64-64-128, another key", "kind": "encrypt0", "status": "malformed", **{**ccm, "keyHex": bytes(16).hex()}},
    {"name": "A192GCM", "kind": "encrypt0", "status": "unsupported", **{**gcm, "parametersHex": gcm["parametersHex"].replace("43a10101", "43a10102")}},
    {"name": "COSE_Encrypt with recipients", "kind": "encrypt0", "status": "unsupported", **{**gcm, "parametersHex": "d860" + gcm["parametersHex"][2:]}},
    {"name": "a nonce of the wrong size", "kind": "encrypt0", "status": "malformed",
     **{**gcm, "parametersHex": gcm["parametersHex"].replace("054c14", "054b")}},
]
path = pathlib.Path(__file__).with_name("payload-variants.json")
comment = "Made by write-payload-variants.py with zlib, detools 0.53.0 and pycose 1.1.0. `status` is what a node's decoder comes to."
path.write_text(json.dumps({"comment": comment, "baseHex": base.hex(), "imageHex": image.hex(), "good": good, "bad": bad}, indent=2) + "\n", encoding="utf-8")
