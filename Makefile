# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
#
# The steps themselves are scripts in tools/. Builds go to BUILD; downloads and
# QEMU go to the cache, ~/.cache/virtio-irq.

# A recipe fails if any command of a pipe does
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Make and the kernel's build divide names at blanks and colons, the others mean something
# to a shell, to QEMU's options or to valgrind. tools/lib.sh asks the same of the cache
hash := \#
refused := " ' \ $$ $(hash) : % * ? [ ] ( ) { } < > | & ; ` ! ,
usable = $(if $(or $(word 2,$1),$(strip $(foreach c,$(refused),$(findstring $c,$1)))),$(error \
	$2 is '$1': its name must have no blank and none of $(refused)))
$(call usable,$(CURDIR),The checkout)

BUILD ?= build
$(call usable,$(BUILD),BUILD)
override BUILD := $(abspath $(BUILD))
export BUILD

# Not another Python that comes first in PATH: pytest is Debian's
PYTHON ?= /usr/bin/python3
PYTEST := PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -p no:cacheprovider -v --tb=short

# $(call pytest,DIRECTORY,OPTIONS): status 5 is that nothing ran
pytest = $(PYTEST) $1 $2 $(if $(TESTS),-k "$(TESTS)") || { status=$$?; [ $$status -ne 5 ] || \
	echo "error: no test of $1 matches TESTS='$(TESTS)', a pattern of names as pytest -k takes it" >&2; \
	exit $$status; }

# Arguments of `make demo`, a pattern of test names (pytest -k), kernels of the end-to-end
# tests (tests/e2e/conftest.py), sparse on or off
ARGS ?=
TESTS ?=
KERNELS ?= default
# Of tools/port.sh
PORTS ?= x86_64-7.3 arm64-6.12 arm64-7.3 riscv64-6.12
# 1: what takes minutes, too
NIGHTLY ?=
SPARSE ?=
# Modules of yours for `make shell`
GUEST_MODULES ?=
# Of `make install`: where to, and which kernel instead of the running one
DESTDIR ?=
KVER ?=
# Of `make deb-test`: some of "bookworm trixie"; 1: the package is installed in the running guest
SUITES ?=
LIVE ?=
export SPARSE GUEST_MODULES DESTDIR KVER

.DELETE_ON_ERROR:
.SUFFIXES:

##: Show what it can do

help:		## this list
	@echo "virtio-irq: make TARGET"
	@sed -n 's/^##: \(.*\)/\n\1/p; s/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' \
		$(firstword $(MAKEFILE_LIST)) | expand -t 16

demo: deps paths-quiet	## watch it work; ARGS=--no-virtio-irq shows today's behaviour
	@$(PYTHON) tools/demo $(ARGS)

demo-kvm: deps paths-quiet	## watch a host run out of interrupts: KVM and VFIO, in a guest
	@$(PYTHON) tools/demo-kvm $(ARGS)

shell: deps paths-quiet	## an interactive guest; GUEST_MODULES="a.ko b.ko" adds your own
	@$(PYTHON) tools/shell $(ARGS)

##: Build

deps:		## install the Debian packages that are missing (as root)
	@tools/deps

# What `make series` needs is in the tests, too
deps-all:
	@tools/deps --series

qemu:		## QEMU with virtio-irq-pci and ims-testdev
	@tools/build-qemu

module:		## virtio_irq.ko for the stock kernel; SPARSE=1 checks it with sparse, too
	@tools/build-module driver

testdev:	## ims_testdev.ko, the guest driver of the test function
	@tools/build-module testdev

deb:		## the guest driver as a package of Debian's, which DKMS builds for the kernels there
	@tools/build-deb

install:	## the guest driver for the running kernel, on any distribution; DESTDIR= KVER=
	@tools/install

uninstall:	## takes that out again
	@tools/install --remove

kernel:		## the debug kernel of the end-to-end tests, with the driver built in
	@tools/build-kernel

guest:		## the test guest's initramfs
	@tools/paths | sed -n 's/^INITRAMFS=//p'

