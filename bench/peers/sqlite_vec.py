#!/usr/bin/env python3
"""sqlite-vec as a peer: one table of vectors by cosine, one of the queries.

    sqlite_vec.py VEC0.so BASE.fvecs QUERIES.fvecs DATABASE
"""
import array
import os
import sqlite3
import struct
import sys


def rows(path):
    with open(path, "rb") as f:
        while head := f.read(4):
            yield array.array("f", f.read(4 * struct.unpack("<i", head)[0])).tobytes()


def main(vec0, base, queries, path):
    part = path + ".part"
    if os.path.exists(part):
        os.remove(part)
    db = sqlite3.connect(part, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(os.path.splitext(os.path.realpath(vec0))[0])
    dim = len(next(rows(base))) // 4
    db.execute("PRAGMA synchronous=OFF")
    db.execute("BEGIN")
    db.execute(f"CREATE VIRTUAL TABLE v USING vec0(id INTEGER PRIMARY KEY, e float[{dim}] distance_metric=cosine)")
    db.execute("CREATE TABLE q(id INTEGER PRIMARY KEY, e BLOB)")
    db.executemany("INSERT INTO v(id, e) VALUES (?, ?)", enumerate(rows(base)))
    db.executemany("INSERT INTO q(id, e) VALUES (?, ?)", enumerate(rows(queries)))
    db.execute("COMMIT")
    db.close()
    os.rename(part, path)


if len(sys.argv) != 5:
    sys.exit(__doc__)
main(*sys.argv[1:])
