//go:build !linux

package vfs

// SyncFS is not available here.
func SyncFS(File) (done bool, err error) { return false, nil }
