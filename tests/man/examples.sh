# examples.sh - runs every example of the manual pages and of README.md, and
# compares what is printed.
#
# An example is a line "$ command" in a literal block; lines "> more" continue
# it, and the lines up to the next command are what it prints, on standard output
# and standard error, at a terminal 100 columns wide (script(1) plays it).  The
# commands of one page run in one shell, in a new directory with a new home; the
# clock and the random numbers are fixed.  "..." there stands for anything, also
# for several lines; white space, ids and the decimals of a number are not compared,
# so that a better constant in a formula is no error in the manual.
set -u
: "${top_srcdir:?is set by make check}" "${top_builddir:?}"
# shellcheck source=tests/lib/tap.sh
. "$top_srcdir/tests/lib/tap.sh"

command -v script >/dev/null || {
	echo "1..0 # SKIP no script(1)"
	exit 0
}
work=$(mktemp -d "${TMPDIR-/tmp}/engram-examples.XXXXXX")
trap 'rm -rf "$work"' EXIT
PATH=${ENGRAM_BINDIR:-$top_builddir}:$PATH
export PATH
unset ENGRAM_SPACE ENGRAM_ACTOR ENGRAM_WAIT ENGRAM_CONFIG ENGRAM_DEBUG XDG_CONFIG_HOME ENGRAM_EMBED_COMMAND ENGRAM_RSH

# The literal blocks of a page, as a reader sees them.
blocks()
{
	case $1 in
	*.md) awk '/^```/ { inside = $0 == "```console"; next } inside' "$1" ;;
	*) awk '/^\.Bd -literal/ { inside = 1; next } /^\.Ed/ { inside = 0 } inside' "$1" |
		sed 's/\\&//g; s/\\(aq/'\''/g; s/\\(dq/"/g; s/\\-/-/g; s/\\e/\\/g' ;;
	esac
}

# Splits the blocks into N.cmd and N.out in a directory; prints how many.
split_examples()
{
	awk -v dir="$1" '
	/^\$ / { n++; command = 1; print substr($0, 3) > (dir "/" n ".cmd"); printf "" > (dir "/" n ".out"); next }
	/^> / && command { print substr($0, 3) > (dir "/" n ".cmd"); next }
	n { command = 0; print > (dir "/" n ".out") }
	END { print n + 0 }'
}

# The shell session of a directory of examples: each output ends with a marker.
session()
{
	echo "cd '$1/cwd' && set +e"
	echo "export HOME='$1/home' ENGRAM_HOME='$1/home/memories' ENGRAM_NOW=2026-11-21T09:30:00Z"
	i=0
	while [ $i -lt "$2" ]; do
		i=$((i + 1))
		echo "export ENGRAM_SEED=$i"
		echo "eval \"\$(cat '$1/$i.cmd')\" </dev/null"
		echo "echo; echo @@ end of $i"
	done
}

# Runs the commands 1..$2 of directory $1 at a terminal, each output into N.got.
run_examples()
{
	mkdir "$1/cwd" "$1/home"
	session "$1" "$2" >"$1/session.sh"
	COLUMNS=100 NO_COLOR=1 SHELL=/bin/sh script -qec "sh '$1/session.sh'" /dev/null </dev/null |
		tr -d '\r' | awk -v dir="$1" '
		BEGIN { n = 1 }
		/^@@ end of / { close(dir "/" n ".got"); n++; next }
		{ print > (dir "/" n ".got") }'
}

# What two runs have in common: no widths, no ids, no decimals.
normal()
{
	sed 's/…/.../g' "$1" | awk '
	function is_id(s) { return length(s) == 26 && s ~ /^[0-7][0-9a-hjkmnp-tv-z]*$/ }
	NF == 0 { next }
	{
		if (NF > 3 && $1 ~ /^(-|[01](\.[0-9]+)?)$/)
			$2 = "ID"
		for (i = 1; i <= NF; i++)
			if (is_id($i))
				$i = "ID"
		gsub(/[0-9]+\.[0-9]+/, "N")
		$1 = $1
		print
	}'
}

# The expected text as a shell pattern.
pattern() { normal "$1" | sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g'; }

compare()
{
	what="$2: $(head -n 1 "$1.cmd" | tr -d '#\134')"
	wanted=$(pattern "$1.out")
	[ -e "$1.got" ] || : >"$1.got"
	found=$(normal "$1.got")
	# shellcheck disable=SC2254 # a pattern is meant
	case $found in
	$wanted) ok 0 "$what" ;;
	*)
		ok 1 "$what"
		note "wanted: $(cat "$1.out")"
		note "found:  $(cat "$1.got")"
		;;
	esac
}

for page in "$top_srcdir"/man/*.[157] "$top_srcdir/README.md"; do
	name=${page##*/}
	dir=$work/$name
	mkdir "$dir"
	count=$(blocks "$page" | split_examples "$dir")
	run_examples "$dir" "$count"
	n=0
	while [ $n -lt "$count" ]; do
		n=$((n + 1))
		compare "$dir/$n" "$name"
	done
done
done_testing
