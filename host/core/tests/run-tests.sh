#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Run cmocka programs and add up: every case that a program announces and does
# not report as passed has failed, also if a sanitizer ended the program.
#
# Copyright (C) 2026 The virtio-irq authors
#
# Usage: run-tests.sh PROGRAM...
set -euo pipefail

passed=0
failed=0
for program in "$@"; do
	echo "# ${program##*/}"
	code=0
	output=$(CMOCKA_MESSAGE_OUTPUT=TAP "$program" 2>&1) || code=$?
	printf '%s\n' "$output"
	planned=$(sed -n 's/^[[:space:]]*1\.\.\([0-9]*\)$/\1/p' <<<"$output" | head -n 1)
	ok=$(grep -c '^[[:space:]]*ok [0-9]' <<<"$output" || true)
	bad=$((${planned:-1} - ok))
	if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
		echo "# ${program##*/} ended with $code"
		bad=1
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))
done
echo "host/core: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
