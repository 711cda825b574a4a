//go:build !linux

package wire

import (
	"errors"
	"syscall"
)

// canSendFiles tells whether the system sends ranges of files.
const canSendFiles = false

func sendFile(syscall.RawConn, int, int64, int64) (int64, error) { return 0, errors.ErrUnsupported }

func writeMore(syscall.RawConn, [][]byte) error { return errors.ErrUnsupported }
