"""The Celery application that is measured beside ours: Django and its REST framework are loaded, as in a worker of a Django project."""

import os

import django
from celery import Celery
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    SECRET_KEY="bench",
    USE_TZ=True,
)
django.setup()

import rest_framework.serializers  # noqa: E402,F401
import rest_framework.views  # noqa: E402,F401
import rest_framework.viewsets  # noqa: E402,F401

app = Celery("bench", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.update(task_ignore_result=False, worker_hijack_root_logger=False)


@app.task(name="bench.noop")
def noop(payload):
    return payload
