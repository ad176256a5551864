# generate.awk - a completion file from the option table of a program.
#
#     engram-recall --help=options | awk -v program=engram-recall -v shell=bash -f generate.awk
#
# -v verbs=FILE: what --help=verbs prints; a verb is offered as the first operand.
#
# Columns: name, letter, value, words allowed, repeats, help, operands.  What a
# value or an operand is says its name: SPACE and ID are asked for by calling a
# program, FILE and DIR are paths, words are given; anything else is the user's own.
BEGIN {
	FS = "\t"
	while (verbs != "" && (getline line < verbs) > 0) {
		split(line, column, "\t")
		verb[++nverbs] = column[1]
		verb_help[nverbs] = column[3]
		all_verbs = all_verbs (nverbs > 1 ? " " : "") column[1]
	}
}

{
	n++
	name[n] = $1; letter[n] = $2; value[n] = $3; words[n] = $4; help[n] = $6; operands[n] = $7
	gsub(/\|/, " ", words[n])
}

# A text inside single quotes, for the shells.
function quoted(s) { gsub(/'/, "'\\''", s); return "'" s "'" }

function flags(i,    s) {
	s = "--" name[i]
	return letter[i] == "-" ? s : "-" letter[i] "|" s
}

END {
	if (shell == "zsh") print "#compdef " program
	print "# " program ": completion for " shell ", made from its option table."
	if (shell == "bash") bash()
	else if (shell == "zsh") zsh()
	else fish()
}

# -- bash: nothing but builtins, so that it works without bash-completion too ----

function bash_value(i) {
	if (words[i] != "-") return "COMPREPLY=($(compgen -W " quoted(words[i]) " -- \"$cur\"))"
	if (value[i] == "SPACE") return "COMPREPLY=($(compgen -W \"$(" fn "_spaces)\" -- \"$cur\"))"
	if (value[i] == "ID") return "COMPREPLY=($(compgen -W \"$(" fn "_ids)\" -- \"$cur\"))"
	if (value[i] == "FILE") return "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\"))"
	if (value[i] == "DIR") return "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- \"$cur\"))"
	return "COMPREPLY=()"
}

function bash(    i, all) {
	fn = "_" program; gsub(/-/, "_", fn)
	print "# shellcheck shell=bash disable=SC2207"
	print fn "_spaces() { engram-store \"${at[@]}\" --list-spaces 2>/dev/null | cut -f 1; }"
	print fn "_ids() { engram-recall \"${at[@]}\" --ids -k 200 --wait=0 2>/dev/null; }\n"
	print fn "()\n{"
	print "\tlocal cur=$2 prev=$3 mode='' i word at=()"
	print "\t# bash splits at the = of --space=wo."
	print "\tif [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi"
	print "\tfor ((i = 1; i < COMP_CWORD; i++)); do"
	print "\t\tword=${COMP_WORDS[i]}"
	print "\t\tcase $word in"
	print "\t\t--) prev=--; break ;;"
	print "\t\t-s | -H | --space | --home | --config)"
	print "\t\t\t[[ ${COMP_WORDS[i+1]-} == = ]] && ((i + 2 < COMP_CWORD)) && at+=(\"$word=${COMP_WORDS[i+2]}\")"
	print "\t\t\t[[ ${COMP_WORDS[i+1]-} != = ]] && ((i + 1 < COMP_CWORD)) && at+=(\"$word\" \"${COMP_WORDS[i+1]}\") ;;"
	for (i = 1; i <= n; i++)
		if (operands[i] != "-")
			print "\t\t--" name[i] ") mode=" operands[i] " ;;"
	print "\t\tesac"
	print "\tdone"
	print "\tcase $prev in"
	for (i = 1; i <= n; i++)
		if (value[i] != "-" && !(name[i] == "help"))
			print "\t" flags(i) ") " bash_value(i) "; return ;;"
		else if (name[i] == "help")
			print "\t--" name[i] ") [[ ${COMP_WORDS[COMP_CWORD-1]} == = || ${COMP_WORDS[COMP_CWORD]} == = ]] && { " \
				bash_value(i) "; return; } ;;"
	print "\tesac"
	for (i = 1; i <= n; i++)
		all = all " --" name[i] (value[i] != "-" && name[i] != "help" ? "=" : "")
	print "\tif [[ $cur == -* ]]; then"
	print "\t\tCOMPREPLY=($(compgen -W " quoted(substr(all, 2)) " -- \"$cur\"))"
	print "\t\t[[ ${COMPREPLY-} == *= ]] && compopt -o nospace 2>/dev/null"
	print "\t\treturn"
	print "\tfi"
	print "\tcase $mode in"
	print "\tID) COMPREPLY=($(compgen -W \"$(" fn "_ids)\" -- \"$cur\")) ;;"
	print "\tSPACE) COMPREPLY=($(compgen -W \"$(" fn "_spaces)\" -- \"$cur\")) ;;"
	print "\tFILE) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\")) ;;"
	if (nverbs)
		print "\t*) ((COMP_CWORD == 1)) && COMPREPLY=($(compgen -W " quoted(all_verbs) " -- \"$cur\")) ;;"
	else
		print "\t*) COMPREPLY=() ;;"
	print "\tesac"
	print "}"
	print "complete -F " fn " " program
}

# -- zsh ------------------------------------------------------------------------------

function zsh_value(i) {
	if (words[i] != "-") return value[i] ":(" words[i] ")"
	if (value[i] == "SPACE") return value[i] ":_engram_spaces"
	if (value[i] == "ID") return value[i] ":_engram_ids"
	if (value[i] == "FILE") return value[i] ":_files"
	if (value[i] == "DIR") return value[i] ":_files -/"
	return value[i] ": "
}

function zsh_text(s) { gsub(/[\[\]:]/, " ", s); return s }

function zsh(    i, s) {
	print "_engram_spaces() { compadd -- ${(f)\"$(engram-store --list-spaces 2>/dev/null | cut -f 1)\"} }"
	print "_engram_ids() { compadd -- ${(f)\"$(engram-recall --ids -k 200 --wait=0 2>/dev/null)\"} }"
	print "_engram_operands() {"
	if (nverbs)
		print "\t(( CURRENT == 2 )) && { compadd -- " all_verbs "; return }"
	for (i = 1; i <= n; i++)
		if (operands[i] == "ID") s = s "|--" name[i]
	if (s != "")
		print "\t(( ${words[(I)(" substr(s, 2) ")]} )) && { _engram_ids; return }"
	print "\t(( ${words[(I)--drop-space]} )) && { _engram_spaces; return }"
	print "\t_files"
	print "}"
	print "_arguments -s -S \\"
	for (i = 1; i <= n; i++) {
		s = "[" zsh_text(help[i]) "]" (value[i] != "-" && name[i] != "help" ? ":" zsh_value(i) : \
			name[i] == "help" ? "::" zsh_value(i) : "")
		print "\t" quoted("*--" name[i] (value[i] != "-" ? (name[i] == "help" ? "=-" : "=") : "") s) " \\"
		if (letter[i] != "-")
			print "\t" quoted("*-" letter[i] (value[i] != "-" && name[i] != "help" ? "+" : "") \
				(name[i] == "help" ? "[" zsh_text(help[i]) "]" : s)) " \\"
	}
	print "\t'*: :_engram_operands'"
}

# -- fish -----------------------------------------------------------------------------

function fish(    i, s, ids) {
	print "complete -c " program " -f"
	for (i = 1; i <= n; i++) {
		s = "complete -c " program " -l " name[i]
		if (letter[i] != "-") s = s " -s " letter[i]
		if (words[i] != "-") s = s (name[i] == "help" ? "" : " -x") " -a " quoted(words[i])
		else if (value[i] == "SPACE") s = s " -x -a '(engram-store --list-spaces 2>/dev/null | cut -f 1)'"
		else if (value[i] == "ID") s = s " -x -a '(engram-recall --ids -k 200 --wait=0 2>/dev/null)'"
		else if (value[i] == "FILE" || value[i] == "DIR") s = s " -r -F"
		else if (value[i] != "-") s = s " -x"
		# Words that stand behind a flag without value would be operands.
		if (name[i] == "help") s = "complete -c " program " -l help -s h"
		print s " -d " quoted(help[i])
		if (operands[i] == "ID") ids = ids " " name[i]
		if (operands[i] == "FILE")
			print "complete -c " program " -n '__fish_contains_opt " name[i] "' -F"
		if (operands[i] == "SPACE")
			print "complete -c " program " -n '__fish_contains_opt " name[i] \
				"' -a '(engram-store --list-spaces 2>/dev/null | cut -f 1)'"
	}
	for (i = 1; i <= nverbs; i++)
		print "complete -c " program " -n __fish_is_first_arg -a " verb[i] " -d " quoted(verb_help[i])
	n = split(ids, id, " ")
	for (i = 1; i <= n; i++)
		print "complete -c " program " -n '__fish_contains_opt " id[i] \
			"' -a '(engram-recall --ids -k 200 --wait=0 2>/dev/null)'"
}
