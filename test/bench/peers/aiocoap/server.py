"""aiocoap answering the same heartbeat as the manager: the report is kept in a dict by node, the answer is an empty 2.04."""

import asyncio
import sys

import aiocoap
from aiocoap import resource

runs = 0
reports = {}


class Status(resource.Resource):
    async def render_post(self, request):
        global runs
        runs += 1
        node = next((q[3:] for q in request.opt.uri_query if q.startswith("ep=")), "")
        reports[node] = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)


class Count(resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(payload=str(runs).encode())


class Big(resource.Resource):
    body = b"0123456789abcdef" * 65536

    async def render_get(self, request):
        return aiocoap.Message(payload=self.body)


async def main():
    site = resource.Site()
    site.add_resource(["status"], Status())
    site.add_resource(["count"], Count())
    site.add_resource(["big"], Big())
    await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", int(sys.argv[1])))
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
