"""toml_peer.py DUMP COUNT SEED - random documents through `DUMP` and tomllib.

One run of DUMP gets all documents, separated by NUL, and answers a line each:
JSON of all keys, or "error: ...".  Prints the first difference, or "no difference".
"""
import json, random, subprocess, sys, tomllib

KEYS = ["a", "b", "c", "a.b", "a.c", "b.a", "a.b.c", '"a"', "'b'.c", "a . b", "1", "-"]
VALUES = ["1", "-1_0", "+3", "0", "0.5", "1e3", "-2.5E-2", "true", "false", '"x"', "'y # z'", '"\\u00e4\\t"', "[]",
          "[1, 2]", "[ 'a',\n # c\n 'b', ]", '"#"', '""',
          # what one of the two, or both, refuse
          "01", "1.", ".5", "1__0", "yes", "0x10", "inf", "2026-11-21", "{a = 1}", '"""m"""', "[[1]]", "[1 2]", "[1,,2]",
          '"\\q"', '"open', "", "'a' b"]
UNSUPPORTED = ["not supported", "wanted a value", "wanted at most"]  # other bases, dates, inf


def document(rng):
    lines = []
    for _ in range(rng.randint(1, 6)):
        kind = rng.random()
        if kind < 0.25:
            lines.append("[" + rng.choice(KEYS) + "]")
        elif kind < 0.3:
            lines.append(rng.choice(["", "# c", "   ", "[a", "a", "= 1", "[[a]]", "a = 1 # \x01"]))
        else:
            good = rng.random() < 0.9
            value = rng.choice(VALUES[:17] if good else VALUES)
            lines.append(rng.choice(["", " "]) + rng.choice(KEYS) + rng.choice([" = ", "="]) + value)
    return rng.choice(["\n", "\r\n"]).join(lines) + rng.choice(["", "\n"])


def flat(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, prefix + key + ".")
        else:
            yield prefix + key, value


def same(ours, theirs):
    """Ours is [kind, text], or a list of these; numbers are compared as numbers."""
    is_array = not ours or isinstance(ours[0], list)
    if isinstance(theirs, list):
        return is_array and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if is_array:
        return False
    kind, text = ours
    if isinstance(theirs, bool):
        return kind == "b" and text == ("true" if theirs else "false")
    if isinstance(theirs, int):
        return kind == "i" and int(text) == theirs
    if isinstance(theirs, float):
        return kind == "f" and float(text) == theirs
    return kind == "s" and text == theirs


def difference(text, answer):
    try:
        theirs = dict(flat(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as e:
        return None if answer.startswith("error: ") else f"tomllib refuses: {e}"
    if answer.startswith("error: "):
        return None if any(u in answer for u in UNSUPPORTED) else "tomllib takes it"
    ours = json.loads(answer)
    if set(ours) == set(theirs) and all(same(ours[k], theirs[k]) for k in theirs):
        return None
    return f"tomllib says {theirs}"


dump, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
documents = [document(rng) for _ in range(count)]
run = subprocess.run([dump], input="\0".join(documents).encode(), capture_output=True, check=True)
answers = run.stdout.decode().splitlines()
assert len(answers) == count, (len(answers), count)
taken = sum(not a.startswith("error: ") for a in answers)
for text, answer in zip(documents, answers):
    wrong = difference(text, answer)
    if wrong:
        print(f"{text!r}: {answer}; {wrong}")
        break
else:
    print("no difference" if count / 4 < taken < count else f"only {taken} of {count} are taken")
