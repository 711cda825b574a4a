//go:build unix

package vfs

import (
	"errors"
	"fmt"
	"io/fs"

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

// readOS reads a whole file with as few system calls as there can be: a node opens tens of thousands of small ones.
func readOS(name string, limit int64) (content []byte, done bool, err error) {
	fd, err := retried(func() (int, error) { return unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, true, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	content = make([]byte, 0, readFirst)
	for {
		n, err := retried(func() (int, error) { return unix.Read(fd, content[len(content):cap(content)]) })
		if err != nil {
			return nil, true, &fs.PathError{Op: "read", Path: name, Err: err}
		}
		content = content[:len(content)+max(n, 0)]
		switch {
		case int64(len(content)) > limit:
			return nil, true, fmt.Errorf("read %s: larger than %d bytes", name, limit)
		case n <= 0:
			return content, true, nil
		case len(content) == cap(content):
			content = append(make([]byte, 0, growth*cap(content)), content...)
		}
	}
}

const (
	readFirst = 1 << 10 // bytes read at first; most small files are smaller
	growth    = 4
)

// retried calls again what a signal interrupted.
func retried(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
