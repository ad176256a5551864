# engram.bash - for the bats files: each test has a home of its own.
#
#     load ../lib/engram
#     @test "B04: an empty name" {
#         exits 65 engram-store --space= x
#         says 'space ""'
#     }
# Do not count with $i in a test: run of bats 1.8 uses it up.
# shellcheck shell=bash
bats_require_minimum_version 1.5.0

PATH=${ENGRAM_BINDIR:-${top_builddir:-$PWD}}:$PATH
programs="engram-store engram-recall engram-consolidate engram-shipwal"
unset ENGRAM_SPACE ENGRAM_ACTOR ENGRAM_WAIT ENGRAM_CONFIG ENGRAM_DEBUG ENGRAM_EMBED_COMMAND ENGRAM_EMBED_NAME ENGRAM_EMBED_TIMEOUT ENGRAM_NOW ENGRAM_SEED ENGRAM_RSH NO_COLOR CLICOLOR_FORCE COLUMNS

setup()
{
	export ENGRAM_HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	cd "$BATS_TEST_TMPDIR" || return
}

show()
{
	printf '%s\n' "command: $*" "status: $status" "stdout:" "$output" "stderr:" "${stderr-}"
}

# exits STATUS COMMAND...: leaves $output, $stderr, $lines.
exits()
{
	local wanted=$1
	shift
	run --separate-stderr "$@"
	[ "$status" -eq "$wanted" ] || {
		echo "wanted status: $wanted"
		show "$@"
		return 1
	}
}

# The last command's standard error, or output, contains a text.
says() { contains "${stderr-}" "$1" || { show; return 1; }; }
prints() { contains "$output" "$1" || { show; return 1; }; }
contains() { [[ $1 == *"$2"* ]]; }

# same WANTED FOUND
same()
{
	[ "$1" = "$2" ] || {
		printf 'wanted: %s\nfound:  %s\n' "$1" "$2"
		return 1
	}
}

# equal HOME HOME: the stores hold the same memories, and say so by their digests.
equal()
{
	engram-store --home="$1" --export >one.export
	engram-store --home="$2" --export >two.export
	cmp one.export two.export || return 1
	same "$(state_digest "$1")" "$(state_digest "$2")"
}

state_digest() { engram-shipwal --home="$1" position --json | jq -r .digest; }

# Names, modes and bytes of a tree.  The reader slots of LMDB (-lock) are the one
# thing that a reader may write.
tree()
{
	find "$1" ! -name '*-lock' -printf '%P %m %s %T@\n' | sort
	find "$1" -type f ! -name '*-lock' -exec sha256sum {} + | sort
}

# Puts N lines "memory 1" .. "memory N" into the space default.
memories() { seq -f 'memory %g' "$1" | engram-store - >/dev/null; }

needs_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }

# Tests that set limits on memory, stack or descriptors.
needs_plain_build()
{
	! grep -q __asan_init "$(command -v engram-store)" || skip "AddressSanitizer needs more"
}

# As somebody who owns nothing here.  The way to the home must be open to them.
as_nobody()
{
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# A directory that nobody may reach, below which tests for as_nobody() live: the
# one of bats is private.
open_dir()
{
	open_dir=$(mktemp -d "${TMPDIR-/tmp}/engram-open.XXXXXX")
	chmod 755 "$open_dir"
}

close_dir()
{
	[ -z "${open_dir-}" ] || rm -rf "$open_dir"
}
