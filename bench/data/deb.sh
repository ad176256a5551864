#!/bin/sh
# deb.sh - Debian package descriptions as a retrieval task.
#
#     bench/data/deb.sh DIR     writes DIR/deb.tsv
#
# One package a line: name, one-line summary, long description, tab-separated,
# one package for each stem of a name (libfoo1, libfoo-dev and foo-doc tell the
# same story), in the order of the descriptions' MD5 sums, which is as good as
# shuffled and the same everywhere for the same archive.  The descriptions are
# apt's own list Translation-en, fetched into DIR by apt itself (the system's
# lists may have been told to leave it out, and are not touched).
set -eu
[ $# -eq 1 ] || { echo "usage: deb.sh DIR" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ ! -s "$dir/deb.tsv" ] || exit 0
mkdir -p "$dir/lists/partial"
apt-get update -qq -o "Dir::State::Lists=$dir/lists" -o Acquire::Languages=en -o APT::Sandbox::User=root
for list in "$dir"/lists/*_dists_*_main_i18n_Translation-en*; do
	case $list in *security*|*updates*) continue ;; esac
	/usr/lib/apt/apt-helper cat-file "$list"
done | awk '
	function flush() {
		if (name != "" && length(long) >= 80)
			print md5 "\t" name "\t" summary "\t" long
		name = md5 = summary = long = ""
	}
	/^$/ { flush(); next }
	/^Package: / { name = substr($0, 10) }
	/^Description-md5: / { md5 = substr($0, 18) }
	/^Description-en: / { summary = substr($0, 17); gsub(/\t/, " ", summary) }
	/^ \.$/ { next }
	/^ / { line = $0; gsub(/[ \t]+/, " ", line); long = long (long == "" ? substr(line, 2) : line) }
	END { flush() }' |
LC_ALL=C sort | awk -F '\t' '
	function stem(n) {
		sub(/^(lib|python3-|python-|ruby-|golang-|node-|r-)/, "", n)
		sub(/^(github-com-|cran-|bioc-)/, "", n)
		while (sub(/-(dev|doc|dbg|data|common|bin|utils|tools|perl|java|cil|gtk|qt|el|ocaml|tk|core|base|plugins?|l10n|i18n)$/, "", n) || sub(/[-.0-9]+$/, "", n))
			;
		return n
	}
	!(stem($2) in seen) && !($4 in told) { seen[stem($2)]; told[$4]; print $2 "\t" $3 "\t" $4 }' >"$dir/deb.tsv.part"
mv "$dir/deb.tsv.part" "$dir/deb.tsv"
