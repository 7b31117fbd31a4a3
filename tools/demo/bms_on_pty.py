"""A BMS on a pseudo terminal: a Modbus RTU slave (function 03) whose registers another program sets.

    python3 bms_on_pty.py [--slave 1]

Says {"device": "/dev/pts/N"} on its standard output, for the pack to open, then takes one JSON object a line on its
standard input, each key as it likes, and ends when that closes:

    {"voltage": 52.8, "current": -3.25, "alarms": 0, "warnings": 0}    V, A (+ charging), bits
    {"fault": "silent"}     or wrong-crc, wrong-slave, late, split, garbage, chatter (of somebody else); null: none

Registers: 0 voltage (0.1 V), 1 current (0.01 A, signed), 16 and 17 alarms, 18 warnings. Python's own library is all it needs.
"""

import argparse
import json
import os
import pty
import select
import sys
import time
import tty

READ_HOLDING = 3
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2
REQUEST_SIZE = 8
LATE_S, SPLIT_S = 0.25, 0.02
FAULTS = (None, "silent", "wrong-crc", "wrong-slave", "late", "split", "garbage", "chatter")


def crc16(frame):
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


class Bms:
    def __init__(self, slave):
        self.slave = slave
        self.values = {"voltage": 52.8, "current": 0.0, "alarms": 0, "warnings": 0}
        self.fault = None

    def take(self, line):
        told = json.loads(line)
        if "fault" in told:
            if told["fault"] not in FAULTS:
                raise ValueError(f"there is no fault {told['fault']}")
            self.fault = told.pop("fault")
        unknown = set(told) - set(self.values)
        if unknown:
            raise ValueError(f"a BMS has no {', '.join(sorted(unknown))}")
        self.values.update(told)

    def register(self, address):
        """None: there is no such register."""
        alarms = int(self.values["alarms"])
        return {
            0: round(self.values["voltage"] * 10) & 0xFFFF,
            1: round(self.values["current"] * 100) & 0xFFFF,
            16: alarms >> 16 & 0xFFFF,
            17: alarms & 0xFFFF,
            18: int(self.values["warnings"]) & 0xFFFF,
        }.get(address)

    def answer(self, request):
        """The reply to a request whose checksum is right; None where it is for another slave."""
        if request[0] != self.slave:
            return None
        function = request[1]
        start, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        registers = [self.register(start + at) for at in range(count)]
        if function != READ_HOLDING:
            body = bytes([self.slave, function | 0x80, ILLEGAL_FUNCTION])
        elif not 1 <= count <= 125 or None in registers:
            body = bytes([self.slave, function | 0x80, ILLEGAL_ADDRESS])
        else:
            body = bytes([self.slave, function, 2 * count]) + b"".join(each.to_bytes(2, "big") for each in registers)
        if self.fault == "wrong-slave":
            body = bytes([self.slave + 1]) + body[1:]
        reply = body + crc16(body)
        if self.fault == "wrong-crc":
            reply = reply[:-1] + bytes([reply[-1] ^ 0x01])
        return bytes(255 - each for each in reply) if self.fault == "garbage" else reply

    def send(self, line, reply):
        if self.fault == "silent":
            return
        if self.fault == "late":
            time.sleep(LATE_S)
        if self.fault == "chatter":
            os.write(line, bytes(range(7)))
        if self.fault == "split":
            for at in range(len(reply)):
                os.write(line, reply[at : at + 1])
                time.sleep(SPLIT_S / len(reply))
        else:
            os.write(line, reply)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--slave", type=int, default=1, help="address on the line (1)")
    bms = Bms(parser.parse_args().slave)
    line, device = pty.openpty()  # the device stays open here too, so that the line outlives a pack that restarts
    tty.setraw(device)
    print(json.dumps({"device": os.ttyname(device)}), flush=True)
    told, asked = b"", b""
    while True:
        # A gap ends what came: half a request is noise.
        ready, _, _ = select.select([line, sys.stdin], [], [], 0.1 if asked else None)
        if not ready:
            asked = b""
        if sys.stdin in ready:
            chunk = os.read(sys.stdin.fileno(), 4096)
            if not chunk:
                return
            *lines, told = (told + chunk).split(b"\n")
            for each in filter(None, lines):
                try:
                    bms.take(each)
                except (ValueError, AttributeError) as error:
                    print(f"bms_on_pty: {error}", file=sys.stderr, flush=True)
        if line in ready:
            asked += os.read(line, 256)
            while len(asked) >= REQUEST_SIZE:
                request = asked[:REQUEST_SIZE]
                if crc16(request[:-2]) != request[-2:]:
                    asked = asked[1:]
                    continue
                asked = asked[REQUEST_SIZE:]
                reply = bms.answer(request)
                if reply is not None:
                    bms.send(line, reply)


if __name__ == "__main__":
    main()
