# toml_peer.sh - what the reader of settings takes means what Python's tomllib says
# it means, and what it refuses is either refused there or not supported by name.
set -u
: "${top_srcdir:?is set by make check}" "${top_builddir:?}"
# shellcheck source=tests/lib/tap.sh
. "$top_srcdir/tests/lib/tap.sh"

python3 -c 'import tomllib' 2>/dev/null || {
	echo "1..0 # SKIP no Python 3.11 with tomllib"
	exit 0
}
is "$(python3 "$top_srcdir/tests/unit/toml_peer.py" "$top_builddir/tests/unit/toml_dump" 4000 20261121)" \
	"no difference" "4000 random documents (seed 20261121)"
done_testing
