package txn

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/storage/record"
)

// What a partition may say to a marker, besides nil.
var (
	// ErrGone: the partition was deleted.
	ErrGone = errors.New("partition is gone")
	// ErrStale: the partition knows a newer producer epoch or coordinator, so the transaction has ended in it already.
	ErrStale = errors.New("marker is stale")
)

// Partitions are the partitions that markers are written to.
type Partitions interface {
	// AppendMarker appends a marker as a control batch and calls done when it is committed. Errors: ErrGone, ErrStale, others
	// may pass.
	AppendMarker(m Marker, batch record.Batch, done func(err error))
	// OpenTransactions lists what partitions hold open, of one producer id or (-1) of all.
	OpenTransactions(ctx context.Context, producerID int64) ([]Open, error)
}

// Open is a transaction that a partition holds open.
type Open struct {
	TopicPartition
	Producer         coordinator.Producer
	CoordinatorEpoch int32 // of the last marker the partition saw of the producer, -1 when it saw none
	FirstOffset      int64
}

// markerRetry is the time between two tries of a marker.
const markerRetry = 100 * time.Millisecond

// Writer writes markers until they are in. It implements Markers.
type Writer struct {
	partitions Partitions
	// Ended is told of every marker that is committed, before the coordinator is: the group coordinator takes over the
	// positions. done goes on.
	ended func(m Marker, done func())
	log   *slog.Logger

	mu     sync.Mutex // guards: timers, closed
	timers map[*time.Timer]func(error)
	closed bool
}

// NewWriter makes a writer. ended is called after each committed marker and must call done.
func NewWriter(partitions Partitions, ended func(m Marker, done func()), log *slog.Logger) *Writer {
	return &Writer{partitions: partitions, ended: ended, log: log, timers: map[*time.Timer]func(error){}}
}

// Write implements Markers.
func (w *Writer) Write(m Marker, done func(err error)) {
	batch := record.AppendMarker(nil, m.Producer.ID, m.Producer.Epoch, time.Now().UnixMilli(),
		record.Marker{Commit: m.Commit, CoordinatorEpoch: m.CoordinatorEpoch})
	w.partitions.AppendMarker(m, batch, func(err error) {
		switch {
		case err == nil:
			w.ended(m, func() { done(nil) })
		case errors.Is(err, ErrGone), errors.Is(err, ErrStale):
			w.log.Debug("transaction marker not needed", "topic", m.Topic, "partition", m.Partition, "error", err)
			done(nil)
		default:
			w.log.Warn("transaction marker failed", "topic", m.Topic, "partition", m.Partition, "error", err)
			w.again(m, done)
		}
	})
}

// again tries a marker once more, a little later.
func (w *Writer) again(m Marker, done func(err error)) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		done(coordinator.NotCoordinator)
		return
	}
	defer w.mu.Unlock()
	var t *time.Timer
	t = time.AfterFunc(markerRetry, func() {
		w.mu.Lock()
		_, mine := w.timers[t]
		delete(w.timers, t)
		w.mu.Unlock()
		if mine {
			w.Write(m, done)
		}
	})
	w.timers[t] = done
}

// Close gives up the markers that still wait for another try.
func (w *Writer) Close() {
	w.mu.Lock()
	w.closed = true
	timers := w.timers
	w.timers = map[*time.Timer]func(error){}
	w.mu.Unlock()
	for t, done := range timers {
		t.Stop()
		done(coordinator.NotCoordinator)
	}
}
