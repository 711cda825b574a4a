//go:build !unix

package vfs

// truncateOS is not available here; Truncate overwrites with zeros.
func truncateOS(File, int64) (done bool, err error) { return false, nil }
