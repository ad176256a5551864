# text.sh - tidiness of the sources, and shellcheck of the scripts.
set -u
: "${top_srcdir:?is set by make check}"
. "$top_srcdir/tests/lib/tap.sh"

here=$top_srcdir/tests/checks
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT

# Ours, not what a build or autoconf leaves in the tree; in a tarball there is no
# git to ask.
sources()
{
	find bootstrap .ci configure.ac Makefile.am README.md HACKING.md NEWS lib cmd man share tests bench m4 \
		\( -name data -o -name out -o -name .libs -o -name .deps \) -prune -o -type f \
		\( -name '*.[ch]' -o -name '*.inc' -o -name '*.sh' -o -name '*.bats' -o -name '*.mk' -o -name '*.awk' \
		-o -name '*.py' -o -name '*.md' -o -name '*.txt' -o -name '*.[1-8]' -o -name '*.m4' -o -name '*.map' \
		-o -name '*.in' -o -name bootstrap -o -name run -o -name configure.ac -o -name Makefile.am \
		-o -name NEWS -o -name 'engram-embed-*' \) -print 2>/dev/null |
		grep -vE '^m4/(libtool|lt[a-z~]*)\.m4$' | sort
}

scripts()
{
	sources | while read -r file; do
		case $file in
		*.sh | *.bats | bootstrap | .ci/run) echo "$file" ;;
		*.[ch1-8] | *.inc | *.mk | *.awk | *.py | *.md) ;;
		*) head -n 1 "$file" | grep -q '^#!.*sh' && echo "$file" ;;
		esac
	done
}

untidy() { sources | xargs awk -f "$here/text.awk"; }

# Files whose last byte is no line end.
unended()
{
	sources | while read -r file; do
		[ -z "$(tail -c 1 "$file")" ] || echo "$file: no line end at the end"
	done
}

areas_without_readme()
{
	for area in lib/*/; do
		case $(ls "$area") in
		*.c*) [ -f "${area}README.md" ] || echo "$area" ;;
		esac
	done
}

cd "$top_srcdir" || exit 99
ok "$(($(sources | wc -l) < 100))" "the sources are found"
is "$(untidy)" "" "sources are tidy"
is "$(unended)" "" "sources end in a line end"
is "$(areas_without_readme)" "" "each area has its page"

# What this check must find, found in files that have it.
mkdir -p "$scratch/lib/base"
printf '/* other.c - x */\n    int a; \nint b;\r\n/* FIX''ME */\n\t%0117d' 1 >"$scratch/lib/base/bad.c"
is "$(cd "$scratch" && untidy; cd "$scratch" && unended)" \
	'lib/base/bad.c:1: wanted a first line "/* bad.c - what it is"
lib/base/bad.c:2: blanks at the end of the line
lib/base/bad.c:2: indented by blanks
lib/base/bad.c:3: carriage return
lib/base/bad.c:4: a note to do later
lib/base/bad.c:5: longer than 120 characters
lib/base/bad.c: no line end at the end' "planted slips are found"

# lint PATTERN ARGUMENT...: shellcheck of the scripts whose name matches.  Files
# that are read with `.` are checked by themselves.
lint()
{
	pattern=$1
	shift
	scripts | grep -E "$pattern" | xargs "$SHELLCHECK" -e SC1090,SC1091 --format gcc "$@" 2>&1
}

if [ "${SHELLCHECK:-no}" = no ]; then
	skip "shellcheck of scripts" "not installed"
	skip "shellcheck of bats files" "not installed"
else
	is "$(lint '\.sh$|^bootstrap$|^\.ci/' -s sh)" "" "shellcheck of scripts"
	# Bats files are bash, and loose with words that a test has itself made; version
	# 0.9 does not know {COPROC[1]}.
	is "$(lint '\.bats$' -s bats -S warning -e SC2046,SC2238,SC1083)" "" "shellcheck of bats files"
fi
done_testing
