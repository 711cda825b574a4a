package log

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Append checks, stamps and writes a group of batches, with one write unless a segment ends among them, and sets each
// entry's Info or Err. Refused entries do not stop the others. The returned error is the disk's (or ErrClosed,
// ErrLeaderEpoch), and is then the Err of every entry that was not written before. See Entry for what the batches must be.
func (l *Log) Append(group []Entry, leaderEpoch int32, now time.Time) error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	l.group = l.group[:0]
	for i := range group {
		l.group = append(l.group, &group[i])
	}
	return l.appendGroup(l.group, leaderEpoch, now)
}

// appendGroup is Append with appendMu held.
func (l *Log) appendGroup(group []*Entry, leaderEpoch int32, now time.Time) error {
	err := l.prepare(leaderEpoch)
	for err == nil && len(group) > 0 {
		var n int
		if n, err = l.fit(group, now); err == nil {
			err = l.appendRun(group[:n], leaderEpoch, now)
			if err == nil {
				group = group[n:]
			}
		}
	}
	for _, e := range group { // those that an error kept from being written
		e.Err = err
	}
	return err
}

// prepare makes the log fit for an append by a leader of an epoch.
func (l *Log) prepare(leaderEpoch int32) error {
	if err := l.usable(); err != nil {
		return err
	}
	if !l.made {
		if err := l.make(); err != nil {
			return l.refused(err)
		}
	}
	if err := l.active().wake(); err != nil {
		return l.refused(err)
	}
	if err := l.cutTail(); err != nil {
		return err
	}
	if leaderEpoch < l.epochs.latest() && leaderEpoch >= 0 {
		return fmt.Errorf("%w: %d after %d", ErrLeaderEpoch, leaderEpoch, l.epochs.latest())
	}
	return nil
}

