# Two stores over a real ssh: a server of our own on the loopback, with its own
# keys and configuration, for as long as a test runs.
# Variables of bats; each test is a subshell of its own.
# shellcheck disable=SC2154,SC2030,SC2031
load ../lib/engram

sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd || true)

# start_sshd: sets port; ENGRAM_RSH reaches it.
start_sshd()
{
	[ -n "$sshd" ] && command -v ssh >/dev/null || skip "no sshd"
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	[ -e key ] || ssh-keygen -q -t ed25519 -N '' -f key
	[ -e host ] || ssh-keygen -q -t ed25519 -N '' -f host
	[ -e authorized ] || cp key.pub authorized
	cat >sshd.conf <<-END
	HostKey $PWD/host
	AuthorizedKeysFile $PWD/authorized
	ListenAddress 127.0.0.1
	PidFile none
	StrictModes no
	UsePAM no
	PasswordAuthentication no
	PermitRootLogin prohibit-password
	SetEnv PATH=$PATH ENGRAM_HOME=$PWD/there
	END
	for _ in $(seq 20); do
		port=$((20000 + RANDOM % 30000))
		"$sshd" -D -e -f sshd.conf -p "$port" >>sshd.log 2>&1 3>&- &
		server=$!
		for _ in $(seq 50); do
			grep -q "Server listening.*port $port" sshd.log && break 2
			kill -0 "$server" 2>/dev/null || break
			sleep 0.1
		done
		kill "$server" 2>/dev/null || true
	done
	grep -q "Server listening.*port $port" sshd.log || { cat sshd.log; return 1; }
	echo "[127.0.0.1]:$port $(cut -d ' ' -f 1,2 host.pub)" >known
	export ENGRAM_RSH="ssh -F none -p $port -i $PWD/key -o BatchMode=yes -o IdentitiesOnly=yes -o UserKnownHostsFile=$PWD/known -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes -o LogLevel=ERROR"
}

teardown() { [ -z "${server-}" ] || kill "$server" 2>/dev/null || true; }

@test "two stores over ssh: equal exports and digests" {
	start_sshd
	engram-store --home=here one >/dev/null
	exits 0 engram-shipwal --home=here sync 127.0.0.1
	equal here there
	seq -f 'here %g' 100 | engram-store --home=here - >/dev/null
	seq -f 'there %g' 100 | engram-store --home=there - >/dev/null
	exits 0 engram-shipwal --home=here sync -v 127.0.0.1
	says "both are equal now"
	equal here there
	exits 0 engram-shipwal --home=here push "127.0.0.1:$PWD/else where"
	equal here "else where"
}

@test "ssh: killed at random and run again" {
	start_sshd
	engram-store --home=here one >/dev/null
	exits 0 engram-shipwal --home=here sync 127.0.0.1
	RANDOM=${SEED:=$RANDOM}
	echo "seed $SEED"
	for round in $(seq 8); do
		seq -f "here $round %g" 20 | engram-store --home=here - >/dev/null
		seq -f "there $round %g" 20 | engram-store --home=there - >/dev/null
		engram-shipwal --home=here sync 127.0.0.1 2>/dev/null 3>&- &
		pid=$!
		sleep "0.$((RANDOM % 5))"
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	exits 0 engram-shipwal --home=here --wait=30 sync 127.0.0.1
	equal here there
	exits 0 engram-consolidate --home=there --check
}

@test "ssh: a key that may read one space and do nothing else" {
	start_sshd
	echo "restrict,command=\"engram-shipwal serve --space=work --no-take\" $(cat key.pub)" >authorized
	engram-store --home=there --space=work --create "in the team" >/dev/null
	engram-store --home=there "private" >/dev/null
	exits 0 engram-shipwal --home=here --space=work --create pull 127.0.0.1
	same "in the team" "$(engram-recall --home=here --space=work team | cut -f 5)"
	engram-store --home=here --space=work "not wanted" >/dev/null
	exits 0 engram-shipwal --home=here --space=work sync 127.0.0.1
	same 1 "$(engram-store --home=there --space=work --list-spaces | awk '$1 == "work" { print $2 }')"
	exits 65 engram-shipwal --home=elsewhere --space=work --create pull 127.0.0.1 || exits 0 engram-recall --home=elsewhere --space=work team
}

@test "F30: a changed host key, a closed port: 69, with what ssh says" {
	start_sshd
	engram-store --home=here one >/dev/null
	ssh-keygen -q -t ed25519 -N '' -f other
	echo "[127.0.0.1]:$port $(cut -d ' ' -f 1,2 other.pub)" >known
	exits 69 engram-shipwal --home=here sync 127.0.0.1
	says "HOST IDENTIFICATION HAS CHANGED" || says "Host key verification failed"
	says "exit status 255"
	[ ! -e there ]
	kill "$server"
	wait "$server" 2>/dev/null || true
	exits 69 engram-shipwal --home=here sync 127.0.0.1
	says "exit status 255"
}

@test "F30: a login shell that greets, and a connection that hangs" {
	start_sshd
	engram-store --home=here one >/dev/null
	echo "command=\"echo Welcome; exec engram-shipwal serve\" $(cat key.pub)" >authorized
	exits 0 engram-shipwal --home=here sync 127.0.0.1
	equal here there
	echo "command=\"sleep 60\" $(cat key.pub)" >authorized
	exits 69 engram-shipwal --home=here --timeout=2 sync 127.0.0.1
	says "nothing came or went for 2.0 s"
}
