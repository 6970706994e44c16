"""A subscriber with python-bayeux that prints its handshakes, its subscriptions, refused connects and what it receives."""

# Before all other imports: the client's requests would block its greenlets.
from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402

from python_bayeux import BayeuxClient  # noqa: E402

SHOWN_REFUSALS = 5


class Subscriber(BayeuxClient):
    handshakes = 0
    refusals = 0

    def handshake(self, **arguments):
        super().handshake(**arguments)
        self.handshakes += 1
        print(f"handshake {self.handshakes} {self.client_id}", flush=True)

    def connect(self, initial=False):
        replies = super().connect(initial)
        for reply in replies:
            if reply["channel"] == "/meta/connect" and not reply["successful"] and self.refusals < SHOWN_REFUSALS:
                self.refusals += 1
                print(f"refused {self.refusals} {reply['error']}", flush=True)
        return replies

    def _send_message(self, payload, **arguments):
        replies = super()._send_message(payload, **arguments)
        for reply in replies:
            if reply["channel"] == "/meta/subscribe":
                print(f"subscribed {reply['successful']} by {self.client_id}", flush=True)
        return replies

    def received(self, message):
        print(f"received {json.dumps(message['data'])}", flush=True)


subscriber = Subscriber(sys.argv[1])
subscriber.subscribe("/orders", "received")
subscriber.block()
