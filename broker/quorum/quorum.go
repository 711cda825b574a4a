// Package quorum commits metadata records through hashicorp/raft and feeds images to listeners.
//
// One node is one voter. Raft's log, votes and snapshots lie in the node's Pebble store. Change runs a decision on the newest
// image (including what is decided but not yet committed), commits its records and returns when they are applied; readers
// take Image without a lock.
//
// Raft's timeouts are those of a cluster of three, so that a node can become one of three; a lone voter doesn't wait for them but
// tells itself to stand for election at once.
package quorum

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/kv"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Errors that callers branch on.
var (
	// ErrNotLeader: another node decides now.
	ErrNotLeader = errors.New("this node does not lead the metadata quorum")
	// ErrUnknownOutcome: the records may or may not be committed later.
	ErrUnknownOutcome = errors.New("outcome of the metadata change is unknown")
	// ErrClosed: the node is stopping.
	ErrClosed = errors.New("metadata quorum is closed")
)

const (
	// snapshotEntries is how many entries are applied between two snapshots.
	snapshotEntries = 8192
	// trailingEntries stay in the log after a snapshot.
	trailingEntries = 1024
	// snapshotCheck is how often raft looks whether a snapshot is due; it costs a wake-up each.
	snapshotCheck = 2 * time.Minute
	// startTimeout bounds the wait for the first election.
	startTimeout = 30 * time.Second
)

// Options of a Quorum.
type Options struct {
	// NodeID is this node's number, and its name in raft.
	NodeID int32
	// FS and Dir say where the store with raft's log, votes and snapshots lies; it is made when missing.
	FS  vfs.FS
	Dir string
}

// Decide is a decision: from the newest image to the records that change it. It must be quick, must not call the quorum and may run
// more than once. No records means there is nothing to commit.
type Decide = func(img *metadata.Image) ([]metadata.Record, error)

// Quorum is this node's member of the metadata quorum. Its methods may be called from any goroutine.
type Quorum struct {
	db        *kv.Store
	raft      *raft.Raft
	transport *raft.InmemTransport
	fsm       *fsm
	log       *slog.Logger

	mu sync.Mutex // guards what follows; orders decisions
	// ahead is the image with everything decided in term, committed or not; nil when it has to begin from the applied image.
	ahead *metadata.Image
	term  uint64
	// underWay counts proposals without an end yet.
	underWay int

	waiting  sync.WaitGroup
	closing  sync.Once
	closeErr error
}

// Open starts the member and returns when it leads and has applied everything agreed before. An empty store becomes a quorum of one.
func Open(ctx context.Context, opts Options, log *slog.Logger) (*Quorum, error) {
	log = log.With("component", "quorum")
	db, err := kv.Open(opts.Dir, kv.Options{FS: opts.FS, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open metadata store: %w", err)
	}
	q := &Quorum{db: db, fsm: newFSM(log), log: log}
	if err := q.start(ctx, strconv.Itoa(int(opts.NodeID))); err != nil {
		return nil, errors.Join(err, q.fsm.failure(), q.Close())
	}
	return q, nil
}

// start begins raft and waits until this node leads.
func (q *Quorum) start(ctx context.Context, id string) error {
	var addr raft.ServerAddress
	addr, q.transport = raft.NewInmemTransport(raft.ServerAddress(id))
	store, snapshots := newStore(q.db), newSnapshots(q.db)
	config := raftConfig(id, q.log)
	if err := bootstrap(config, store, snapshots, q.transport, addr); err != nil {
		return err
	}
	var err error
	if q.raft, err = raft.NewRaft(config, q.fsm, store, store, snapshots, q.transport); err != nil {
		return fmt.Errorf("start raft: %w", err)
	}
	return q.lead(ctx, config.LocalID, addr)
}

func raftConfig(id string, log *slog.Logger) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(id)
	c.NoLegacyTelemetry = true
	c.SnapshotThreshold, c.SnapshotInterval, c.TrailingLogs = snapshotEntries, snapshotCheck, trailingEntries
	c.Logger = newRaftLogger(log)
	return c
}

func bootstrap(c *raft.Config, store *store, snapshots raft.SnapshotStore, transport raft.Transport, addr raft.ServerAddress) error {
	has, err := raft.HasExistingState(store, store, snapshots)
	if err != nil {
		return fmt.Errorf("look for raft's state: %w", err)
	}
	if has {
		return nil
	}
	voters := raft.Configuration{Servers: []raft.Server{{ID: c.LocalID, Address: addr}}}
	if err := raft.BootstrapCluster(c, store, store, snapshots, transport, voters); err != nil {
		return fmt.Errorf("bootstrap raft: %w", err)
	}
	return nil
}

