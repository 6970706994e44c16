"""Publishes messages to a Faye server by HTTP.

In Django, make one in settings and call it from a task, or from transaction.on_commit.
"""

import json
import urllib.error
import urllib.request


class Refused(Exception):
    """The server has refused the message."""


class FayePublisher:
    def __init__(self, url, secret):
        self.url = url
        self.secret = secret

    def publish(self, channel, data):
        """Raises Refused with the server's error, or OSError if there is no answer."""
        request = urllib.request.Request(
            self.url,
            data=json.dumps({"channel": channel, "data": data}).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.secret}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                [reply] = json.load(response)
        except urllib.error.HTTPError as error:
            raise Refused(f"HTTP {error.code}: {error.read().decode()}") from error
        if not reply["successful"]:
            raise Refused(reply["error"])
