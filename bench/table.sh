#!/bin/sh
# table.sh - results of a bench for reading.
#
#     bench/table.sh [--markdown] RESULTS.ndjson...
#
# Last comes what missed its floor, once more.  --markdown: the rows of a page of
# bench/RESULTS.md, what is held to a floor first.
set -eu

if [ "${1:-}" = --markdown ]; then
	shift
	jq -rs '
		def short: if fabs >= 100 then round else (. * 100 | round) / 100 end | tostring;
		def us: if . >= 100000 then (. / 1e6 | short) + " s" elif . >= 1000 then (. / 1e3 | short) + " ms" else short + " us" end;
		(map(select(.type == "conditions")) | map("\(.cpu), \(.cores) cores, Linux \(.kernel), \(.disk), load \(.load), \(.rounds) rounds, seed \(.seed)") | unique[]),
		"", "| what | found | floor |", "|---|---|---|",
		(.[] | select(has("met")) | "| \(.bench): \(.what) | \(.value | short)\(if .met then "" else " (missed)" end) | " +
			(if has("at_most") then "<= \(.at_most | short)" else ">= \(.at_least | short)" end) + " |"),
		(.[] | select(.type == "times") | "| \(.bench): \(.what) | p50 \(.p50 | us), p95 \(.p95 | us), p99 \(.p99 | us)" +
			(if .per_s then ", \(.per_s | short)/s" else "" end) + " | |"),
		(.[] | select(.type == "rate") | "| \(.bench): \(.what) | \(.value | short) \(.unit) | |"),
		(.[] | select(.type == "skipped") | "| \(.bench): \(.what) | skipped: \(.why) | |")' "$@"
	exit
fi

# From 100 on no decimals, three significant digits below.
jq -r '
	def short: if . == null then "-" elif fabs >= 100 then round else (. * 100 | round) / 100 end | tostring;
	def us: if . >= 100000 then (. / 1e6 | short) + " s" elif . >= 1000 then (. / 1e3 | short) + " ms" else short + " us" end;
	if .type == "conditions" then
		"# \(.cpu), \(.cores) cores, Linux \(.kernel), \(.disk), load \(.load)" +
		"\(if .rounds then ", \(.rounds) rounds" else "" end)\(if .seed then ", seed \(.seed)" else "" end)"
	elif .type == "times" then
		"\(.bench)\t\(.what)\tp50 \(.p50 | us)\tp95 \(.p95 | us)\tp99 \(.p99 | us)\t" +
		(if .per_s then "\(.per_s | short)/s" else "n \(.n)" end)
	elif .type == "rate" then "\(.bench)\t\(.what)\t\(.value | short) \(.unit)\t\t\t"
	elif .type == "point" then "\(.bench)\t\(.what)\t\(.qps | short) /s\trecall@10 \(.recall)\tef \(.ef)\t"
	elif .type == "skipped" then "\(.bench)\t\(.what)\tskipped\t\(.why)\t\t"
	else
		"\(.bench)\t\(.what)\tfound \(.value | short)\tfloor " +
		(if has("at_most") then "<= \(.at_most | short)" else ">= \(.at_least | short)" end) +
		"\t\(if .met then "met" else "MISSED" end)\t"
	end' "$@" |
	awk '/^#/ { print; next } { print | "column -t -s \"\t\"" }'

jq -rs 'map(select(has("met"))) | if length == 0 then empty else
	"\(map(select(.met)) | length) of \(length) floors met" +
	(map(select(.met | not) | "\nMISSED  \(.bench): \(.what)") | add // "") end' "$@"
