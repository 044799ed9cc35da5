"""The most frequent words of a text: JSON on standard input, the result on file descriptor 3."""

import collections
import json
import os
import re
import sys

EXIT_DO_NOT_RETRY = 65


def main() -> None:
    given = json.load(sys.stdin)
    words = re.findall(r"\w+", given["text"].casefold())
    print(f"{len(words)} words in attempt {os.environ['LONGSHORE_ATTEMPT']}")
    if not words:
        print("The text has no words", file=sys.stderr)
        sys.exit(EXIT_DO_NOT_RETRY)
    with os.fdopen(4, "w", buffering=1) as progress:
        print(json.dumps({"percentage": 50, "message": "counting"}), file=progress)
    counts = collections.Counter(words).most_common(given["most"])
    with os.fdopen(3, "w") as result:
        json.dump({"words": dict(counts), "environment": sys.prefix}, result)


main()
