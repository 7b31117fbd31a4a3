"""aiocoap with OSCORE as a peer: `aiocoap_oscore_peer.py SERVER CLIENT`, the folders of its two security contexts.

Prints `port N` first. Its resources want OSCORE. Lines and answers are those of aiocoap_steering.py; the client protects every request with
the second context. `forget` makes its server's replay window unknown, as a restart does.
"""

import asyncio
import sys

import aiocoap
from aiocoap import credentials, oscore, oscore_sitewrapper, resource
from aiocoap_steering import Slow, Ticks, ask, free_port, steer


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


async def main():
    port = free_port()
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

    async def obey(words):
        if words[0] == "forget":
            ours.recipient_replay_window._index = None
            ours.recipient_replay_window._bitfield = None
            print("2.05 ACK - ", flush=True)
            return
        origin = "/".join(words[1].split("/")[:3])
        client.client_credentials[origin + "/*"] = ":client"
        await ask(client, words)

    await steer(obey)
    running.cancel()


asyncio.run(main())
