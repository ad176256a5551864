# Completion, as each shell does it: option names, value words, spaces, ids.
# Variables of bats; text for other shells.
# shellcheck disable=SC2154,SC2016
load ../lib/engram

completions=${top_builddir:-$PWD}/share/completions

# bash_words WORD...: what bash offers at the end of these words; = is a word.
bash_words()
{
	bash -c '
	. "$1/bash/$2"
	shift
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	_"${1//-/_}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf "%s\\n" "${COMPREPLY[@]}" | sort' _ "$completions" "$@" 2>&1
}

setup_file() { [ -d "$completions" ] || skip "not made"; }

@test "bash: every option of the table, and only these" {
	for p in $programs; do
		same "$("$p" --help=options | sed 's/	.*//; s/^/--/' | sort)" "$(bash_words "$p" -- | sed 's/=$//')"
	done
	same "--min-confidence=
--mode=" "$(bash_words engram-recall --m)"
}

@test "bash: value words, also behind =" {
	same "text" "$(bash_words engram-recall --mode te)"
	same "hybrid
text
vector" "$(bash_words engram-recall --mode =)"
	same "always
auto" "$(bash_words engram-store --color = a)"
	same "config" "$(bash_words engram-store --help = c)"
}

@test "bash: spaces and ids are asked for, in the home and space at hand" {
	engram-store --space=work --create "one" >/dev/null
	engram-store --space=wood --create "two" >/dev/null
	id=$(engram-store --space=work "three")
	same "wood
work" "$(bash_words engram-recall --space = wo)"
	same "work" "$(bash_words engram-store -s wor)"
	same "wood" "$(bash_words engram-store --drop-space woo)"
	same "$id" "$(bash_words engram-store --space = work --get "${id:0:4}")"
	same "" "$(bash_words engram-store --space = wood --get "${id:0:4}")"
	mv home elsewhere
	same "work" "$(bash_words engram-store --home = elsewhere --space = wor)"
	same "" "$(bash_words engram-store --space = wor)"
}

@test "bash: files where a FILE is wanted, nothing behind --" {
	touch some.ndjson
	same "some.ndjson" "$(bash_words engram-store --import = ndjson some)"
	same "some.ndjson" "$(bash_words engram-store --config = som)"
	same "" "$(bash_words engram-store -- som)"
}

@test "bash: completing makes no file" {
	same "" "$(bash_words engram-recall --space = x)"
	same "" "$(bash_words engram-store --get x)"
	[ ! -e "$ENGRAM_HOME" ]
}

@test "bash: the files pass shellcheck" {
	command -v shellcheck >/dev/null || skip "no shellcheck"
	for p in $programs; do
		shellcheck "$completions/bash/$p"
	done
}

@test "fish: option names, value words, spaces, ids" {
	command -v fish >/dev/null || skip "no fish"
	export HOME=$BATS_TEST_TMPDIR XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	engram-store --space=work --create "one" >/dev/null
	id=$(engram-store "two")
	fish_words() { fish --no-config -c "source $completions/fish/${1%% *}.fish; complete -C '$1'" | cut -f 1; }
	for p in $programs; do
		same "" "$(comm -13 <(fish_words "$p --" | sed 's/=$//' | sort -u) <("$p" --help=options | sed 's/	.*//; s/^/--/' | sort))"
	done
	same "--mode=text" "$(fish_words 'engram-recall --mode=te')"
	same "work" "$(fish_words 'engram-recall --space wor')"
	same "$id" "$(fish_words "engram-store --get ${id:0:6}")"
}

@test "zsh: the functions load, and name every option" {
	command -v zsh >/dev/null || skip "no zsh"
	for p in $programs; do
		zsh -f -n "$completions/zsh/_$p"
		same "#compdef $p" "$(head -n 1 "$completions/zsh/_$p")"
		# _arguments is told each option once.
		zsh -f -c '
		_arguments() { for a in "$@"; do [[ $a = \*--* ]] && print -r -- ${${a#\*}%%[=\[]*}; done }
		source $1' _ "$completions/zsh/_$p" | sort >told
		"$p" --help=options | sed 's/	.*//; s/^/--/' | sort >table
		cmp table told
	done
}

@test "zsh: words are completed at a terminal" {
	command -v zsh >/dev/null || skip "no zsh"
	engram-store --space=work --create "one" >/dev/null
	cat >try.zsh <<-'END'
	setopt extendedglob
	zmodload zsh/zpty
	zpty -b shell zsh -f -i
	# typed TEXT WANTED: types, and reads until it is seen; then an empty line.
	typed() {
		local line out=
		zpty -w -n shell "$1"
		repeat 200; do
			zpty -r -t shell line && out+=${line//$'\e'\[[^a-zA-Z]#[a-zA-Z]/}
			[[ $out == *$2* ]] && { print found; break }
			sleep 0.05
		done
		[[ $out == *$2* ]] || print -r -- "wanted $2, found ${(V)out}"
		zpty -w -n shell $'\C-u'
	}
	typed "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -D -u; print rea''dy"$'\n' ready
	typed "engram-recall --mod"$'\t'"te"$'\t' "=text"
	typed "engram-recall --space=wo"$'\t' "--space=work"
	END
	same "found
found
found" "$(zsh -f try.zsh "$completions/zsh")"
}
