//go:build !unix

package vfs

// FileLimit is how many files the process may have open; ok is false where that isn't known or there is no limit.
func FileLimit() (n int, ok bool) { return 0, false }
