# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
#
# The steps themselves are scripts in tools/. Builds go to BUILD; downloads and
# QEMU go to the cache, ~/.cache/virtio-irq.

BUILD ?= build
override BUILD := $(abspath $(BUILD))
export BUILD

# Not another Python that comes first in PATH: pytest is Debian's
PYTHON ?= /usr/bin/python3
PYTEST := PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -p no:cacheprovider -v --tb=short

# Arguments of `make demo`, a pattern of test names (pytest -k), kernels of the end-to-end
# tests (tests/e2e/conftest.py), sparse on or off
ARGS ?=
TESTS ?=
KERNELS ?= default
# 1: what takes minutes, too
NIGHTLY ?=
SPARSE ?=
export SPARSE

.DELETE_ON_ERROR:
.SUFFIXES:

##: Show what it can do

help:		## this list
	@echo "virtio-irq: make TARGET"
	@sed -n 's/^##: \(.*\)/\n\1/p; s/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' \
		$(firstword $(MAKEFILE_LIST)) | expand -t 16

demo: deps paths-quiet	## watch it work; ARGS=--no-virtio-irq shows today's behaviour
	@$(PYTHON) tools/demo $(ARGS)

shell: deps paths-quiet	## an interactive guest with everything loaded
	@$(PYTHON) tools/shell $(ARGS)

##: Build

deps:		## install the Debian packages that are missing (as root)
	@tools/deps

qemu:		## QEMU with virtio-irq-pci and ims-testdev
	@tools/build-qemu

module:		## virtio_irq.ko for the stock kernel; SPARSE=1 checks it with sparse, too
	@tools/build-module driver

testdev:	## ims_testdev.ko, the guest driver of the test function
	@tools/build-module testdev

kernel:		## the debug kernel of the end-to-end tests, with the driver built in
	@tools/build-kernel

guest:		## the test guest's initramfs
	@tools/paths | sed -n 's/^INITRAMFS=//p'

paths:		## build what is missing and print QEMU=, KERNEL=, MODULE=, TESTDEV_MODULE= ...
	@tools/paths

paths-quiet:
	@tools/paths >/dev/null

##: Test

check: deps	## everything below; the last line is "N passed, N failed"
	@$(PYTHON) tools/check

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

qtest:		## tests of the QEMU devices without a guest
	@QEMU=$$(tools/build-qemu) && export QEMU && $(PYTEST) tests/qtest $(if $(TESTS),-k "$(TESTS)")

e2e: paths-quiet	## end to end; TESTS=pattern, KERNELS=stock|debug|debug-all, NIGHTLY=1
	@$(if $(filter stock,$(KERNELS)),,tools/build-kernel >/dev/null)
	@$(PYTEST) tests/e2e --kernel=$(KERNELS) $(if $(NIGHTLY),--nightly) $(if $(TESTS),-k "$(TESTS)")

##: Measure

bench: deps paths-quiet	## exits and instructions beside what there is today; ARGS="--short | --update"
	@$(PYTHON) tools/bench $(ARGS)

##: Clean up

clean:		## remove what was built here
	rm -rf $(BUILD)

distclean: clean	## also remove the cache: downloads, QEMU
	rm -rf "$${VIRTIO_IRQ_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/virtio-irq}"

.PHONY: help demo shell deps qemu module testdev kernel guest paths paths-quiet check lint \
	unit fuzz kunit mutate coverage qtest e2e bench clean distclean
