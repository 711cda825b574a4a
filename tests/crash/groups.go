package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/tests/harness"
)

// readers is a consumer group of two members that reads a topic and commits where it is; a watcher sees that committed positions never
// go back.
type readers struct {
	group   string
	brokers string
	clients []*kgo.Client
	quit    context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	confirmed map[int32]int64 // the highest position whose commit was acknowledged
	seen      []uint64        // bits by record id
	commits   int
	looks     int
	failed    error
}

const (
	readersPerGroup = 2
	lookEvery       = 100 * time.Millisecond
	// sessionMax is how long a member that left without a word holds its group up.
	sessionMax = 6 * time.Second
)

// startReaders starts a group on src; nextGen uses the protocol of KIP-848.
func startReaders(group, brokers string, nextGen bool) (*readers, error) {
	ctx, quit := context.WithCancel(context.Background())
	g := &readers{group: group, brokers: brokers, quit: quit, confirmed: map[int32]int64{}}
	for range readersPerGroup {
		opts := []kgo.Opt{
			seeds(brokers), kgo.ConsumerGroup(group), kgo.ConsumeTopics("src"), kgo.DisableAutoCommit(),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RetryBackoffFn(func(int) time.Duration { return clientBackoff }), kgo.MetadataMinAge(clientBackoff),
			kgo.FetchMaxWait(lookEvery), kgo.SessionTimeout(sessionMax),
		}
		if nextGen {
			opts = append(opts, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
		}
		cl, err := kgo.NewClient(opts...)
		if err != nil {
			quit()
			return nil, err
		}
		g.clients = append(g.clients, cl)
		g.running.Go(func() { g.read(ctx, cl) })
	}
	watcher, err := kgo.NewClient(seeds(brokers), kgo.RetryBackoffFn(func(int) time.Duration { return clientBackoff }), kgo.MetadataMinAge(clientBackoff))
	if err != nil {
		quit()
		return nil, err
	}
	g.clients = append(g.clients, watcher)
	g.running.Go(func() { g.watch(ctx, watcher) })
	return g, nil
}

func (g *readers) read(ctx context.Context, cl *kgo.Client) {
	for ctx.Err() == nil {
		fetched := cl.PollFetches(ctx)
		next := map[int32]int64{}
		g.mu.Lock()
		fetched.EachRecord(func(r *kgo.Record) {
			next[r.Partition] = r.Offset + 1
			g.note(r)
		})
		g.mu.Unlock()
		if len(next) == 0 {
			continue
		}
		commit, cancel := context.WithTimeout(ctx, stuckAfter)
		err := cl.CommitRecords(commit, fetched.Records()...)
		cancel()
		if err != nil {
			continue // a rebalance, a death: whoever reads on begins at the last commit
		}
		g.mu.Lock()
		g.commits++
		for p, offset := range next {
			g.confirmed[p] = max(g.confirmed[p], offset)
		}
		g.mu.Unlock()
	}
}

// note marks a record's id as read; g.mu is held.
func (g *readers) note(r *kgo.Record) {
	var row struct{ ID int64 }
	if err := json.Unmarshal(r.Value, &row); err != nil {
		g.failed = fmt.Errorf("group %s, src-%d at %d: %w", g.group, r.Partition, r.Offset, err)
		return
	}
	for int(row.ID/64) >= len(g.seen) {
		g.seen = append(g.seen, 0)
	}
	g.seen[row.ID/64] |= 1 << (row.ID % 64)
}

func (g *readers) watch(ctx context.Context, cl *kgo.Client) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		g.mu.Lock()
		least := maps.Clone(g.confirmed)
		g.mu.Unlock()
		positions, err := committedPositions(ctx, cl, g.group)
		if err != nil {
			continue // the node is down
		}
		g.mu.Lock()
		g.looks++
		for p, offset := range least {
			if positions[p] < offset && g.failed == nil {
				g.failed = fmt.Errorf("group %s: position of src-%d is %d, but %d was committed before", g.group, p, positions[p], offset)
			}
		}
		g.mu.Unlock()
	}
}

// committedPositions are a group's positions in src.
func committedPositions(ctx context.Context, cl *kgo.Client, group string) (map[int32]int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups, req.Group = append(req.Groups, g), group
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, err
	}
	out := map[int32]int64{}
	for _, answer := range resp.Groups {
		if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
			return nil, err
		}
		for _, t := range answer.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					return nil, kerr.ErrorForCode(p.ErrorCode)
				}
				out[p.Partition] = p.Offset
			}
		}
	}
	return out, nil
}

