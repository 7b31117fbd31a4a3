"""aiocoap with OSCORE as a peer: `aiocoap_oscore_peer.py SERVER CLIENT`, the folders of its two security contexts.

Prints `port N` first. Its resources want OSCORE. Lines and answers are those of aiocoap_peer.py; the client protects every request with
the second context. `forget` makes its server's replay window unknown, as a restart does.
"""

import asyncio
import socket
import sys

import aiocoap
from aiocoap import credentials, oscore, oscore_sitewrapper, resource


class Who(resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(payload=type(request.remote).__name__.encode(), content_format=0)


class Store(resource.Resource):
    stored = b""

    async def render_get(self, request):
        return aiocoap.Message(payload=self.stored, content_format=42)

    async def render_put(self, request):
        self.stored = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)


class Slow(resource.Resource):
    async def render_get(self, request):
        await asyncio.sleep(0.3)
        return aiocoap.Message(payload=b"slow answer", content_format=0)


class Ticks(resource.ObservableResource):
    ticks = 0

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
        elif name == "observe":
            message.opt.observe = 0
            notifications = int(value)
    origin = "/".join(words[1].split("/")[:3])
    context.client_credentials[origin + "/*"] = ":client"
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
    for name, each in (("who", Who()), ("store", Store()), ("slow", Slow()), ("ticks", ticks)):
        site.add_resource([name], each)
    ours = oscore.FilesystemSecurityContext(sys.argv[1])
    keys = credentials.CredentialsMap()
    keys[":server"] = ours
    await aiocoap.Context.create_server_context(
        oscore_sitewrapper.OscoreSiteWrapper(site, keys), bind=("127.0.0.1", port)
    )
    client = await aiocoap.Context.create_client_context()
    client.client_credentials[":client"] = oscore.FilesystemSecurityContext(sys.argv[2])
    running = asyncio.ensure_future(ticks.run())
    print("port", port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        words = line.split()
        try:
            if words[0] == "forget":
                ours.recipient_replay_window._index = None
                ours.recipient_replay_window._bitfield = None
                print("2.05 ACK - ", flush=True)
            else:
                await ask(client, words)
        except Exception as failure:
            print("error", repr(failure), flush=True)
    running.cancel()


asyncio.run(main())
