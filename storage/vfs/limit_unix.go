//go:build unix

package vfs

import (
	"math"

	"golang.org/x/sys/unix"
)

// FileLimit is how many files the process may have open (RLIMIT_NOFILE, which Go raises to its hard limit at the start); ok is false where
// that isn't known or there is no limit.
func FileLimit() (n int, ok bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= math.MaxInt32 {
		return 0, false
	}
	return int(limit.Cur), true
}
