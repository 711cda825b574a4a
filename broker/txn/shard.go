// Package txn coordinates transactions: producer ids, the partitions that take part, and the markers that end them.
//
// A Shard is the state machine of one partition of __transaction_state. It does no I/O and reads no clock: events come
// with the time they happen at, records go out through the coordinator's runtime in Kafka's own format, markers through
// Markers, and a step is taken only when the one before it is committed. Producers of other processes add partitions
// themselves (V1) or let the partitions' leaders do it (V2); those of this process join partitions in memory only, see
// Shard.Begin. Source: KIP-98, KIP-360, KIP-890, KIP-1228, Kafka's TransactionCoordinator.
package txn

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Markers writes the ends of transactions into partitions.
type Markers interface {
	// Write writes one marker and calls done when it is committed, or will never have to be (the partition was deleted, or
	// a newer producer has ended the transaction). It tries until then; done gets an error only when the node stops.
	Write(m Marker, done func(err error))
}

// Marker is the end of a transaction in one partition.
type Marker struct {
	TopicPartition
	Producer         coordinator.Producer
	CoordinatorEpoch int32
	Commit           bool
	// EpochBumped: the producer's epoch is newer than that of the transaction's records.
	EpochBumped bool
}

// Options of the shards. The zero value gets the defaults.
type Options struct {
	// TimeoutMax bounds what producers ask for (transaction.max.timeout.ms); 15 minutes.
	TimeoutMax time.Duration
	// AbortInterval is the shortest time between two looks for transactions that have timed out
	// (transaction.abort.timed.out.transaction.cleanup.interval.ms); 0 aborts each when its time is over.
	AbortInterval time.Duration
	// IDExpiration is how long an id without a transaction is remembered (transactional.id.expiration.ms); 7 days.
	IDExpiration time.Duration
	// ExpireInterval is the time between two looks for such ids
	// (transaction.remove.expired.transaction.cleanup.interval.ms); 1 hour.
	ExpireInterval time.Duration
}

const (
	defaultTimeoutMax     = 15 * time.Minute
	defaultIDExpiration   = 7 * 24 * time.Hour
	defaultExpireInterval = time.Hour
)

func (o Options) withDefaults() *Options {
	if o.TimeoutMax == 0 {
		o.TimeoutMax = defaultTimeoutMax
	}
	if o.IDExpiration == 0 {
		o.IDExpiration = defaultIDExpiration
	}
	if o.ExpireInterval == 0 {
		o.ExpireInterval = defaultExpireInterval
	}
	return &o
}

// writeRetry is how long a transaction is left alone after its abort for time, or its end, could not be written.
const writeRetry = time.Second

// Shard holds the transactional ids of one partition. All methods must be called on the shard's goroutine.
type Shard struct {
	options     func() *Options
	metrics     *metrics
	markers     Markers
	txns        map[string]*txn
	out         coordinator.Shard
	leaderEpoch int32
	// Nothing is due before these: a transaction's time, an end's record, an addition's patience, an id's expiry. Zero for never.
	nextTimeout, nextRecord, nextAddition, nextExpiry time.Time
	lastTimeout                                       time.Time // when the last look for timeouts was
}

// New makes an empty shard, whose figures nobody sees.
func New(opts Options, markers Markers) *Shard {
	fixed := opts.withDefaults()
	return newShard(func() *Options { return fixed }, markers, newMetrics(nil))
}

func newShard(options func() *Options, markers Markers, m *metrics) *Shard {
	return &Shard{options: options, metrics: m, markers: markers, txns: map[string]*txn{}}
}

// Start implements coordinator.Machine: transactions that were decided before are finished now.
func (s *Shard) Start(_ time.Time, leaderEpoch int32, out coordinator.Shard) {
	s.out, s.leaderEpoch = out, leaderEpoch
	for _, id := range slices.Sorted(maps.Keys(s.txns)) {
		t := s.txns[id]
		if t.prepared() {
			s.finish(t, EndCallbacks{}.orNothing())
		}
		s.plan(t)
	}
}

// Stop implements coordinator.Machine.
func (s *Shard) Stop(err error) {
	for _, t := range s.txns {
		t.dropWaiters(err)
		t.tellVisible(err)
	}
}

// write commits a change of t and then takes it over. Nothing else may change t meanwhile.
func (s *Shard) write(now time.Time, t *txn, next durable, done func(now time.Time, err error)) {
	next.update, next.previousID = now, t.producer.ID
	t.busy = true
	s.out.Write(coordinator.Write{
		Records: []coordinator.Record{stateRecord(t.id, &next)},
		Done: func(now time.Time, err error) {
			t.busy = false
			if err == nil {
				t.durable, t.volatile = next, false
			} else {
				t.notBefore = now.Add(writeRetry)
				t.dropWaiters(err) // they would only try the same again
				if t.producer.Epoch == noEpoch {
					delete(s.txns, t.id) // never was
				}
			}
			done(now, err)
			s.plan(t)
			s.free(now, t)
		},
	})
}

// free lets those who wait for t go on, one after the other, until one of them makes it busy again.
func (s *Shard) free(now time.Time, t *txn) {
	for !t.busy && !t.prepared() {
		switch {
		case len(t.additions) > 0:
			additions := t.additions
			t.additions = nil
			s.add(now, t, additions)
		case len(t.waiters) > 0:
			w := t.waiters[0]
			t.waiters = t.waiters[1:]
			w.run(now)
		default:
			return
		}
	}
}

// find gives the transactional id's state when the producer is its current one and no change is under way.
func (s *Shard) find(id string, p coordinator.Producer) (*txn, coordinator.Code) {
	t := s.txns[id]
	switch {
	case id == "":
		return nil, coordinator.InvalidRequest
	case t != nil && t.ending(p):
		return t, coordinator.ConcurrentTransactions
	case t == nil || t.producer.ID != p.ID:
		return nil, coordinator.InvalidProducerID
	case t.producer.Epoch != p.Epoch:
		return nil, coordinator.ProducerFenced
	case t.busy || t.prepared():
		return t, coordinator.ConcurrentTransactions
	}
	return t, coordinator.OK
}

// codeOf gives the code to answer an error with.
func codeOf(err error) coordinator.Code {
	var code coordinator.Code
	switch {
	case err == nil:
		return coordinator.OK
	case errors.As(err, &code):
		return code
	}
	return coordinator.UnknownServerError
}
