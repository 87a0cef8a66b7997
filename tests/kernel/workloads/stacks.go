// SPDX-License-Identifier: BSD-2-Clause

// What makes Go's runtime change stacks: large and many objects, garbage collection, maps,
// goroutines that wait for each other and whose stacks grow, clocks, system calls.
package main

import (
	"fmt"
	"os"
	"sort"
	"time"
)

type node struct {
	left, right *node
	name        string
}

//go:noinline
func tree(depth int) *node {
	if depth == 0 {
		return &node{name: fmt.Sprint(depth)}
	}
	return &node{tree(depth - 1), tree(depth - 1), "inner"}
}

//go:noinline
func allocate() int {
	kept := make([][]byte, 64)
	for i := 0; i < 2000; i++ {
		kept[i%64] = make([]byte, 1<<uint(4+i%14))
	}
	return len(kept)
}

//go:noinline
func count() int {
	words := map[string]int{}
	for i := 0; i < 2000; i++ {
		words[fmt.Sprint(i*7919%1000)]++
	}
	list := make([]string, 0, len(words))
	for word := range words {
		list = append(list, word)
	}
	sort.Strings(list)
	return len(list)
}

//go:noinline
func talk() {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for i := range ping {
			pong <- i
		}
		close(pong)
	}()
	for i := 0; i < 500; i++ {
		ping <- i
		<-pong
	}
	close(ping)
}

//go:noinline
func clocks() (sum int64) {
	for i := 0; i < 2000; i++ {
		sum += time.Now().UnixNano()
	}
	return
}

//go:noinline
func grow(n int) int {
	var room [256]byte
	room[n%256] = byte(n)
	if n == 0 {
		return int(room[0])
	}
	return grow(n-1) + int(room[n%256])
}

//go:noinline
func growing() {
	done := make(chan int)
	for i := 0; i < 4; i++ {
		go func() { done <- grow(60) }()
	}
	for i := 0; i < 4; i++ {
		<-done
	}
}

//go:noinline
func calls() {
	for i := 0; i < 200; i++ {
		os.Getpid()
		os.Stat("/")
	}
}

var top *node

func main() {
	os.Stdout.WriteString("here\n")
	for {
		top = tree(12)
		allocate()
		count()
		talk()
		clocks()
		growing()
		calls()
	}
}
