#!/bin/sh
# fresh.sh SOURCE [COMMAND...] - runs ./bootstrap demo and ./bootstrap check
# (or the COMMANDs given), each from a clean checkout inside a minimal Debian 12
# of its own, so that nothing installed on this machine hides a missing step.
# Needs root, debootstrap, git and the Debian mirror that this machine uses.
# The systems are removed when all went well, else kept and named.
set -eu

[ $# -ge 1 ] || { echo "usage: fresh.sh SOURCE [COMMAND...]" >&2; exit 2; }
source=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- demo check
suite=bookworm

die() { echo "fresh: $*" >&2; exit 1; }
say() { echo "fresh: $*"; }

[ "$(id -u)" = 0 ] || die "needs root (chroot, mount)"
command -v debootstrap >/dev/null || die "needs debootstrap"
git -C "$source" rev-parse -q --verify HEAD >/dev/null || die "$source is not a git checkout"

work=$(mktemp -d "${TMPDIR-/tmp}/engram-fresh.XXXXXX")
trap '[ $? = 0 ] || say "kept: $work"' EXIT

# The host's own Debian archives, first the one that debootstrap can start from.
sources()
{
	apt-get indextargets --format "\$(ORIGIN) deb \$(REPO_URI) \$(CODENAME) \$(COMPONENT)" \
		'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian //p' | sort -u
}
mirror=$(sources | awk -v suite=$suite '$3 == suite { print $2; exit }')
: "${mirror:=http://deb.debian.org/debian}"

say "a minimal $suite from $mirror"
debootstrap --variant=minbase "$suite" "$work/base" "$mirror" >"$work/debootstrap.log" 2>&1 ||
	{ tail -n 20 "$work/debootstrap.log" >&2; die "debootstrap failed"; }
list=$(sources | grep -E "^deb [^ ]+ $suite" || true)
[ -z "$list" ] || echo "$list" >"$work/base/etc/apt/sources.list"
apt-config dump | grep -iE '^acquire::[a-z]+::proxy' >"$work/base/etc/apt/apt.conf.d/99proxy" || true
cp -L /etc/resolv.conf /etc/hosts "$work/base/etc/"

# Each command meets a system where nothing was installed yet.
for command in "$@"; do
	root=$work/$command
	cp -a --reflink=auto "$work/base" "$root"
	mkdir "$root/engram"
	git -C "$source" archive HEAD | tar -x -C "$root/engram"
	say "./bootstrap $command"
	begin=$(date +%s)
	# Mounts live in a namespace that ends with the command.
	# shellcheck disable=SC2016 # expanded by the shell inside
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CI=true \
		${http_proxy+http_proxy="$http_proxy"} ${https_proxy+https_proxy="$https_proxy"} \
		unshare --mount --propagation private sh -eu -c '
			mount -t proc proc "$1/proc"
			mount -t sysfs -o ro sys "$1/sys"
			mount --rbind /dev "$1/dev"
			exec chroot "$1" sh -c "cd /engram && exec ./bootstrap $2"' sh "$root" "$command" </dev/null ||
		die "./bootstrap $command failed in $root/engram"
	say "./bootstrap $command: $(($(date +%s) - begin)) s"
done
rm -rf "$work"
say "all passed: $*"
