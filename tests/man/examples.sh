# examples.sh - runs every example of the manual pages and of README.md, and
# compares what is printed.
#
# An example is a line "$ command" in a literal block; lines "> more" continue
# it, and the lines up to the next command are what it prints, on standard output
# and standard error.  "..." there stands for anything, also for several lines, and
# white space is not compared.  The commands of one page run in one shell, in a
# new directory with a new home; the clock and the random numbers are fixed.
set -u
: "${top_srcdir:?is set by make check}" "${top_builddir:?}"
# shellcheck source=tests/lib/tap.sh
. "$top_srcdir/tests/lib/tap.sh"

work=$(mktemp -d "${TMPDIR-/tmp}/engram-examples.XXXXXX")
trap 'rm -rf "$work"' EXIT
PATH=${ENGRAM_BINDIR:-$top_builddir}:$PATH
export PATH
unset ENGRAM_SPACE ENGRAM_ACTOR ENGRAM_CONFIG

# The literal blocks of a page, as a reader sees them.
blocks()
{
	case $1 in
	*.md) awk '/^```/ { inside = $0 == "```console"; next } inside' "$1" ;;
	*) awk '/^\.Bd -literal/ { inside = 1; next } /^\.Ed/ { inside = 0 } inside' "$1" |
		sed 's/\\&//g; s/\\(aq/'\''/g; s/\\(dq/"/g; s/\\-/-/g; s/\\e/\\/g' ;;
	esac
}

# Splits the blocks into N.cmd and N.out in a directory.
split_examples()
{
	awk -v dir="$1" '
	/^\$ / { n++; command = 1; print substr($0, 3) > (dir "/" n ".cmd"); printf "" > (dir "/" n ".out"); next }
	/^> / && command { print substr($0, 3) > (dir "/" n ".cmd"); next }
	n { command = 0; print > (dir "/" n ".out") }
	END { print n + 0 }'
}

squeeze() { tr -s ' \t' '  ' | sed 's/^ //; s/ $//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; }

# The expected text as a shell pattern.
pattern() { squeeze <"$1" | sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g'; }

# Runs the commands 1..$2 of directory $1, each output into N.got.
run_examples()
{
	mkdir "$1/cwd" "$1/home"
	(
		cd "$1/cwd" || exit
		HOME=$1/home ENGRAM_HOME=$1/home/memories
		ENGRAM_NOW=1795253400000000
		export HOME ENGRAM_HOME ENGRAM_NOW
		example=0
		while [ $example -lt "$2" ]; do
			example=$((example + 1))
			export ENGRAM_SEED=$example
			eval "$(cat "$1/$example.cmd")" >"$1/$example.got" 2>&1 </dev/null
		done
	)
}

for page in "$top_srcdir"/man/*.[157] "$top_srcdir/README.md"; do
	name=${page##*/}
	dir=$work/$name
	mkdir "$dir"
	count=$(blocks "$page" | split_examples "$dir")
	run_examples "$dir" "$count"
	i=0
	while [ $i -lt "$count" ]; do
		i=$((i + 1))
		wanted=$(pattern "$dir/$i.out")
		found=$(squeeze <"$dir/$i.got" 2>/dev/null)
		# shellcheck disable=SC2254 # a pattern is meant
		case $found in
		$wanted) ok 0 "$name: $(head -n 1 "$dir/$i.cmd" | tr '#' ' ')" ;;
		*)
			ok 1 "$name: $(head -n 1 "$dir/$i.cmd" | tr '#' ' ')"
			note "wanted: $(cat "$dir/$i.out")"
			note "found:  $found"
			;;
		esac
	done
done
done_testing