// lead waits until this node leads and has applied what was agreed.
func (q *Quorum) lead(ctx context.Context, id raft.ServerID, addr raft.ServerAddress) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := q.standAlone(id, addr); err != nil {
		return err
	}
	for q.raft.State() != raft.Leader {
		select {
		case <-q.raft.LeaderCh():
		case <-ctx.Done():
			return fmt.Errorf("wait for the first election: %w", ctx.Err())
		}
	}
	if err := q.raft.Barrier(startTimeout).Error(); err != nil {
		return fmt.Errorf("apply the agreed log: %w", err)
	}
	return q.fsm.failure()
}

// standAlone tells a lone voter to stand for election now instead of after a heartbeat timeout, the way a departing leader would.
// That is safe only when it is the single voter of the latest configuration.
func (q *Quorum) standAlone(id raft.ServerID, addr raft.ServerAddress) error {
	config := q.raft.GetConfiguration()
	if err := config.Error(); err != nil {
		return fmt.Errorf("read raft's configuration: %w", err)
	}
	voters, member := 0, false
	for _, s := range config.Configuration().Servers {
		if s.Suffrage == raft.Voter {
			voters++
		}
		member = member || s.ID == id
	}
	if !member {
		return fmt.Errorf("node %s is no member of the metadata quorum kept here: %v", id, config.Configuration().Servers)
	}
	if voters != 1 {
		return nil
	}
	_, from := raft.NewInmemTransport("start")
	from.Connect(addr, q.transport)
	defer func() { _ = from.Close() }() // in memory
	kick := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(id), Addr: []byte(addr)}}
	if err := from.TimeoutNow(id, addr, kick, &raft.TimeoutNowResponse{}); err != nil {
		return fmt.Errorf("ask for an election: %w", err)
	}
	return nil
}

// Image is what this node knows to be agreed.
func (q *Quorum) Image() *metadata.Image { return q.fsm.image.Load() }

// Leads tells whether this node decides, and in which term.
func (q *Quorum) Leads() (term int64, leads bool) {
	return int64(q.raft.CurrentTerm()), q.raft.State() == raft.Leader
}

// Subscribe calls apply with the present image and its full delta, then after every change, in order and one at a time. apply must be
// quick and must not call Change. There is no unsubscribing: subscribers live as long as the node.
func (q *Quorum) Subscribe(apply func(*metadata.Image, *metadata.Delta)) { q.fsm.subscribe(apply) }

// Change decides, commits and applies. It returns an image that holds the records, which all subscribers have seen. The decision's own
// error comes back as it is. Errors: ErrNotLeader, ErrClosed, and ErrUnknownOutcome when the records may or may not be
// committed later (leadership lost, ctx over).
func (q *Quorum) Change(ctx context.Context, decide Decide) (*metadata.Image, error) {
	future, err := q.propose(decide)
	if err != nil || future == nil {
		return q.Image(), err
	}
	done := make(chan error, 1)
	q.waiting.Go(func() { done <- q.await(future) })
	select {
	case err = <-done:
	case <-ctx.Done():
		// The goroutine ends with the future, which raft resolves at the latest at Shutdown.
		return nil, fmt.Errorf("%w: %w", ErrUnknownOutcome, ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	return q.Image(), nil
}

// await waits for a proposal's end. The image ahead is dropped when nothing is under way, or when the lead was lost.
func (q *Quorum) await(future raft.ApplyFuture) error {
	err := changeError(future.Error())
	if err == nil {
		err, _ = future.Response().(error)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.underWay--; q.underWay == 0 || err != nil {
		q.ahead = nil
	}
	return err
}

// propose runs the decision on everything decided so far and hands its records to raft in that order.
func (q *Quorum) propose(decide Decide) (raft.ApplyFuture, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	term, leads := q.raft.CurrentTerm(), q.raft.State() == raft.Leader
	if !leads {
		q.ahead = nil
		return nil, ErrNotLeader
	}
	if q.ahead == nil || q.term != term {
		q.ahead, q.term = q.Image(), term
	}
	records, err := decide(q.ahead)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	next, _, err := metadata.Replay(q.ahead, q.ahead.Version()+1, records)
	if err != nil {
		return nil, fmt.Errorf("decision contradicts the image it was made on: %w", err)
	}
	q.ahead = next
	q.underWay++
	return q.raft.Apply(appendCommand(nil, term, records), 0), nil
}

func changeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrRaftShutdown):
		return ErrClosed
	case errors.Is(err, raft.ErrNotLeader):
		return ErrNotLeader
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
}

// Close stops the member and closes its store. It is idempotent.
func (q *Quorum) Close() error {
	q.closing.Do(func() {
		if q.raft != nil {
			if err := q.raft.Shutdown().Error(); err != nil {
				q.closeErr = fmt.Errorf("stop raft: %w", err)
			}
		}
		q.waiting.Wait()
		if q.transport != nil {
			q.closeErr = errors.Join(q.closeErr, q.transport.Close())
		}
		q.closeErr = errors.Join(q.closeErr, q.db.Close())
	})
	return q.closeErr
}
