"""What the workers of rq and Celery run, and how Celery is set up."""

import os

from celery import Celery

URL = "redis+socket://" + os.environ.get("TEST_SOCKET", "")

app = Celery("tasks", broker=URL, backend=URL)
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_default_queue="celery:jobs",
    worker_hijack_root_logger=False,
)


@app.task
def add(a, b):
    return a + b


def double(number):
    return 2 * number


def fail():
    raise ValueError("as it should")
