#!/usr/bin/env python3
"""Prints fold.inc: the frozen classes and foldings of characters.

    python3 lib/text/gen-fold.py >lib/text/fold.inc

Run once, with Python 3.11 (Unicode 14.0.0); the output is committed, because
a table that followed the build machine's Unicode version would give other
words, and so other document frequencies and vectors, on another machine.

  word       letters and numbers (L*, N*), and marks that carry meaning
  drop       marks above and below letters (accents, vowel points), and
             characters that are ignored inside a word (soft hyphen, joiners)
  alone      Han and Hiragana: each character is a word
  everything else ends a word and is not in the table

Folding of c: compatibility forms to plain ones (full width, ligatures,
letters in circles), case folded, accents off, composed again.  Left as they
are, for the size of the table: compatibility ideographs and radicals, and the
presentation forms of Arabic (no keyboard makes them).
"""
import sys
import unicodedata as u

# Letters without a decomposition whose plain form people type.
PLAIN = {'ø': 'o', 'đ': 'd', 'ł': 'l', 'æ': 'ae', 'œ': 'oe', 'þ': 'th', 'ð': 'd', 'ħ': 'h',
         'ı': 'i', 'ŧ': 't', 'ŋ': 'n', 'ĸ': 'k', 'ƒ': 'f', 'ß': 'ss', 'ə': 'e', 'ɨ': 'i', 'ǝ': 'e'}
IGNORED = {0xad, 0x34f, 0x61c, 0x180e, 0x200c, 0x200d, 0x200e, 0x200f, 0x2060, 0xfeff} | \
    set(range(0xfe00, 0xfe10)) | set(range(0xe0100, 0xe01f0)) | {0x180b, 0x180c, 0x180d}
# Voicing marks of kana: dropped when they stand alone, kept in what they compose to.
VOICING = {0x3099, 0x309a, 0xff9e, 0xff9f}


def dropped(c):
    """Combining classes 10..83 and 133..: points, accents.  0..9 and 84..132
    are vowel signs, viramas, nuktas and tones, which make another word."""
    k = u.combining(c)
    return u.category(c)[0] == 'M' and (10 <= k <= 83 or k >= 133) or u.category(c) == 'Me' or ord(c) in IGNORED


def word(c):
    return u.category(c)[0] in 'LNM' and not dropped(c)


def alone(c):
    n = ord(c)
    return 0x3041 <= n <= 0x309f or 0x2e80 <= n <= 0x2fdf or n == 0x3005 or n == 0x3007 or 0x3400 <= n <= 0x4dbf or \
        0x4e00 <= n <= 0x9fff or 0xf900 <= n <= 0xfaff or 0x20000 <= n <= 0x3ffff


def plain(s):
    return ''.join(PLAIN.get(c, c) for c in s)


def once(s):
    wide = u.normalize('NFKD', s)
    if not all(word(c) or dropped(c) for c in wide):
        wide = u.normalize('NFD', s)
    low = u.normalize('NFKD', plain(wide.casefold()))
    if not all(word(c) or dropped(c) for c in low):
        low = wide
    return u.normalize('NFC', ''.join(c for c in low if not dropped(c)))


def fold(c):
    s = c
    for _ in range(4):
        t = once(s)
        if t == s:
            break
        s = t
    # A form that spells out a phrase is better left one character.
    return s if 1 <= len(s) <= 3 else c


def entries():
    for n in range(0x80, 0x110000):
        c = chr(n)
        if 0xd800 <= n < 0xe000:
            continue
        if dropped(c) or n in VOICING:
            yield n, 'DROP', 0
        elif alone(c) and u.category(c)[0] in 'LN':
            yield n, 'ALONE', 0
        elif word(c):
            f = c if 0xfb50 <= n <= 0xfeff else fold(c)
            if len(f) == 1:
                yield n, 'ALONE' if alone(f) else 'WORD', ord(f) - n
            else:
                yield n, 'SEQ', f


def ranges():
    """[first, count, step, kind, value]: `step` 2 = every other character,
    which upper and lower case in pairs come in."""
    out = []
    for n, kind, v in entries():
        if kind != 'SEQ' and out:
            r = out[-1]
            if r[3:] == [kind, v] and n == r[0] + r[1]:
                r[1] += 1
                continue
        out.append([n, 1, 1, kind, v])
    # Pairs: (upper, +1) (lower, 0) (upper, +1) ... become one range PAIR.
    merged = []
    for r in out:
        p = merged[-1] if merged else None
        n, k = r[0], r[1]
        if p and p[3] == 'PAIR' and n == p[0] + p[1] and k == 1 and r[3] == 'WORD' and r[4] == (p[1] + 1) % 2:
            p[1] += 1
            continue
        if k == 1 and r[3] == 'WORD' and r[4] == 1:
            merged.append([n, 1, 1, 'PAIR', 0])
            continue
        merged.append(r)
    return merged


def main():
    pool = bytearray()
    rows = []
    for n, k, _, kind, v in ranges():
        if kind == 'SEQ':
            b = v.encode()
            at = pool.find(b)
            if at < 0:
                at = len(pool)
                pool += b
            v = at << 4 | len(b)
        rows.append((n, k, kind, v))
    print('/* fold.inc - made by gen-fold.py from Unicode %s; do not edit. */' % u.unidata_version)
    print('static const char fold_pool[%d] =' % (len(pool) + 1))
    for i in range(0, len(pool), 20):
        print('\t"' + ''.join('\\%03o' % b for b in pool[i:i + 20]) + '"')
    print(';\n\n/* first, how many, class, what to add (SEQ: place << 4 | length in the pool) */')
    print('static const struct fold_range fold_ranges[%d] = {' % len(rows))
    line = ''
    for n, k, kind, v in rows:
        item = '{0x%x,%d,%s,%d},' % (n, k, kind, v)
        if len(line) + len(item) > 106:
            print('\t' + line)
            line = ''
        line += item
    print('\t' + line)
    print('};')
    print('ranges: %d, pool: %d' % (len(rows), len(pool)), file=sys.stderr)


main()
