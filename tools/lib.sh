# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
# shellcheck shell=bash
#
# What the scripts in tools/ share. Source it after `set -euo pipefail`.
# Progress goes to stderr, so that stdout stays free for results.

# A failure in $(...) is a failure, too
shopt -s inherit_errexit

# Some environments have none
HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export HOME

# The checkout, where builds go, and what survives `make clean`
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
[ "${BUILD#/}" != "$BUILD" ] || BUILD=$PWD/$BUILD
CACHE=${VIRTIO_IRQ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/virtio-irq}
# shellcheck disable=SC2034 # used by those who source this
JOBS=${JOBS:-$(nproc)}
export TOP BUILD CACHE

# usable NAME PATH: make and the kernel's build divide names at blanks and colons, the
# others mean something to a shell, to QEMU's options or to valgrind
usable() {
	local character refused='" \ $ # : % * ? [ ] ( ) { } < > | & ; ` ! ,'" '" list
	[ "${2#/}" != "$2" ] || die "$1 is '$2', which is not an absolute path"
	read -ra list <<<"$refused"
	for character in "${list[@]}" " " $'\t' $'\n'; do
		[[ $2 != *"$character"* ]] ||
			die "$1 is '$2': its name must have no blank and none of $refused"
	done
}

# say TEXT...: progress for the user
say() {
	printf '%s\n' "  ${0##*/}: $*" >&2
}

# die TEXT...: give up, saying why
die() {
	printf '%s\n' "${0##*/}: error: $*" >&2
	exit 1
}

# need COMMAND PACKAGE: the command must exist
need() {
	command -v "$1" >/dev/null ||
		die "'$1' is missing; install Debian's package $2 (or run 'make deps' as root)"
}

# need_file FILE PACKAGE: the file must exist
need_file() {
	[ -e "$1" ] ||
		die "$1 is missing; install Debian's package $2 (or run 'make deps' as root)"
}

# logged LOG COMMAND...: output goes to LOG; the end of it is shown on failure
logged() {
	local log=$1 status
	shift
	mkdir -p "$(dirname "$log")"
	# Not "|| status=$?": a function of ours would then go on after what fails in it
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1 </dev/null
	status=$?
	set -e
	if [ "$status" -ne 0 ]; then
		tail -n 40 "$log" >&2
		printf '%s\n' "${0##*/}: error: '$*' failed with status $status; all of its output is in $log" >&2
		return "$status"
	fi
}

# locked NAME COMMAND...: only one process at a time does NAME in the cache, or in
# the directory that LOCK_DIR names
locked() {
	# Names that no command of a caller's has: it would see these
	local lock_name=$1 lock_directory=${LOCK_DIR:-$CACHE}
	shift
	mkdir -p "$lock_directory"
	(
		flock -n 9 || {
			say "waiting for another one that does $lock_name"
			flock 9
		}
		"$@" 9>&-
	) 9>"$lock_directory/$lock_name.lock"
}

# The source that KUnit's kernels are made of
KUNIT_SOURCE=/usr/src/linux-source-6.12.tar.xz
# What comes before commands that build or run them; nothing for this machine's own
KUNIT_WHERE=()

# kunit_settings: sets version, cache and tree of the kernel source that KUnit uses, and
# sees whether it can be built. With KUNIT_SERIES=7.3 in the environment it is the newest
# kernel of that series, see tools/port.sh, which is built in the build root.
kunit_settings() {
	local tool root
	if [ -n "${KUNIT_SERIES:-}" ]; then
		KUNIT_SOURCE=$("$TOP/tools/fetch-source" "$KUNIT_SERIES")
		root=$("$TOP/tools/build-root")
		version=$(basename "${KUNIT_SOURCE%/*}")
		cache=$CACHE/kunit/$version
		tree=$cache/source
		mkdir -p "$cache"
		# shellcheck source=tools/port.sh
		. "$TOP/tools/port.sh"
		KUNIT_WHERE=(in_root "$root" "$cache")
		return
	fi
	need_file "$KUNIT_SOURCE" linux-source-6.12
	need cc build-essential
	for tool in flex bison bc; do
		need "$tool" "$tool"
	done
	version=$(dpkg-query -W -f '${Version}' linux-source-6.12)
	cache=$CACHE/kunit/$version
	tree=$cache/source
}

# kunit_source: the same, and the source is there
kunit_source() {
	kunit_settings
	locked "kunit-$version" kunit_unpack
}

# kunit_kernel ARCH: sets, when the source is there, what kunit_build builds: in build_dir, with options (as
# kunit.py takes them) and from what has the hash key.
# The one for x86_64 is the debug kernel of the end-to-end tests, too.
kunit_kernel() {
	local checker fragment fragments make_option make_options=()
	fragments=("$TOP/kunit/.kunitconfig")
	# Newer kernels have UML's PCI without virtio, and no such option then
	if [ "$1" != um ] ||
		grep -q OVER_VIRTIO "$tree/tools/testing/kunit/configs/arch_uml.config"; then
		fragments+=("$TOP/kunit/$1.config")
	fi
	[ "$1" != x86_64 ] || fragments+=("$TOP/tools/guest/debug.config")
	# One checker need not check another: a fifth of the suites' time goes there
	for checker in lockdep debugobjects stacktrace unwind_orc; do
		make_options+=("KASAN_SANITIZE_$checker.o=n" "UBSAN_SANITIZE_$checker.o=n")
	done
	key=$({
		echo "$version" "${make_options[@]}"
		"${KUNIT_WHERE[@]}" cc --version
		cat "${fragments[@]}"
		"$TOP/tools/place-in-kernel" --digest
	} | sha256sum | cut -c 1-24)
	build_dir=$cache/$1
	options=(--arch "$1" --build_dir "$build_dir" --jobs "$JOBS")
	for fragment in "${fragments[@]}"; do
		if [ -n "${KUNIT_SERIES:-}" ]; then
			# The build root does not have the checkout
			cp "$fragment" "$cache/"
			fragment=$cache/${fragment##*/}
		fi
		options+=(--kunitconfig "$fragment")
	done
	for make_option in "${make_options[@]}"; do
		options+=(--make_options "$make_option")
	done
}

# kunit_build LOG: builds the kernel, unless the one that is there is of the same
# key. Runs under the lock kunit-$version, as long as the kernel is used.
kunit_build() {
	local built=$build_dir/virtio-irq-key
	if [ -e "$built" ] && [ "$(cat "$built")" = "$key" ]; then
		return 0
	fi
	rm -f "$built"
	"$TOP/tools/place-in-kernel" "$tree" >&2
	say "building; the first time takes minutes"
	# It needs nothing but the standard library: not the Python that comes first in PATH,
	# which may be a script that looks for one
	logged "$1" "${KUNIT_WHERE[@]}" /usr/bin/python3 "$tree/tools/testing/kunit/kunit.py" build "${options[@]}"
	echo "$key" >"$built"
}

# kunit_unpack: the source, as tree
kunit_unpack() {
	local scratch
	[ ! -d "$tree" ] || return 0
	say "unpacking $KUNIT_SOURCE"
	mkdir -p "$cache"
	scratch=$(mktemp -d "$cache/new-XXXXXX")
	tar -xJf "$KUNIT_SOURCE" -C "$scratch" --strip-components=1
	mv "$scratch" "$tree"
}

case $JOBS in
*[!0-9]* | 0) die "JOBS is '$JOBS', not a number of processes" ;;
esac
usable "The checkout" "$TOP"
usable BUILD "$BUILD"
usable "The cache (VIRTIO_IRQ_CACHE, XDG_CACHE_HOME or HOME)" "$CACHE"
