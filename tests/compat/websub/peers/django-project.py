"""A Django project in one file: a feed whose entries are published with django-push, and a subscriber of that feed."""

import os
import re
import sys

from django.conf import settings
from django.http import JsonResponse

HUB = os.environ["HUB"]
FEED = "http://%s/feed/" % os.environ["PUSH_DOMAIN"]

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
    DEBUG=True,
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    INSTALLED_APPS=["django_push.subscriber"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    PUSH_DOMAIN=os.environ["PUSH_DOMAIN"],
    PUSH_HUB=os.environ["HUB_LINK"],
)

import django  # noqa: E402

django.setup()

from django.core.management import execute_from_command_line  # noqa: E402
from django.urls import include, path  # noqa: E402
from django_push.publisher import ping_hub  # noqa: E402
from django_push.publisher.feeds import Feed  # noqa: E402
from django_push.subscriber.models import Subscription  # noqa: E402
from django_push.subscriber.signals import updated  # noqa: E402

ENTRIES = []


class Blog(Feed):
    title = "A blog"
    link = "/"
    feed_url = FEED

    def items(self):
        return reversed(ENTRIES)

    def item_title(self, item):
        return item

    def item_link(self, item):
        return "/%s/" % item


def write(request, title):
    ENTRIES.append(title)
    return JsonResponse({"status": ping_hub(FEED, hub_url=HUB).status_code})


def subscribe(request):
    subscription = Subscription.objects.subscribe(FEED, hub=HUB, lease_seconds=86400)
    subscription.refresh_from_db()
    return JsonResponse({"verified": subscription.verified, "expires": subscription.lease_expiration is not None})


def unsubscribe(request):
    Subscription.objects.get(topic=FEED).unsubscribe()
    return JsonResponse({"left": Subscription.objects.count()})


def receive(notification, links, **kwargs):
    titles = re.findall(r"<entry>.*?<title>(.*?)</title>", notification.decode(), re.DOTALL)
    named = " ".join("%s=%s" % (link["rel"], link["url"]) for link in links)
    print("received", ",".join(titles), named)


updated.connect(receive)

urlpatterns = [
    path("feed/", Blog()),
    path("write/<title>/", write),
    path("subscribe/", subscribe),
    path("unsubscribe/", unsubscribe),
    path("push/", include("django_push.subscriber.urls")),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
