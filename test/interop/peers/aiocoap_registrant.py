"""aiocoap as a registrant of a resource directory (RFC 9176), with its own Registerer, and as a lookup client.

Words: PORT of its own, URI of the directory. Prints each state of the registration as `state NAME`. Lines it takes: `lookup PATH` is
answered by `links TARGET ...`, each as aiocoap understands it, `simple QUERY` by `code N.NN`, `end` by `ended` after the registration was removed.
"""

import asyncio
import sys

import aiocoap
from aiocoap import resource
from aiocoap.resourcedirectory.client.register import Registerer
from aiocoap.util.linkformat import parse


class Soil(resource.Resource):
    rt = "moisture"

    async def render_get(self, request):
        return aiocoap.Message(payload=b"42")


class Told(Registerer):
    def _set_state(self, newstate):
        super()._set_state(newstate)
        print("state", newstate, flush=True)


async def main():
    port, directory = int(sys.argv[1]), sys.argv[2]
    site = resource.Site()
    site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
    site.add_resource(["soil"], Soil())
    context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
    parameters = {"ep": "aio-1", "et": "tag:example.com,2020:probe", "custom": "7"}
    registerer = Told(context, rd=directory, lt=4, registration_parameters=parameters)
    loop = asyncio.get_running_loop()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        word, _, rest = line.partition(" ")
        if word == "lookup":
            message = aiocoap.Message(code=aiocoap.GET, uri=directory + rest, accept=40)
            response = await context.request(message).response_raising
            links = parse(response.payload.decode()).links
            print("links", *(link.get_target(response.get_request_uri()) for link in links), flush=True)
        elif word == "simple":
            message = aiocoap.Message(code=aiocoap.POST, uri=f"{directory}/.well-known/rd?{rest}")
            print("code", (await context.request(message).response).code.dotted, flush=True)
        else:
            await registerer.shutdown()
            print("ended", flush=True)
    await context.shutdown()


asyncio.run(main())
