# settings.sh - engram-config(5) has every setting of the schema, with its values,
# default and variable, and no other.
set -u
: "${top_srcdir:?is set by make check}" "${top_builddir:?}"
# shellcheck source=tests/lib/tap.sh
. "$top_srcdir/tests/lib/tap.sh"
PATH=${ENGRAM_BINDIR:-$top_builddir}:$PATH

command -v jq >/dev/null || {
	echo "1..0 # SKIP no jq"
	exit 0
}

# "key|values|default|variable" a line; what programs do not ask for yet has a
# table of its own on the page, without the last two.
page_settings()
{
	awk '
	function flush() { if (key != "") print key "|" range "|" fallback "|" variable; key = fallback = variable = "" }
	/^\.It Va / && / Ta / { flush(); key = $3; sub(/^.* Ta /, ""); range = $0; flush(); next }
	/^\.It Va / { flush(); key = $3 }
	/^\.El/ { flush() }
	/^Value: / { range = substr($0, 8); sub(/\.$/, "", range) }
	/^Default: / { fallback = substr($0, 10); sub(/\.$/, "", fallback) }
	/^Variable:$/ { getline; variable = $2 }
	' "$top_srcdir/man/engram-config.5" | sort
}

schema_settings()
{
	env -i PATH="$PATH" HOME=/nonexistent ENGRAM_CONFIG=/dev/null engram-store --json --verbose --help=config |
		jq -r 'if .key | test("^(cluster|router)\\.") then "\(.key)|\(.range)||"
			else "\(.key)|\(.range)|\(.value // "")|\(.variable // "")" end' | sort
}

is "$(page_settings)" "$(schema_settings)" "engram-config(5) has the settings of the schema"
done_testing
