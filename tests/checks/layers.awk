# layers.awk - prints every include that points the wrong way.
#
#     cd TREE && awk -f layers.awk layers.txt lib/*/*.[ch] cmd/*/*.[ch]
#
# A quoted include names a file from lib/ ("log/log.h"), or one of the same
# directory; config.h and engram.h are everybody's.

function report(why) { printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why }

# "lib/log/segment.c" -> log; "cmd/engram-store/main.c" -> cmd
function area_of(path,    part) {
	split(path, part, "/")
	return part[1] == "lib" ? part[2] : part[1]
}

FNR == NR {
	if (!/^#/ && NF > 0) {
		known[$1] = 1
		for (i = 2; i <= NF; i++)
			may[$1, $i] = 1
	}
	next
}

FNR == 1 {
	area = area_of(FILENAME)
	if (!(area in known)) {
		report("area not in layers.txt")
		nextfile
	}
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	match($0, /<[^>]*>/)
	name = substr($0, RSTART + 1, RLENGTH - 2)
	if (name == "lmdb.h" && area != "store")
		report("only store may know LMDB")
	if (name == "sqlite3.h" && area != "sql")
		report("only sql may know SQLite")
	if (name == "xxhash.h" && FILENAME != "lib/base/hash.h")
		report("xxHash comes through base/hash.h")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	match($0, /"[^"]*"/)
	name = substr($0, RSTART + 1, RLENGTH - 2)
	if (name == "config.h" || name == "engram.h")
		next
	if (name !~ /\//)
		next # of the same directory
	target = substr(name, 1, index(name, "/") - 1)
	if (target == area)
		next
	if (!((area, target) in may))
		report(area " may not include " target)
	else if (name ~ /_int\.h$/)
		report("internal to " target)
}
