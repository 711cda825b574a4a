package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

// outcome is what a writer knows of one of its transactions.
type outcome int8

const (
	unknown   outcome = iota // the end was neither confirmed nor refused: all of it counts, or nothing
	committed                // confirmed: all of it counts
	aborted                  // confirmed: nothing of it counts
)

// ledgerTopic is where transactional writers write, and how: entries of one transaction over its partitions.
const (
	ledgerTopic      = "ledger"
	ledgerPartitions = 3
	ledgerEntriesMax = 20
	ledgerAbortsOne  = 4 // one transaction in so many is aborted on purpose
)

// entry is a record of the ledger.
type entry struct {
	Writer, Txn, Index, Of int
}

// writer runs one transaction after the other under one transactional id, committing some and aborting others.
type writer struct {
	number   int
	brokers  string
	protocol *kversion.Versions // nil for the newest the node speaks
	rnd      *rand.Rand
	quit     chan struct{}
	done     chan struct{}
	outcomes []outcome
	entries  []int // of each transaction
	renewed  int
	lost     int   // clients that lost records
	asked    asked // by all clients
	failed   error
}

func startWriter(number int, brokers string, protocol *kversion.Versions, seed uint64) *writer {
	w := &writer{
		number: number, brokers: brokers, protocol: protocol, rnd: rand.New(rand.NewPCG(seed, 100+uint64(number))),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

func (w *writer) client() (*kgo.Client, error) {
	opts := []kgo.Opt{
		seeds(w.brokers), kgo.DefaultProduceTopic(ledgerTopic), kgo.TransactionalID(fmt.Sprintf("writer-%d", w.number)),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.TransactionTimeout(stuckAfter),
		kgo.RetryBackoffFn(func(int) time.Duration { return clientBackoff }), kgo.MetadataMinAge(clientBackoff),
		kgo.WithHooks(&w.asked),
	}
	if w.protocol != nil {
		opts = append(opts, kgo.MaxVersions(w.protocol))
	}
	return kgo.NewClient(opts...)
}

// clientBackoff is how long clients wait before they try a dead node again.
const clientBackoff = 20 * time.Millisecond

func (w *writer) run() {
	defer close(w.done)
	var cl *kgo.Client
	for {
		select {
		case <-w.quit:
			w.failed = errors.Join(w.failed, w.resolve(cl))
			return
		default:
		}
		if cl == nil {
			if cl, w.failed = w.client(); w.failed != nil {
				return
			}
			w.renewed++
		}
		if err := w.transact(cl); err != nil {
			cl.Close() // the next client of the id ends what this one left open
			cl = nil
			if errors.Is(err, errStuck) {
				w.failed = err
				return
			}
		}
	}
}

// transact runs one transaction. An error means that its end is unknown and the client of no more use.
func (w *writer) transact(cl *kgo.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), stuckAfter)
	defer cancel()
	number, of := len(w.outcomes), 1+w.rnd.IntN(ledgerEntriesMax)
	w.outcomes, w.entries = append(w.outcomes, unknown), append(w.entries, of)
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	promise, sent := kgo.AbortingFirstErrPromise(cl), newFlight()
	for i := range of {
		value, err := json.Marshal(entry{Writer: w.number, Txn: number, Index: i, Of: of})
		if err != nil {
			return err
		}
		r := &kgo.Record{Partition: int32(w.rnd.IntN(ledgerPartitions)), Value: value}
		sent.add(r.Partition)
		cl.Produce(ctx, r, sent.landed(promise.Promise()))
	}
	var produced error
	go func() {
		produced = promise.Err()
		close(sent.done)
	}()
	if err := sent.wait(&w.asked); err != nil {
		if errors.Is(err, errLost) {
			w.lost++
		}
		return err
	}
	if commit := produced == nil && w.rnd.IntN(ledgerAbortsOne) != 0; !commit {
		if err := cl.EndTransaction(ctx, kgo.TryAbort); err != nil {
			return err
		}
		w.outcomes[number] = aborted
		return produced
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return err
	}
	w.outcomes[number] = committed
	return nil
}

// resolve ends what may be open still, so that readers of committed records get to the end.
func (w *writer) resolve(cl *kgo.Client) error {
	if cl != nil {
		cl.Close()
	}
	cl, err := w.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), stuckAfter)
	defer cancel()
	_, _, err = cl.ProducerID(ctx)
	return err
}

func (w *writer) stop() error {
	close(w.quit)
	if _, err := await(w.done, "the writer"); err != nil {
		return err
	}
	return w.failed
}

// count tells how many transactions ended so.
func (w *writer) count(o outcome) (n int) {
	for _, have := range w.outcomes {
		if have == o {
			n++
		}
	}
	return n
}

// checkLedger: of each committed transaction everything once, of each aborted one nothing, of each other all or nothing; and within a partition
// the entries of a writer in the order they were written.
func checkLedger(ctx context.Context, brokers string, writers []*writer) error {
	found := make([]map[int]uint64, len(writers)) // transaction → bits of the entries seen
	var least int64
	for i, w := range writers {
		found[i] = map[int]uint64{}
		for txn, o := range w.outcomes {
			if o == committed {
				least += int64(w.entries[txn])
			}
		}
	}
	last := map[[2]int][2]int{} // writer and partition → transaction and index
	err := readCommitted(ctx, brokers, ledgerTopic, least, quietAfter, func(r *kgo.Record) error {
		var e entry
		if err := json.Unmarshal(r.Value, &e); err != nil {
			return fmt.Errorf("%s-%d at %d: %w", ledgerTopic, r.Partition, r.Offset, err)
		}
		at := [2]int{e.Writer, int(r.Partition)}
		if before, ok := last[at]; ok && (before[0] > e.Txn || before[0] == e.Txn && before[1] >= e.Index) {
			return fmt.Errorf("%s-%d at %d: %+v after transaction %d, entry %d", ledgerTopic, r.Partition, r.Offset, e, before[0], before[1])
		}
		last[at] = [2]int{e.Txn, e.Index}
		if w := writers[e.Writer]; w.outcomes[e.Txn] == aborted {
			return fmt.Errorf("%s-%d at %d: %+v was aborted", ledgerTopic, r.Partition, r.Offset, e)
		}
		found[e.Writer][e.Txn] |= 1 << e.Index
		return nil
	})
	if err != nil {
		return err
	}
	for i, w := range writers {
		kept := 0
		for txn, o := range w.outcomes {
			bits, all := found[i][txn], uint64(1)<<w.entries[txn]-1
			switch {
			case o == committed && bits != all, o == unknown && bits != 0 && bits != all:
				return fmt.Errorf("writer %d, transaction %d (outcome %d): entries %b of %b can be seen", i, txn, o, bits, all)
			case o == unknown && bits == all:
				kept++
			}
		}
		fmt.Printf("# writer %d: %d transactions committed, %d aborted, %d unknown (%d of them whole, none torn), %d clients, %d of them lost records\n",
			i, w.count(committed), w.count(aborted), w.count(unknown), kept, w.renewed, w.lost)
	}
	return nil
}
