"""aiocoap as a peer: its server with the resources that peer-suite.ts asks for, and its client, steered by lines.

Prints `port N` first, then does what aiocoap_steering.py says.
"""

import asyncio

import aiocoap
from aiocoap import resource
from aiocoap_steering import Slow, Ticks, ask, free_port, steer


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


class Large(resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(payload=b"0123456789abcdef" * 1250, content_format=0)


class Refused(resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(code=aiocoap.FORBIDDEN, payload=b"not for you")


async def main():
    port = free_port()
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
    await steer(lambda words: ask(client, words))
    running.cancel()


asyncio.run(main())
