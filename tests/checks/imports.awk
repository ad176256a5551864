# imports.awk - prints every import that denied.txt denies.
#
#     nm -A -u OBJECT... | awk -f imports.awk denied.txt denied-except.txt -
#
# nm's lines: lib/base/.libs/num.o:                 U memcpy@GLIBC_2.14

# The name as a programmer writes it: no version, no fortified or
# large-file form (__read_chk, open64, __isoc99_sscanf, __vsnprintf_chk).
function plain(symbol) {
	sub(/@.*/, "", symbol)
	if (symbol ~ /^__/)
		sub(/_chk$/, "", symbol)
	sub(/^__isoc[0-9]+_/, "", symbol)
	sub(/^__/, "", symbol)
	sub(/64(_2)?$/, "", symbol)
	sub(/^libc_/, "", symbol)
	return symbol
}

# lib/base/.libs/num.o -> base/num
function object(path) {
	sub(/:$/, "", path)
	sub(/\.l?o$/, "", path)
	sub(/\/\.libs\//, "/", path)
	sub(/^.*lib\//, "", path)
	return path
}

function excepted(name, kind,    i) {
	for (i = 1; i <= exceptions; i++)
		if (name ~ ("^(" who[i] ")$") && index("," what[i] ",", "," kind ","))
			return 1
	return 0
}

FILENAME ~ /denied\.txt$/ {
	if (!/^#/ && NF == 2) {
		pattern[++patterns] = "^(" $1 ")$"
		reason[patterns] = $2
	}
	next
}
FILENAME ~ /denied-except\.txt$/ {
	if (!/^#/ && NF > 0) {
		who[++exceptions] = $1
		what[exceptions] = $2
	}
	next
}
$2 == "U" {
	symbol = plain($3)
	name = object($1)
	for (i = 1; i <= patterns; i++)
		if (symbol ~ pattern[i] && !excepted(name, reason[i]))
			printf "%s imports %s: %s\n", name, $3, reason[i]
}
