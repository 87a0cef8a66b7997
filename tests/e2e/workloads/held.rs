// SPDX-License-Identifier: BSD-2-Clause
// Leaks 211 blocks of 4099 bytes, while four threads allocate and free 100,003 each.
use std::hint::black_box;

#[inline(never)]
fn leak_here() {
    for _ in 0..211 {
        let block: Vec<u8> = Vec::with_capacity(4099);
        std::mem::forget(black_box(block));
    }
}

fn main() {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                for i in 0..100_003usize {
                    drop(black_box(Vec::<u8>::with_capacity(16 + i % 257)));
                }
            })
        })
        .collect();
    leak_here();
    for thread in threads {
        thread.join().unwrap();
    }
}
