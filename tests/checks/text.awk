# text.awk - prints what is untidy in the files given: one line each.
#
# In every file: blanks at line ends, carriage returns, a missing or doubled last
# line end, notes to do later.  In C: a header comment that names the file,
# indentation by tabs (a continuation may be set under its parenthesis), and in
# lib/ and cmd/ no line of over 120 characters, a tab counted as four: 110 is the
# aim, a word more is better than a bad break.

function report(why) { printf "%s:%d: %s\n", FILENAME, FNR, why }

function width(line) {
	gsub(/\t/, "    ", line)
	return length(line)
}

function base_name(path) { sub(/.*\//, "", path); return path }

FNR == 1 {
	is_c = FILENAME ~ /\.[ch]$/
	is_limited = is_c && FILENAME ~ /^(lib|cmd)\//
	name = base_name(FILENAME)
	if (name ~ /^engram-[a-z]*\.c$/)
		sub(/\.c$/, "", name) # a program goes by its own name
	if (is_c && index($0, "/* " name " - ") != 1)
		report("wanted a first line \"/* " name " - what it is\"")
}
/[ \t]$/ { report("blanks at the end of the line") }
/\r/ { report("carriage return") }
/(TO)DO|(FIX)ME|(^|[^X])(X)XX([^X]|$)/ && !/\\uXXXX/ { report("a note to do later") }
/<<<<<<[<] |>>>>>>[>] / { report("mark of a merge conflict") }
is_c && /^  ? ? ? ? ? ? ?[^ *]/ { report("indented by blanks") }
is_c && /\t +\t/ { report("blanks between tabs") }
is_limited && width($0) > 120 { report("longer than 120 characters") }
