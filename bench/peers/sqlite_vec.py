#!/usr/bin/env python3
"""sqlite-vec as a peer: what makes one table of vectors by cosine, one of the queries.

    sqlite_vec.py BASE.fvecs QUERIES.fvecs | sqlite3 -cmd '.load VEC0.so sqlite3_vec_init' DATABASE
"""
import struct
import sys


def rows(path):
    """Each vector, as SQL writes bytes."""
    with open(path, "rb") as f:
        while head := f.read(4):
            yield f.read(4 * struct.unpack("<i", head)[0]).hex()


def main(base, queries):
    dim = len(next(rows(base))) // 8
    print("PRAGMA synchronous=OFF; BEGIN;")
    print(f"CREATE VIRTUAL TABLE v USING vec0(id INTEGER PRIMARY KEY, e float[{dim}] distance_metric=cosine);")
    print("CREATE TABLE q(id INTEGER PRIMARY KEY, e BLOB);")
    for table, path in ("v", base), ("q", queries):
        for i, e in enumerate(rows(path)):
            print(f"INSERT INTO {table}(id, e) VALUES({i}, x'{e}');")
    print("COMMIT;")


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
