"""aiocoap as a peer: its server with the resources that peer-suite.ts asks for, and its client, steered by lines.

Prints `port N` first. A line is `METHOD URI [name=value]...` and is answered by `CODE TYPE FORMAT HEX`, FORMAT `-` for none, or
`error WHAT`. Names: payload (hex), ct, accept, type=NON, observe=N (as many notifications, each a line, then cancelled).
"""

import asyncio
import socket
import sys

import aiocoap
from aiocoap import resource


class Hello(resource.Resource):
    async def render_get(self, request):
        words = "hello " + "&".join(request.opt.uri_query)
        return aiocoap.Message(payload=words.encode(), content_format=0)


class Store(resource.Resource):
    stored = None

    async def render_get(self, request):
        if self.stored is None:
            raise aiocoap.error.NotFound()
        return aiocoap.Message(payload=self.stored, content_format=42)

    async def render_put(self, request):
        is_new = self.stored is None
        self.stored = request.payload
        return aiocoap.Message(code=aiocoap.CREATED if is_new else aiocoap.CHANGED)

    async def render_delete(self, request):
        self.stored = None
        return aiocoap.Message(code=aiocoap.DELETED)


class Things(resource.Resource):
    posts = 0

    async def render_post(self, request):
        self.posts += 1
        answer = aiocoap.Message(code=aiocoap.CREATED, payload=request.payload.upper())
        answer.opt.location_path = ("things", str(self.posts))
        return answer


class Slow(resource.Resource):
    async def render_get(self, request):
        await asyncio.sleep(0.3)
        return aiocoap.Message(payload=b"slow answer", content_format=0)


class Large(resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(payload=b"0123456789abcdef" * 1250, content_format=0)


class Refused(resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(code=aiocoap.FORBIDDEN, payload=b"not for you")


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


async def main():
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    site = resource.Site()
    ticks = Ticks()
    site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
    for name, each in (
        ("hello", Hello()),
        ("store", Store()),
        ("things", Things()),
        ("slow", Slow()),
        ("large", Large()),
        ("refused", Refused()),
        ("ticks", ticks),
    ):
        site.add_resource([name], each)
    await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
    client = await aiocoap.Context.create_client_context()
    running = asyncio.ensure_future(ticks.run())
    print("port", port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            await ask(client, line.split())
        except Exception as failure:
            print("error", repr(failure), flush=True)
    running.cancel()


asyncio.run(main())
