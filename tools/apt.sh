# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
# shellcheck shell=bash
#
# A configuration of apt's own for what the machine itself does not have: sources, other
# suites, other architectures. Source it after lib.sh. Packages come from where the
# machine's own come from; only the names of suites differ.

# apt_suites FORMAT SUITE: package sources on stdin, for that suite and its backports
apt_suites() {
	local own
	own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	[ -n "$own" ] || die "/etc/os-release has no VERSION_CODENAME"
	case $1 in
	# A line for each suite
	list) sed "/ $own /{p; s/ $own / $own-backports /}" ;;
	# All suites in one line
	sources) sed -E "/^Architectures:/Id; /^Suites:/Is/(^|[[:space:]])$own([[:space:]]|\$)/\1$own $own-backports\2/" ;;
	esac | sed -E "/^#/!s/([[:space:]])$own(-[a-z]+)?/\1$2\2/g"
}

# apt_sources DIRECTORY TYPE [SUITE]: the machine's package sources, asked for packages
# of that type: deb or deb-src
apt_sources() {
	local file name
	rm -rf "$1"
	mkdir -p "$1"
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -f "$file" ] || continue
		name=$(basename "$file" .list)
		sed -n "s/^[[:space:]]*deb[[:space:]]/$2 /p" "$file" |
			{ if [ -n "${3:-}" ]; then apt_suites list "$3"; else cat; fi; } >"$1/$name.list"
	done
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -f "$file" ] || continue
		# A stanza of deb-src alone would come twice, which apt only warns of
		sed "s/^Types:.*/Types: $2/I" "$file" |
			{ if [ -n "${3:-}" ]; then apt_suites sources "$3"; else cat; fi; } \
				>"$1/$(basename "$file")"
	done
}

# apt_config DIRECTORY TYPE [SUITE ARCHITECTURE...]: apt uses it from now on. The machine's
# apt.conf stays in force (proxies, keys); only these differ. With a suite nothing is
# installed, and there may be several architectures.
apt_config() {
	local apt=$1 architecture
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	apt_sources "$apt/sources.list.d" "$2" "${3:-}"
	cat >"$apt/apt.conf" <<-END
		Dir::Etc::SourceList "/dev/null";
		Dir::Etc::SourceParts "$apt/sources.list.d";
		Dir::State::Lists "$apt/lists";
		Dir::Cache "$apt/cache";
		// The sandbox user may not enter a home directory
		APT::Sandbox::User "";
	END
	if [ -n "${3:-}" ]; then
		: >"$apt/status"
		{
			echo "Dir::State::Status \"$apt/status\";"
			echo "APT::Architecture \"$4\";"
			for architecture in "${@:4}"; do
				echo "APT::Architectures:: \"$architecture\";"
			done
		} >>"$apt/apt.conf"
	fi
	export APT_CONFIG=$apt/apt.conf
}

# apt_fetch DIRECTORY PACKAGE...: packages, not installed
apt_fetch() {
	local directory=$1
	shift
	mkdir -p "$directory"
	(cd "$directory" && apt-get download "$@")
}
