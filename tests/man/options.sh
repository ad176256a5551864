# options.sh - the OPTIONS section of a page lists what the program's own option
# table has, no more and no less: names, short forms, and whether an argument follows.
#
# `PROGRAM --help=options` prints the table, a line an option:
#     LONG <tab> SHORT or - <tab> ARGUMENT or -
set -u
: "${top_srcdir:?is set by make check}" "${top_builddir:?}"
# shellcheck source=tests/lib/tap.sh
. "$top_srcdir/tests/lib/tap.sh"
PATH=${ENGRAM_BINDIR:-$top_builddir}:$PATH

# "--long X takes" lines from the page: ".It Fl s , -space Ns = Ns Ar name".
page_options()
{
	awk '
	/^\.Sh / { inside = $2 == "OPTIONS" }
	inside && /^\.It Fl / {
		short = "-"; long = "-"; argument = "-"
		for (i = 3; i <= NF; i++) {
			if ($i == "Ar" || $i == "Cm")
				argument = "takes"
			else if ($i ~ /^-[a-z]/)
				long = substr($i, 2)
			else if ($i ~ /^[A-Za-z0-9]$/)
				short = $i
		}
		print long, short, argument
	}' "$1" | sort
}

table_options()
{
	"$1" --help=options | awk -F '\t' '{ print $1, $2, ($3 == "-" || $3 == "" ? "-" : "takes") }' | sort
}

for program in engram-store engram-recall engram-consolidate engram-shipwal; do
	is "$(page_options "$top_srcdir/man/$program.1")" "$(table_options $program)" "$program: OPTIONS"
done
done_testing