// finish waits until every one of the first n records was read and stops the group.
func (g *readers) finish(n int64) error {
	defer g.close()
	deadline := time.Now().Add(catchUpMax)
	for {
		g.mu.Lock()
		read, failed := g.count(n), g.failed
		g.mu.Unlock()
		switch {
		case failed != nil:
			return failed
		case read == n:
			fmt.Printf("# group %s: %d records read, %d commits, %d looks at its positions, none went back\n", g.group, n, g.commits, g.looks)
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("group %s has read %d of %d records", g.group, read, n)
		}
		time.Sleep(lookEvery)
	}
}

// count tells how many of the first n ids were read; g.mu is held.
func (g *readers) count(n int64) (read int64) {
	for id := range n {
		if int(id/64) < len(g.seen) && g.seen[id/64]&(1<<(id%64)) != 0 {
			read++
		}
	}
	return read
}

func (g *readers) close() {
	g.quit()
	g.running.Wait()
	for _, cl := range g.clients {
		cl.Close()
	}
}

// copier reads src in a group and writes it to another topic, positions and records in one transaction (consume, transform, produce).
type copier struct {
	brokers string
	quit    context.CancelFunc
	done    chan struct{}
	commits int
	renewed int
}

const copierTopic = "etl"

func startCopier(brokers string) *copier {
	ctx, quit := context.WithCancel(context.Background())
	c := &copier{brokers: brokers, quit: quit, done: make(chan struct{})}
	go c.run(ctx)
	return c
}

func (c *copier) run(ctx context.Context) {
	defer close(c.done)
	for ctx.Err() == nil {
		session, err := kgo.NewGroupTransactSession(
			seeds(c.brokers), kgo.ConsumerGroup("etl"), kgo.ConsumeTopics("src"), kgo.TransactionalID("etl"),
			kgo.InstanceID("etl"), kgo.SessionTimeout(sessionMax), // a client that dies with the node comes back as the member it was
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DefaultProduceTopic(copierTopic),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.TransactionTimeout(stuckAfter), kgo.ProducerLinger(0),
			kgo.RetryBackoffFn(func(int) time.Duration { return clientBackoff }), kgo.MetadataMinAge(clientBackoff), kgo.FetchMaxWait(lookEvery),
		)
		if err != nil {
			return
		}
		c.renewed++
		for err == nil && ctx.Err() == nil {
			err = c.step(ctx, session)
		}
		session.Close()
	}
}

// step copies what one poll brings. An error means that the session is of no more use.
func (c *copier) step(ctx context.Context, s *kgo.GroupTransactSession) error {
	fetched := s.PollRecords(ctx, copierRecordsMax)
	if fetched.NumRecords() == 0 {
		return nil
	}
	if err := s.Begin(); err != nil {
		return err
	}
	end, cancel := context.WithTimeout(context.Background(), stuckAfter)
	defer cancel()
	promise := kgo.AbortingFirstErrPromise(s.Client())
	fetched.EachRecord(func(r *kgo.Record) {
		s.Produce(end, &kgo.Record{Key: r.Key, Value: r.Value}, promise.Promise())
	})
	done, err := s.End(end, kgo.TransactionEndTry(promise.Err() == nil))
	if done {
		c.commits++
	}
	return err
}

// copierRecordsMax bounds a transaction of the copier.
const copierRecordsMax = 20_000

// checkCopier: every record once in the copier's topic. The copier still runs.
func (c *copier) check(ctx context.Context, brokers string, acked int64) (err error) {
	defer func() {
		c.quit()
		_, late := await(c.done, "the copier")
		err = errors.Join(err, late)
	}()
	if err := checkOnce(ctx, brokers, copierTopic, acked, nil); err != nil {
		return err
	}
	fmt.Printf("# etl: %d records, each exactly once, in %d transactions of %d clients\n", acked, c.commits, c.renewed)
	return nil
}

// createTopics makes the topics of stock clients.
func createTopics(ctx context.Context, brokers string) error {
	cl, err := kgo.NewClient(seeds(brokers))
	if err != nil {
		return err
	}
	defer cl.Close()
	var errs []error
	for topic, partitions := range map[string]int32{"src": 3, ledgerTopic: ledgerPartitions, copierTopic: 3} {
		errs = append(errs, harness.CreateTopic(ctx, cl, topic, partitions))
	}
	return errors.Join(errs...)
}
