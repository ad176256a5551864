# Settings: files, their order, whom they may belong to, what they may not do.
# Variables of bats; each test is a subshell of its own.
# shellcheck disable=SC2154,SC2030,SC2031
load ../lib/engram

# setting KEY [OPTION...]: "value origin" as a program has it.
setting()
{
	local key=$1
	shift
	engram-recall --help=config "$@" | awk -F '\t' -v key="$key" '$1 == key { print $2, $3 }'
}

user_file=config/engram/config.toml

@test "option over environment over file over default" {
	same "5 default" "$(setting wait)"
	mkdir -p config/engram home
	echo 'wait = 7' >$user_file
	same "7 $XDG_CONFIG_HOME/engram/config.toml:1" "$(setting wait)"
	printf '# later\nwait = "8s"\n' >home/config.toml
	same "8s $ENGRAM_HOME/config.toml:2" "$(setting wait)"
	export ENGRAM_WAIT=9
	same "9 ENGRAM_WAIT" "$(setting wait)"
	same "10 --wait" "$(setting wait --wait=10)"
}

@test "a value of a file does what the option does" {
	engram-store --space=work --create "alpha one" "alpha two" "alpha three" >/dev/null
	mkdir -p config/engram
	printf 'space = "work"\nactor = "ada"\ncolor = "always"\n[recall]\ncount = 2\nmin_confidence = 0\n' >$user_file
	exits 0 engram-recall alpha
	same 2 "${#lines[@]}"
	[[ $output == *$'\e['* ]]
	exits 0 engram-recall -k 1 --color=never alpha
	same 1 "${#lines[@]}"
	[[ $output != *$'\e['* ]]
	id=$(engram-store "beta")
	exits 0 engram-store --json --get "$id"
	prints '"actor":"ada"'
	exits 1 engram-recall --min-confidence=1 alhpa
	exits 0 engram-recall alhpa
}

@test "--config and ENGRAM_CONFIG name the only file" {
	mkdir -p config/engram
	echo 'broken' >$user_file
	echo 'wait = 3' >mine.toml
	exits 78 engram-recall x
	same "3 mine.toml:1" "$(setting wait --config=mine.toml)"
	export ENGRAM_CONFIG=mine.toml
	same "3 mine.toml:1" "$(setting wait)"
	same "5 default" "$(setting wait --config=/dev/null)"
	exits 66 engram-recall --config=none.toml x
	says "none.toml: No such file"
}

@test "a mistake is named by file, line, column and the nearest name" {
	for p in $programs; do
		printf '[recall]\n  cuont = 3\n' >bad.toml
		exits 78 "$p" --config=bad.toml x
		same "$p: bad.toml:2:3: unknown key recall.cuont (did you mean recall.count?)" "$stderr"
		exits 78 "$p" --config=bad.toml --json x
		same 'config 78 recall.cuont did you mean recall.count?' \
			"$(echo "$stderr" | jq -r '"\(.code) \(.exit) \(.object) \(.hint)"')"
	done
	printf 'color = "nevr"\n' >bad.toml
	exits 78 engram-recall --config=bad.toml x
	says 'bad.toml:1:9: color: wanted auto, always or never, found "nevr" (did you mean never?)'
	printf 'wait = 1\nwait = 2\n' >bad.toml
	exits 78 engram-recall --config=bad.toml x
	says "bad.toml:2:1: wait: given twice, first in line 1"
	printf 'space = "\xff"\n' >bad.toml
	exits 78 engram-recall --config=bad.toml x
	says "bad.toml:1:10: not UTF-8"
	[ ! -e "$ENGRAM_HOME" ]
}

@test "the original's single-node file is taken unchanged" {
	engram-store one >/dev/null
	cat >cluster.toml <<-'END'
	[cluster]
	enabled = false
	END
	exits 0 engram-recall --config=cluster.toml one
	same "" "$stderr"
	same "false cluster.toml:2" "$(setting cluster.enabled --config=cluster.toml)"
}

