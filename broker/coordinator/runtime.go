package coordinator

import (
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/freshetdb/freshet/storage/record"
)

// Options of a runtime. The zero value is usable.
type Options struct {
	// SnapshotBytes is how much a partition grows before its state is written anew and what came before is given up,
	// if that is at least four times the last such state. 0 means 4 MiB; negative never.
	SnapshotBytes int64
}

const defaultSnapshotBytes = 4 << 20

// Runtime runs the shards of one internal topic that this node leads. It is safe for concurrent use.
type Runtime[M Machine] struct {
	opts    Options
	log     Log
	logger  *slog.Logger
	machine func(partition int32) M

	mu     sync.RWMutex // guards: shards, closed
	shards map[int32]*loop[M]
	closed bool
}

// New makes a runtime without shards; machine makes the state machine of a partition.
func New[M Machine](opts Options, log Log, logger *slog.Logger, machine func(partition int32) M) *Runtime[M] {
	if opts.SnapshotBytes == 0 {
		opts.SnapshotBytes = defaultSnapshotBytes
	}
	return &Runtime[M]{opts: opts, log: log, logger: logger, machine: machine, shards: map[int32]*loop[M]{}}
}

// Elect makes this node the coordinator of a partition at a leader epoch: loading begins, and requests wait for it. An
// older or equal epoch than the one served changes nothing.
func (r *Runtime[M]) Elect(partition, leaderEpoch int32) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	old := r.shards[partition]
	if old != nil && old.leaderEpoch >= leaderEpoch {
		r.mu.Unlock()
		return
	}
	l := &loop[M]{
		partition: partition, leaderEpoch: leaderEpoch, machine: r.machine(partition),
		log: r.log, logger: r.logger, opts: r.opts,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		builder: record.NewBuilder(record.None),
	}
	r.shards[partition] = l
	r.mu.Unlock()
	if old != nil {
		old.close()
	}
	go l.run() // ended and waited for by loop.close, from Elect, Resign or Close
}

// Resign ends the coordinator of a partition: parked requests are answered NotCoordinator. It waits for that.
func (r *Runtime[M]) Resign(partition int32) {
	r.mu.Lock()
	l := r.shards[partition]
	delete(r.shards, partition)
	r.mu.Unlock()
	if l != nil {
		l.close()
	}
}

// Do runs run on the machine of a partition, on its goroutine, after loading; it must not block. When that cannot be, drop
// is called instead, here or later: NotCoordinator, LoadInProgress or NotAvailable (too many requests are waiting).
func (r *Runtime[M]) Do(partition int32, run func(m M, now time.Time), drop func(err error)) {
	r.do(partition, event[M]{run, drop}, false)
}

// Complete is Do for what must not be refused because of a full queue: the outcome of something that the machine, or its
// log, already knows of.
func (r *Runtime[M]) Complete(partition int32, run func(m M, now time.Time), drop func(err error)) {
	r.do(partition, event[M]{run, drop}, true)
}

func (r *Runtime[M]) do(partition int32, ev event[M], force bool) {
	r.mu.RLock()
	l := r.shards[partition]
	r.mu.RUnlock()
	if l == nil {
		ev.drop(NotCoordinator)
		return
	}
	if err := l.post(ev, force); err != nil {
		ev.drop(err)
	}
}

// Led gives the partitions this node coordinates.
func (r *Runtime[M]) Led() []int32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	led := make([]int32, 0, len(r.shards))
	for p := range r.shards {
		led = append(led, p)
	}
	return led
}

// Close ends every shard and waits. It is idempotent.
func (r *Runtime[M]) Close() {
	r.mu.Lock()
	r.closed = true
	shards := r.shards
	r.shards = map[int32]*loop[M]{}
	r.mu.Unlock()
	for _, l := range shards {
		l.close()
	}
}

// PartitionFor gives the partition of an internal topic that keeps a group or transactional id, as Kafka's clients and
// tools compute it: the amount of Java's String.hashCode over UTF-16 (0 for its least value), modulo the partitions (Kafka's Utils.abs).
func PartitionFor(id string, partitions int32) int32 {
	var h int32
	for _, r := range id {
		if r > 0xffff {
			r -= 0x10000
			h = 31*h + (0xd800 + r>>10)
			h = 31*h + (0xdc00 + r&0x3ff)
			continue
		}
		h = 31*h + r
	}
	if h == math.MinInt32 {
		return 0
	}
	return max(h, -h) % partitions
}
