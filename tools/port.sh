# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
# shellcheck shell=bash
# Used by those who source this:
# shellcheck disable=SC2034
#
# Ports: stock kernels of other versions and for other machines, which a newer suite of
# Debian's has. PORT=NAME in the environment makes the scripts that build for a kernel
# build for that one. Source it after lib.sh and apt.sh.

# The suite that has all of them, and compilers for them
PORT_SUITE=trixie
PORTS=(x86_64-7.3 arm64-6.12 arm64-7.3 riscv64-6.12)

# What the build root has. A newer kernel's scripts need a newer C library than Debian 12's
ROOT_PACKAGES=(
	gcc gcc-14 gcc-14-aarch64-linux-gnu gcc-14-riscv64-linux-gnu libc6-dev
	make perl bc libelf1t64 libssl3t64 zlib1g
	# QEMU; KUnit
	ninja-build meson python3 python3-venv python3-pycotap pkg-config flex bison
	libglib2.0-dev libpixman-1-dev libfdt-dev zlib1g-dev
)

# port_settings: of PORT, its architecture as the kernel and as Debian calls it, the version
# and the flavour of the kernel
port_settings() {
	# shellcheck disable=SC2153 # it is not PORTS
	arch=${PORT%-*}
	series=${PORT##*-}
	case $PORT in
	x86_64-*) debian=amd64 flavour=cloud-amd64 ;;
	arm64-*) debian=arm64 flavour=arm64 ;;
	riscv64-*) debian=riscv64 flavour=riscv64 ;;
	*) debian='' ;;
	esac
	[[ -n $debian && " ${PORTS[*]} " == *" $PORT "* ]] ||
		die "PORT=$PORT: there are ${PORTS[*]}"
	port=$CACHE/port/$PORT
}

# port_apt: apt is asked for packages of PORT_SUITE, of the machine's own architecture and
# PORT's. A list for each, as one that cannot be had at the moment takes others with it
port_apt() {
	local architectures
	mapfile -t architectures < <(printf '%s\n' "$(dpkg --print-architecture)" "$debian" | sort -u)
	apt_config "$CACHE/port/apt-$debian" deb "$PORT_SUITE" "${architectures[@]}"
}

# in_root ROOT DIRECTORY COMMAND...: run it in the build root, which has the directory,
# too, at its own place
in_root() {
	local root=$1 directory=$2
	shift 2
	mkdir -p "$root$directory"
	# Mounts are gone with the namespace
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount bash -ec '
		root=$1 directory=$2
		shift 2
		mount --make-rprivate /
		mount --bind "$directory" "$root$directory"
		mount --rbind /dev "$root/dev"
		mount -t proc proc "$root/proc"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
			chroot "$root" "$@"
	' bash "$root" "$directory" "$@"
}
