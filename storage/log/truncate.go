package log

import (
	"fmt"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// TruncateTo drops every batch that holds offset or lies above it, durably: what a follower does where its leader's history
// differs. An offset at or above the end changes nothing; one below the start empties the log, which then begins at offset.
// Producer state, epochs and indexes go back with it.
func (l *Log) TruncateTo(offset int64) error {
	defer l.interruptCleaning()()
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if err := l.usable(); err != nil || offset >= l.end.Load() {
		return err
	}
	if err := l.truncate(offset); err != nil {
		return l.killed(err) // a full disk too: what is on it and what we think is there may differ now
	}
	return nil
}

// truncate is TruncateTo with appendMu held.
func (l *Log) truncate(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropTail(0)
	if !l.made {
		return l.begin(offset, true)
	}
	if l.firstDirty > offset {
		if err := writeOffset(l.fs, l.dir, fileCleaned, offset); err != nil {
			return err
		}
	}
	if offset < l.segments[0].base {
		return l.restartAt(offset)
	}
	if err := l.removeAfter(l.segmentIndex(offset)); err != nil {
		return err
	}
	if err := l.cutSegment(l.active(), offset); err != nil {
		return err
	}
	if err := l.saveEpochs(l.epochs.truncateEnd(offset)); err != nil {
		return err
	}
	return l.reload()
}

// cutSegment removes the batches of a segment from the one that holds offset on.
func (l *Log) cutSegment(s *segment, offset int64) error {
	file, err := l.fs.OpenReadWrite(s.path(suffixLog), vfs.Category)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	defer func() { _ = file.Close() }() // Truncate has synced
	pos, err := walk(file, 0, s.size, func(b record.Batch, _ int64) (bool, error) {
		return b.NextOffset() <= offset, nil
	})
	if err != nil {
		return err
	}
	if err := l.fs.Remove(s.path(suffixTxnIndex)); err != nil && !vfs.IsNotExist(err) { // it may tell of what goes now
		return fmt.Errorf("remove transaction index: %w", err)
	}
	if err := vfs.Truncate(file, pos); err != nil {
		return err
	}
	return file.Sync()
}

// restartAt empties the log; it begins at offset.
func (l *Log) restartAt(offset int64) error {
	if err := l.removeAfter(0); err != nil {
		return err
	}
	first := l.segments[0]
	first.retire()
	if err := l.removeFiles(first.base); err != nil {
		return err
	}
	if err := l.saveEpochs(nil); err != nil {
		return err
	}
	if err := writeOffset(l.fs, l.dir, fileStart, offset); err != nil {
		return err
	}
	return l.reload()
}

// reload builds the state anew from the directory. Both locks are held.
func (l *Log) reload() error {
	for _, s := range l.segments {
		s.retire()
	}
	l.cut, l.beganMs = false, 0
	if err := l.load(false); err != nil {
		for _, s := range l.segments {
			s.retire()
		}
		_ = l.begin(l.start.Load(), true) // nothing to read, but nothing to trip over
		return err
	}
	return nil
}
