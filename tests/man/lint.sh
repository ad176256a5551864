# lint.sh - every page is free of complaints, has the sections a reader looks
# for, bears the release's name, and refers to pages that exist.
set -u
: "${top_srcdir:?is set by make check}"
# shellcheck source=tests/lib/tap.sh
. "$top_srcdir/tests/lib/tap.sh"

# Our pages are not installed while we test, and cron's may not be: whether ours
# exist is checked below.
complaints() { "$MANDOC" -T lint -W style "$1" 2>&1 | grep -v 'referenced manual not found'; }

sections() { sed -n 's/^\.Sh //p' "$1" | tr '\n' '/'; }

wanted_sections()
{
	case $1 in
	*.5) echo "NAME/SYNOPSIS/DESCRIPTION/FILES/EXAMPLES/SEE ALSO/" ;;
	*) echo "NAME/SYNOPSIS/DESCRIPTION/OPTIONS/ENVIRONMENT/FILES/EXIT STATUS/EXAMPLES/SEE ALSO/" ;;
	esac
}

dangling()
{
	sed -n 's/^\.Xr \(engram[a-z-]*\) \([0-9]\).*/\1.\2/p' "$1" | sort -u | while read -r name; do
		[ -f "$top_srcdir/man/$name" ] || echo "$name"
	done
}

for page in "$top_srcdir"/man/*.[157]; do
	name=${page##*/}
	if [ "$MANDOC" = no ]; then
		skip "lint $name" "no mandoc"
	else
		is "$(complaints "$page")" "" "$name: lint"
	fi
	is "$(sections "$page")" "$(wanted_sections "$name")" "$name: sections"
	is "$(dangling "$page")" "" "$name: pages it refers to"
done
done_testing
