"""The glosses of WordNet as documents, and senses asked for by their synonyms.

    wordnet.py WORDNET DIR     writes DIR/glosses.docs, DIR/syn.cues

A document is the definition of one of the 117,659 senses; examples are left
out, since they name the word that is asked for.  Senses of equal definition are
all right answers.  A cue of syn is the words of a sense of two or more, none of
which occurs in its definition.
"""
import hashlib
import os
import re
import sys


def senses(directory):
    """key, words, definition of each sense."""
    for part, mark in (("noun", "n"), ("verb", "v"), ("adj", "a"), ("adv", "r")):
        with open(os.path.join(directory, "data." + part), encoding="utf-8") as f:
            for line in f:
                if line.startswith(" "):
                    continue  # the licence
                head, gloss = line.split(" | ", 1)
                field = head.split(" ")
                words = [re.sub(r"\(\w+\)$", "", w).replace("_", " ")
                         for w in field[4:4 + 2 * int(field[3], 16):2]]
                yield mark + field[0], words, gloss.split('; "')[0].strip()


def shuffled(items, name):
    """The same order everywhere: by a digest of each item's name."""
    return sorted(items, key=lambda i: hashlib.sha256(name(i).encode()).digest())


def stems(text):
    """Words cut to five letters: enough to tell that one gives away another."""
    return {w[:5] for w in re.findall(r"[a-z]+", text.lower())}


def named(words, gloss):
    """Does any of the words occur in the definition?"""
    return any(re.search(r"\b" + re.escape(w.lower()) + r"\b", gloss.lower()) for w in words)


def same_text(all_senses):
    """definition -> keys of the senses that have it."""
    keys = {}
    for key, _, gloss in all_senses:
        keys.setdefault(gloss, []).append(key)
    return keys


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: wordnet.py WORDNET DIR")
    all_senses = list(senses(sys.argv[1]))
    keys = same_text(all_senses)
    with open(os.path.join(sys.argv[2], "glosses.docs"), "w", encoding="utf-8") as out:
        for key, _, gloss in all_senses:
            out.write(f"{key}\t{gloss}\n")
    asked = [s for s in all_senses if len(s[1]) > 1 and not named(s[1], s[2])]
    with open(os.path.join(sys.argv[2], "syn.cues"), "w", encoding="utf-8") as out:
        for _, words, gloss in shuffled(asked, lambda s: s[0])[:1000]:
            out.write(f"{' '.join(words)}\t{' '.join(keys[gloss])}\n")


if __name__ == "__main__":
    main()
