"""Definitions of Webster's dictionary of 1913 as cues for WordNet's.

    gcide.py GCIDE.dict.dz WORDNET DIR     writes DIR/gcide.cues

A cue is the first definition of an entry marked as the dictionary's own (GCIDE
has copied others from WordNet) and without its headword; right is any sense of
that word in WordNet.
"""
import gzip
import os
import re
import sys

import wordnet

HEAD = re.compile(r"^([A-Z][A-Za-z'-]+) \\")


def entries(path):
    """headword, lines below it."""
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as f:
        word, lines = None, []
        for line in f:
            if line[0] not in " \n":
                if word:
                    yield word, lines
                found = HEAD.match(line)
                word, lines = (found.group(1) if found else None), []
            if word:
                lines.append(line.rstrip("\n"))
        if word:
            yield word, lines


def definition(lines):
    """The first one, or None where it is not of 1913."""
    text = re.sub(r"\s+", " ", "\n".join(lines))
    found = re.search(r"^[^\\]*\\[^\\]*\\(.*?)\[(1913 Webster|[^\]]*WordNet[^\]]*)\]", text)
    if not found or found.group(2) != "1913 Webster":
        return None
    text = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", found.group(1))  # sounds, origins, remarks
    # parts of speech and inflections stand first, in front of the first sentence
    text = re.sub(r"^[\s,;.]*((n|v|a|adv|t|i|pl|imp|p|pr|vb|prep|conj|interj|fem|sing|superl|compar)\.[\s,;&]*)+", "", text)
    text = re.sub(r"^\s*1\.", "", text)
    text = re.split(r" --[A-Z]| 1\. | Syn:", text)[0]
    text = re.sub(r"[{}\[\]]", "", text)
    return re.sub(r"\s+", " ", text).strip()


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: gcide.py GCIDE.dict.dz WORDNET DIR")
    all_senses = list(wordnet.senses(sys.argv[2]))
    keys = wordnet.same_text(all_senses)
    right, copied = {}, {gloss.lower() for _, _, gloss in all_senses}
    for _, words, gloss in all_senses:
        for w in words:
            right.setdefault(w.lower(), set()).update(keys[gloss])
    cues = {}
    for word, lines in entries(sys.argv[1]):
        text = definition(lines)
        if (text and word.lower() in right and word.lower() not in cues and len(text) >= 30 and
                not wordnet.stems(word) & wordnet.stems(text) and text.lower().rstrip(".") not in copied):
            cues[word.lower()] = text
    with open(os.path.join(sys.argv[3], "gcide.cues"), "w", encoding="utf-8") as out:
        for word in wordnet.shuffled(cues, str)[:1000]:
            out.write(f"{cues[word]}\t{' '.join(sorted(right[word]))}\n")


if __name__ == "__main__":
    main()