paths:		## build what is missing and print QEMU=, KERNEL=, MODULE=, TESTDEV_MODULE= ...
	@tools/paths

paths-quiet:
	@tools/paths >/dev/null

##: Test

check: deps-all	## everything below; the last line is "N passed, N failed"
	@$(PYTHON) tools/check

check-all: deps-all	## that, and what takes hours: nightly tests, all on the debug kernel, ports, soak, mutate
	@$(PYTHON) tools/check --all

lint:		## style and static checks
	@tools/lint

unit:		## unit tests of the device core, with ASan and UBSan
	@$(MAKE) --no-print-directory -C host/core O=$(BUILD)/host-core check

fuzz:		## fuzz the device core; FUZZ_SECONDS=20
	@$(MAKE) --no-print-directory -C host/core O=$(BUILD)/host-core fuzz

kunit:		## KUnit tests of the guest driver; ARCH=um (default) or x86_64, TESTS=suite.case
	@ARCH=$(or $(ARCH),um) tools/kunit $(if $(TESTS),"$(TESTS)")

mutate:		## break the driver in one place after the other: is each one noticed? TESTS=pattern
	@tools/mutate $(if $(TESTS),--filter "$(TESTS)")

coverage:	## which lines and branches of the driver the KUnit suites reach
	@tools/coverage

tools-test: paths-quiet	## tests of the tools and of the benchmark's checks
	@$(call pytest,tests/tools tests/bench)

qtest:		## tests of the QEMU devices without a guest; SANITIZE=1: with ASan and UBSan in them
	@QEMU=$$(tools/build-qemu $(if $(SANITIZE),--sanitize)) && export QEMU && { $(call pytest,tests/qtest); }

e2e: paths-quiet	## end to end; TESTS=pattern, KERNELS=stock|debug|debug-all, NIGHTLY=1
	@$(if $(filter stock,$(KERNELS)),,tools/build-kernel >/dev/null)
	@$(call pytest,tests/e2e,--kernel=$(KERNELS) $(if $(NIGHTLY),--nightly))

kvm: paths-quiet	## end to end with a real KVM and VFIO, in a guest that is the host; TESTS=pattern
	@$(call pytest,tests/kvm,$(if $(NIGHTLY),--nightly))

soak: deps paths-quiet	## everything that may happen, at random: MINUTES=5 SEED= KERNELS=stock|debug|nested
	@$(PYTHON) tools/soak --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED)) \
		--kernel $(or $(filter stock debug nested both,$(KERNELS)),stock)

ports: deps	## end to end on stock kernels of other versions and architectures; PORTS="arm64-6.12 ..."
	@$(PYTHON) tools/check $(PORTS:%=port-%)

deb-test: deps	## that package in guests with Debian and systemd; SUITES="bookworm trixie" LIVE=1
	@tools/test-deb $(if $(LIVE),--live) $(if $(SUITES),--suites "$(SUITES)") \
		$(if $(TESTS),-k "$(TESTS)")

##: Measure

bench: deps paths-quiet	## exits and instructions beside what there is today; ARGS="--short | --update"
	@$(PYTHON) tools/bench $(ARGS)

##: Send it

series:		## the patches for the kernel and QEMU, and the chapter for the virtio specification
	@tools/deps --series
	@$(PYTHON) tools/series $(ARGS)

series-check: series	## they apply, and their projects' own checks have nothing to say
	@$(PYTHON) tools/series --check $(ARGS)

series-build: series	## build each patch; ARGS=linux one of them
	@$(PYTHON) tools/series --build $(ARGS)

##: Clean up

clean:		## remove what was built here
	rm -rf $(BUILD)

distclean: clean	## also remove the cache: downloads, QEMU
	. tools/lib.sh && rm -rf "$${CACHE:?}"

.PHONY: help demo demo-kvm shell deps deps-all qemu module testdev deb install uninstall kernel guest paths \
	paths-quiet check check-all lint unit fuzz kunit mutate coverage tools-test qtest e2e kvm ports soak \
	deb-test bench series series-check series-build clean distclean
