#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test_faults.sh SOURCE-ROOT
# The tests that tests/FAULTS.md names are there. Prints TAP.
set -u
cd "$1/tests" || exit 1
named() { grep -o "\`$1\`" FAULTS.md | tr -d '`' | sort -u; } # REGEX

echo "1..2"
missing=$(named '[a-z_]*::[a-z_0-9]*' | while IFS= read -r claim; do
	grep -qE "^Test\(${claim%%::*}, ${claim##*::}[,)]" unit/*.c kernel/*.c || printf " %s" "$claim"
done)
[ ! "$missing" ] && [ "$(named '[a-z_]*::[a-z_0-9]*' | wc -l)" -gt 0 ] || printf 'not '
echo "ok 1 - each SUITE::claim is a test${missing:+, not$missing}"
missing=$(named '[a-z_]*\.sh' | while IFS= read -r script; do [ -f "e2e/$script" ] || printf " %s" "$script"; done)
[ ! "$missing" ] && [ "$(named '[a-z_]*\.sh' | wc -l)" -gt 0 ] || printf 'not '
echo "ok 2 - each script is one${missing:+, not$missing}"
