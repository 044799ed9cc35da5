"""Submits tasks that do nothing to each queue that is named, and waits for all of them."""

import sys

from celery_app import noop

count, queues = int(sys.argv[1]), sys.argv[2:]
results = [noop.apply_async(("x",), queue=queue) for _ in range(count) for queue in queues]
for result in results:
    result.get(timeout=300)
print(len(results))
