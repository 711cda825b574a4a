package log

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freshetdb/freshet/storage/vfs"
)

const (
	// gatherBytes is how much clients must have on its way to make a stream, whose rounds wait for it: two of the batches that Java clients
	// make, five of which they send before they wait.
	gatherBytes = 32 << 10
	// gatherBytesMax is how much a round waits for at most, gatherPause how long.
	gatherBytesMax = 8 << 20
	gatherPause    = 2 * time.Millisecond
	// gatherShare of what is expected is enough: batches differ in size.
	gatherShare = 8
	// streamPause after a round the stream has ended.
	streamPause = 10 * time.Millisecond
	// syncParallel is how many files a round syncs at once.
	syncParallel = 16
	// syncFilesMax is the number of files above which a round syncs the whole file system: 800 files one by one took
	// 289 ms, together 14.
	syncFilesMax = 64
)

// SyncerOptions says how often a round begins by itself.
type SyncerOptions struct {
	// Interval is the longest time an append stays unsynced though nobody asks; 0 means for ever.
	Interval time.Duration
	Logger   *slog.Logger
	// FS and Dir, when set, name the disk whose last ReservedBytes (0: 16 MiB) records may not take: appends answer
	// ErrNoSpace before the disk is really full, so that metadata can still be written, topics deleted above all.
	FS            vfs.FS
	Dir           string
	ReservedBytes int64
}

const (
	reservedBytesDefault = 16 << 20
	// admitStep is how much may be appended between two looks at the free space.
	admitStep = 4 << 20
)

// Syncer makes the appends of every log of one data directory durable in rounds: a round syncs each file with unsynced
// appends, and whoever asks meanwhile is served by the next. After a failed sync nothing is known of what the disk
// holds, so the directory is dead until restart.
type Syncer struct {
	opts   SyncerOptions
	logger *slog.Logger
	// onRound hears how long each round that synced something took.
	onRound func(took time.Duration)
	wake    chan struct{}
	dead    atomic.Pointer[error]
	rounds  atomic.Int64
	// admitted is how many bytes may be appended before the free space is looked at again.
	admitted atomic.Int64
	// unsynced is how much was appended since the last round began, awaited how much of it the next round waits for; 0 while none does.
	unsynced, awaited atomic.Int64
	// enough says that what is awaited has come.
	enough chan struct{}
	// flow is how much the last round found and let come while it ran, ended when it did, in nanoseconds since began.
	flow, ended atomic.Int64
	began       time.Time
	full        atomic.Bool // the last look found no room: said once, and once when there is room again

	mu sync.Mutex
	// guards:
	dirty  []*Log        // with unsynced appends, each once
	served chan struct{} // closed after the next round
}

// NewSyncer makes a syncer; rounds happen while Run runs.
func NewSyncer(opts SyncerOptions) *Syncer {
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if opts.ReservedBytes == 0 {
		opts.ReservedBytes = reservedBytesDefault
	}
	return &Syncer{began: time.Now(), opts: opts, logger: logger, wake: make(chan struct{}, 1), enough: make(chan struct{}, 1), served: make(chan struct{})}
}

// OnRound sets who hears how long each round took that synced something; before Run.
func (s *Syncer) OnRound(f func(took time.Duration)) { s.onRound = f }

// Run serves rounds until ctx ends, then one last; its error is that round's.
func (s *Syncer) Run(ctx context.Context) error {
	var tick <-chan time.Time
	if s.opts.Interval > 0 {
		ticker := time.NewTicker(s.opts.Interval)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return s.Round()
		case <-s.wake:
		case <-tick:
		}
		s.gather(ctx)
		_ = s.Round() // its failure is kept, logged and given to everybody concerned
	}
}

