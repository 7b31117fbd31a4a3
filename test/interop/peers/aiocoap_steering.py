"""What the aiocoap peers have in common: resources that time drives, the lines that steer a client, and a free port.

A line is `METHOD URI [name=value]...` and is answered by `CODE TYPE FORMAT HEX`, FORMAT `-` for none, or `error WHAT`. Names: payload
(hex), ct, accept, type=NON, observe=N (as many notifications, each a line, then cancelled).
"""

import asyncio
import socket
import sys

import aiocoap
from aiocoap import resource


class Slow(resource.Resource):
    async def render_get(self, request):
        await asyncio.sleep(0.3)
        return aiocoap.Message(payload=b"slow answer", content_format=0)


class Ticks(resource.ObservableResource):
    ticks = 0
    rt = "ticks"

    async def run(self):
        while True:
            await asyncio.sleep(0.2)
            self.ticks += 1
            self.updated_state()

    async def render_get(self, request):
        return aiocoap.Message(payload=b"tick %d" % self.ticks, content_format=0)


def free_port():
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    return port


def say(response):
    content_format = response.opt.content_format
    number = "-" if content_format is None else int(content_format)
    code = "%d.%02d" % (response.code >> 5, response.code & 31)
    print(code, response.mtype, number, response.payload.hex(), flush=True)


async def ask(context, words):
    message = aiocoap.Message(code=getattr(aiocoap, words[0]), uri=words[1])
    notifications = 0
    for word in words[2:]:
        name, value = word.split("=", 1)
        if name == "payload":
            message.payload = bytes.fromhex(value)
        elif name == "ct":
            message.opt.content_format = int(value)
        elif name == "accept":
            message.opt.accept = int(value)
        elif name == "type":
            message.transport_tuning = aiocoap.Unreliable
        elif name == "observe":
            message.opt.observe = 0
            notifications = int(value)
    asked = context.request(message)
    say(await asyncio.wait_for(asked.response, 30))
    if notifications:
        rest = notifications - 1
        async for notification in asked.observation:
            say(notification)
            rest -= 1
            if rest == 0:
                break
        asked.observation.cancel()


async def steer(obey):
    """Gives the words of each line to `obey` until there are none."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            await obey(line.split())
        except Exception as failure:
            print("error", repr(failure), flush=True)
