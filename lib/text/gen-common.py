#!/usr/bin/env python3
"""Prints common.inc: the frozen list of common English words.

    python3 lib/text/gen-common.py >lib/text/common.inc

The words are the thousand most frequent of two bodies of text that Debian
carries, one that defines (the glosses of wordnet-base) and one that talks
(the fortunes), each counting half; a word twenty times as frequent in one as
in the other belongs to that text and is left out.  The weight of a word w is

    255 * a / (a + p(w))    p = its share of all words, a = 1/1000

(the weight of Arora, Liang and Ma 2017): about 4 for "the", 127 for a word in
a thousand, near 255 for all that is not listed.  The stop words are the ones
below and are marked.  The output is committed; run anew it would change the
vectors, which takes a new embedder version.
"""
import collections
import glob
import re

STOP = '''a about above after again against all am an and any are aren as at be because been before being below
between both but by can cannot could couldn did didn do does doesn doing don down during each few for from
further had hadn has hasn have haven having he her here hers herself him himself his how i if in into is isn it
its itself just me more most my myself no nor not now of off on once only or other our ours ourselves out over
own same she should shouldn so some such than that the their theirs them themselves then there these they this
those through to too under until up us very was wasn we were weren what when where which while who whom why will
with would wouldn you your yours yourself yourselves'''.split()

A = 0.001
COUNT = 1000
LONGEST = 14


def words(text):
    text = re.sub(r"(?<=[a-z])['\u2019](?:s|t|ll|ve|re|m|d)\b", '', text.lower())
    return re.findall(r'[a-z]+', text)


def glosses():
    for part in ('noun', 'verb', 'adj', 'adv'):
        for line in open('/usr/share/wordnet/data.' + part, encoding='latin-1'):
            if line[0] != ' ':
                yield line.split('|', 1)[1]


def fortunes():
    for path in sorted(glob.glob('/usr/share/games/fortunes/*.u8')):
        yield open(path, encoding='utf-8', errors='replace').read()


def shares(texts):
    count = collections.Counter(w for t in texts for w in words(t))
    total = sum(count.values())
    return {w: c / total for w, c in count.items()}


def main():
    a, b = shares(glosses()), shares(fortunes())
    p = {w: (a[w] + b[w]) / 2 for w in a.keys() & b.keys() if len(w) <= LONGEST and a[w] < 20 * b[w] < 400 * a[w]}
    listed = set(sorted(p, key=lambda w: (-p[w], w))[:COUNT]) | set(STOP)
    rows = [(w, round(255 * A / (A + ((a.get(w, 0) + b.get(w, 0)) / 2))), w in STOP) for w in sorted(listed)]
    first = [sum(1 for r in rows if r[0][0] < chr(c)) for c in range(ord('a'), ord('z') + 2)]
    print('/* common.inc - made by gen-common.py; do not edit. */')
    print('static const uint16_t common_first[27] = {\n\t%s\n};' % ', '.join(map(str, first)))
    print('static const struct common common_words[%d] = {' % len(rows))
    line = ''
    for w, weight, stop in rows:
        item = '{"%s",%d,%d},' % (w, min(weight, 254), stop)
        if len(line) + len(item) > 106:
            print('\t' + line)
            line = ''
        line += item
    print('\t' + line)
    print('};')


main()
