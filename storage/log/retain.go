package log

import (
	"fmt"
	"time"

	"github.com/freshetdb/freshet/storage/vfs"
)

// DeleteTo moves the start offset up to offset, durably, and removes the segments below it. The caller passes nothing above
// the high watermark. An offset at or below the start changes nothing. Errors: ErrOffsetOutOfRange above the end.
func (l *Log) DeleteTo(offset int64) error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if end := l.end.Load(); offset > end {
		return fmt.Errorf("%w: delete up to %d, end is %d", ErrOffsetOutOfRange, offset, end)
	}
	_, err := l.deleteTo(offset)
	return err
}

// deleteTo is DeleteTo with appendMu held; it tells how many segments went.
func (l *Log) deleteTo(offset int64) (int, error) {
	if offset <= l.start.Load() {
		return 0, nil
	}
	if err := writeOffset(l.fs, l.dir, fileStart, offset); err != nil {
		return 0, l.refused(err)
	}
	l.mu.Lock()
	n := 0
	for n < len(l.segments)-1 && l.segments[n].next <= offset {
		n++
	}
	removed := l.segments[:n:n]
	l.segments = l.segments[n:]
	l.epochs = l.epochs.truncateStart(offset)
	l.start.Store(offset)
	l.mu.Unlock()
	for _, s := range removed {
		s.retire()
		if err := l.discard(s); err != nil {
			return n, err
		}
	}
	return n, nil
}

// doomedFile is a file that was renamed to be removed by Retain after file.delete.delay.ms; what is left at the end goes at the
// next Open.
type doomedFile struct {
	name  string
	since int64 // milliseconds; 0 until Retain sees it
}

// discard renames the files of a segment below the start offset, or removes them when there is no delay. It needs no sync: what a
// crash brings back lies below the start, and the next Open removes it.
func (l *Log) discard(s *segment) error {
	if l.Config().FileDeleteDelay <= 0 {
		return l.removeSegmentFiles(s.base, false)
	}
	for _, suffix := range segmentSuffixes {
		name := s.path(suffix)
		err := l.fs.Rename(name, name+suffixDeleted)
		if vfs.IsNotExist(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("rename segment %d: %w", s.base, err)
		}
		l.doomed = append(l.doomed, doomedFile{name: name + suffixDeleted})
	}
	return nil
}

// removeDoomed removes the files whose time is over. l.appendMu is held.
func (l *Log) removeDoomed(now time.Time) error {
	delay := l.Config().FileDeleteDelay.Milliseconds()
	kept := l.doomed[:0]
	var failed error
	for _, d := range l.doomed {
		if d.since == 0 {
			d.since = now.UnixMilli()
		}
		if now.UnixMilli()-d.since < delay {
			kept = append(kept, d)
			continue
		}
		if err := l.fs.Remove(d.name); err != nil && !vfs.IsNotExist(err) {
			failed = fmt.Errorf("remove %s: %w", d.name, err)
		}
	}
	if l.doomed = kept; len(kept) == 0 {
		l.doomed = nil
	}
	return failed
}

// Retain removes the oldest segments that retention by time or size lets go, none that reaches beyond highWatermark; an
// active segment that is old as a whole is closed first. It also forgets idle producers, files and memory. It returns
// the number of segments removed; call it every few minutes.
func (l *Log) Retain(now time.Time, highWatermark int64) (int, error) {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if err := l.usable(); err != nil || !l.made {
		return 0, err
	}
	l.relax(now)
	if err := l.removeDoomed(now); err != nil {
		return 0, err
	}
	config := l.Config()
	if config.Compact && l.active().size > 0 && l.aged(&config, now) {
		if err := l.cutTail(); err != nil {
			return 0, err
		}
		if err := l.roll(); err != nil { // so that it can be cleaned
			return 0, err
		}
	}
	if config.RetentionAge < 0 && config.RetentionBytes < 0 {
		return 0, nil
	}
	if s := l.active(); s.size > 0 && s.next <= highWatermark && l.expired(s, &config, now) {
		if err := l.cutTail(); err != nil {
			return 0, err
		}
		if err := l.roll(); err != nil {
			return 0, err
		}
	}
	surplus := int64(0)
	if config.RetentionBytes >= 0 {
		surplus = -config.RetentionBytes
		for _, s := range l.segments {
			surplus += s.size
		}
	}
	keepFrom := l.start.Load()
	for _, s := range l.segments[:len(l.segments)-1] {
		if s.next > highWatermark || surplus < s.size && !l.expired(s, &config, now) {
			break
		}
		surplus -= s.size
		keepFrom = s.next
	}
	return l.deleteTo(keepFrom)
}

// expired tells whether every record of a segment is older than retention keeps. Records without timestamps go by the
// file's last change.
func (l *Log) expired(s *segment, config *Config, now time.Time) bool {
	if config.RetentionAge < 0 {
		return false
	}
	s.mu.Lock() // a reader may be loading the indexes
	newest := s.x.maxTimestamp
	s.mu.Unlock()
	if newest < 0 {
		info, err := l.fs.Stat(s.path(suffixLog))
		if err != nil {
			return false
		}
		newest = info.ModTime().UnixMilli()
	}
	return now.UnixMilli()-newest > config.RetentionAge.Milliseconds()
}

// relax forgets what has not been used for a while. l.appendMu is held.
func (l *Log) relax(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if expiry := l.Config().ProducerExpiry; expiry > 0 {
		l.producers.expire(now.Add(-expiry).UnixMilli())
	}
	synced := l.synced.Load() >= l.end.Load() && !l.cut
	for _, s := range l.segments {
		s.idle(synced || s != l.active())
	}
	if end := l.end.Load(); end == l.relaxedAt {
		l.dropTail(0)
	} else {
		l.relaxedAt = end
	}
}
