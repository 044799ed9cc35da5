"""A line through points: JSON on standard input, the result on file descriptor 3."""

import json
import os
import statistics
import sys

xs, ys = zip(*json.load(sys.stdin)["points"])
try:
    slope, intercept = statistics.linear_regression(xs, ys)
except statistics.StatisticsError as error:
    print(error, file=sys.stderr)
    sys.exit(65)
with os.fdopen(3, "w") as result:
    json.dump({"slope": slope, "intercept": intercept}, result)
