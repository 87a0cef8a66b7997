// SPDX-License-Identifier: BSD-2-Clause
// Busy until it is killed.
function fibonacciForTest(n) {
	return n < 2 ? n : fibonacciForTest(n - 1) + fibonacciForTest(n - 2);
}
for (;;)
	fibonacciForTest(25);
