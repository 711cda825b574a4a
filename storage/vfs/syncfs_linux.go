package vfs

import (
	"fmt"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// syncOS is SyncFS for files of the operating system.
func syncOS(f File) (done bool, err error) {
	fd := f.Fd()
	if fd == pebblevfs.InvalidFd {
		return false, nil
	}
	if err := unix.Syncfs(int(fd)); err != nil {
		return true, fmt.Errorf("syncfs: %w", err)
	}
	return true, nil
}