// refused gives an error from before anything was written its meaning; unlike failed it never ends the disk.
func (l *Log) refused(err error) error {
	if vfs.IsNoSpace(err) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// fit tells how many entries go into the active segment, at least one, rolling it first where it must.
func (l *Log) fit(group []*Entry, now time.Time) (int, error) {
	config, s := l.Config(), l.active()
	limit := min(config.SegmentBytes, math.MaxInt32)
	records := s.next - s.base + recordsOf(group[0].Batch)
	if s.size > 0 && (l.aged(&config, now) || s.size+int64(len(group[0].Batch)) > limit || records > math.MaxInt32) {
		if err := l.roll(); err != nil {
			return 0, err
		}
		s = l.active()
	}
	if s.size == 0 {
		l.beganMs = now.UnixMilli()
		if config.Preallocate {
			_ = s.file.Preallocate(0, limit) // a hint: without room the writes will say so
		}
	}
	n, size, offset := 0, s.size, s.next
	for ; n < len(group); n++ {
		size += int64(len(group[n].Batch))
		offset += recordsOf(group[n].Batch)
		if n > 0 && (size > limit || offset-s.base > math.MaxInt32) {
			break
		}
	}
	return n, nil
}

// aged tells whether the active segment has lasted as long as one may: segment.ms less its jitter, and in a compacted log not longer
// than max.compaction.lag.ms, since active segments are not cleaned. It began with its first append, which after a restart
// is taken from its first batch.
func (l *Log) aged(config *Config, now time.Time) bool {
	limit := config.SegmentAge
	if config.Compact && config.MaxCompactionLag > 0 && (limit <= 0 || config.MaxCompactionLag < limit) {
		limit = config.MaxCompactionLag
	}
	if limit <= 0 {
		return false
	}
	limit -= time.Duration(l.jitter * float64(max(min(config.SegmentJitter, limit), 0)))
	if l.beganMs == 0 {
		l.beganMs = now.UnixMilli()
		if first, err := l.active().firstTime(); err == nil && first >= 0 {
			l.beganMs = min(l.beganMs, first)
		}
	}
	return now.UnixMilli()-l.beganMs >= limit.Milliseconds()
}

// recordsOf is how many offsets a batch takes, 0 for one that check will refuse.
func recordsOf(b record.Batch) int64 {
	if len(b) < record.HeaderLen {
		return 0
	}
	return int64(b.LastOffsetDelta()) + 1
}

// appendRun writes entries that fit into the active segment with one write.
func (l *Log) appendRun(run []*Entry, leaderEpoch int32, now time.Time) error {
	total := l.check(run, leaderEpoch, now)
	if len(l.accepted) == 0 {
		return nil
	}
	err := l.assignEpochs()
	if err == nil && l.syncer != nil {
		err = l.syncer.admit(total)
	}
	if err != nil {
		l.rejectAccepted(err)
		return err
	}
	s := l.active()
	c, at, err := l.write(s, total)
	if err != nil {
		l.cut = true
		err = l.failed(fmt.Errorf("write segment %d: %w", s.base, err))
		l.rejectAccepted(err)
		_ = l.cutTail() // tried again before the next append
		return err
	}
	l.publish(s, c, at, now.UnixMilli())
	return nil
}

// write puts the accepted batches behind the segment's end: with one write from the tail's chunk, which then holds them to at, or, when
// nobody reads the tail, batch by batch from where they lie; c is nil then.
func (l *Log) write(s *segment, total int) (c *chunk, at int, err error) {
	if l.untailed(total) {
		pos := s.size
		for _, e := range l.accepted {
			if _, err := s.file.WriteAt(e.Batch, pos); err != nil {
				return nil, 0, err
			}
			pos += int64(len(e.Batch))
		}
		return nil, 0, nil
	}
	c = l.chunkFor(s, total)
	at = c.n
	for _, e := range l.accepted {
		at += copy(c.buf.data[at:], e.Batch)
	}
	_, err = s.file.WriteAt(c.buf.data[c.n:at:at], s.size)
	return c, at, err
}

func (l *Log) rejectAccepted(err error) {
	for _, e := range l.accepted {
		e.Err = err
	}
}

// check decides each entry's fate, assigns offsets and stamps; it leaves those to write in l.accepted and gives their size.
func (l *Log) check(run []*Entry, leaderEpoch int32, now time.Time) (total int) {
	l.accepted = l.accepted[:0]
	clear(l.tentative)
	config, next := l.Config(), l.end.Load()
	for _, e := range run {
		e.Info, e.Err = AppendInfo{Timestamp: -1}, nil
		if e.Err = l.checkEntry(e, &config, next, now); e.Err != nil || e.Info.Duplicate {
			continue
		}
		if e.Origin != FromLeader {
			e.Batch.SetBaseOffset(next)
			e.Batch.SetLeaderEpoch(leaderEpoch)
			if config.Timestamps == LogAppendTime && !e.Batch.Control() {
				e.Info.Timestamp = now.UnixMilli()
				e.Batch.SetLogAppendTime(e.Info.Timestamp)
			}
		}
		e.Info.BaseOffset, e.Info.LastOffset = e.Batch.BaseOffset(), e.Batch.LastOffset()
		l.noteTentative(e.Batch, now.UnixMilli(), len(run))
		next = e.Batch.NextOffset()
		total += len(e.Batch)
		l.accepted = append(l.accepted, e)
	}
	return total
}

// checkEntry tells why an entry cannot be appended at offset next; it marks duplicates.
func (l *Log) checkEntry(e *Entry, config *Config, next int64, now time.Time) error {
	b := e.Batch
	if len(b) < record.HeaderLen || b.LastOffsetDelta() < 0 {
		return fmt.Errorf("%w: %d bytes", record.ErrInvalid, len(b))
	}
	if e.Origin == FromLeader {
		if b.BaseOffset() < next || b.LeaderEpoch() < l.epochs.latest() {
			return fmt.Errorf("%w: replicated batch at %d of epoch %d, expected %d of %d or later",
				ErrLeaderEpoch, b.BaseOffset(), b.LeaderEpoch(), next, l.epochs.latest())
		}
		return nil
	}
	if config.MessageBytesMax > 0 && len(b) > config.MessageBytesMax && e.Origin == FromClient {
		return fmt.Errorf("%w: %d bytes, limit %d", record.ErrTooLarge, len(b), config.MessageBytesMax)
	}
	if b.Control() && e.Origin != FromCoordinator {
		return fmt.Errorf("%w: clients may not write control batches", record.ErrInvalid)
	}
	if limit := config.TimestampAfterMax; limit > 0 && config.Timestamps == CreateTime && e.Origin == FromClient {
		if ahead := b.MaxTimestamp() - now.UnixMilli(); ahead > limit.Milliseconds() {
			return fmt.Errorf("%w: %d ms in the future, limit %d", ErrInvalidTimestamp, ahead, limit.Milliseconds())
		}
	}
	return l.checkProducer(e)
}

// checkProducer checks a batch against its producer's state, tentative batches of this run included.
func (l *Log) checkProducer(e *Entry) error {
	b, id := e.Batch, e.Batch.ProducerID()
	if id < 0 {
		return nil
	}
	p, inRun := l.tentative[id]
	if !inRun {
		var known bool
		if p, known = l.producers.byID[id]; !known {
			p = newProducer()
		}
	}
	if b.Control() {
		m, err := record.ReadMarker(b)
		if err != nil {
			return err
		}
		return p.checkMarker(id, b, m, e.EpochBumped)
	}
	duplicate, err := p.check(id, b)
	if duplicate != nil {
		e.Info = AppendInfo{BaseOffset: duplicate.baseOffset, LastOffset: duplicate.lastOffset, Timestamp: -1, Duplicate: true}
		return err
	}
	if err == nil && e.RequireJoin && b.Transactional() {
		err = l.checkJoin(b, &p, inRun)
	}
	return err
}

// noteTentative lets the later batches of a run see the earlier ones, which are not written yet.
func (l *Log) noteTentative(b record.Batch, nowMs int64, runLen int) {
	id := b.ProducerID()
	if id < 0 || runLen == 1 {
		return
	}
	p, known := l.tentative[id]
	if !known {
		if p, known = l.producers.byID[id]; !known {
			p = newProducer()
		}
	}
	p.note(b, nowMs)
	l.tentative[id] = p
}

// assignEpochs notes the leader epochs that the accepted batches begin, before they are written.
func (l *Log) assignEpochs() error {
	for _, e := range l.accepted {
		if epoch := e.Batch.LeaderEpoch(); epoch > l.epochs.latest() {
			if err := l.assignEpoch(epoch, e.Batch.BaseOffset()); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish makes written batches visible: they lie in c from c.n to at, or only in the file when c is nil.
func (l *Log) publish(s *segment, c *chunk, at int, nowMs int64) {
	interval := l.Config().IndexInterval
	before := s.size
	l.mu.Lock()
	s.mu.Lock()
	for _, e := range l.accepted {
		l.producers.lapse(e)
		if err := l.noteBatch(s, e.Batch, s.size, nowMs, interval); err != nil {
			// Cannot be: check has read the marker.
			l.logger.Error("appended batch not understood", "dir", l.dir, "offset", e.Info.BaseOffset, "error", err)
		}
	}
	end := s.next
	s.mu.Unlock()
	if c != nil {
		c.n = at
	} else {
		l.dropChunks(0, len(l.tail)) // it may not have gaps
	}
	l.mu.Unlock()
	l.end.Store(end)
	if l.syncer != nil {
		l.syncer.mark(l, s.size-before)
	}
}

// cutTail removes what a failed write left beyond the published end, so that no later crash can bring it to life.
func (l *Log) cutTail() error {
	if !l.cut {
		return nil
	}
	s := l.active()
	if err := vfs.Truncate(s.file, s.size); err != nil {
		return l.refused(fmt.Errorf("cut a failed write: %w", err))
	}
	l.cut = false
	return nil
}

// Roll closes the active segment, unless it is empty, and begins another.
func (l *Log) Roll() error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if !l.made || l.active().size == 0 {
		return nil
	}
	if err := l.cutTail(); err != nil {
		return err
	}
	return l.roll()
}

// roll makes the active segment durable with all that describes it, and only then the next one, so that after a crash
// only the last segment is in doubt. l.appendMu is held.
func (l *Log) roll() error {
	old := l.active()
	if err := old.seal(); err != nil {
		return l.failed(err)
	}
	end := l.end.Load()
	if err := l.writeSnapshot(end); err != nil {
		return err
	}
	if err := l.saveEpochs(l.epochs); err != nil {
		return l.failed(err)
	}
	if err := l.settle(); err != nil {
		return l.failed(err)
	}
	s := l.newActive(end)
	l.opts.Files.room()
	if err := s.open(); err != nil {
		return l.failed(err)
	}
	if err := vfs.SyncDir(l.fs, l.dir); err != nil {
		return l.failed(err)
	}
	l.mu.Lock()
	old.mu.Lock()
	old.active, old.touched = false, true
	old.mu.Unlock()
	l.segments = append(slices.Clip(l.segments), s)
	l.mu.Unlock()
	l.beganMs, l.jitter = 0, rand.Float64() //nolint:gosec // spreads rolls, guards nothing
	l.confirm(old, end)
	return nil
}
