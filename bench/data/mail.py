"""Mailing lists: a reply as a cue for the message that it answers.

    mail.py SPAM_ASSASSIN DIR     writes DIR/mail.docs, DIR/mail.cues

Documents are subject and text of the wanted mails (ham), without quotes,
signatures and the lists' footers.  A cue is the text of a reply, without its
subject; right is the one message that In-Reply-To names.  Replies that are
cues are not stored: they would be the best match of themselves.
"""
import email
import email.policy
import glob
import os
import re
import sys

import wordnet

FOOTER = re.compile(r"^(-- ?|_{20,}|-{20,}.*|-+ ?Yahoo! Groups Sponsor.*|-+ ?Original Message.*|.*PGP SIGNATURE.*)$", re.I)
QUOTE = re.compile(r"^\s*([A-Za-z]{0,3}>|\||:)")
ATTRIBUTION = re.compile(r"(wrote|writes|said|says|spake)( thusly)?( |:|\.\.\.|,)*$|^(On|At|In) .{8,80}(,|@|>)$", re.I)
ID = re.compile(r"<[^<>\s]+@[^<>\s]+>")


def body(message):
    """The first plain text of it."""
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            raw = part.get_payload(decode=True) or b""
            charset = part.get_content_charset() or "utf-8"
            try:
                return raw.decode(charset, "replace")
            except LookupError:
                return raw.decode("latin-1")
    return ""


def own_words(text):
    kept = []
    for line in text.replace("\r", "").split("\n"):
        if FOOTER.match(line) and kept:
            break
        if not QUOTE.match(line) and not ATTRIBUTION.search(line.strip()):
            kept.append(line)
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", " ".join(kept)).strip()[:20000]


def mails(directory):
    """id -> subject, own words, id of the message answered (or None)."""
    found = {}
    for path in sorted(glob.glob(os.path.join(directory, "package/data/*-ham-*/*.txt"))):
        with open(path, "rb") as f:
            message = email.message_from_bytes(f.read(), policy=email.policy.compat32)
        ids = ID.findall(str(message.get("Message-Id", "")))
        answered = ID.findall(str(message.get("In-Reply-To", "")))
        text = own_words(body(message))
        if ids and text:
            subject = re.sub(r"\s+", " ", str(message.get("Subject", ""))).strip()
            found.setdefault(ids[0], (subject, text, answered[0] if len(answered) == 1 else None))
    return found


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: mail.py SPAM_ASSASSIN DIR")
    found = mails(sys.argv[1])
    parents = {m[2] for m in found.values()}
    # replies that nobody answers, so that no right answer is missing from the store
    leaves = [i for i, m in found.items() if m[2] in found and m[2] != i and i not in parents and len(m[1]) >= 40]
    asked = set(wordnet.shuffled(leaves, str)[:800])
    with open(os.path.join(sys.argv[2], "mail.docs"), "w", encoding="utf-8") as out:
        for i, (subject, text, _) in found.items():
            if i not in asked:
                out.write(f"{i}\t{subject}. {text}\n")
    with open(os.path.join(sys.argv[2], "mail.cues"), "w", encoding="utf-8") as out:
        for i in wordnet.shuffled(asked, str):
            out.write(f"{found[i][1]}\t{found[i][2]}\n")


if __name__ == "__main__":
    main()
