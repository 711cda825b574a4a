package coordinator

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/freshetdb/freshet/storage/record"
)

const (
	// loadReadBytes is how much is read at once while loading.
	loadReadBytes = 1 << 20
	// batchBytesMax is the size at which the shard's own records are cut into batches.
	batchBytesMax = 512 << 10
	// snapshotFactor is how many times its last snapshot a partition grows at least before the next, so that a large state
	// is not written again and again.
	snapshotFactor = 4
	// queueMax bounds the requests that wait for one shard; more are told to come back.
	queueMax = 16 << 10
)

// event is something for a shard's goroutine: exactly one of run and drop is called, drop when the shard has stopped.
type event[M Machine] struct {
	run  func(m M, now time.Time)
	drop func(err error)
}

// loop is one shard: its machine, and the goroutine that owns it.
type loop[M Machine] struct {
	partition   int32
	leaderEpoch int32
	machine     M
	log         Log
	logger      *slog.Logger
	opts        Options

	mu     sync.Mutex // guards: queue, closed, ended, active, failed
	queue  []event[M]
	closed bool  // takes no more requests
	ended  bool  // takes no more completions either
	active bool  // loaded
	failed error // why loading failed: what comes later is answered NotAvailable
	wake   chan struct{}
	done   chan struct{}

	late sync.Mutex // held by whoever touches the machine when the goroutine has ended

	// Owned by the goroutine.
	writes    []Write
	builder   *record.Builder
	inflight  int   // batches appended and not committed
	sinceTrim int64 // bytes written since the last snapshot
	lastSize  int64 // of the last snapshot, in bytes
}

// post queues an event. With force it is queued even when the queue is full, or closed but not at its end.
func (l *loop[M]) post(ev event[M], force bool) error {
	l.mu.Lock()
	switch {
	case l.closed && l.failed != nil:
		l.mu.Unlock()
		return NotAvailable
	case l.ended, l.closed && !force:
		l.mu.Unlock()
		return NotCoordinator
	case !force && len(l.queue) >= queueMax:
		active := l.active
		l.mu.Unlock()
		if active {
			return NotAvailable
		}
		return LoadInProgress
	}
	l.queue = append(l.queue, ev)
	first := len(l.queue) == 1
	l.mu.Unlock()
	if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// Write implements Shard.
func (l *loop[M]) Write(w Write) { l.writes = append(l.writes, w) }

// Post implements Shard.
func (l *loop[M]) Post(fn func(now time.Time)) {
	ev := event[M]{run: func(_ M, now time.Time) { fn(now) }, drop: func(error) {}}
	l.post(ev, true) //nolint:errcheck // a stopped shard needs no event
}

func (l *loop[M]) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	<-l.done
}

// run loads the partition, then serves until closed.
func (l *loop[M]) run() {
	defer close(l.done)
	if err := l.load(); err != nil {
		l.mu.Lock()
		l.failed = err
		l.mu.Unlock()
		l.logger.Error("coordinator cannot load its partition", "partition", l.partition, "error", err)
		l.stop(NotAvailable)
		return
	}
	now := time.Now()
	l.machine.Start(now, l.leaderEpoch, l)
	l.mu.Lock()
	l.active = true
	l.mu.Unlock()
	l.serve()
	l.stop(NotCoordinator)
}

// stop refuses everything that is still to come and ends what is parked.
func (l *loop[M]) stop(err error) {
	l.late.Lock()
	defer l.late.Unlock()
	l.mu.Lock()
	l.closed, l.ended = true, true
	queue := l.queue
	l.queue = nil
	l.mu.Unlock()
	now := time.Now()
	l.machine.Stop(err)
	for _, ev := range queue {
		ev.drop(err)
	}
	for len(l.writes) > 0 {
		writes := l.writes
		l.writes = nil
		for _, w := range writes {
			w.Done(now, err)
		}
	}
}

func (l *loop[M]) serve() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var events []event[M]
	for {
		now := time.Now()
		next := l.machine.Tick(now)
		l.flush(now)
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(next.Sub(now), 0))
		}
		l.mu.Lock()
		closed := l.closed
		events, l.queue = l.queue, events[:0]
		l.mu.Unlock()
		if closed {
			l.mu.Lock()
			l.queue = append(events, l.queue...)
			l.mu.Unlock()
			return
		}
		if len(events) == 0 {
			select {
			case <-l.wake:
			case <-timer.C:
			}
			continue
		}
		for i, ev := range events {
			ev.run(l.machine, now)
			events[i] = event[M]{}
		}
	}
}

// flush appends what the machine wrote since the last time: neighbouring writes of one transaction, or of none, share batches.
func (l *loop[M]) flush(now time.Time) {
	if l.opts.SnapshotBytes > 0 && l.sinceTrim >= max(l.opts.SnapshotBytes, snapshotFactor*l.lastSize) {
		if l.inflight > 0 {
			return // what is under way would come before the snapshot in the log, and is not in it
		}
		l.snapshot(now)
	}
	writes := l.writes
	l.writes = nil
	for len(writes) > 0 {
		n := l.append(now, writes)
		writes = writes[n:]
	}
}

// append appends one batch made of the first writes and tells how many.
func (l *loop[M]) append(now time.Time, writes []Write) (n int) {
	ms := now.UnixMilli()
	txn := writes[0].Txn
	for n < len(writes) && (n == 0 || (sameTxn(txn, writes[n].Txn) && l.builder.Len() < batchBytesMax)) {
		for _, r := range writes[n].Records {
			l.builder.Append(ms, r.Key, r.Value, nil)
		}
		n++
	}
	taken := append([]Write(nil), writes[:n]...)
	if l.builder.Count() == 0 { // nothing to say: it is committed when what came before is; nobody asks for that yet
		for _, w := range taken {
			w.Done(now, nil)
		}
		return n
	}
	batch, err := l.builder.Build(nil)
	if err == nil && txn != nil {
		batch.SetProducer(txn.ID, txn.Epoch, -1, true)
	}
	l.inflight++
	finish := func(err error) {
		if err != nil {
			l.logger.Warn("coordinator write failed", "partition", l.partition, "error", err)
			err = codeOf(err)
		}
		done := func(now time.Time, err error) {
			l.inflight--
			for _, w := range taken {
				w.Done(now, err)
			}
		}
		ended := func(stopped error) { // committed or not, it is another coordinator's to say now
			done(time.Now(), stopped)
		}
		if stopped := l.post(event[M]{func(_ M, now time.Time) { done(now, err) }, ended}, true); stopped != nil {
			l.late.Lock()
			defer l.late.Unlock()
			ended(stopped)
		}
	}
	if err != nil {
		finish(fmt.Errorf("build batch: %w", err))
		return n
	}
	l.sinceTrim += int64(len(batch))
	l.log.Append(l.partition, batch, finish)
	return n
}

func sameTxn(a, b *Producer) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// codeOf keeps a Code and turns anything else, which the log met, into one.
func codeOf(err error) error {
	if code, ok := errors.AsType[Code](err); ok {
		return code
	}
	return StorageError
}
