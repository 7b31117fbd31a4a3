"""COSE_Encrypt0 by pycose. One JSON object on stdin; what came of it on stdout, in hexadecimal.

open: {"open": headers, "text": ciphertext, "key": key} -> plaintext
seal: {"seal": plaintext, "algorithm": 1 or 12, "nonce": nonce, "key": key} -> headers and ciphertext, a space between
"""

import json
import sys

import cbor2
from pycose.headers import IV, Algorithm
from pycose.keys import SymmetricKey
from pycose.messages import Enc0Message

asked = json.load(sys.stdin)
key = SymmetricKey(k=bytes.fromhex(asked["key"]))
if "open" in asked:
    tagged = cbor2.loads(bytes.fromhex(asked["open"]))
    protected, unprotected, detached = tagged.value
    assert tagged.tag == 16 and detached is None
    # Its own decode() wants lists, and the present cbor2 gives tuples within tags.
    message = Enc0Message.from_cose_obj([protected, dict(unprotected), bytes.fromhex(asked["text"])], False)
    message.key = key
    print(message.decrypt().hex())
else:
    message = Enc0Message(phdr={Algorithm: asked["algorithm"]}, uhdr={IV: bytes.fromhex(asked["nonce"])}, payload=bytes.fromhex(asked["seal"]))
    message.key = key
    text = message.encrypt()
    headers = cbor2.dumps(cbor2.CBORTag(16, [message.phdr_encoded, {5: bytes.fromhex(asked["nonce"])}, None]))
    print(headers.hex(), text.hex())
