# wordnet.awk - one line a meaning, "word, word: gloss", from the data files of
# WordNet (wndb(5)): offset lexfile type count word lex_id ... | gloss.
# Lines that begin with a blank are the licence.

/^ / { next }

# Animals, the body, feelings, food, natural objects and phenomena: things one can ask for.
index(" 05 08 12 13 17 19 ", " " $2 " ") == 0 { next }

{
	words = ""
	count = hex($4)
	for (i = 0; i < count; i++) {
		word = $(5 + 2 * i)
		gsub(/_/, " ", word)
		words = words (i ? ", " : "") word
	}
	gloss = substr($0, index($0, " | ") + 3)
	sub(/ *;? *"?$/, "", gloss)
	print words ": " gloss
}

function hex(s,    i, n)
{
	for (i = 1; i <= length(s); i++)
		n = n * 16 + index("123456789abcdef", substr(s, i, 1))
	return n
}
