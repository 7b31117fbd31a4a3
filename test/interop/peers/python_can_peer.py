"""python-can on a serial-line adapter: sends what comes as lines `ID#HEX` (8 digits: 29 bits) on standard input, prints what it receives."""
import sys
import threading

import can

bus = can.Bus(interface="slcan", channel=sys.argv[1], bitrate=int(sys.argv[2]), sleep_after_open=0.1)
print("open", flush=True)


def receive():
    for message in bus:
        digits = 8 if message.is_extended_id else 3
        print(f"{message.arbitration_id:0{digits}X}#{message.data.hex().upper()}", flush=True)


threading.Thread(target=receive, daemon=True).start()
for line in sys.stdin:
    identifier, data = line.strip().split("#")
    bus.send(can.Message(arbitration_id=int(identifier, 16), is_extended_id=len(identifier) == 8, data=bytes.fromhex(data)))
bus.shutdown()
