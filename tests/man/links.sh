# links.sh - every relative link in the tree's Markdown leads to a file.
set -u
: "${top_srcdir:?is set by make check}"
# shellcheck source=tests/lib/tap.sh
. "$top_srcdir/tests/lib/tap.sh"

# The targets of [text](target), without anchors and other sites.
targets()
{
	grep -o '](\([^)]*\))' "$1" | sed 's/^](//; s/)$//; s/#.*//' | grep -v -e '^[a-z]*:' -e '^$'
}

missing()
{
	targets "$1" | while read -r target; do
		[ -e "${1%/*}/$target" ] || echo "$target"
	done
}

cd "$top_srcdir" || exit 1
for page in ./*.md lib/*/*.md cmd/*.md tests/*.md tests/*/*.md bench/*.md share/doc/design/*.md; do
	[ -e "$page" ] && is "$(missing "$page")" "" "$page: links"
done
done_testing
