package state

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func mapMemory(n int) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of memory: %w", n, err)
	}
	// Neighbouring mappings merge, so that huge pages serve groups that are smaller than one: past the last-level cache a probe costs a TLB miss
	// otherwise. Advice only: some kernels refuse it.
	_ = unix.Madvise(mem, unix.MADV_HUGEPAGE)
	return mem, nil
}

func unmapMemory(mem []byte) {
	if err := unix.Munmap(mem); err != nil {
		panic(fmt.Sprintf("state: unmap: %v", err)) // freed twice: our own bug
	}
}
