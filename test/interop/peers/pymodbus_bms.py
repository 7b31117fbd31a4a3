"""pymodbus as the BMS of a pack: its RTU server on one pseudo terminal, the pack on another, and a line between them that can be bad.

Speaks like tools/demo/bms_on_pty.py: {"device": PATH} first, then one JSON object a line with voltage, current, alarms,
warnings, or fault: silent, wrong-crc, wrong-slave, late, split, garbage, chatter, or null. What the master asks
is told in hexadecimal as {"asked": ...} where it changes.
"""

import asyncio
import json
import os
import pty
import sys
import tty

from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.framer.rtu import FramerRTU
from pymodbus.server import ModbusSerialServer

FAULTS = (None, "silent", "wrong-crc", "wrong-slave", "late", "split", "garbage", "chatter")
LATE_S, SPLIT_S = 0.25, 0.02
registers = ModbusSequentialDataBlock(1, [528, 0] + [0] * 17)  # pymodbus counts from 1 inside
fault = None


def set_register(address, value):
    registers.setValues(address + 1, [value & 0xFFFF])


def take(line):
    global fault
    told = json.loads(line)
    if "fault" in told:
        assert told["fault"] in FAULTS, told["fault"]
        fault = told["fault"]
    if "voltage" in told:
        set_register(0, round(told["voltage"] * 10))
    if "current" in told:
        set_register(1, round(told["current"] * 100))
    if "alarms" in told:
        set_register(16, told["alarms"] >> 16)
        set_register(17, told["alarms"])
    if "warnings" in told:
        set_register(18, told["warnings"])


def spoiled(reply):
    """What the line makes of pymodbus' reply."""
    if fault == "wrong-crc":
        return reply[:-1] + bytes([reply[-1] ^ 0x10])
    if fault == "wrong-slave":
        body = bytes([reply[0] + 1]) + reply[1:-2]
        return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
    if fault == "garbage":
        return bytes(255 - each for each in reply)
    return reply


async def pump(loop, source, target, change):
    chunks = asyncio.Queue()
    loop.add_reader(source, lambda: chunks.put_nowait(os.read(source, 256)))
    while True:
        chunk = await chunks.get()
        for piece, pause in change(chunk):
            if pause:
                await asyncio.sleep(pause)
            os.write(target, piece)


def to_server(chunk, seen=[b""]):
    if chunk != seen[0]:
        seen[0] = chunk
        print(json.dumps({"asked": chunk.hex()}), flush=True)
    yield chunk, 0


def to_pack(chunk):
    if fault == "silent":
        return
    if fault == "chatter":  # of somebody else on the line, a moment before the answer
        yield bytes(range(7)), 0
    if fault == "split":
        for at in range(len(chunk)):
            yield chunk[at : at + 1], SPLIT_S / len(chunk)
    else:
        yield spoiled(chunk), LATE_S if fault == "late" else 0


async def main():
    loop = asyncio.get_running_loop()
    (pack_end, pack_device), (server_end, server_device) = pty.openpty(), pty.openpty()
    tty.setraw(pack_device)
    tty.setraw(server_device)
    context = ModbusServerContext(devices={1: ModbusDeviceContext(hr=registers)}, single=False)
    server = ModbusSerialServer(context, framer=FramerType.RTU, port=os.ttyname(server_device), baudrate=9600, ignore_missing_devices=True)
    running = [
        loop.create_task(server.serve_forever()),
        loop.create_task(pump(loop, pack_end, server_end, to_server)),
        loop.create_task(pump(loop, server_end, pack_end, to_pack)),
    ]
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print(json.dumps({"device": os.ttyname(pack_device)}), flush=True)
    while line := await lines.readline():
        take(line)
    for task in running:
        task.cancel()


asyncio.run(main())
