//go:build unix

package vfs

import (
	"fmt"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// truncateOS shortens a file of the operating system; done is false when f is none.
func truncateOS(f File, size int64) (done bool, err error) {
	fd := f.Fd()
	if fd == pebblevfs.InvalidFd {
		return false, nil
	}
	if err := unix.Ftruncate(int(fd), size); err != nil {
		return true, fmt.Errorf("truncate: %w", err)
	}
	return true, nil
}
