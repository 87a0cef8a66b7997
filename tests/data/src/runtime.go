// SPDX-License-Identifier: BSD-2-Clause

// Writes what Go's runtime has to say of a small program into the folder given: cpu.pprof,
// heap.pprof, goroutine.pprof. See make.sh.
package main

import (
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sort"
	"time"
)

var kept [][]byte

//go:noinline
func sortNumbers(n int) int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = (i * 7919) % n
	}
	sort.Ints(numbers)
	return numbers[n/2]
}

//go:noinline
func checksum(n int) uint32 {
	return crc32.ChecksumIEEE(make([]byte, n))
}

func work(until time.Time) {
	for time.Now().Before(until) {
		sortNumbers(20000)
		checksum(1 << 20)
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(folder, name string, fill func(*os.File) error) {
	file, err := os.Create(filepath.Join(folder, name))
	must(err)
	must(fill(file))
	must(file.Close())
}

func main() {
	folder := os.Args[1]
	runtime.MemProfileRate = 4096
	write(folder, "cpu.pprof", func(file *os.File) error {
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		for _, name := range []string{"first", "second"} {
			pprof.Do(context.Background(), pprof.Labels("request", name), func(context.Context) {
				work(time.Now().Add(300 * time.Millisecond))
			})
		}
		pprof.StopCPUProfile()
		return nil
	})
	for i := 0; i < 200; i++ {
		kept = append(kept, make([]byte, 100*(i%7+1)))
	}
	runtime.GC()
	write(folder, "heap.pprof", func(file *os.File) error { return pprof.WriteHeapProfile(file) })
	for i := 0; i < 3; i++ {
		go func() { select {} }()
	}
	time.Sleep(10 * time.Millisecond)
	write(folder, "goroutine.pprof", func(file *os.File) error {
		return pprof.Lookup("goroutine").WriteTo(file, 0)
	})
	runtime.KeepAlive(kept)
}
