# Stores that were written once, read by today's programs; README.md.
# shellcheck disable=SC2154,SC2030,SC2031
load ../lib/engram

golden=$BATS_TEST_DIRNAME
export GOLDEN_TOOLS=${GOLDEN_TOOLS:-${top_builddir:-$PWD}/tests/golden}
space=

# unpacked NAME: as a backup restored, in the space default.
unpacked()
{
	mkdir -p "$ENGRAM_HOME/spaces"
	tar -xzf "$golden/$1.tar.gz" -C "$ENGRAM_HOME/spaces"
	mv "$ENGRAM_HOME/spaces/$1" "$ENGRAM_HOME/spaces/default"
	space=$ENGRAM_HOME/spaces/default
}

@test "the golden stores read as they did: positions, memories, digest" {
	for name in all critical; do
		rm -rf "$ENGRAM_HOME"
		unpacked "$name"
		same "$(cat "$golden/$name.position")" "$(engram-shipwal position)"
		cmp <(engram-store --export) "$golden/$name.ndjson"
		exits 0 engram-shipwal verify
		exits 0 engram-consolidate
		cmp <(engram-store --export) "$golden/$name.ndjson"
		same "$(cat "$golden/$name.digest")" "$(engram-consolidate --check | sed -n 's/.*digest\t//p')"
	done
}

@test "a golden store holds every kind of frame" {
	unpacked all
	for kind in birth memory revision edge use feedback forget retire fork; do
		engram-shipwal cat | grep -q "\"kind\":\"$kind\"" || { echo "no $kind"; false; }
	done
	engram-shipwal cat | grep -q '"kind":77'
}

@test "who writes to a golden store goes on in a series of its own" {
	unpacked all
	engram-shipwal cat | sort >before
	engram-store "of today" >id
	engram-shipwal cat | sort >after
	same "" "$(comm -23 before after)"
	same 2 "$(comm -13 before after | wc -l)"
	exits 0 engram-recall "of today"
	exits 0 engram-consolidate --check
}

@test "two copies of a golden store, both written, end equal" {
	unpacked all
	cp -R "$ENGRAM_HOME" other
	engram-store "of the one" >/dev/null
	engram-store --home=other "of the other" >/dev/null
	exits 0 engram-shipwal sync local:other
	same "$(engram-store --export | sha256sum)" "$(engram-store --home=other --export | sha256sum)"
}

@test "a critical frame of an unknown kind: nothing behind it counts, and it is passed on" {
	unpacked critical
	exits 1 engram-recall "behind a critical kind"
	engram-store --home=other --create >/dev/null
	exits 0 engram-shipwal sync local:other
	same "$(cat "$golden/critical.position")" "$(engram-shipwal --home=other position)"
	cmp <(engram-store --home=other --export) "$golden/critical.ndjson"
}

@test "an unknown feature of the space: refuse, read-only, ignore" {
	unpacked all
	cp "$space/space" kept
	{ cat kept; echo "feature zz-novelty ignore"; } >"$space/space"
	exits 0 engram-store x
	{ cat kept; echo "feature zz-novelty read-only"; } >"$space/space"
	exits 0 engram-recall "harbour"
	exits 0 engram-shipwal position
	exits 76 engram-store y
	engram-store --home=other --create >/dev/null
	exits 76 engram-shipwal pull local:other
	{ cat kept; echo "feature zz-novelty refuse"; } >"$space/space"
	for c in "engram-recall harbour" "engram-shipwal position" "engram-consolidate --check"; do
		# shellcheck disable=SC2086
		exits 76 $c
		says "zz-novelty"
	done
}

@test "B45: a segment, or the space file, of a later version is refused by name" {
	unpacked all
	segment=$(find "$space/log" -name '*.wal' | sort | head -n 1)
	printf '\002' | dd of="$segment" bs=1 seek=8 conv=notrunc status=none
	for c in "engram-recall harbour" "engram-shipwal verify" "engram-store x"; do
		# shellcheck disable=SC2086
		run --separate-stderr $c
		[ "$status" = 76 ] || [ "$status" = 70 ] || { show; false; }
		says "${segment##*/}"
	done
	unpacked_again=$(sed '1s/.*/engram-space 2/' "$space/space")
	echo "$unpacked_again" >"$space/space"
	exits 76 engram-recall harbour
}

@test "the maker makes the same bytes" {
	bash "$golden/make.sh" made
	for name in all critical; do
		mkdir frozen today
		tar -xzf "$golden/$name.tar.gz" -C frozen
		tar -xzf "made/$name.tar.gz" -C today
		diff -r frozen today
		rm -r frozen today
		cmp "made/$name.ndjson" "$golden/$name.ndjson"
	done
	cmp made/view.txt "$golden/view.txt" # with the digest of all that is in the file
}

@test "the golden view file reads as it did: sound, digest, lineages, nearest" {
	gunzip -c "$golden/view.mdb.gz" >view.mdb
	exits 0 "$GOLDEN_TOOLS/view" read view.mdb
	same "$(cat "$golden/view.txt")" "$output"
}

@test "F11: a byte of the golden view file flipped is told" {
	gunzip -c "$golden/view.mdb.gz" >view.mdb
	at=$(($(stat -c %s view.mdb) / 2))
	byte=$(od -An -tu1 -j $at -N 1 view.mdb)
	printf "\\$(printf %o $((byte ^ 16)))" | dd of=view.mdb bs=1 seek=$at conv=notrunc status=none
	exits 1 "$GOLDEN_TOOLS/view" read view.mdb
	says view.mdb
}