// gather waits a little before a round under a stream of appends: clients have so much on its way and no more until it is acknowledged, so the
// round begins when that has come, and one sync serves it all. Outside of streams nobody waits.
func (s *Syncer) gather(ctx context.Context) {
	flow, have := s.flow.Load(), s.unsynced.Load()
	want := min(flow, gatherBytesMax)
	want -= want / gatherShare
	if flow < gatherBytes || have == 0 || have >= want || time.Since(s.began)-time.Duration(s.ended.Load()) > streamPause {
		return
	}
	select {
	case <-s.enough: // of another time
	default:
	}
	s.awaited.Store(want)
	defer s.awaited.Store(0)
	if s.unsynced.Load() < want {
		timer := time.NewTimer(gatherPause)
		defer timer.Stop()
		select {
		case <-s.enough:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	select {
	case <-s.wake: // what was asked for meanwhile is served by this round too
	default:
	}
}

// Request asks for a round: it begins at once, or after the running one. It never blocks.
func (s *Syncer) Request() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Wait asks for a round and waits until l is durable up to offset. Errors: ErrDiskDead, ErrClosed, ctx's.
func (s *Syncer) Wait(ctx context.Context, l *Log, offset int64) error {
	for {
		s.mu.Lock()
		served := s.served
		s.mu.Unlock()
		if l.SyncedOffset() >= offset {
			return nil
		}
		if err := l.usable(); err != nil {
			return err
		}
		s.Request()
		select {
		case <-served:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Err is ErrDiskDead with the cause after a failed sync or write, else nil.
func (s *Syncer) Err() error {
	if err := s.dead.Load(); err != nil {
		return *err
	}
	return nil
}

// admit tells whether n bytes may be appended: ErrNoSpace when the disk is full up to its reserve.
func (s *Syncer) admit(n int) error {
	if s.opts.Dir == "" || s.admitted.Add(-int64(n)) >= 0 {
		return nil
	}
	usage, err := s.opts.FS.GetDiskUsage(s.opts.Dir)
	if err != nil {
		return nil //nolint:nilerr // file systems that cannot tell are not held back
	}
	free := int64(min(usage.AvailBytes, math.MaxInt64)) - s.opts.ReservedBytes
	s.admitted.Store(min(free, admitStep) - int64(n))
	if free < int64(n) {
		if !s.full.Swap(true) {
			s.logger.Warn("disk full: appends are refused, reads and deletes go on", "free_bytes", usage.AvailBytes, "reserved_bytes", s.opts.ReservedBytes)
		}
		return fmt.Errorf("%w: %d bytes left, %d of them reserved", ErrNoSpace, usage.AvailBytes, s.opts.ReservedBytes)
	}
	if s.full.Swap(false) {
		s.logger.Info("disk has room again", "free_bytes", usage.AvailBytes)
	}
	return nil
}

// Rounds is the number of rounds that synced something.
func (s *Syncer) Rounds() int64 { return s.rounds.Load() }

// kill ends every write to the directory until restart and tells the logs that wait for a sync. dir is where it went wrong: that of a log, or of
// all when they were synced together.
func (s *Syncer) kill(cause error, dir string) error {
	if errors.Is(cause, ErrDiskDead) {
		return cause
	}
	err := fmt.Errorf("%w: %w", ErrDiskDead, cause)
	if !s.dead.CompareAndSwap(nil, &err) {
		return s.Err()
	}
	s.logger.Error("disk unusable until restart", "dir", dir, "error", cause)
	s.tellDead(s.take())
	return err
}

// tellDead tells logs with unsynced appends that those will never be durable.
func (s *Syncer) tellDead(logs []*Log) {
	for _, l := range logs {
		if l.opts.OnSynced != nil {
			l.opts.OnSynced(l.SyncedOffset(), s.Err())
		}
	}
}

// mark lists a log that has n more bytes of unsynced appends.
func (s *Syncer) mark(l *Log, n int64) {
	s.list(l)
	// Only now, so that a round which begins for these bytes finds their log.
	if have, awaited := s.unsynced.Add(n), s.awaited.Load(); awaited > 0 && have >= awaited {
		select {
		case s.enough <- struct{}{}:
		default:
		}
	}
}

func (s *Syncer) list(l *Log) {
	if l.dirty.Swap(true) {
		return
	}
	s.mu.Lock()
	s.dirty = append(s.dirty, l)
	s.mu.Unlock()
	if s.dead.Load() != nil { // the disk died between this append's check and now
		s.tellDead(s.take())
	}
}

// remove forgets a log that closes.
func (s *Syncer) remove(l *Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.dirty {
		if other == l {
			s.dirty = append(s.dirty[:i], s.dirty[i+1:]...)
			return
		}
	}
}

// take empties the list. A log appended to from now on is listed again, so nothing written before is missed.
func (s *Syncer) take() []*Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	logs := s.dirty
	s.dirty = nil
	for _, l := range logs {
		l.dirty.Store(false)
	}
	return logs
}

// Round syncs everything appended so far. Run calls it; tests may.
func (s *Syncer) Round() error {
	s.mu.Lock()
	served := s.served
	s.served = make(chan struct{})
	s.mu.Unlock()
	defer close(served)
	if err := s.Err(); err != nil {
		return err
	}
	found := s.unsynced.Swap(0)
	logs := s.take()
	if len(logs) == 0 {
		return nil
	}
	s.rounds.Add(1)
	began := time.Now()
	err := s.syncLogs(logs)
	ended := time.Now()
	s.ended.Store(int64(ended.Sub(s.began)))
	if found > 0 { // else the round before has taken what this one was for
		s.flow.Store(found + s.unsynced.Load())
	}
	if s.onRound != nil {
		s.onRound(ended.Sub(began))
	}
	if err == nil {
		return nil
	}
	err = s.kill(err, s.opts.Dir)
	s.tellDead(logs)
	return err
}

func (s *Syncer) syncLogs(logs []*Log) error {
	if len(logs) > syncFilesMax {
		if done, err := s.syncTogether(logs); done {
			return err
		}
	}
	if len(logs) == 1 {
		_, err := logs[0].syncActive()
		return err
	}
	var g errgroup.Group
	g.SetLimit(syncParallel)
	for _, l := range logs {
		g.Go(func() error {
			_, err := l.syncActive()
			return err
		})
	}
	return g.Wait()
}

// syncTogether syncs the file system that holds the logs; done is false where that cannot be.
func (s *Syncer) syncTogether(logs []*Log) (done bool, err error) {
	segments, ends := make([]*segment, len(logs)), make([]int64, len(logs))
	for i, l := range logs {
		segments[i], ends[i] = l.unsynced()
	}
	for _, candidate := range segments {
		file, _, err := candidate.acquire()
		if errors.Is(err, errSegmentGone) {
			continue
		}
		if err != nil {
			return true, err
		}
		done, err = vfs.SyncFS(file)
		candidate.release()
		if !done || err != nil {
			return done, err
		}
		for i, l := range logs {
			l.fresh.Store(false) // its names were among all that was synced
			l.confirm(segments[i], ends[i])
		}
		return true, nil
	}
	return true, nil
}
