//go:build !linux

package vfs

// syncOS is SyncFS for files of the operating system: not available here.
func syncOS(File) (done bool, err error) { return false, nil }