@test "the original's cluster file is taken unchanged, and said to do nothing yet" {
	engram-store one >/dev/null
	cat >cluster.toml <<-'END'
	[cluster]
	# Enable distributed mode (disable for single-node development)
	enabled = true
	# Optional stable identifier (auto-generated when empty)
	node_id = ""

	[cluster.discovery]
	type = "static"
	seed_nodes = [
	    "engram-node1:7946",
	    "engram-node2:7946",
	    "engram-node3:7946",
	]

	[cluster.swim]
	ping_interval = "1s"
	ack_timeout = "600ms"
	suspicion_timeout = "2s"
	indirect_probes = 3
	gossip_batch = 6

	[cluster.replication]
	# Number of replicas per space (excluding primary)
	factor = 2
	timeout = "1s"
	placement = "random"
	jump_buckets = 16384
	rack_penalty = 0.5
	zone_penalty = 0.35
	lag_threshold = "5s"
	catch_up_batch_bytes = 2097152
	compression = "none"
	io_uring_enabled = false

	[cluster.network]
	swim_bind = "0.0.0.0:7946"
	api_bind = "0.0.0.0:50051"
	max_message_size = 4194304
	connection_pool_size = 4
	# advertise_addr = "192.168.1.50:7946"

	[router]
	connection_pool_size = 4
	request_timeout_ms = 3000
	max_retries = 3
	retry_base_delay_ms = 50
	retry_max_delay_ms = 500
	circuit_breaker_failure_threshold = 5
	circuit_breaker_reset_ms = 5000
	replica_fallback_enabled = true
	replica_fallback_lag_sequences = 32
	default_read_strategy = "nearest_replica"
	END
	exits 0 engram-recall --config=cluster.toml one
	same "" "$stderr"
	same '["engram-node1:7946", "engram-node2:7946", "engram-node3:7946"] cluster.toml:9' \
		"$(setting cluster.discovery.seed_nodes --config=cluster.toml)"
	same "2 cluster.toml:$(grep -n '^factor' cluster.toml | cut -d: -f1)" \
		"$(setting cluster.replication.factor --config=cluster.toml)"
	exits 0 engram-recall --config=cluster.toml -v one
	says "cluster.toml:3: cluster.enabled is taken, but nothing asks for it yet"
}

@test "a file that others may write, or a stranger's, is refused" {
	mkdir -p config/engram
	echo 'wait = 7' >$user_file
	chmod 664 $user_file
	exits 78 engram-recall x
	says "others may write it (mode 664)"
	chmod 600 $user_file
	same "7 $XDG_CONFIG_HOME/engram/config.toml:1" "$(setting wait)"
	needs_root
	chown 65534 $user_file
	exits 78 engram-recall x
	says "it belongs to user 65534"
}

@test "a project's file chooses a space, and nothing that could do harm" {
	engram-store --space=proj --create "the parser" >/dev/null
	mkdir -p project/deep/down
	cd project/deep/down
	echo 'space = "proj"' >../../.engram.toml
	exits 0 engram-recall parser
	same "proj $BATS_TEST_TMPDIR/project/.engram.toml:1" "$(setting space)"
	exits 66 engram-recall --space=default parser
	for bad in 'embed.command = "rm -rf /"' 'wait = 0' 'cluster.discovery.seed_nodes = ["evil:1"]' \
		'embed.timeout = 1' 'color = "always"'; do
		echo "$bad" >../../.engram.toml
		exits 78 engram-recall parser
		says "a project's file may not set it"
	done
	echo 'space = "../../../etc"' >../../.engram.toml
	exits 2 engram-recall parser
	says "space name: character 1"
}

@test "a project's file is not looked for where a stranger could put one" {
	engram-store one >/dev/null
	mkdir -p open/project
	echo 'space = "other"' >open/.engram.toml
	cd open/project
	same "other $BATS_TEST_TMPDIR/open/.engram.toml:1" "$(setting space)"
	chmod 1777 ..
	same "default default" "$(setting space)"
	chmod 755 ..
	HOME=$BATS_TEST_TMPDIR/open same "default default" "$(HOME=$BATS_TEST_TMPDIR/open setting space)"
}
