package vfs

import (
	"fmt"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// SyncFS syncs everything on the disk that holds f in one call; done is false where that is not possible.
func SyncFS(f File) (done bool, err error) {
	fd := f.Fd()
	if fd == pebblevfs.InvalidFd {
		return false, nil
	}
	if err := unix.Syncfs(int(fd)); err != nil {
		return true, fmt.Errorf("syncfs: %w", err)
	}
	return true, nil
}
