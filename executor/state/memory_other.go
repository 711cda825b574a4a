//go:build !linux

package state

import "unsafe"

func mapMemory(n int) ([]byte, error) {
	w := make([]uint64, n/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), n), nil
}

func unmapMemory([]byte) {}
