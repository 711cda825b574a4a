package vfs

import "fmt"

// zeroBlock is how much Truncate overwrites at a time where files cannot be shortened.
const zeroBlock = 64 << 10

// Truncate cuts a file opened with OpenReadWrite to size bytes. On a file system that cannot shorten files (those in
// memory) the rest is overwritten with zeros instead, so a reader must treat zeros as the end.
func Truncate(f File, size int64) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("truncate: %w", err)
	}
	if info.Size() <= size {
		return nil
	}
	if done, err := truncateOS(f, size); done {
		return err
	}
	zeros := make([]byte, min(zeroBlock, info.Size()-size))
	for at := size; at < info.Size(); at += int64(len(zeros)) {
		zeros = zeros[:min(int64(len(zeros)), info.Size()-at)]
		if _, err := f.WriteAt(zeros, at); err != nil {
			return fmt.Errorf("truncate by zeros: %w", err)
		}
	}
	return nil
}

// FreeBeyondEnd gives back what Preallocate reserved beyond the file's end. It is a hint: a failure costs room, nothing else.
func FreeBeyondEnd(f File) {
	if info, err := f.Stat(); err == nil {
		_, _ = truncateOS(f, info.Size())
	}
}
