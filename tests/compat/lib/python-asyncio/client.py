"""A subscriber that prints its handshakes, its subscriptions, refused connects and what it receives.

The first argument names the client: aiocometd over a transport, aiosfstream, or aio-sf-streaming. The latter two log in at
Salesforce; here a credential is made up.
"""

import asyncio
import json
import sys
from urllib.parse import urlsplit

import aio_sf_streaming
from aiocometd_ng import Client, ConnectionType, Extension
from aiosfstream_ng import Client as SalesforceClient
from aiosfstream_ng import ReplayMarkerStoragePolicy
from aiosfstream_ng.auth import AuthenticatorBase

CHANNEL = "/orders"
SHOWN_REFUSALS = 5
_, kind, url = sys.argv
origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
counts = {"handshake": 0, "refused": 0, "authenticated": 0}


def show(name, text=""):
    counts[name] += 1
    if name != "refused" or counts[name] <= SHOWN_REFUSALS:
        print(name, counts[name], text, flush=True)


def show_replies(payload):
    for message in payload:
        channel = message["channel"]
        if channel == "/meta/handshake":
            show("handshake", message.get("clientId"))
        elif channel == "/meta/subscribe":
            print("subscribed", message["successful"], flush=True)
        elif channel == "/meta/connect" and not message["successful"]:
            show("refused", message["error"])


def show_event(message):
    assert set(message) == {"channel", "data"} and message["channel"] == CHANNEL, message
    print("received", json.dumps(message["data"]), flush=True)


class Watch(Extension):
    async def outgoing(self, payload, headers):
        pass

    async def incoming(self, payload, headers=None):
        show_replies(payload)


class Credential(AuthenticatorBase):
    async def _authenticate(self):
        show("authenticated")
        return 200, {"access_token": str(counts), "token_type": "Bearer", "instance_url": origin}

    async def incoming(self, payload, headers=None):
        show_replies(payload)


class Streaming(
    aio_sf_streaming.TimeoutAdviceMixin,
    aio_sf_streaming.AutoReconnectMixin,
    aio_sf_streaming.ReSubscribeMixin,
    aio_sf_streaming.BaseSalesforceStreaming,
):
    async def fetch_token(self):
        return "made up", origin

    async def send(self, data):
        replies = await super().send(data)
        show_replies(replies)
        return replies


async def run():
    # Clients are made where an event loop runs, which they keep.
    if kind == "aiosfstream":
        # Without a bound on the time to reconnect: this version checks it with an argument that asyncio no longer has, and
        # ends when a connection does.
        client = SalesforceClient(
            Credential(), replay_storage_policy=ReplayMarkerStoragePolicy.MANUAL, connection_timeout=0
        )
    elif kind == "aio-sf-streaming":
        client = Streaming(version="45.0")
    else:
        client = Client(url, ConnectionType(kind), extensions=[Watch()])
    async with client:
        await client.subscribe(CHANNEL)
        async for message in client.events() if kind == "aio-sf-streaming" else client:
            show_event(message)


asyncio.run(run())
