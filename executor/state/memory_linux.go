package state

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// hugeFrom is the size in bytes from which huge pages pay: past the last-level cache a probe costs a TLB miss otherwise.
const hugeFrom = 4 << 20

func mapMemory(n int) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of memory: %w", n, err)
	}
	if n >= hugeFrom {
		_ = unix.Madvise(mem, unix.MADV_HUGEPAGE) // advice only: older kernels refuse it
	}
	return mem, nil
}

func unmapMemory(mem []byte) {
	if err := unix.Munmap(mem); err != nil {
		panic(fmt.Sprintf("state: unmap: %v", err)) // freed twice: our own bug
	}
}
