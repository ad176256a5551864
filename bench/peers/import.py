#!/usr/bin/env python3
"""The peer of importing NDJSON with vectors: json and sqlite3 of Python's library.

    import.py FILE DATABASE

Each line's text and vector (as float32) become a row, a transaction a thousand,
in WAL mode with synchronous=FULL: what an import by a script looks like."""
import array
import json
import sqlite3
import sys

db = sqlite3.connect(sys.argv[2])
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE m(id INTEGER PRIMARY KEY, text TEXT, vector BLOB)")
with open(sys.argv[1], encoding="utf-8") as lines:
    for n, line in enumerate(lines, 1):
        m = json.loads(line)
        db.execute("INSERT INTO m(text, vector) VALUES (?, ?)", (m["text"], array.array("f", m["vector"]).tobytes()))
        if n % 1000 == 0:
            db.commit()
db.commit()
