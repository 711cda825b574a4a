package wire

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// canSendFiles tells whether the system sends ranges of files.
const canSendFiles = true

// sendFile has the system send a range of a file, from the page cache without a copy (sendfile(2)). It says how much was sent: nothing at
// the end of the file and for files that can't be sent so.
func sendFile(conn syscall.RawConn, fd int, pos, length int64) (sent int64, err error) {
	waitErr := conn.Write(func(socket uintptr) bool {
		for sent < length {
			at := pos + sent
			n, callErr := unix.Sendfile(int(socket), fd, &at, int(length-sent))
			switch {
			case n > 0:
				sent += int64(n)
			case errors.Is(callErr, unix.EINTR):
			case errors.Is(callErr, unix.EAGAIN):
				return false // called again when the socket takes more
			case errors.Is(callErr, unix.EINVAL), errors.Is(callErr, unix.ENOSYS):
				return true
			case errors.Is(callErr, unix.EIO):
				err = &fileError{callErr}
				return true
			default:
				err = callErr
				return true
			}
		}
		return true
	})
	if err == nil {
		err = waitErr
	}
	return sent, err
}

// writeMore writes all parts and tells the system that more follows, so that what is short waits for it.
func writeMore(conn syscall.RawConn, parts [][]byte) (err error) {
	rest := append(make([][]byte, 0, len(parts)), parts...)
	waitErr := conn.Write(func(socket uintptr) bool {
		for len(rest) > 0 {
			n, callErr := unix.SendmsgBuffers(int(socket), rest, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
			switch {
			case errors.Is(callErr, unix.EINTR):
			case errors.Is(callErr, unix.EAGAIN):
				return false
			case callErr != nil:
				err = callErr
				return true
			default:
				rest = after(rest, n)
			}
		}
		return true
	})
	if err == nil {
		err = waitErr
	}
	return err
}

// after is parts without their first n bytes.
func after(parts [][]byte, n int) [][]byte {
	for len(parts) > 0 && n >= len(parts[0]) {
		n -= len(parts[0])
		parts = parts[1:]
	}
	if len(parts) > 0 {
		parts[0] = parts[0][n:]
	}
	return parts
}
