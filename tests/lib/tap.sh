# tap.sh - Test Anything Protocol for shell tests; read it with `.`.
#
#     . "$top_srcdir/tests/lib/tap.sh"
#     is "$(echo one)" one "echo"
#     done_testing
#
# One line says what was tested; a failure also says what was wanted and found.
# shellcheck shell=sh
tap_count=0
tap_failed=0

# ok STATUS NAME: passes if STATUS is 0.
ok()
{
	tap_count=$((tap_count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
	fi
}

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

# is FOUND WANTED NAME: passes if both strings are the same.
is()
{
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3"
		note "wanted: $2"
		note "found:  $1"
	fi
}

skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# The plan, last.
done_testing()
{
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ]
	exit
}
