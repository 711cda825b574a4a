package log

import (
	"fmt"
	"slices"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// segmentSuffixes are a segment's files; the first is the one that makes the others count.
var segmentSuffixes = []string{suffixLog, suffixIndex, suffixTimeIndex, suffixTxnIndex}

// swapIn puts a cleaned segment in the place of a group. The steps, each durable before the next, and what Open does after a crash:
//
//	.cleaned files written and synced     removed: nothing has happened
//	.log.cleaned renamed to .log.swap     the group's files are removed and the .swap renamed; indexes are built anew
//	group's files removed, indexes named  the same
//	.log.swap renamed to .log             nothing
func (l *Log) swapIn(out *segment, group []*segment) error {
	name := out.path(suffixLog)
	if err := l.fs.Rename(name+suffixCleaned, name+suffixSwap); err != nil {
		return l.undoSwap(out, fmt.Errorf("rename cleaned segment %d: %w", out.base, err))
	}
	if err := vfs.SyncDir(l.fs, l.dir); err != nil {
		return l.undoSwap(out, err)
	}
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if err := l.usable(); err != nil { // the next Open finishes it
		out.retire()
		return err
	}
	if !l.replace(out, group) {
		return l.undoSwap(out, errNotCleaned)
	}
	for _, s := range group {
		s.retire()
	}
	if err := l.finishSwap(out, group); err != nil {
		return l.killed(fmt.Errorf("replace segments by cleaned ones: %w", err))
	}
	return nil
}

// replace changes the list of segments; false when the group is not in it any more.
func (l *Log) replace(out *segment, group []*segment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.segments, group[0])
	if at < 0 || at+len(group) >= len(l.segments) || !slices.Equal(l.segments[at:at+len(group)], group) {
		return false
	}
	l.segments = slices.Concat(l.segments[:at], []*segment{out}, l.segments[at+len(group):])
	n := 0
	for n < len(l.tail) && l.tail[n].base < out.next {
		n++
	}
	l.dropChunks(0, n) // they hold what was cleaned away
	out.users++        // keeps the file open until it has its name
	return true
}

// finishSwap removes the group's files and gives the new ones their names.
func (l *Log) finishSwap(out *segment, group []*segment) error {
	defer out.release()
	for _, s := range group {
		if err := l.removeSegmentFiles(s.base, s.base == out.base); err != nil {
			return err
		}
	}
	for _, suffix := range segmentSuffixes[1:] {
		err := l.fs.Rename(out.path(suffix)+suffixCleaned, out.path(suffix))
		if err != nil && !vfs.IsNotExist(err) { // there may be no aborted transactions
			return fmt.Errorf("rename index of cleaned segment %d: %w", out.base, err)
		}
	}
	return l.nameSwap(out)
}

// nameSwap makes the .swap the segment's log, once the removal of what it replaces is on disk.
func (l *Log) nameSwap(s *segment) error {
	if err := vfs.SyncDir(l.fs, l.dir); err != nil {
		return err
	}
	name := s.path(suffixLog)
	if err := l.fs.Rename(name+suffixSwap, name); err != nil {
		return fmt.Errorf("rename cleaned segment %d: %w", s.base, err)
	}
	return vfs.SyncDir(l.fs, l.dir)
}

// removeSegmentFiles removes a segment's files; keepLog leaves the log, which a rename is about to replace.
func (l *Log) removeSegmentFiles(base int64, keepLog bool) error {
	suffixes := segmentSuffixes
	if keepLog {
		suffixes = suffixes[1:]
	}
	for _, suffix := range suffixes {
		err := l.fs.Remove(l.fs.PathJoin(l.dir, fileName(base, suffix)))
		if err != nil && !vfs.IsNotExist(err) {
			return fmt.Errorf("remove segment %d: %w", base, err)
		}
	}
	return nil
}

// undoSwap removes the files of a swap that does not take place, so that no later start takes it up; where that cannot be done the
// disk is not to be written to any more.
func (l *Log) undoSwap(out *segment, cause error) error {
	out.retire()
	for _, suffix := range segmentSuffixes {
		for _, temporary := range []string{suffixSwap, suffixCleaned} {
			if err := l.fs.Remove(out.path(suffix) + temporary); err != nil && !vfs.IsNotExist(err) {
				return l.killed(fmt.Errorf("undo a cleaning: %w, after %w", err, cause))
			}
		}
	}
	if err := vfs.SyncDir(l.fs, l.dir); err != nil {
		return l.killed(fmt.Errorf("undo a cleaning: %w, after %w", err, cause))
	}
	return cause
}

// finishSwaps finishes the swaps that a crash interrupted.
func (l *Log) finishSwaps(found *listing) error {
	for _, base := range found.swaps {
		s := l.newSegment(base)
		end, err := l.endOfSwap(s)
		if err != nil {
			return err
		}
		replaced := func(old int64) bool { return old >= base && old < end }
		for _, old := range append(found.bases, base) {
			if !replaced(old) {
				continue
			}
			if err := l.removeSegmentFiles(old, old == base); err != nil {
				return err
			}
		}
		if err := l.nameSwap(s); err != nil {
			return err
		}
		l.logger.Info("finished an interrupted cleaning", "dir", l.dir, "segment", base, "end", end)
		found.bases = append(slices.DeleteFunc(found.bases, replaced), base)
		slices.Sort(found.bases)
	}
	return nil
}

// endOfSwap is the offset after a cleaned segment's last batch, which is the end of what it replaces.
func (l *Log) endOfSwap(s *segment) (int64, error) {
	name := s.path(suffixLog) + suffixSwap
	info, err := l.fs.Stat(name)
	if err != nil {
		return 0, fmt.Errorf("cleaned segment: %w", err)
	}
	file, err := l.fs.Open(name)
	if err != nil {
		return 0, fmt.Errorf("cleaned segment: %w", err)
	}
	defer func() { _ = file.Close() }()
	end := s.base
	_, err = walk(file, 0, info.Size(), func(b record.Batch, _ int64) (bool, error) {
		end = b.NextOffset()
		return true, nil
	})
	return end, err
}
