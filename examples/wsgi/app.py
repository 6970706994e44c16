"""A WSGI application that publishes each note to the browsers. Run it with: python3 app.py"""

import os
import urllib.parse
from pathlib import Path
from wsgiref.simple_server import make_server

from faye_publisher import FayePublisher, Refused

FAYE = os.environ.get("FAYE_URL", "http://127.0.0.1:8000/faye")
PUBLISHER = FayePublisher(FAYE, os.environ["FAYE_PUSH_SECRET"])
PAGE = (Path(__file__).parent.parent / "page" / "index.html").read_text().replace("{{faye}}", FAYE)
MOST_BYTES = 10_000


def respond(environ):
    """Returns status, content type and text of the response."""
    match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
        case "GET", "/":
            return "200 OK", "text/html; charset=utf-8", PAGE
        case "POST", "/notes":
            length = int(environ.get("CONTENT_LENGTH") or 0)
            form = urllib.parse.parse_qs(environ["wsgi.input"].read(min(length, MOST_BYTES)).decode())
            if "text" not in form:
                return "400 Bad Request", "text/plain", "The field text is missing.\n"
            try:
                PUBLISHER.publish("/notes", {"text": form["text"][0][:200]})
            except (Refused, OSError) as error:
                print(f"publish failed: {error}", file=environ["wsgi.errors"])
                return "502 Bad Gateway", "text/plain", "The note could not be published.\n"
            return "204 No Content", None, ""
        case _:
            return "404 Not Found", "text/plain", "Not found.\n"


def application(environ, start_response):
    status, content_type, text = respond(environ)
    start_response(status, [("Content-Type", content_type)] if content_type else [])
    return [text.encode()]


if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "3000")), application) as server:
        server.serve_forever()
